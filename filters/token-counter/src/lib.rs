//! Reserves a tenant's budget at admission, and settles it when the answer ends.
//!
//! **What it decides.** At the end of a request, whether its tenant still has a request and as
//! many tokens in this minute as the request may cost (`estimate.rs`); if not, it answers 429. At
//! the end of the answer, whatever end that is, it puts the provider's own count in the place of
//! the estimate (`budget/`), and writes the metrics (`metrics.rs`).
//!
//! **What it never does.** It never holds an answer back, nor changes one, but for this: where a
//! stream of chat completions or completions doesn't ask for usage, this filter asks for it
//! (`stream_options.include_usage`), and drops the extra chunk from the answer. Every other byte
//! leaves as it came.
//!
//! # What counts
//!
//! | how it ended | tokens in the budget | metrics of tokens and cost |
//! |---|---|---|
//! | complete, with usage | the provider's input and output | the same |
//! | cut, or without usage | what the provider had counted, else the estimate of the request; and of the output that was seen, if that is more | the same |
//! | the client left before any answer | the estimate of the request | the same |
//! | an error (not 2xx) | none | none |
//! | answered by the cache | none | none |
//! | refused here | none, and no request | none |
//!
//! The usage comes from the fact [`ai.usage`](facts::key::USAGE) where the router translated the
//! answer, and is read from the answer elsewhere. With the answer's last byte this filter publishes the
//! provider's count as that fact; after a cache hit zeros; an estimate is never published.
//!
//! # Limits
//!
//! `plans.<plan>.requestsPerMinute` and `tokensPerMinute`, and the same in `tenants.<tenant>` in
//! their place; none is no limit. A tenant's entry can also name another `plan`. A plan that
//! `auth` names and this configuration doesn't know is refused with 503: a typing error must not
//! lift a limit. Only where no plan is configured at all, the filter just counts. Windows are
//! fixed minutes, one for each tenant, in the proxy's shared data. Requests without a body (lists
//! of models) pass uncounted.
//!
//! ```
//! use http_filter::{Filter, Time};
//! use test_host::{Exchange, TestEnvironment, TestHeaders, TestHost};
//! use token_counter::TokenCounter;
//!
//! let json = br#"{"plans":{"standard":{"requestsPerMinute":1}}}"#;
//! let counter = TokenCounter::configure(json, &TestEnvironment::default())?;
//! let mut host = TestHost::new();
//! for (fact, value) in [
//!     ("ai.traffic", "openai.chat_completions"),
//!     ("ai.tenant", "team-a"),
//!     ("ai.plan", "standard"),
//!     ("ai.key", "ci"),
//! ] {
//!     host = host.with_fact(fact, value);
//! }
//! let chat = br#"{"model":"gpt-4.1","messages":[{"role":"user","content":"Hi"}]}"#;
//! let now = Time::from_nanoseconds(0);
//!
//! let mut first = Exchange::new(counter.open(), host, now);
//! first.request_headers(&mut TestHeaders::default(), false);
//! assert_eq!(first.request_body(chat, true).passed(), chat);
//! let host = first.end();
//!
//! let mut second = Exchange::new(counter.open(), host, now);
//! second.request_headers(&mut TestHeaders::default(), false);
//! let refusal = second.request_body(chat, true).reply();
//! assert_eq!(refusal.status(), 429);
//! assert!(refusal.headers().contains(&("retry-after", b"60".to_vec())));
//! # Ok::<(), http_filter::ConfigError>(())
//! ```

mod admission;
mod budget;
mod config;
mod estimate;
mod exchange;
mod failure;
mod limit_use;
mod metrics;
mod outcome;
mod price;
mod usage_reader;

use std::cell::RefCell;
use std::rc::Rc;

use http_filter::{ConfigError, Environment, Filter};

use config::Config;
pub use exchange::Exchange;
use price::Remainders;

/// The filter: one plugin on one worker.
pub struct TokenCounter(Rc<Worker>);

/// What all streams of one worker share.
struct Worker {
    config: Config,
    remainders: RefCell<Remainders>,
}

/// The JSON Schema of `pluginConfig`.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(config::Wire)
}

impl Filter for TokenCounter {
    const NAME: &'static str = "token-counter";

    type Stream = Exchange;

    fn configure(json: &[u8], _environment: &dyn Environment) -> Result<Self, ConfigError> {
        Ok(Self(Rc::new(Worker {
            config: Config::read(json)?,
            remainders: RefCell::default(),
        })))
    }

    fn open(&self) -> Exchange {
        Exchange::new(Rc::clone(&self.0))
    }
}
