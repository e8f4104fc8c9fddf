//! `POST /v1/completions`: the request. Its answers are read as those of chat completions.

use super::chat_request::{replace_text, walk_identifiers};
use super::streaming::Streaming;
use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::splice::Splices;
use crate::text::{Channel, StoredObject, Text, TextKind};
use crate::value::{Members, Value, count, present};
use crate::walk::Walk;

/// A completions request, its top level read.
#[derive(Clone, Copy, Debug)]
pub struct CompletionsRequest<'a> {
    model: JsonText<'a>,
    streaming: Streaming<'a>,
    max_output_tokens: Option<u64>,
    choices: u64,
    rest: Members<'a, 4>,
}

impl<'a> CompletionsRequest<'a> {
    /// Reads the top level.
    ///
    /// # Errors
    ///
    /// [`BodyError`], as for a chat request.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let body = Value::of_body(body)?;
        let [model, stream, options, limit, n, rest @ ..] = body.request([
            "model",
            "stream",
            "stream_options",
            "max_tokens",
            "n",
            "prompt",
            "suffix",
            "user",
            "safety_identifier",
        ])?;
        Ok(Self {
            model: model
                .ok_or(BodyError::Missing("model"))?
                .as_text()
                .ok_or(BodyError::WrongType("model"))?,
            streaming: Streaming::read(body, stream, options)?,
            max_output_tokens: count(limit, "max_tokens")?,
            choices: count(n, "n")?.unwrap_or(1),
            rest,
        })
    }

    /// The model as the client names it.
    #[must_use]
    pub fn model(&self) -> JsonText<'a> {
        self.model
    }

    /// Whether the answer is to be a stream.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.streaming.stream()
    }

    /// Whether the client itself asks for the chunk with the usage at the stream's end.
    #[must_use]
    pub fn asks_usage(&self) -> bool {
        self.streaming.asks_usage()
    }

    /// The bound on output tokens of each choice.
    #[must_use]
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.max_output_tokens
    }

    /// How many answers are wanted to each prompt, `n`; 1 when it isn't given.
    #[must_use]
    pub fn choices(&self) -> u64 {
        self.choices
    }

    /// Prompts, the suffix, names of users. Prompts given as tokens are no texts: see
    /// [`has_token_input`](Self::has_token_input).
    ///
    /// # Errors
    ///
    /// [`BodyError`] when something can't be read.
    pub fn texts(&self) -> Result<Vec<Text<'a>>, BodyError> {
        let [prompt, suffix, user, safety_identifier] = self.rest;
        let mut walk = Walk::of_request();
        walk_inputs(&mut walk, prompt, "prompt")?;
        let channel = Channel {
            index: 0,
            part: 0,
            kind: TextKind::Content,
        };
        walk.text(channel, suffix, "suffix")?;
        walk_identifiers(&mut walk, user, safety_identifier)?;
        Ok(walk.texts)
    }

    /// Whether a prompt is given as token numbers, which no filter can read.
    #[must_use]
    pub fn has_token_input(&self) -> bool {
        let [prompt, ..] = self.rest;
        is_token_input(prompt)
    }

    /// This API names no stored objects.
    ///
    /// # Errors
    ///
    /// Never; the signature is that of its siblings.
    pub fn stored_objects(&self) -> Result<Vec<StoredObject>, BodyError> {
        Ok(Vec::new())
    }

    /// Names another model.
    #[must_use]
    pub fn set_model(&self, model: &str) -> Splices {
        replace_text(self.model, model)
    }

    /// Asks for usage at the stream's end, as for a chat request.
    #[must_use]
    pub fn request_usage(&self) -> Splices {
        self.streaming.request_usage()
    }
}

/// One input or several: strings, or tokens.
pub(crate) fn walk_inputs<'a>(
    walk: &mut Walk<'a>,
    value: Option<Value<'a>>,
    member: &'static str,
) -> Result<(), BodyError> {
    let of = |index| Channel {
        index,
        part: 0,
        kind: TextKind::Content,
    };
    match present(value) {
        Some(inputs) if inputs.is_array() => {
            walk.elements(Some(inputs), member, |walk, index, input| {
                if input.is_number() || input.is_array() {
                    return Ok(());
                }
                walk.text(of(index), Some(input), member)
            })
        }
        one => walk.text(of(0), one, member),
    }
}

/// Whether any input is a list of tokens: a number, or an array, in the array of inputs.
pub(crate) fn is_token_input(value: Option<Value<'_>>) -> bool {
    let Some(inputs) = value.filter(|value| value.is_array()) else {
        return false;
    };
    let mut tokens = false;
    let read = inputs.elements("", |_, input| {
        tokens |= input.is_number() || input.is_array();
        Ok(())
    });
    tokens || read.is_err()
}
