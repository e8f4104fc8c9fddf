//! OpenAI's chat completions: requests that are read, answers that are written.

pub(crate) mod answer;
pub(crate) mod chunk;
pub(crate) mod message;
pub(crate) mod request;
