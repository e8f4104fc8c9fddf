//! What a filter may ask and change beyond the message itself.

use crate::{Call, CallId, CallRefused, ConnectionProperty, Metric, SignatureCheck};

/// What a stream and the worker can both do.
pub trait Worker {
    /// A value that all workers of this proxy share, with its version. Keys are one name space
    /// for all plugins: they carry the plugin's name and a version of the value's form.
    fn shared(&self, key: &str) -> Option<Versioned>;

    /// Sets a shared value. A key can't be removed, only emptied: bound the set of keys.
    ///
    /// # Errors
    /// [`Conflict`] when the value isn't the expected one any more; read it again and retry.
    fn set_shared(&mut self, key: &str, value: &[u8], expected: Expected) -> Result<(), Conflict>;

    /// Starts an HTTP call. Its answer comes as an event `CallAnswered` to whoever started it; a
    /// stream's calls die with the stream.
    ///
    /// # Errors
    /// [`CallRefused`] when the proxy didn't take it; no answer will come.
    fn call(&mut self, call: &Call<'_>) -> Result<CallId, CallRefused>;

    /// Changes a metric.
    fn record(&mut self, metric: Metric<'_>);

    /// 64 random bits that a peer can't predict.
    fn random(&mut self) -> u64;

    /// Whether a signature is right, by the proxy's own cryptography. `None` where the proxy
    /// doesn't offer the algorithm or can't read the key: somebody else has to say.
    fn verify_signature(&mut self, check: &SignatureCheck<'_>) -> Option<bool>;
}

/// What a stream can ask and change.
pub trait Host: Worker {
    /// A fact that an earlier filter published for this stream. No client can write one.
    fn fact(&self, key: &str) -> Option<Vec<u8>>;

    /// Publishes a fact to the filters behind this one, the access log and traces.
    fn publish(&mut self, key: &str, value: &[u8]);

    /// What the proxy knows about the client's connection; `None` where it has no such thing.
    /// Each look costs a call of the proxy.
    fn connection(&self, property: ConnectionProperty) -> Option<Vec<u8>>;

    /// Lets the proxy choose the route anew, for changed request headers.
    fn choose_route_anew(&mut self);
}

/// What the worker can do outside any stream.
pub trait WorkerHost: Worker {
    /// Wakes the streams of this plugin on this worker that wait
    /// ([`Flow::Await`](crate::Flow::Await)): each gets [`Event::Woken`](crate::Event::Woken)
    /// once this event of the worker has been handled.
    fn wake(&mut self);
}

/// A shared value and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The value; empty is what remains of a removed one.
    pub value: Vec<u8>,
    /// Changes with each write.
    pub version: u32,
}

/// What a shared value must be for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is: the last write wins.
    Anything,
    /// No value at all under this key yet.
    Absent,
    /// The version that was read.
    Version(u32),
}

/// Another worker wrote in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict;
