//! An item of an input or output: a message, a tool call, a tool's result, reasoning.

use crate::body_error::BodyError;
use crate::text::{Channel, TextKind};
use crate::value::{Value, present};
use crate::walk::Walk;

/// Gathers the texts of item number `index`.
pub(super) fn walk_item<'a>(
    walk: &mut Walk<'a>,
    index: u64,
    item: Value<'a>,
) -> Result<(), BodyError> {
    if !item.is_object() {
        return walk.wrong("input");
    }
    let [
        kind,
        role,
        id,
        content,
        output,
        arguments,
        input,
        code,
        summary,
        text,
    ] = item.members(
        "input",
        [
            "type",
            "role",
            "id",
            "content",
            "output",
            "arguments",
            "input",
            "code",
            "summary",
            "text",
        ],
    )?;
    let kind = kind.and_then(Value::as_text).map(|kind| kind.decode());
    let of = |kind| Channel {
        index,
        part: 0,
        kind,
    };
    let is_reference = match kind.as_deref() {
        Some("item_reference") => true,
        // The type may be left out: an id and nothing else.
        None => role.is_none() && content.is_none(),
        Some(_) => false,
    };
    if is_reference {
        walk.stored_member("item_reference", id)?;
    }
    let said = if kind.as_deref() == Some("reasoning") {
        TextKind::Reasoning
    } else {
        TextKind::Content
    };
    walk.content(of(said), content, "content")?;
    walk.content(of(said), output, "output")?;
    walk.content(of(TextKind::Reasoning), summary, "summary")?;
    walk.text(of(TextKind::ToolArguments), arguments, "arguments")?;
    walk.text(of(TextKind::ToolInput), input, "input")?;
    walk.text(of(TextKind::ToolInput), code, "code")?;
    if let Some(text) = present(text).and_then(Value::as_text) {
        walk.push(of(said), text)?;
    }
    Ok(())
}
