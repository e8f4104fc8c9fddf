//! A scripted proxy for tests of filters.
//!
//! [`TestHost`] is what a filter sees beyond the message: facts, shared data, calls, metrics; it
//! records what the filter does to them. [`Exchange`] runs one stream of a filter through a
//! request and a response as Envoy would, at a time that the test sets, and panics when the
//! filter breaks the contract (a reply after response headers, a held response).

mod exchange;
mod host;
mod message;

pub use exchange::{Exchange, Outcome};
pub use host::{RecordedCall, TestHost};
pub use message::{TestAnswer, TestBody, TestEnvironment, TestHeaders};
