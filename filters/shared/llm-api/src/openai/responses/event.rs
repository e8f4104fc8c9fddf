//! One event of a stream.

use super::answer::ResponsesAnswer;
use super::item::walk_item;
use crate::body_error::BodyError;
use crate::error_body::ErrorObject;
use crate::json_text::JsonText;
use crate::text::{Channel, Text, TextKind};
use crate::usage::Usage;
use crate::value::{Value, present};
use crate::walk::Walk;

/// The data of one event. The API says a text twice: in pieces, and then whole in the events
/// that end a part, an item and the answer.
#[derive(Clone, Debug)]
pub struct ResponsesEvent<'a> {
    /// The event's type, such as `response.output_text.delta`.
    pub kind: Option<JsonText<'a>>,
    /// The model that answers, where the event says it.
    pub model: Option<JsonText<'a>>,
    /// A piece of a text.
    pub piece: Option<Text<'a>>,
    /// Whole texts.
    pub wholes: Vec<Text<'a>>,
    /// The output item one of whose texts this event ends.
    pub ended_item: Option<u64>,
    /// The cost, in the last event.
    pub usage: Option<Usage>,
    /// The stream broke down; this is why.
    pub error: Option<ErrorObject<'a>>,
    /// Whether this is the last event: `response.completed`, `.incomplete`, `.failed`, `error`.
    pub is_end: bool,
}

impl<'a> ResponsesEvent<'a> {
    /// Reads the data of an event. Events of unknown types have nothing in them.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice.
    pub fn parse(data: &'a [u8]) -> Result<Self, BodyError> {
        let data = Value::of_body(data)?;
        let [
            kind,
            item_number,
            part_number,
            delta,
            part,
            item,
            response,
            error,
            said @ ..,
        ] = data.object([
            "type",
            "output_index",
            "content_index",
            "delta",
            "part",
            "item",
            "response",
            "error",
            "text",
            "refusal",
            "arguments",
            "input",
            "code",
        ])?;
        let kind = kind.and_then(Value::as_text);
        let name = kind.map(JsonText::decode).unwrap_or_default();
        let channel = Channel {
            index: item_number.and_then(Value::as_count).unwrap_or(0),
            part: part_number.and_then(Value::as_count).unwrap_or(0),
            kind: kind_of(&name),
        };
        let mut walk = Walk::of_answer();
        for whole in said.into_iter().filter_map(present) {
            walk.text(channel, Some(whole), "text")?;
        }
        walk.content(channel, part, "part")?;
        if let Some(item) = present(item) {
            walk_item(&mut walk, channel.index, item)?;
        }
        let response = present(response)
            .filter(|response| response.is_object())
            .map(ResponsesAnswer::of_event)
            .transpose()?;
        let error = match present(error) {
            Some(error) => Some(ErrorObject::read(error)?),
            // This API's error event has no object for it.
            None if name == "error" => Some(ErrorObject::read(data.trimmed())?),
            None => None,
        };
        let mut event = Self {
            kind,
            model: None,
            piece: piece(channel, &name, delta),
            wholes: walk.texts,
            ended_item: name.ends_with(".done").then_some(channel.index),
            usage: None,
            error,
            is_end: END.contains(&&*name),
        };
        if let Some(response) = response {
            event.model = response.model;
            event.usage = response.usage;
            event.wholes.extend(response.texts);
        }
        Ok(event)
    }
}

const END: [&str; 4] = [
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
];

/// Sound and pictures come as deltas too, in base64.
fn piece<'a>(channel: Channel, name: &str, delta: Option<Value<'a>>) -> Option<Text<'a>> {
    let is_text = !name.starts_with("response.audio.") && !name.contains("image");
    let text = delta.filter(|_| is_text)?.as_text()?;
    Some(Text { channel, text })
}

fn kind_of(event: &str) -> TextKind {
    match event {
        _ if event.contains("refusal") => TextKind::Refusal,
        _ if event.contains("reasoning") => TextKind::Reasoning,
        _ if event.contains("arguments") => TextKind::ToolArguments,
        _ if event.contains("tool_call_input") || event.contains("call_code") => {
            TextKind::ToolInput
        }
        _ => TextKind::Content,
    }
}
