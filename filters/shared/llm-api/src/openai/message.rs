//! A chat message, whole or as a delta: the same members in requests, answers and chunks.

use crate::body_error::BodyError;
use crate::text::{Channel, TextKind};
use crate::value::Value;
use crate::walk::Walk;

/// Gathers the texts of message or choice number `index`.
pub(crate) fn walk_message<'a>(
    walk: &mut Walk<'a>,
    index: u64,
    message: Value<'a>,
) -> Result<(), BodyError> {
    if !message.is_object() {
        return walk.wrong("messages");
    }
    let [
        content,
        refusal,
        reasoning_content,
        reasoning,
        tool_calls,
        function_call,
        name,
        audio,
    ] = message.members(
        "messages",
        [
            "content",
            "refusal",
            "reasoning_content",
            "reasoning",
            "tool_calls",
            "function_call",
            "name",
            "audio",
        ],
    )?;
    let of = |kind| Channel {
        index,
        part: 0,
        kind,
    };
    walk.text(of(TextKind::Identifier), name, "name")?;
    // Not official, but what DeepSeek and older vLLM, newer vLLM and OpenRouter write.
    walk.text(
        of(TextKind::Reasoning),
        reasoning_content,
        "reasoning_content",
    )?;
    walk.text(of(TextKind::Reasoning), reasoning, "reasoning")?;
    walk.content(of(TextKind::Content), content, "content")?;
    walk.text(of(TextKind::Refusal), refusal, "refusal")?;
    walk.elements(tool_calls, "tool_calls", |walk, number, call| {
        walk_tool_call(walk, index, number, call)
    })?;
    if let Some(call) = function_call.filter(|call| call.is_object()) {
        let [arguments] = call.members("function_call", ["arguments"])?;
        walk.text(of(TextKind::ToolArguments), arguments, "arguments")?;
    }
    if let Some(audio) = audio.filter(|audio| audio.is_object()) {
        let [id, transcript] = audio.members("audio", ["id", "transcript"])?;
        walk.text(of(TextKind::Content), transcript, "transcript")?;
        walk.stored_member("audio", id)?;
    }
    Ok(())
}

fn walk_tool_call<'a>(
    walk: &mut Walk<'a>,
    index: u64,
    number: u64,
    call: Value<'a>,
) -> Result<(), BodyError> {
    if !call.is_object() {
        return walk.wrong("tool_calls");
    }
    let [own_number, function, custom] =
        call.members("tool_calls", ["index", "function", "custom"])?;
    let part = own_number.and_then(Value::as_count).unwrap_or(number);
    let of = |kind| Channel { index, part, kind };
    if let Some(function) = function.filter(|function| function.is_object()) {
        let [arguments] = function.members("function", ["arguments"])?;
        walk.text(of(TextKind::ToolArguments), arguments, "arguments")?;
    }
    if let Some(custom) = custom.filter(|custom| custom.is_object()) {
        let [input] = custom.members("custom", ["input"])?;
        walk.text(of(TextKind::ToolInput), input, "input")?;
    }
    Ok(())
}
