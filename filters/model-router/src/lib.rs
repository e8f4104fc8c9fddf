//! Decides where a request goes: the model that the client names becomes a provider and the name
//! that the model has there.
//!
//! One module with two roles. As `route` it reads the request's body, holds the caller to the
//! models that it may use, translates between APIs where client and provider differ, and asks a
//! model's fallback when the provider fails. As `upstream`, behind everything that may still
//! change or refuse the request, it sees only headers: it writes the path, the header that picks
//! the route, and the provider's credential, and lets no header of the client's pass that the
//! provider has no use for.
//!
//! It never logs a body or a credential, never asks a client's header for a fact, and lets
//! nothing out for which the role `route` has left no decision.
//!
//! ```
//! use http_filter::Filter;
//! use model_router::ModelRouter;
//! use test_host::TestEnvironment;
//!
//! let keys = TestEnvironment::new(&[("AI_PROVIDER_KEYS", r#"{"openai":"sk-test"}"#)]);
//! let router = ModelRouter::configure(
//!     br#"{
//!         "role": "route",
//!         "providers": {"openai": {"api": "openai", "host": "api.openai.com",
//!             "cluster": "outbound|443||api.openai.com", "pathPrefix": "/v1"}},
//!         "models": {"fast": {"provider": "openai", "model": "gpt-4.1-mini"}}
//!     }"#,
//!     &keys,
//! )?;
//! let _stream = router.open();
//! # Ok::<(), http_filter::ConfigError>(())
//! ```

mod answer;
mod catalog;
mod config;
mod credential_refused;
mod credentials;
mod fallback;
mod json_end;
mod model_name;
mod models_list;
mod outgoing;
mod refused;
mod resolve;
mod response_headers;
mod route;
mod translate;
mod upstream;

use std::rc::Rc;

use http_filter::{ConfigError, Environment, Event, Filter, Flow, Host, Stream, Time};

use crate::config::Role;
use crate::route::RouteStream;
use crate::upstream::UpstreamStream;

/// The plugin, in one of its two roles.
pub struct ModelRouter(Role);

/// The JSON Schema of `pluginConfig`.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(config::Wire)
}

/// One HTTP stream of the plugin.
pub struct RouterStream(RoleStream);

/// A stream knows its plugin's role from the start.
enum RoleStream {
    Route(RouteStream),
    Upstream(UpstreamStream),
}

impl Filter for ModelRouter {
    const NAME: &'static str = NAME;

    type Stream = RouterStream;

    fn configure(json: &[u8], environment: &dyn Environment) -> Result<Self, ConfigError> {
        config::read(json, environment).map(Self)
    }

    fn open(&self) -> RouterStream {
        RouterStream(match &self.0 {
            Role::Route(routing) => RoleStream::Route(RouteStream::new(Rc::clone(routing))),
            Role::Upstream(credentials) => {
                RoleStream::Upstream(UpstreamStream::new(Rc::clone(credentials)))
            }
        })
    }
}

impl Stream for RouterStream {
    fn handle(self, now: Time, event: Event<'_>, host: &mut dyn Host) -> (Self, Flow) {
        match self.0 {
            RoleStream::Route(stream) => {
                let (stream, flow) = stream.handle(now, event, host);
                (Self(RoleStream::Route(stream)), flow)
            }
            RoleStream::Upstream(stream) => {
                let (stream, flow) = stream.handle(event, host);
                (Self(RoleStream::Upstream(stream)), flow)
            }
        }
    }
}

/// The plugin's name in logs and metrics.
pub(crate) const NAME: &str = "model-router";
