//! `POST /v1/chat/completions` and `/v1/completions`: the whole answer.

use super::choices::{Choice, read_choices};
use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::text::Text;
use crate::usage::Usage;
use crate::value::Value;

/// An answer that came whole. Members of types that nobody expects are passed over.
#[derive(Clone, Debug)]
pub struct ChatResponse<'a> {
    /// The model that answered.
    pub model: Option<JsonText<'a>>,
    /// The answers.
    pub choices: Vec<Choice<'a>>,
    /// Their texts: content, refusals, reasoning, arguments of tool calls.
    pub texts: Vec<Text<'a>>,
    /// What they cost.
    pub usage: Option<Usage>,
}

impl<'a> ChatResponse<'a> {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let [model, choices, usage] =
            Value::of_body(body)?.object(["model", "choices", "usage"])?;
        let (choices, texts) = read_choices(choices)?;
        Ok(Self {
            model: model.and_then(Value::as_text),
            choices,
            texts,
            usage: Usage::of_openai(usage)?,
        })
    }
}
