//! Who calls, and what may come in at all.
//!
//! `auth` is the first filter. On an LLM host it finds the credential, verifies it, and publishes
//! the [`Identity`](facts::Identity) that every later filter trusts; without one it answers 401.
//! It also holds the door: of the requests that are authenticated only those go on that the
//! filters behind it can read. Other hosts of the listener pass untouched.
//!
//! It never looks at a body, and no credential leaves it: not to the next filter, not to a log.
//!
//! ```
//! use auth::Auth;
//! use http_filter::Filter;
//! use test_host::TestEnvironment;
//!
//! let config = br#"{
//!     "hosts": { "gateway": { "authority": "*.example.com" } },
//!     "tenants": { "team-a": { "plan": "standard", "models": ["gpt-*"] } },
//!     "keys": { "team-a-ci": { "tenant": "team-a", "sha256":
//!         "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" } }
//! }"#;
//! assert!(Auth::configure(config, &TestEnvironment::default()).is_ok());
//! ```

mod api_keys;
mod authenticate;
mod claims;
mod clock_cache;
mod config;
mod credential;
mod documents;
mod door;
mod fetched;
mod hosts;
mod issuer;
mod issuer_keys;
mod key_list;
mod keys;
mod mesh;
mod metrics;
mod refused;
mod signature_budget;
mod sources;
mod stream;
mod tenants;
#[cfg(test)]
mod tests;
mod timestamp;
mod tokens;
mod verdict;
mod verdicts;
mod waiting_room;

use std::cell::RefCell;
use std::rc::Rc;

use authenticate::Authenticator;
use config::Config;
use fetched::Change;
use http_filter::{ConfigError, Environment, Filter, Time, WorkerEvent, WorkerHost};
use tokens::Tokens;
use waiting_room::WaitingRoom;

pub use stream::AuthStream;

/// How often each worker looks whether something is to be fetched, or was. Requests that wait for
/// keys wait so much longer, at most.
const TICK_MILLISECONDS: u32 = 200;

/// The filter: authenticates LLM calls.
pub struct Auth {
    authenticator: Authenticator,
}

/// The JSON Schema of `pluginConfig`.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(config::Written)
}

impl Filter for Auth {
    const NAME: &'static str = "auth";

    type Stream = AuthStream;

    fn configure(json: &[u8], environment: &dyn Environment) -> Result<Self, ConfigError> {
        let config = Config::parse(json, environment)?;
        let tokens = Tokens::new(config.most_verdicts, config.limits);
        let waiting_room = WaitingRoom::new(config.documents().count());
        let authenticator = Authenticator {
            config: Rc::new(config),
            tokens: Rc::new(RefCell::new(tokens)),
            waiting_room,
        };
        Ok(Self { authenticator })
    }

    fn open(&self) -> AuthStream {
        AuthStream::new(self.authenticator.clone())
    }

    fn tick_period_milliseconds(&self) -> Option<u32> {
        let mut documents = self.authenticator.config.documents();
        documents.next().map(|_| TICK_MILLISECONDS)
    }

    fn handle(&mut self, now: Time, event: WorkerEvent<'_>, host: &mut dyn WorkerHost) {
        let documents = self.authenticator.config.documents();
        let change = match event {
            WorkerEvent::Tick => documents.map(|document| document.tick(now, host)).max(),
            WorkerEvent::CallAnswered { call, answer } => documents
                .filter_map(|document| document.answered(now, call, answer, host))
                .max(),
        };
        if change.is_some_and(|change| change != Change::Nothing) {
            host.wake();
        }
    }
}
