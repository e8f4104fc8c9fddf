//! A whole Messages answer as one of chat completions.

use llm_api::{Answer, Endpoint};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::translate::chat::answer::{self, Call, Content, FinishReason};
use crate::translate::object::Object;
use crate::translate::text::Text;
use crate::translate::{Begun, Whole};

/// The answer can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Turns a Messages answer into one of chat completions.
///
/// # Errors
/// [`Unreadable`] when it is no Messages answer.
pub(crate) fn translate(body: &[u8], begun: &Begun) -> Result<Whole, Unreadable> {
    let Object(message) = serde_json::from_slice(body).map_err(|_| Unreadable)?;
    let WireMessage {
        id,
        model,
        content,
        stop_reason,
    } = message;
    let head = begun.head(
        id.as_ref().map(Text::as_str),
        model.as_ref().map(Text::as_str),
    );
    let content = read(content.ok_or(Unreadable)?)?;
    let answer = Answer::parse(Endpoint::Messages, body).map_err(|_| Unreadable)?;
    let usage = answer.usage().unwrap_or_default();
    let reason = finish_reason(stop_reason.as_ref().ok_or(Unreadable)?.as_str());
    Ok(Whole {
        body: answer::write(&head, &content, reason, usage),
        usage,
    })
}

#[derive(Deserialize)]
struct WireMessage<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
}

/// Why a message ended, as chat completions say it. What isn't known ended well.
pub(crate) fn finish_reason(stop_reason: &str) -> FinishReason {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize)]
struct TextBlock<'a> {
    #[serde(borrow)]
    text: Text<'a>,
}

#[derive(Deserialize)]
struct ThinkingBlock<'a> {
    #[serde(borrow)]
    thinking: Text<'a>,
}

#[derive(Deserialize)]
struct ToolUseBlock<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// Blocks of other kinds (the provider's own tools, thoughts that it keeps secret) have no place
/// in a chat.
fn read(blocks: Vec<&RawValue>) -> Result<Content, Unreadable> {
    let mut content = Content::default();
    for block in blocks {
        let Kind { kind } = parse(block)?;
        match kind.as_str() {
            "text" => content
                .text
                .push_str(parse::<TextBlock<'_>>(block)?.text.as_str()),
            "thinking" => {
                let thinking = parse::<ThinkingBlock<'_>>(block)?.thinking;
                content.reasoning.push_str(thinking.as_str());
            }
            "tool_use" => content.calls.push(call(parse(block)?)),
            _ => {}
        }
    }
    Ok(content)
}

fn call(block: ToolUseBlock<'_>) -> Call {
    let ToolUseBlock { id, name, input } = block;
    Call {
        id: id.as_str().to_owned(),
        name: name.as_str().to_owned(),
        arguments: input.map_or("{}", RawValue::get).to_owned(),
    }
}

fn parse<'a, T: Deserialize<'a>>(block: &'a RawValue) -> Result<T, Unreadable> {
    let object = serde_json::from_str(block.get());
    object.map(|Object(block)| block).map_err(|_| Unreadable)
}
