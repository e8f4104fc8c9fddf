//! `POST /v1/embeddings`: request and answer.

use super::chat_request::{replace_text, walk_identifiers};
use super::completions::{is_token_input, walk_inputs};
use super::message::walk_message;
use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::splice::Splices;
use crate::text::{StoredObject, Text};
use crate::usage::Usage;
use crate::value::{Members, Value};
use crate::walk::Walk;

/// An embeddings request, its top level read.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingsRequest<'a> {
    model: JsonText<'a>,
    rest: Members<'a, 3>,
    messages: Option<Value<'a>>,
}

impl<'a> EmbeddingsRequest<'a> {
    /// Reads the top level.
    ///
    /// # Errors
    ///
    /// [`BodyError`], as for a chat request.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let [model, messages, rest @ ..] = Value::of_body(body)?.request([
            "model",
            // vLLM embeds chats too.
            "messages",
            "input",
            "user",
            "safety_identifier",
        ])?;
        Ok(Self {
            model: model
                .ok_or(BodyError::Missing("model"))?
                .as_text()
                .ok_or(BodyError::WrongType("model"))?,
            rest,
            messages,
        })
    }

    /// The model as the client names it.
    #[must_use]
    pub fn model(&self) -> JsonText<'a> {
        self.model
    }

    /// The inputs and names of users. Inputs given as tokens are no texts: see
    /// [`has_token_input`](Self::has_token_input).
    ///
    /// # Errors
    ///
    /// [`BodyError`] when something can't be read.
    pub fn texts(&self) -> Result<Vec<Text<'a>>, BodyError> {
        Ok(self.walk()?.texts)
    }

    /// Members that name objects stored at the provider.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn stored_objects(&self) -> Result<Vec<StoredObject>, BodyError> {
        Ok(self.walk()?.stored)
    }

    /// Whether an input is given as token numbers, which no filter can read.
    #[must_use]
    pub fn has_token_input(&self) -> bool {
        let [input, ..] = self.rest;
        is_token_input(input)
    }

    /// Names another model.
    #[must_use]
    pub fn set_model(&self, model: &str) -> Splices {
        replace_text(self.model, model)
    }

    fn walk(&self) -> Result<Walk<'a>, BodyError> {
        let [input, user, safety_identifier] = self.rest;
        let mut walk = Walk::of_request();
        walk_inputs(&mut walk, input, "input")?;
        walk_identifiers(&mut walk, user, safety_identifier)?;
        walk.elements(self.messages, "messages", walk_message)?;
        Ok(walk)
    }
}

/// An embeddings answer: who answered and what it cost. The vectors are skipped.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingsResponse<'a> {
    /// The model that answered.
    pub model: Option<JsonText<'a>>,
    /// What it cost.
    pub usage: Option<Usage>,
}

impl<'a> EmbeddingsResponse<'a> {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object, or a member that we read is given twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let [model, usage] = Value::of_body(body)?.object(["model", "usage"])?;
        Ok(Self {
            model: model.and_then(Value::as_text),
            usage: Usage::of_openai(usage)?,
        })
    }
}
