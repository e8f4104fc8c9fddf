//! The contract between an HTTP filter and the proxy that runs it: events in, a [`Flow`] out.
//!
//! A [`Filter`] is one plugin with its configuration, made once for each worker thread. For each
//! HTTP stream it opens a [`Stream`], a state machine that owns its data: every event consumes
//! the state and gives the next one, together with what the proxy shall do. What a filter may ask
//! or change beyond the message itself stands in two narrow traits: [`Host`] for a stream,
//! [`WorkerHost`] for the worker.
//!
//! This crate never names an ABI, a clock or a source of randomness; time is an argument, and
//! random bits come from [`Worker::random`]. It has two implementations: the proxy-wasm host (in
//! Envoy) and the scripted test host.
//!
//! ```
//! use http_filter::{Event, Flow, Host, Stream, Time};
//!
//! /// Counts the bytes of the request's body and lets everything pass.
//! struct Measure(usize);
//!
//! impl Stream for Measure {
//!     fn handle(self, _now: Time, event: Event<'_>, _host: &mut dyn Host) -> (Self, Flow) {
//!         match event {
//!             Event::RequestBody { body, .. } => (Measure(self.0 + body.len()), Flow::Continue),
//!             _ => (self, Flow::Continue),
//!         }
//!     }
//! }
//! ```

mod call;
mod config;
mod connection;
mod event;
mod events;
mod flow;
mod host;
mod message;
mod metric;
mod reply;
mod signature;
mod time;

pub use call::{Answer, AnswerTooLarge, Call, CallId, CallRefused};
pub use config::{ConfigError, Environment, parse};
pub use connection::ConnectionProperty;
pub use event::{Event, WorkerEvent};
pub use events::Events;
pub use flow::Flow;
pub use host::{Conflict, Expected, Host, Versioned, Worker, WorkerHost};
pub use message::{Body, Headers};
pub use metric::{Change, Metric};
pub use reply::Reply;
pub use signature::{SignatureCheck, SignatureHash};
pub use time::{MINUTE, SECOND, Time};

/// One plugin, configured: made once for each worker, it opens a [`Stream`] for each request.
pub trait Filter: Sized + 'static {
    /// The plugin's name, as it stands in logs and in the label `ai_filter` of metrics.
    const NAME: &'static str;

    /// The state machine of one HTTP stream.
    type Stream: Stream + 'static;

    /// Reads the plugin's configuration (JSON, as the `pluginConfig` of its resource says it).
    ///
    /// # Errors
    /// Names the field and the reason; the proxy then keeps the configuration that it had.
    fn configure(json: &[u8], environment: &dyn Environment) -> Result<Self, ConfigError>;

    /// A new stream begins.
    fn open(&self) -> Self::Stream;

    /// How often [`WorkerEvent::Tick`] shall come, in milliseconds; `None` is never.
    fn tick_period_milliseconds(&self) -> Option<u32> {
        None
    }

    /// What happens on the worker outside any stream. Every worker runs it, and so does the
    /// proxy's main thread.
    fn handle(&mut self, _now: Time, _event: WorkerEvent<'_>, _host: &mut dyn WorkerHost) {}
}

/// The state machine of one HTTP stream.
pub trait Stream: Sized {
    /// The events that it looks at. The others don't come: the proxy needn't call the filter for
    /// them, and what they show passes.
    const EVENTS: Events = Events::ALL;

    /// Takes one event and says what the proxy shall do with the message that it belongs to.
    ///
    /// The order of events is that of the proxy: request headers, request body pieces, request
    /// trailers; then response headers, body pieces, trailers; at last [`Event::Ended`], always
    /// and exactly once. Any of the middle ones can be missing, and those that are none of
    /// [`EVENTS`](Self::EVENTS) are.
    fn handle(self, now: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow);
}
