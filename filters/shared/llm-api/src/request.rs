//! One view of the requests of all endpoints that have a body.

use crate::anthropic::MessagesRequest;
use crate::body_error::BodyError;
use crate::endpoint::Endpoint;
use crate::json_text::JsonText;
use crate::openai::{ChatRequest, CompletionsRequest, EmbeddingsRequest, ResponsesRequest};
use crate::splice::Splices;
use crate::text::{StoredObject, Text};

/// A request: its top level is read and all of it is known to be JSON.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Of [`Endpoint::ChatCompletions`].
    Chat(ChatRequest<'a>),
    /// Of [`Endpoint::Completions`].
    Completions(CompletionsRequest<'a>),
    /// Of [`Endpoint::Responses`].
    Responses(ResponsesRequest<'a>),
    /// Of [`Endpoint::Embeddings`].
    Embeddings(EmbeddingsRequest<'a>),
    /// Of [`Endpoint::Messages`] and [`Endpoint::CountTokens`].
    Messages(MessagesRequest<'a>),
}

impl<'a> Request<'a> {
    /// Reads a request of that endpoint.
    ///
    /// # Errors
    ///
    /// [`BodyError`] of the endpoint's own view; [`BodyError::NoBody`] for one without bodies.
    pub fn parse(endpoint: Endpoint, body: &'a [u8]) -> Result<Self, BodyError> {
        Ok(match endpoint {
            Endpoint::ChatCompletions => Self::Chat(ChatRequest::parse(body)?),
            Endpoint::Completions => Self::Completions(CompletionsRequest::parse(body)?),
            Endpoint::Responses => Self::Responses(ResponsesRequest::parse(body)?),
            Endpoint::Embeddings => Self::Embeddings(EmbeddingsRequest::parse(body)?),
            Endpoint::Messages | Endpoint::CountTokens => {
                Self::Messages(MessagesRequest::parse(body)?)
            }
            Endpoint::Models | Endpoint::Model => return Err(BodyError::NoBody),
        })
    }

    /// The model as the client names it.
    #[must_use]
    pub fn model(&self) -> JsonText<'a> {
        match self {
            Self::Chat(request) => request.model(),
            Self::Completions(request) => request.model(),
            Self::Responses(request) => request.model(),
            Self::Embeddings(request) => request.model(),
            Self::Messages(request) => request.model(),
        }
    }

    /// Whether the answer is to be a stream.
    #[must_use]
    pub fn stream(&self) -> bool {
        match self {
            Self::Chat(request) => request.stream(),
            Self::Completions(request) => request.stream(),
            Self::Responses(request) => request.stream(),
            Self::Embeddings(_) => false,
            Self::Messages(request) => request.stream(),
        }
    }

    /// Whether a stream will report usage to the client anyway: because it asks for it, or
    /// because its API always does.
    #[must_use]
    pub fn asks_usage(&self) -> bool {
        match self {
            Self::Chat(request) => request.asks_usage(),
            Self::Completions(request) => request.asks_usage(),
            Self::Responses(_) | Self::Embeddings(_) | Self::Messages(_) => true,
        }
    }

    /// The bound on output tokens of each choice, if the client gives one.
    #[must_use]
    pub fn max_output_tokens(&self) -> Option<u64> {
        match self {
            Self::Chat(request) => request.max_output_tokens(),
            Self::Completions(request) => request.max_output_tokens(),
            Self::Responses(request) => request.max_output_tokens(),
            Self::Embeddings(_) => Some(0),
            Self::Messages(request) => request.max_output_tokens(),
        }
    }

    /// How many answers are wanted; 1 where the API has no such member.
    #[must_use]
    pub fn choices(&self) -> u64 {
        match self {
            Self::Chat(request) => request.choices(),
            Self::Completions(request) => request.choices(),
            Self::Responses(_) | Self::Embeddings(_) | Self::Messages(_) => 1,
        }
    }

    /// All texts that would leave.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when something can't be read.
    pub fn texts(&self) -> Result<Vec<Text<'a>>, BodyError> {
        match self {
            Self::Chat(request) => request.texts(),
            Self::Completions(request) => request.texts(),
            Self::Responses(request) => request.texts(),
            Self::Embeddings(request) => request.texts(),
            Self::Messages(request) => request.texts(),
        }
    }

    /// Members that name objects stored at the provider.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when something can't be read.
    pub fn stored_objects(&self) -> Result<Vec<StoredObject>, BodyError> {
        match self {
            Self::Chat(request) => request.stored_objects(),
            Self::Completions(request) => request.stored_objects(),
            Self::Responses(request) => request.stored_objects(),
            Self::Embeddings(request) => request.stored_objects(),
            Self::Messages(request) => request.stored_objects(),
        }
    }

    /// Whether an input is given as token numbers, which no filter can read.
    #[must_use]
    pub fn has_token_input(&self) -> bool {
        match self {
            Self::Completions(request) => request.has_token_input(),
            Self::Embeddings(request) => request.has_token_input(),
            Self::Chat(_) | Self::Responses(_) | Self::Messages(_) => false,
        }
    }

    /// Names another model.
    #[must_use]
    pub fn set_model(&self, model: &str) -> Splices {
        match self {
            Self::Chat(request) => request.set_model(model),
            Self::Completions(request) => request.set_model(model),
            Self::Responses(request) => request.set_model(model),
            Self::Embeddings(request) => request.set_model(model),
            Self::Messages(request) => request.set_model(model),
        }
    }

    /// Asks for usage at a stream's end, where it must be asked for and isn't.
    #[must_use]
    pub fn request_usage(&self) -> Splices {
        match self {
            Self::Chat(request) => request.request_usage(),
            Self::Completions(request) => request.request_usage(),
            Self::Responses(_) | Self::Embeddings(_) | Self::Messages(_) => Splices::new(),
        }
    }
}
