//! Putting originals back into an answer.
//!
//! An original stands in JSON without an escape, at every level of JSON text in JSON strings (see
//! the detectors), and so does a placeholder. So all the work is on bytes as they came: nothing
//! is decoded, and what isn't a placeholder of this request stays, byte for byte. Only the exact
//! form counts: a placeholder that a model changed, or that a server wrote with escapes, stays.

mod copy;
pub(crate) mod stream;
mod torn;
pub(crate) mod whole;

#[cfg(test)]
mod stream_tests;
