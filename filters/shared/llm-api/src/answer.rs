//! One view of whole answers, of all endpoints.

use crate::anthropic::MessagesResponse;
use crate::body_error::BodyError;
use crate::endpoint::Endpoint;
use crate::json_text::JsonText;
use crate::openai::{ChatResponse, EmbeddingsResponse, ResponsesAnswer};
use crate::text::Text;
use crate::usage::Usage;

/// What filters ask of an answer that came whole with a status below 400. Errors have another
/// shape: see [`ErrorObject`](crate::ErrorObject).
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    model: Option<JsonText<'a>>,
    texts: Vec<Text<'a>>,
    finish_reasons: Vec<JsonText<'a>>,
    usage: Option<Usage>,
}

impl<'a> Answer<'a> {
    /// Reads an answer of that endpoint.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice;
    /// [`BodyError::NoBody`] for lists of models, which nobody needs to read.
    pub fn parse(endpoint: Endpoint, body: &'a [u8]) -> Result<Self, BodyError> {
        Ok(match endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions => ChatResponse::parse(body)?.into(),
            Endpoint::Responses => ResponsesAnswer::parse(body)?.into(),
            Endpoint::Embeddings => EmbeddingsResponse::parse(body)?.into(),
            Endpoint::Messages | Endpoint::CountTokens => MessagesResponse::parse(body)?.into(),
            Endpoint::Models | Endpoint::Model => return Err(BodyError::NoBody),
        })
    }

    /// The model that answered, as the provider names it.
    #[must_use]
    pub fn model(&self) -> Option<JsonText<'a>> {
        self.model
    }

    /// All texts.
    #[must_use]
    pub fn texts(&self) -> &[Text<'a>] {
        &self.texts
    }

    /// Why each choice ended: `finish_reason`, `stop_reason` or `status`, as the API has it.
    #[must_use]
    pub fn finish_reasons(&self) -> &[JsonText<'a>] {
        &self.finish_reasons
    }

    /// What it cost, if the provider says so.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

impl<'a> From<ChatResponse<'a>> for Answer<'a> {
    fn from(answer: ChatResponse<'a>) -> Self {
        let ChatResponse {
            model,
            choices,
            texts,
            usage,
        } = answer;
        Self {
            model,
            texts,
            finish_reasons: choices
                .into_iter()
                .filter_map(|choice| choice.finish_reason)
                .collect(),
            usage,
        }
    }
}

impl<'a> From<ResponsesAnswer<'a>> for Answer<'a> {
    fn from(answer: ResponsesAnswer<'a>) -> Self {
        let ResponsesAnswer {
            model,
            status,
            texts,
            usage,
        } = answer;
        Self {
            model,
            texts,
            finish_reasons: status.into_iter().collect(),
            usage,
        }
    }
}

impl<'a> From<EmbeddingsResponse<'a>> for Answer<'a> {
    fn from(answer: EmbeddingsResponse<'a>) -> Self {
        let EmbeddingsResponse { model, usage } = answer;
        Self {
            model,
            texts: Vec::new(),
            finish_reasons: Vec::new(),
            usage,
        }
    }
}

impl<'a> From<MessagesResponse<'a>> for Answer<'a> {
    fn from(answer: MessagesResponse<'a>) -> Self {
        let MessagesResponse {
            model,
            stop_reason,
            texts,
            usage,
        } = answer;
        Self {
            model,
            texts,
            finish_reasons: stop_reason.into_iter().collect(),
            usage,
        }
    }
}
