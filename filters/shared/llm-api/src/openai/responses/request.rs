//! The request.

use super::item::walk_item;
use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::model_choice::walk_tools;
use crate::openai::chat_request::{replace_text, walk_identifiers};
use crate::splice::Splices;
use crate::text::{Channel, StoredObject, Text, TextKind};
use crate::value::{Members, Value, count, flag, present};
use crate::walk::Walk;

/// A responses request, its top level read.
#[derive(Clone, Copy, Debug)]
pub struct ResponsesRequest<'a> {
    model: JsonText<'a>,
    stream: bool,
    store: bool,
    max_output_tokens: Option<u64>,
    said: Members<'a, 4>,
    stored: Members<'a, 3>,
    background: Option<Value<'a>>,
    tools: Option<Value<'a>>,
}

impl<'a> ResponsesRequest<'a> {
    /// Reads the top level.
    ///
    /// # Errors
    ///
    /// [`BodyError`], as for a chat request.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let [
            model,
            stream,
            store,
            limit,
            background,
            tools,
            input,
            instructions,
            user,
            safety_identifier,
            stored @ ..,
        ] = Value::of_body(body)?.request([
            "model",
            "stream",
            "store",
            "max_output_tokens",
            "background",
            "tools",
            "input",
            "instructions",
            "user",
            "safety_identifier",
            "previous_response_id",
            "conversation",
            "prompt",
        ])?;
        Ok(Self {
            model: model
                .ok_or(BodyError::Missing("model"))?
                .as_text()
                .ok_or(BodyError::WrongType("model"))?,
            stream: flag(stream, "stream")?.unwrap_or(false),
            store: flag(store, "store")?.unwrap_or(true),
            max_output_tokens: count(limit, "max_output_tokens")?,
            said: [input, instructions, user, safety_identifier],
            stored,
            background: background.filter(|_| flag(background, "background") != Ok(Some(false))),
            tools,
        })
    }

    /// The model as the client names it.
    #[must_use]
    pub fn model(&self) -> JsonText<'a> {
        self.model
    }

    /// Whether the answer is to be a stream. Its last event always has the usage.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the provider keeps the answer: unless `store` is `false`, it does.
    #[must_use]
    pub fn store(&self) -> bool {
        self.store
    }

    /// The bound on output tokens.
    #[must_use]
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.max_output_tokens
    }

    /// Instructions and input: messages, tool calls and their results, reasoning, names of users.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when something can't be read.
    pub fn texts(&self) -> Result<Vec<Text<'a>>, BodyError> {
        Ok(self.walk()?.texts)
    }

    /// Members that name objects stored at the provider: earlier responses, conversations,
    /// prompts, items, files, vector stores, containers; and `background`, whose answer can
    /// only be fetched as a stored one.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn stored_objects(&self) -> Result<Vec<StoredObject>, BodyError> {
        Ok(self.walk()?.stored)
    }

    /// Names another model.
    #[must_use]
    pub fn set_model(&self, model: &str) -> Splices {
        replace_text(self.model, model)
    }

    fn walk(&self) -> Result<Walk<'a>, BodyError> {
        let [input, instructions, user, safety_identifier] = self.said;
        let [previous, conversation, prompt] = self.stored;
        let mut walk = Walk::of_request();
        walk.stored_member("previous_response_id", previous)?;
        walk.stored_member("conversation", conversation)?;
        walk.stored_member("prompt", prompt)?;
        walk.stored_member("background", self.background)?;
        let channel = Channel {
            index: 0,
            part: 0,
            kind: TextKind::Content,
        };
        walk_identifiers(&mut walk, user, safety_identifier)?;
        walk.content(channel, instructions, "instructions")?;
        match present(input) {
            Some(items) if items.is_array() => walk.elements(input, "input", walk_item)?,
            text => walk.text(channel, text, "input")?,
        }
        walk_variables(&mut walk, prompt)?;
        walk.elements(self.tools, "tools", walk_tool)?;
        walk_tools(&mut walk, self.tools)?;
        Ok(walk)
    }
}

/// What a client fills into a stored prompt.
fn walk_variables<'a>(walk: &mut Walk<'a>, prompt: Option<Value<'a>>) -> Result<(), BodyError> {
    let Some(prompt) = present(prompt).filter(|prompt| prompt.is_object()) else {
        return Ok(());
    };
    let [variables] = prompt.members("prompt", ["variables"])?;
    if let Some(variables) = present(variables) {
        let channel = Channel {
            index: 0,
            part: 0,
            kind: TextKind::Content,
        };
        // Their names are the client's own, so nobody can ask for them by name.
        for text in variables.strings() {
            walk.push(channel, text)?;
        }
    }
    Ok(())
}

/// Tools of the provider's that work on stored objects. A function's parameters are the
/// client's own and name what they like.
fn walk_tool<'a>(walk: &mut Walk<'a>, _: u64, tool: Value<'a>) -> Result<(), BodyError> {
    if !tool.is_object() {
        return walk.wrong("tools");
    }
    let [kind, container] = tool.members("tools", ["type", "container"])?;
    let kind = kind.and_then(Value::as_text).map(|kind| kind.decode());
    if matches!(kind.as_deref(), Some("function" | "custom")) {
        return Ok(());
    }
    walk.stored_member(
        "container",
        container.filter(|container| container.as_text().is_some()),
    )?;
    walk.stored_in(tool, &["file_id", "file_ids", "vector_store_ids"])
}
