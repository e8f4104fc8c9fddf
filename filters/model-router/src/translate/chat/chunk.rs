//! One chunk of a streamed answer of chat completions, as it is written.

use event_stream::write_data;
use llm_api::Usage;
use serde::Serialize;

use super::answer::{FinishReason, Head, WireUsage};

/// What a chunk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delta<'a> {
    /// The answer begins.
    Role,
    Text(&'a str),
    Reasoning(&'a str),
    /// A call begins: the only chunk with its id and name, which SDKs would concatenate.
    CallBegins {
        index: u64,
        id: &'a str,
        name: &'a str,
    },
    Arguments {
        index: u64,
        piece: &'a str,
    },
    Finish(FinishReason),
}

/// Appends a chunk as an event. `asks_usage`: the client waits for a chunk with the usage, and
/// every other one says that it isn't it.
pub(crate) fn write(out: &mut Vec<u8>, head: &Head, asks_usage: bool, delta: Delta<'_>) {
    let finish_reason = match delta {
        Delta::Finish(reason) => Some(reason),
        _ => None,
    };
    let choice = Choice {
        index: 0,
        delta: WireDelta::of(delta),
        logprobs: None,
        finish_reason,
    };
    let usage = asks_usage.then_some(None);
    write_chunk(out, head, &[choice], usage);
}

/// Appends the chunk with the usage, which comes after the finish and has no choices.
pub(crate) fn write_usage(out: &mut Vec<u8>, head: &Head, usage: Usage) {
    write_chunk(out, head, &[], Some(Some(usage.into())));
}

/// Appends the event that ends a stream.
pub(crate) fn write_done(out: &mut Vec<u8>) {
    write_data(out, b"[DONE]");
}

fn write_chunk(
    out: &mut Vec<u8>,
    head: &Head,
    choices: &[Choice<'_>],
    usage: Option<Option<WireUsage>>,
) {
    let chunk = Wire {
        id: &head.id,
        object: "chat.completion.chunk",
        created: head.created,
        model: &head.model,
        choices,
        usage,
    };
    // Serialising text and numbers can't fail.
    write_data(out, &serde_json::to_vec(&chunk).unwrap_or_default());
}

#[derive(Serialize)]
struct Wire<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<WireUsage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u64,
    delta: WireDelta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<FinishReason>,
}

#[derive(Serialize, Default)]
struct WireDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[WireCall<'a>; 1]>,
}

#[derive(Serialize)]
struct WireCall<'a> {
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl<'a> WireDelta<'a> {
    fn of(delta: Delta<'a>) -> Self {
        let nothing = Self::default();
        match delta {
            Delta::Role => Self {
                role: Some("assistant"),
                content: Some(""),
                ..nothing
            },
            Delta::Text(text) => Self {
                content: Some(text),
                ..nothing
            },
            Delta::Reasoning(text) => Self {
                reasoning_content: Some(text),
                ..nothing
            },
            Delta::CallBegins { index, id, name } => Self {
                tool_calls: Some([WireCall {
                    index,
                    id: Some(id),
                    kind: Some("function"),
                    function: WireFunction {
                        name: Some(name),
                        arguments: "",
                    },
                }]),
                ..nothing
            },
            Delta::Arguments { index, piece } => Self {
                tool_calls: Some([WireCall {
                    index,
                    id: None,
                    kind: None,
                    function: WireFunction {
                        name: None,
                        arguments: piece,
                    },
                }]),
                ..nothing
            },
            Delta::Finish(_) => nothing,
        }
    }
}
