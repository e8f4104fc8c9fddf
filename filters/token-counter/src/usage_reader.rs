//! What an answer says about its own cost, read while it passes.

mod stream;
mod whole;

pub(crate) use stream::StreamReader;
pub(crate) use whole::WholeReader;

use http_filter::Time;
use llm_api::Usage;

/// What was read of an answer until it ended, or was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// What the provider counted. Of a cut answer only its last word, which may be early.
    pub(crate) reported: Option<Usage>,
    /// The answer reached its proper end.
    pub(crate) is_complete: bool,
    /// The estimate of what was seen of the model's output, in tokens.
    pub(crate) output_seen: u64,
    /// When the first text came; only of streams.
    pub(crate) first_text: Option<Time>,
}
