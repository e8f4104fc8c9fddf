//! OpenAI's bodies, and those of the servers that speak its API.

pub mod chat_chunk;
pub mod chat_request;
pub mod chat_response;
pub mod completions;
pub mod embeddings;
pub mod responses;

mod choices;
mod message;
mod streaming;

pub use chat_chunk::{ChatChunk, is_done};
pub use chat_request::ChatRequest;
pub use chat_response::ChatResponse;
pub use completions::CompletionsRequest;
pub use embeddings::{EmbeddingsRequest, EmbeddingsResponse};
pub use responses::{ResponsesAnswer, ResponsesEvent, ResponsesRequest};

pub use choices::Choice;
