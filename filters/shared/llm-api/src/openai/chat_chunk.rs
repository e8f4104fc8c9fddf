//! `POST /v1/chat/completions` and `/v1/completions`: one chunk of a stream.

use super::choices::{Choice, read_choices};
use crate::body_error::BodyError;
use crate::error_body::ErrorObject;
use crate::json_text::JsonText;
use crate::text::Text;
use crate::usage::Usage;
use crate::value::{Value, present};

/// The data of one event.
#[derive(Clone, Debug)]
pub struct ChatChunk<'a> {
    /// The model that answers.
    pub model: Option<JsonText<'a>>,
    /// The answers that this chunk continues.
    pub choices: Vec<Choice<'a>>,
    /// Pieces of their texts.
    pub texts: Vec<Text<'a>>,
    /// The cost, in the last chunk, if it was asked for.
    pub usage: Option<Usage>,
    /// The stream broke down; this is why.
    pub error: Option<ErrorObject<'a>>,
    has_no_choices: bool,
}

impl<'a> ChatChunk<'a> {
    /// Reads the data of an event that is not [`[DONE]`](is_done).
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice.
    pub fn parse(data: &'a [u8]) -> Result<Self, BodyError> {
        let [model, choices, usage, error] =
            Value::of_body(data)?.object(["model", "choices", "usage", "error"])?;
        let has_no_choices = choices.is_some_and(Value::is_hollow);
        let (choices, texts) = read_choices(choices)?;
        Ok(Self {
            model: model.and_then(Value::as_text),
            choices,
            texts,
            usage: Usage::of_openai(usage)?,
            error: present(error).map(ErrorObject::read).transpose()?,
            has_no_choices,
        })
    }

    /// Whether it is the extra chunk of `include_usage`: an empty `choices` and a usage. A client
    /// that didn't ask for it must not see it, since many read `choices[0]` unseen. (The chunk
    /// with which Azure begins a stream has no choices either, and no usage.)
    #[must_use]
    pub fn is_usage_only(&self) -> bool {
        self.has_no_choices && self.usage.is_some() && self.error.is_none()
    }
}

/// Whether an event's data is the end marker of OpenAI's streams. The data as a whole: a model
/// may say `[DONE]` too.
#[must_use]
pub fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]"
}
