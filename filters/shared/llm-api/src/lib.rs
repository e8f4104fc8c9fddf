//! Bodies of the chat APIs, as views that borrow from the bytes they were read from.
//!
//! The crate says which endpoint a request is for ([`classify`]), what a body says ([`Request`],
//! [`Answer`], [`StreamData`]), what it cost ([`Usage`]), and how to change a part of it so that
//! every other byte leaves as it came ([`Splices`]). It decides nothing: no limit, no rule and
//! no route is known here. Nor does it translate, or build a body out of parts.
//!
//! Members that we don't read are checked to be JSON and skipped, whatever they are. A member
//! that we do read and that stands twice in one object refuses the body: the server behind us
//! might read the other one. Work is linear in the body, nesting costs no stack, what is
//! gathered is bounded in number ([`Plenty`]), and no byte of a peer makes it panic.
//!
//! ```
//! use llm_api::{Endpoint, Request};
//!
//! let body = br#"{"model": "fast", "messages": [{"role": "user", "content": "Hi, \u00e9!"}]}"#;
//! let request = Request::parse(Endpoint::ChatCompletions, body)?;
//! assert!(request.model().is("fast"));
//! assert_eq!(request.texts()?[0].text.decode(), "Hi, é!");
//! assert_eq!(
//!     request.set_model("gpt-4.1-mini").apply(body),
//!     br#"{"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Hi, \u00e9!"}]}"#,
//! );
//! # Ok::<(), llm_api::BodyError>(())
//! ```

pub mod anthropic;
pub mod openai;

mod answer;
mod body_error;
mod endpoint;
mod error_body;
mod json_text;
mod model_choice;
mod request;
mod span;
mod splice;
mod stream_data;
mod strings;
mod text;
mod traffic;
mod usage;
mod value;
mod walk;

pub use answer::Answer;
pub use body_error::{BodyError, Plenty};
pub use endpoint::{Api, Endpoint};
pub use error_body::{ErrorObject, ErrorText, error_body, error_event, error_type};
pub use json_text::{JsonText, encode_text, escape_text};
pub use request::Request;
pub use span::Span;
pub use splice::{Overlap, Splices};
pub use stream_data::{StreamData, StreamPart};
pub use strings::string_values;
pub use text::{Channel, StoredObject, Text, TextKind};
pub use traffic::{Refusal, Traffic, classify, model_id};
pub use usage::{AnthropicUsage, Usage, UsageReport, UsageTally};
