//! What may leave: masks personal data in all strings of LLM requests, and puts the originals
//! back into the answers, streamed ones too.
//!
//! Each value that an active rule finds leaves as a placeholder such as `[EMAIL_1]`, numbered by
//! first appearance in its request: the same question of two people is the same text upstream.
//! Only this filter knows the originals, for as long as the exchange lasts.
//!
//! Every string that is a value is looked into, whatever it is for: texts, descriptions of tools,
//! addresses of pictures, items of a type that is newer than we are. Only the name of the model
//! stays, and so do names of members.
//!
//! It never:
//! - lets a request pass that it can't read (400), that has trailers (400), that is too long
//!   (413), whose input is token numbers (400), or that holds more than it can keep (400);
//! - touches a byte of a request that no rule matches, or holds an answer back beyond the few
//!   bytes that may be a torn placeholder;
//! - turns a placeholder that the client itself wrote into somebody's data;
//! - logs or counts what it found, only by which rule and how often.
//!
//! Answers in a content encoding, and those that are neither JSON nor an event stream, pass with
//! their placeholders.
//!
//! ```
//! use http_filter::Filter;
//! use pii_redactor::PiiRedactor;
//! use test_host::TestEnvironment;
//!
//! let none = TestEnvironment::default();
//! let config = br#"{"rules":{"email":{"action":"mask"}}}"#;
//! assert!(PiiRedactor::configure(config, &none).is_ok());
//! let error = PiiRedactor::configure(br#"{"rules":{"ssn":{"action":"mask"}}}"#, &none);
//! assert_eq!(error.err().map(|error| error.field), Some("rules.ssn".to_owned()));
//! ```

mod config;
mod detect;
mod mask;
mod originals;
mod placeholder;
mod restore;
mod rule;
mod stream;

#[cfg(test)]
mod tests;

use http_filter::{ConfigError, Environment, Filter};

use crate::config::Config;
pub use crate::stream::RedactorStream;

/// The plugin `pii-redactor`.
#[derive(Debug)]
pub struct PiiRedactor(Config);

/// The JSON Schema of `pluginConfig`.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(config::Written)
}

impl Filter for PiiRedactor {
    const NAME: &'static str = "pii-redactor";

    type Stream = RedactorStream;

    fn configure(json: &[u8], _: &dyn Environment) -> Result<Self, ConfigError> {
        Config::parse(json).map(Self)
    }

    fn open(&self) -> RedactorStream {
        RedactorStream::new(self.0.clone())
    }
}
