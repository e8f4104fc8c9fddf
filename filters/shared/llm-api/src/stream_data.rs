//! One view of the events of all streams.

use crate::anthropic::StreamEvent;
use crate::body_error::BodyError;
use crate::endpoint::Endpoint;
use crate::error_body::ErrorObject;
use crate::json_text::JsonText;
use crate::openai::{ChatChunk, ResponsesEvent, is_done};
use crate::text::Text;
use crate::usage::UsageReport;

/// The data of one event.
///
/// ```
/// use llm_api::{Endpoint, StreamData, UsageTally};
///
/// let mut said = String::new();
/// let mut tally = UsageTally::new();
/// for data in [
///     &br#"{"choices":[{"index":0,"delta":{"content":"[DONE]"}}],"usage":null}"#[..],
///     br#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
///     b"[DONE]",
/// ] {
///     let StreamData::Part(part) = StreamData::parse(Endpoint::ChatCompletions, data)? else {
///         break;
///     };
///     said.extend(part.texts().iter().map(|text| text.text.decode()));
///     if let Some(report) = part.usage() {
///         tally.add(report);
///     }
/// }
/// assert_eq!(said, "[DONE]");
/// assert_eq!(tally.usage().map(|usage| usage.total()), Some(4));
/// # Ok::<(), llm_api::BodyError>(())
/// ```
#[derive(Clone, Debug)]
pub enum StreamData<'a> {
    /// The stream goes on.
    Part(StreamPart<'a>),
    /// OpenAI's end marker, `[DONE]`.
    Done,
    /// The stream broke down; nothing good follows.
    Error(ErrorObject<'a>),
}

/// What an event brings.
#[derive(Clone, Debug, Default)]
pub struct StreamPart<'a> {
    model: Option<JsonText<'a>>,
    texts: Vec<Text<'a>>,
    wholes: Vec<Text<'a>>,
    finish_reasons: Vec<JsonText<'a>>,
    ended: Vec<u64>,
    usage: Option<UsageReport>,
    is_usage_only: bool,
    is_end: bool,
}

impl<'a> StreamData<'a> {
    /// Reads an event's data, of a stream of that endpoint.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice;
    /// [`BodyError::NoBody`] for endpoints that don't stream.
    pub fn parse(endpoint: Endpoint, data: &'a [u8]) -> Result<Self, BodyError> {
        match endpoint {
            // Some servers end a Responses stream like a chat's, too.
            Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Responses
                if is_done(data) =>
            {
                Ok(Self::Done)
            }
            Endpoint::ChatCompletions | Endpoint::Completions => {
                ChatChunk::parse(data).map(Self::from)
            }
            Endpoint::Responses => ResponsesEvent::parse(data).map(Self::from),
            Endpoint::Messages => StreamEvent::parse(data).map(Self::from),
            Endpoint::Embeddings | Endpoint::Models | Endpoint::Model | Endpoint::CountTokens => {
                Err(BodyError::NoBody)
            }
        }
    }
}

impl<'a> StreamPart<'a> {
    /// The model that answers, as the provider names it, where the event says so.
    #[must_use]
    pub fn model(&self) -> Option<JsonText<'a>> {
        self.model
    }

    /// Pieces of texts. Pieces of one [`Channel`](crate::Channel) make one text.
    #[must_use]
    pub fn texts(&self) -> &[Text<'a>] {
        &self.texts
    }

    /// Texts that are said once more, whole: Responses only.
    #[must_use]
    pub fn wholes(&self) -> &[Text<'a>] {
        &self.wholes
    }

    /// Why choices end here.
    #[must_use]
    pub fn finish_reasons(&self) -> &[JsonText<'a>] {
        &self.finish_reasons
    }

    /// The channels' indexes for which no more pieces come (of the part that was going on, for
    /// Responses). Pieces in this very event come before that end.
    #[must_use]
    pub fn ended(&self) -> &[u64] {
        &self.ended
    }

    /// What it says about the cost.
    #[must_use]
    pub fn usage(&self) -> Option<UsageReport> {
        self.usage
    }

    /// Whether it brings nothing but the usage: see
    /// [`ChatChunk::is_usage_only`](crate::openai::ChatChunk::is_usage_only).
    #[must_use]
    pub fn is_usage_only(&self) -> bool {
        self.is_usage_only
    }

    /// Whether the answer ends with this event. OpenAI's chat streams end by
    /// [`StreamData::Done`] instead.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.is_end
    }
}

impl<'a> From<ChatChunk<'a>> for StreamData<'a> {
    fn from(chunk: ChatChunk<'a>) -> Self {
        if let Some(error) = chunk.error {
            return Self::Error(error);
        }
        let is_usage_only = chunk.is_usage_only();
        let finished = chunk
            .choices
            .iter()
            .filter_map(|choice| Some((choice.index, choice.finish_reason?)));
        let (ended, finish_reasons) = finished.unzip();
        Self::Part(StreamPart {
            model: chunk.model,
            texts: chunk.texts,
            finish_reasons,
            ended,
            usage: chunk.usage.map(UsageReport::Whole),
            is_usage_only,
            ..StreamPart::default()
        })
    }
}

impl<'a> From<ResponsesEvent<'a>> for StreamData<'a> {
    fn from(event: ResponsesEvent<'a>) -> Self {
        if let Some(error) = event.error {
            return Self::Error(error);
        }
        Self::Part(StreamPart {
            model: event.model,
            texts: event.piece.into_iter().collect(),
            wholes: event.wholes,
            finish_reasons: event.kind.filter(|_| event.is_end).into_iter().collect(),
            ended: event.ended_item.into_iter().collect(),
            usage: event.usage.map(UsageReport::Whole),
            is_end: event.is_end,
            ..StreamPart::default()
        })
    }
}

impl<'a> From<StreamEvent<'a>> for StreamData<'a> {
    fn from(event: StreamEvent<'a>) -> Self {
        let mut part = StreamPart::default();
        match event {
            StreamEvent::MessageStart { model, usage } => {
                part.model = model;
                part.usage = usage.map(UsageReport::Anthropic);
            }
            StreamEvent::ContentBlockStart { text, .. }
            | StreamEvent::ContentBlockDelta { text, .. } => part.texts.extend(text),
            StreamEvent::ContentBlockStop { index } => part.ended.push(index),
            StreamEvent::MessageDelta { stop_reason, usage } => {
                part.finish_reasons.extend(stop_reason);
                part.usage = usage.map(UsageReport::Anthropic);
            }
            StreamEvent::MessageStop => part.is_end = true,
            StreamEvent::Error(error) => return Self::Error(error),
            StreamEvent::Ping | StreamEvent::Unknown => {}
        }
        Self::Part(part)
    }
}
