//! The messages of a chat request.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::translate::object::Object;
use crate::translate::text::Text;
use crate::translate::untranslatable::Untranslatable;

/// One message of a conversation.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// Of the role `system` or `developer`: instructions.
    Instructions(Vec<Part<'a>>),
    User(Vec<Part<'a>>),
    Assistant {
        parts: Vec<Part<'a>>,
        calls: Vec<ToolCall<'a>>,
    },
    /// What a tool gave back for one call.
    Tool {
        call_id: Text<'a>,
        content: ToolContent<'a>,
        cache_control: Option<&'a RawValue>,
    },
}

/// The result of a tool, in the form that the client gave it.
#[derive(Debug)]
pub(crate) enum ToolContent<'a> {
    Text(Text<'a>),
    Parts(Vec<Part<'a>>),
}

/// One part of a message's content.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) kind: PartKind<'a>,
    /// Anthropic's mark for its prompt cache, which clients of several providers add.
    pub(crate) cache_control: Option<&'a RawValue>,
}

/// What a part is.
#[derive(Debug)]
pub(crate) enum PartKind<'a> {
    Text(Text<'a>),
    /// An image by its URL, which may be a `data:` URI.
    Image(Text<'a>),
    /// A file as a `data:` URI.
    File(Text<'a>),
    /// Thoughts of an earlier answer, which only the model that had them can take back.
    Thought,
}

/// A call of a function that the model made.
#[derive(Debug)]
pub(crate) struct ToolCall<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) name: Text<'a>,
    /// JSON as text, as the model wrote it.
    pub(crate) arguments: Text<'a>,
    pub(crate) cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireMessage<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Object<WireToolCall<'a>>>>,
    #[serde(borrow)]
    tool_call_id: Option<Text<'a>>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireToolCall<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    function: Option<Object<WireFunctionCall<'a>>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireFunctionCall<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Text<'a>,
}

#[derive(Deserialize)]
struct WirePart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<Object<WireImage<'a>>>,
    #[serde(borrow)]
    file: Option<Object<WireFile<'a>>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireImage<'a> {
    #[serde(borrow)]
    url: Text<'a>,
}

#[derive(Deserialize)]
struct WireFile<'a> {
    #[serde(borrow)]
    file_data: Option<Text<'a>>,
}

/// Reads the member `messages`.
pub(crate) fn read(messages: &RawValue) -> Result<Vec<Message<'_>>, Untranslatable> {
    let messages: Vec<Object<WireMessage<'_>>> =
        serde_json::from_str(messages.get()).map_err(|_| malformed())?;
    messages.into_iter().map(message).collect()
}

fn message(Object(wire): Object<WireMessage<'_>>) -> Result<Message<'_>, Untranslatable> {
    let WireMessage {
        role,
        content,
        refusal,
        tool_calls,
        tool_call_id,
        function_call,
        audio,
        cache_control,
    } = wire;
    if function_call.is_some() || role.as_str() == "function" {
        return Err(unsupported(
            "Use `tools` and `tool_calls` in place of functions.",
        ));
    }
    if audio.is_some() {
        return Err(unsupported("This model takes no audio."));
    }
    if role.as_str() == "tool" {
        return Ok(Message::Tool {
            call_id: tool_call_id.ok_or(malformed())?,
            content: tool_content(content)?,
            cache_control,
        });
    }
    let mut parts = parts(content)?;
    match role.as_str() {
        "system" | "developer" => Ok(Message::Instructions(parts)),
        "user" => Ok(Message::User(parts)),
        "assistant" => {
            parts.extend(refusal.map(Part::text));
            let calls = tool_calls.unwrap_or_default().into_iter().map(tool_call);
            Ok(Message::Assistant {
                parts,
                calls: calls.collect::<Result<_, _>>()?,
            })
        }
        _ => Err(malformed()),
    }
}

fn tool_call(Object(wire): Object<WireToolCall<'_>>) -> Result<ToolCall<'_>, Untranslatable> {
    let WireToolCall {
        id,
        function,
        cache_control,
    } = wire;
    let function = function.ok_or(unsupported("This model only calls functions."))?;
    let Object(WireFunctionCall { name, arguments }) = function;
    Ok(ToolCall {
        id,
        name,
        arguments,
        cache_control,
    })
}

/// A string, `null`, or an array of parts.
fn parts(content: Option<&RawValue>) -> Result<Vec<Part<'_>>, Untranslatable> {
    let Some(content) = content.map(RawValue::get) else {
        return Ok(Vec::new());
    };
    if content.starts_with('"') {
        let text = serde_json::from_str(content).map_err(|_| malformed())?;
        return Ok(vec![Part::text(text)]);
    }
    let parts: Vec<Object<WirePart<'_>>> =
        serde_json::from_str(content).map_err(|_| malformed())?;
    parts.into_iter().map(part).collect()
}

fn tool_content(content: Option<&RawValue>) -> Result<ToolContent<'_>, Untranslatable> {
    match content {
        Some(text) if text.get().starts_with('"') => {
            let text = serde_json::from_str(text.get()).map_err(|_| malformed())?;
            Ok(ToolContent::Text(text))
        }
        other => parts(other).map(ToolContent::Parts),
    }
}

fn part(Object(wire): Object<WirePart<'_>>) -> Result<Part<'_>, Untranslatable> {
    let WirePart {
        kind,
        text,
        refusal,
        image_url,
        file,
        cache_control,
    } = wire;
    let kind = match kind.as_str() {
        "text" => PartKind::Text(text.ok_or(malformed())?),
        "refusal" => PartKind::Text(refusal.ok_or(malformed())?),
        "image_url" => PartKind::Image(image_url.ok_or(malformed())?.0.url),
        "file" => {
            let Object(WireFile { file_data }) = file.ok_or(malformed())?;
            let unsupported = unsupported("Files must be given as `file_data`.");
            PartKind::File(file_data.ok_or(unsupported)?)
        }
        "thinking" | "redacted_thinking" => PartKind::Thought,
        "input_audio" => return Err(unsupported("This model takes no audio.")),
        _ => return Err(unsupported("A content part is of an unknown type.")),
    };
    Ok(Part {
        kind,
        cache_control,
    })
}

impl<'a> Part<'a> {
    fn text(text: Text<'a>) -> Self {
        Self {
            kind: PartKind::Text(text),
            cache_control: None,
        }
    }
}

fn malformed() -> Untranslatable {
    Untranslatable::Malformed("messages")
}

fn unsupported(message: &'static str) -> Untranslatable {
    Untranslatable::Unsupported {
        member: "messages",
        message,
    }
}
