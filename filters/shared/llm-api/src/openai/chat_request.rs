//! `POST /v1/chat/completions`: the request.

use super::message::walk_message;
use super::streaming::Streaming;
use crate::body_error::BodyError;
use crate::json_text::{JsonText, encode_text};
use crate::model_choice::walk_tools;
use crate::span::Span;
use crate::splice::Splices;
use crate::text::{Channel, StoredObject, Text, TextKind};
use crate::value::{Members, Value, count, flag, text};
use crate::walk::Walk;

/// A chat request, its top level read; messages are read when asked for.
///
/// ```
/// use llm_api::openai::ChatRequest;
///
/// let body = br#"{"model":"fast","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
/// let request = ChatRequest::parse(body)?;
/// assert_eq!(request.texts()?[0].text.decode(), "Hi");
/// let edits = request.set_model("gpt-4.1-mini").merge(request.request_usage())?;
/// assert_eq!(
///     edits.apply(body),
///     br#"{"stream_options":{"include_usage":true},"model":"gpt-4.1-mini","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ChatRequest<'a> {
    model: JsonText<'a>,
    streaming: Streaming<'a>,
    max_output_tokens: Option<u64>,
    choices: u64,
    store: bool,
    rest: Members<'a, 7>,
}

impl<'a> ChatRequest<'a> {
    /// Reads the top level; all of the body is checked to be JSON.
    ///
    /// # Errors
    ///
    /// [`BodyError`]: no JSON object, a member that we read is given twice or has another type
    /// than the API gives it, or there is no `model`.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let body = Value::of_body(body)?;
        let [
            model,
            stream,
            options,
            completion_limit,
            limit,
            n,
            store,
            rest @ ..,
        ] = body.request([
            "model",
            "stream",
            "stream_options",
            "max_completion_tokens",
            "max_tokens",
            "n",
            "store",
            "messages",
            "prediction",
            "user",
            "safety_identifier",
            "previous_response_id",
            "conversation",
            "tools",
        ])?;
        let limit = count(limit, "max_tokens")?;
        Ok(Self {
            model: model
                .ok_or(BodyError::Missing("model"))?
                .as_text()
                .ok_or(BodyError::WrongType("model"))?,
            streaming: Streaming::read(body, stream, options)?,
            max_output_tokens: count(completion_limit, "max_completion_tokens")?.or(limit),
            choices: count(n, "n")?.unwrap_or(1),
            store: flag(store, "store")?.unwrap_or(false),
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

    /// Where the value of `stream_options` stands, if there is one.
    #[must_use]
    pub fn stream_options(&self) -> Option<Span> {
        self.streaming.options().map(Value::span)
    }

    /// Whether the client itself asks for the chunk with the usage at the stream's end.
    #[must_use]
    pub fn asks_usage(&self) -> bool {
        self.streaming.asks_usage()
    }

    /// The bound on output tokens of each choice: `max_completion_tokens`, else `max_tokens`.
    #[must_use]
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.max_output_tokens
    }

    /// How many answers are wanted, `n`; 1 when it isn't given.
    #[must_use]
    pub fn choices(&self) -> u64 {
        self.choices
    }

    /// Whether the provider is asked to keep the answer.
    #[must_use]
    pub fn store(&self) -> bool {
        self.store
    }

    /// All texts, of all roles: content (strings and parts), refusals, reasoning, arguments of
    /// tool calls, a predicted output, names.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when `messages` is missing, or something in it can't be read: then no one
    /// knows what would leave.
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

    /// Names another model.
    #[must_use]
    pub fn set_model(&self, model: &str) -> Splices {
        replace_text(self.model, model)
    }

    /// Asks for usage at the stream's end: adds `stream_options.include_usage`, or amends it.
    /// No edits when the client asks for it, or when the answer is no stream.
    #[must_use]
    pub fn request_usage(&self) -> Splices {
        self.streaming.request_usage()
    }

    fn walk(&self) -> Result<Walk<'a>, BodyError> {
        let [
            messages,
            prediction,
            user,
            safety_identifier,
            previous,
            conversation,
            tools,
        ] = self.rest;
        let mut walk = Walk::of_request();
        walk.stored_member("previous_response_id", previous)?;
        walk.stored_member("conversation", conversation)?;
        walk_identifiers(&mut walk, user, safety_identifier)?;
        let messages = messages.ok_or(BodyError::Missing("messages"))?;
        walk.elements(Some(messages), "messages", walk_message)?;
        if let Some(prediction) = prediction.filter(|prediction| prediction.is_object()) {
            let [content] = prediction.members("prediction", ["content"])?;
            let channel = Channel {
                index: 0,
                part: 0,
                kind: TextKind::Content,
            };
            walk.content(channel, content, "prediction")?;
        }
        walk_tools(&mut walk, tools)?;
        Ok(walk)
    }
}

/// A string replaced as a whole.
pub(crate) fn replace_text(old: JsonText<'_>, new: &str) -> Splices {
    let mut edits = Splices::new();
    // One edit can't overlap.
    let _ = edits.replace(old.span(), encode_text(new));
    edits
}

/// The names that a client gives its own users.
pub(crate) fn walk_identifiers<'a>(
    walk: &mut Walk<'a>,
    user: Option<Value<'a>>,
    safety_identifier: Option<Value<'a>>,
) -> Result<(), BodyError> {
    let channel = Channel {
        index: 0,
        part: 0,
        kind: TextKind::Identifier,
    };
    for (value, member) in [(user, "user"), (safety_identifier, "safety_identifier")] {
        if let Some(name) = text(value, member)? {
            walk.push(channel, name)?;
        }
    }
    Ok(())
}
