//! The choices of an answer or of a chunk.

use super::message::walk_message;
use crate::body_error::{BodyError, Plenty};
use crate::json_text::JsonText;
use crate::text::{Channel, Text, TextKind};
use crate::value::{Value, present};
use crate::walk::Walk;

/// One of the answers, or a piece of it; its texts are found by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// Which answer.
    pub index: u64,
    /// Why it ended, if it did.
    pub finish_reason: Option<JsonText<'a>>,
}

/// The choices, and the texts of all of them.
pub(crate) fn read_choices<'a>(
    value: Option<Value<'a>>,
) -> Result<(Vec<Choice<'a>>, Vec<Text<'a>>), BodyError> {
    let mut walk = Walk::of_answer();
    let mut choices = Vec::new();
    walk.elements(value, "choices", |walk, number, choice| {
        if choice.is_object() {
            Plenty::Choices.push(&mut choices, read_choice(walk, number, choice)?)?;
        }
        Ok(())
    })?;
    Ok((choices, walk.texts))
}

/// `message` is a chat answer's, `delta` a chunk's, `text` that of completions.
fn read_choice<'a>(
    walk: &mut Walk<'a>,
    number: u64,
    choice: Value<'a>,
) -> Result<Choice<'a>, BodyError> {
    let [index, finish_reason, message, delta, text] = choice.members(
        "choices",
        ["index", "finish_reason", "message", "delta", "text"],
    )?;
    let index = index.and_then(Value::as_count).unwrap_or(number);
    for message in [message, delta].into_iter().filter_map(present) {
        walk_message(walk, index, message)?;
    }
    let channel = Channel {
        index,
        part: 0,
        kind: TextKind::Content,
    };
    walk.text(channel, text, "text")?;
    Ok(Choice {
        index,
        finish_reason: finish_reason.and_then(Value::as_text),
    })
}
