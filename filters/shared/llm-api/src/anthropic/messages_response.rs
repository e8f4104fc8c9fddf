//! `POST /v1/messages`: the whole answer.

use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::text::{Channel, Text, TextKind};
use crate::usage::{AnthropicUsage, Usage};
use crate::value::Value;
use crate::walk::Walk;

/// An answer that came whole. Members of types that nobody expects are passed over.
#[derive(Clone, Debug)]
pub struct MessagesResponse<'a> {
    /// The model that answered.
    pub model: Option<JsonText<'a>>,
    /// Why it ended.
    pub stop_reason: Option<JsonText<'a>>,
    /// Texts and thinking, the block's number in their channel's `index`.
    pub texts: Vec<Text<'a>>,
    /// What it cost.
    pub usage: Option<Usage>,
}

impl<'a> MessagesResponse<'a> {
    /// Reads an answer. That of `count_tokens`, `{"input_tokens": …}`, cost nothing and has nothing
    /// of this.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let [model, stop_reason, content, usage] =
            Value::of_body(body)?.object(["model", "stop_reason", "content", "usage"])?;
        let mut walk = Walk::of_answer();
        walk.elements(content, "content", |walk, index, block| {
            let channel = Channel {
                index,
                part: 0,
                kind: TextKind::Content,
            };
            walk.content(channel, Some(block), "content")
        })?;
        Ok(Self {
            model: model.and_then(Value::as_text),
            stop_reason: stop_reason.and_then(Value::as_text),
            texts: walk.texts,
            usage: AnthropicUsage::read(usage)?.map(AnthropicUsage::usage),
        })
    }
}
