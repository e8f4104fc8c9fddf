//! Anthropic's Messages: requests that are written, answers that are read.

pub(crate) mod answer;
mod block;
mod caller;
mod conversation;
pub(crate) mod error;
mod members;
mod reasoning;
pub(crate) mod request;
mod sampling;
pub(crate) mod stream;
mod tools;
