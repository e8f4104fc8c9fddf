//! Answers a request that a provider has answered before, with the same bytes.
//!
//! **What it decides.** At the end of a request, whether the shared data of this proxy holds the
//! answer of this tenant's provider and model to exactly these bytes; and at the end of an
//! answer, whether it is complete and good enough to be kept. It stands next to the provider, so
//! it sees the request redacted and translated, and keeps what the provider wrote.
//!
//! **What it never does.** It never changes a byte of a request or of an answer that passes, and
//! never holds an answer back. It never serves across tenants, providers, models, endpoints or
//! API versions: they are in the key, and a kept answer carries its whole key. It takes no part
//! where it can't know them, or where the request leaves something at the provider.
//!
//! **The client's wishes** (`cache-control` of the request, RFC 9111, section 5.2.1): `no-store`
//! keeps it out altogether; with `no-cache` the provider is asked, and its answer kept. The
//! provider's `cache-control` is not heeded: providers mark every answer as private or not to be
//! stored, for caches that stand between strangers. This one serves only the tenant that paid for
//! the answer, and only where an operator has loaded it.
//!
//! | where | what |
//! |---|---|
//! | answer header `x-ai-cache` | `hit` or `miss`; absent where the cache took no part |
//! | answer header `age` | with a hit: the seconds since the provider's answer ended |
//! | fact [`ai.cache`](facts::key::CACHE) | the same word |
//! | metric `ai_cache_lookups_total` | by `tenant`, `provider` and `cache_result` |
//!
//! ```
//! use http_filter::{Filter, Time};
//! use response_cache::ResponseCache;
//! use test_host::{Exchange, TestEnvironment, TestHeaders, TestHost};
//!
//! let cache = ResponseCache::configure(br#"{"ttlSeconds":60}"#, &TestEnvironment::default())?;
//! let mut host = TestHost::new();
//! for (fact, value) in [
//!     ("ai.traffic", "openai.chat_completions"),
//!     ("ai.tenant", "team-a"),
//!     ("ai.plan", "standard"),
//!     ("ai.key", "ci"),
//!     ("ai.provider", "openai"),
//!     ("ai.model", "gpt-4.1"),
//! ] {
//!     host = host.with_fact(fact, value);
//! }
//! let question = br#"{"model":"gpt-4.1","messages":[]}"#;
//!
//! let mut first = Exchange::new(cache.open(), host, Time::from_nanoseconds(0));
//! first.request_headers(&mut TestHeaders::default(), false);
//! assert_eq!(first.request_body(question, true).passed(), question);
//! let mut headers = TestHeaders::new(&[(":status", "200"), ("content-type", "application/json")]);
//! first.response_headers(&mut headers, false);
//! first.response_body(br#"{"id":"chatcmpl-1"}"#, true);
//! let host = first.end();
//!
//! let mut second = Exchange::new(cache.open(), host, Time::from_nanoseconds(7_000_000_000));
//! second.request_headers(&mut TestHeaders::default(), false);
//! let hit = second.request_body(question, true).reply();
//! assert_eq!(hit.body(), br#"{"id":"chatcmpl-1"}"#);
//! assert!(hit.headers().contains(&("age", b"7".to_vec())));
//! # Ok::<(), http_filter::ConfigError>(())
//! ```

mod admission;
mod cache_key;
mod completeness;
mod config;
mod entry;
mod exchange;
mod store;

use http_filter::{ConfigError, Environment, Filter, Time, WorkerEvent, WorkerHost};

use config::Config;
pub use exchange::Exchange;
use store::Sweep;

/// The filter: one plugin on one worker.
pub struct ResponseCache {
    config: Config,
    sweep: Sweep,
}

/// Between two sweeps of a few slots.
const TICK_MILLISECONDS: u32 = 30_000;

/// The JSON Schema of `pluginConfig`.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(config::Wire)
}

impl Filter for ResponseCache {
    const NAME: &'static str = "response-cache";

    type Stream = Exchange;

    fn configure(json: &[u8], _environment: &dyn Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            config: Config::read(json)?,
            sweep: Sweep::default(),
        })
    }

    fn open(&self) -> Exchange {
        Exchange::new(self.config)
    }

    fn tick_period_milliseconds(&self) -> Option<u32> {
        Some(TICK_MILLISECONDS)
    }

    fn handle(&mut self, now: Time, event: WorkerEvent<'_>, host: &mut dyn WorkerHost) {
        match event {
            WorkerEvent::Tick => self.sweep.step(now, self.config.slots, host),
            WorkerEvent::CallAnswered { .. } => {}
        }
    }
}
