//! The whole answer.

use super::item::walk_item;
use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::text::Text;
use crate::usage::Usage;
use crate::value::Value;
use crate::walk::Walk;

/// An answer: as the body, or as the `response` of an event.
#[derive(Clone, Debug)]
pub struct ResponsesAnswer<'a> {
    /// The model that answered.
    pub model: Option<JsonText<'a>>,
    /// `completed`, `incomplete`, `failed`, …
    pub status: Option<JsonText<'a>>,
    /// Texts of the output items.
    pub texts: Vec<Text<'a>>,
    /// What it cost; only when it has ended.
    pub usage: Option<Usage>,
}

impl<'a> ResponsesAnswer<'a> {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        Self::read(Value::of_body(body)?.object(MEMBERS)?)
    }

    /// The `response` of an event.
    pub(super) fn of_event(response: Value<'a>) -> Result<Self, BodyError> {
        Self::read(response.members("response", MEMBERS)?)
    }

    fn read([model, status, output, usage]: [Option<Value<'a>>; 4]) -> Result<Self, BodyError> {
        let mut walk = Walk::of_answer();
        walk.elements(output, "output", walk_item)?;
        Ok(Self {
            model: model.and_then(Value::as_text),
            status: status.and_then(Value::as_text),
            texts: walk.texts,
            usage: Usage::of_openai(usage)?,
        })
    }
}

const MEMBERS: [&str; 4] = ["model", "status", "output", "usage"];
