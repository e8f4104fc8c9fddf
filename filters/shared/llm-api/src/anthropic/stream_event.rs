//! `POST /v1/messages`: one event of a stream.

use crate::body_error::BodyError;
use crate::error_body::ErrorObject;
use crate::json_text::JsonText;
use crate::text::{Channel, Text, TextKind};
use crate::usage::AnthropicUsage;
use crate::value::{Value, present};

/// The data of one event, told by its `type`; the event's name says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent<'a> {
    /// The answer begins.
    MessageStart {
        /// The model that answers.
        model: Option<JsonText<'a>>,
        /// The input's cost, and a first count of the output.
        usage: Option<AnthropicUsage>,
    },
    /// A content block begins.
    ContentBlockStart {
        /// Which one.
        index: u64,
        /// Its first text, mostly empty.
        text: Option<Text<'a>>,
    },
    /// A content block goes on.
    ContentBlockDelta {
        /// Which one.
        index: u64,
        /// A piece of text, of thinking, or of a tool's input (JSON, in pieces that are none).
        /// `None` for signatures, citations and what else there will be.
        text: Option<Text<'a>>,
    },
    /// A content block ends.
    ContentBlockStop {
        /// Which one.
        index: u64,
    },
    /// The answer is about to end.
    MessageDelta {
        /// Why.
        stop_reason: Option<JsonText<'a>>,
        /// The cost so far.
        usage: Option<AnthropicUsage>,
    },
    /// The answer ended.
    MessageStop,
    /// Nothing, to keep the connection.
    Ping,
    /// The stream broke down.
    Error(ErrorObject<'a>),
    /// A type of a later day, to be skipped.
    Unknown,
}

impl<'a> StreamEvent<'a> {
    /// Reads the data of an event.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice.
    pub fn parse(data: &'a [u8]) -> Result<Self, BodyError> {
        let [kind, index, message, block, delta, usage, error] = Value::of_body(data)?.object([
            "type",
            "index",
            "message",
            "content_block",
            "delta",
            "usage",
            "error",
        ])?;
        let kind = kind.and_then(Value::as_text).map(JsonText::decode);
        let index = index.and_then(Value::as_count).unwrap_or(0);
        Ok(match kind.as_deref() {
            Some("message_start") => message_start(message)?,
            Some("content_block_start") => Self::ContentBlockStart {
                index,
                text: piece(index, "content_block", block)?,
            },
            Some("content_block_delta") => Self::ContentBlockDelta {
                index,
                text: piece(index, "delta", delta)?,
            },
            Some("content_block_stop") => Self::ContentBlockStop { index },
            Some("message_delta") => Self::MessageDelta {
                stop_reason: stop_reason(delta)?,
                usage: AnthropicUsage::read(usage)?,
            },
            Some("message_stop") => Self::MessageStop,
            Some("ping") => Self::Ping,
            Some("error") => Self::Error(match present(error) {
                Some(error) => ErrorObject::read(error)?,
                None => ErrorObject::default(),
            }),
            _ => Self::Unknown,
        })
    }
}

fn message_start<'a>(message: Option<Value<'a>>) -> Result<StreamEvent<'a>, BodyError> {
    let [model, usage] = members(message, "message", ["model", "usage"])?;
    Ok(StreamEvent::MessageStart {
        model: model.and_then(Value::as_text),
        usage: AnthropicUsage::read(usage)?,
    })
}

fn stop_reason<'a>(delta: Option<Value<'a>>) -> Result<Option<JsonText<'a>>, BodyError> {
    let [stop_reason] = members(delta, "delta", ["stop_reason"])?;
    Ok(stop_reason.and_then(Value::as_text))
}

/// The text of a block that begins, or of a delta: no type has more than one of them.
fn piece<'a>(
    index: u64,
    name: &'static str,
    value: Option<Value<'a>>,
) -> Result<Option<Text<'a>>, BodyError> {
    let [text, thinking, partial_json] =
        members(value, name, ["text", "thinking", "partial_json"])?;
    let found = [
        (text, TextKind::Content),
        (thinking, TextKind::Reasoning),
        (partial_json, TextKind::ToolArguments),
    ];
    Ok(found.into_iter().find_map(|(value, kind)| {
        let text = value?.as_text()?;
        let channel = Channel {
            index,
            part: 0,
            kind,
        };
        Some(Text { channel, text })
    }))
}

/// The members of an object; none where there is no object.
fn members<'a, const N: usize>(
    value: Option<Value<'a>>,
    name: &'static str,
    wanted: [&'static str; N],
) -> Result<[Option<Value<'a>>; N], BodyError> {
    match present(value).filter(|value| value.is_object()) {
        Some(value) => value.members(name, wanted),
        None => Ok([None; N]),
    }
}
