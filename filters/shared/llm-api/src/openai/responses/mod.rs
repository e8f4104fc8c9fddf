//! `POST /v1/responses`: request, answer and stream.

mod answer;
mod event;
mod item;
mod request;

pub use answer::ResponsesAnswer;
pub use event::ResponsesEvent;
pub use request::ResponsesRequest;
