//! `POST /v1/messages` and `/v1/messages/count_tokens`: the request.

use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::model_choice::walk_tools;
use crate::openai::chat_request::replace_text;
use crate::splice::Splices;
use crate::text::{Channel, StoredObject, Text, TextKind};
use crate::value::{Members, Value, count, flag, present};
use crate::walk::{Walk, is_tool_use};

/// A Messages request, its top level read; messages are read when asked for.
///
/// ```
/// use llm_api::anthropic::MessagesRequest;
///
/// let body = br#"{"model":"claude","max_tokens":9,"system":"Be brief","messages":[
///     {"role":"user","content":[{"type":"text","text":"Hi"}]}]}"#;
/// let request = MessagesRequest::parse(body)?;
/// let said: Vec<_> = request.texts()?.iter().map(|text| text.text.decode()).collect();
/// assert_eq!(said, ["Be brief", "Hi"]);
/// # Ok::<(), llm_api::BodyError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MessagesRequest<'a> {
    model: JsonText<'a>,
    stream: bool,
    max_tokens: Option<u64>,
    rest: Members<'a, 5>,
}

impl<'a> MessagesRequest<'a> {
    /// Reads the top level; all of the body is checked to be JSON.
    ///
    /// # Errors
    ///
    /// [`BodyError`], as for a chat request. A missing `max_tokens` is none: `count_tokens`
    /// has no such member, and the provider will say so.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let [model, stream, max_tokens, rest @ ..] = Value::of_body(body)?.request([
            "model",
            "stream",
            "max_tokens",
            "system",
            "messages",
            "metadata",
            "container",
            "tools",
        ])?;
        Ok(Self {
            model: model
                .ok_or(BodyError::Missing("model"))?
                .as_text()
                .ok_or(BodyError::WrongType("model"))?,
            stream: flag(stream, "stream")?.unwrap_or(false),
            max_tokens: count(max_tokens, "max_tokens")?,
            rest,
        })
    }

    /// The model as the client names it.
    #[must_use]
    pub fn model(&self) -> JsonText<'a> {
        self.model
    }

    /// Whether the answer is to be a stream. It always reports usage.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// The bound on output tokens.
    #[must_use]
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.max_tokens
    }

    /// The system prompt and all texts of the messages: strings, blocks, thinking, and what
    /// tools answered, documents and search results among it. What a tool is asked (`input`)
    /// is not here: see [`tool_inputs`](Self::tool_inputs).
    ///
    /// # Errors
    ///
    /// [`BodyError`] when `messages` is missing, or something in it can't be read: then no one
    /// knows what would leave.
    pub fn texts(&self) -> Result<Vec<Text<'a>>, BodyError> {
        Ok(self.walk()?.texts)
    }

    /// Members that name objects stored at the provider: files and containers.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn stored_objects(&self) -> Result<Vec<StoredObject>, BodyError> {
        Ok(self.walk()?.stored)
    }

    /// The strings inside the `input` of every tool call, members' names left out. They are
    /// the tool's own arguments, at any depth; each may be replaced by another string.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn tool_inputs(&self) -> Result<Vec<Text<'a>>, BodyError> {
        let [_, messages, ..] = self.rest;
        let mut walk = Walk::of_request();
        walk.elements(messages, "messages", |walk, index, message| {
            let [content] = message.members("messages", ["content"])?;
            let blocks = content.filter(|content| content.is_array());
            walk.elements(blocks, "content", |walk, part, block| {
                if block.is_object() {
                    walk_input(walk, index, part, block)?;
                }
                Ok(())
            })
        })?;
        Ok(walk.texts)
    }

    /// Names another model.
    #[must_use]
    pub fn set_model(&self, model: &str) -> Splices {
        replace_text(self.model, model)
    }

    fn walk(&self) -> Result<Walk<'a>, BodyError> {
        let [system, messages, metadata, container, tools] = self.rest;
        let mut walk = Walk::of_request();
        let first = Channel {
            index: 0,
            part: 0,
            kind: TextKind::Content,
        };
        walk.stored_member("container", container)?;
        if let Some(metadata) = present(metadata).filter(|metadata| metadata.is_object()) {
            let [user_id] = metadata.members("metadata", ["user_id"])?;
            let kind = TextKind::Identifier;
            walk.text(Channel { kind, ..first }, user_id, "user_id")?;
        }
        walk.content(first, system, "system")?;
        let messages = messages.ok_or(BodyError::Missing("messages"))?;
        walk.elements(Some(messages), "messages", |walk, index, message| {
            if !message.is_object() {
                return walk.wrong("messages");
            }
            let [content] = message.members("messages", ["content"])?;
            walk.content(Channel { index, ..first }, content, "content")
        })?;
        walk_tools(&mut walk, tools)?;
        Ok(walk)
    }
}

fn walk_input<'a>(
    walk: &mut Walk<'a>,
    index: u64,
    part: u64,
    block: Value<'a>,
) -> Result<(), BodyError> {
    let [kind, input] = block.members("content", ["type", "input"])?;
    let is_tool_use = kind.and_then(Value::as_text).is_some_and(is_tool_use);
    let kind = TextKind::ToolInput;
    if let Some(input) = input.filter(|_| is_tool_use) {
        for text in input.strings() {
            walk.push(Channel { index, part, kind }, text)?;
        }
    }
    Ok(())
}
