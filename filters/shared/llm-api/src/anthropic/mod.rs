//! Anthropic's Messages.

pub mod messages_request;
pub mod messages_response;
pub mod stream_event;

pub use messages_request::MessagesRequest;
pub use messages_response::MessagesResponse;
pub use stream_event::StreamEvent;
