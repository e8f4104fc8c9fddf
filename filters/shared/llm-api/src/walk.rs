//! Gathers texts and stored objects while a body is walked.

use crate::body_error::{BodyError, Plenty};
use crate::json_text::JsonText;
use crate::span::Span;
use crate::text::{Channel, StoredObject, Text, TextKind};
use crate::value::{Value, present};

/// What a walk found so far.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) texts: Vec<Text<'a>>,
    pub(crate) stored: Vec<StoredObject>,
    rigour: Rigour,
}

/// What to do about a member of a type that the API does not give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rigour {
    /// Refuse the body: what can't be read must not leave.
    Request,
    /// Pass over it: an answer may be newer than we are.
    Answer,
}

/// Content in content: a tool's result in a message, a document in it, its parts.
const MAX_DEPTH: u8 = 6;

impl<'a> Walk<'a> {
    pub(crate) fn of_request() -> Self {
        Self::new(Rigour::Request)
    }

    pub(crate) fn of_answer() -> Self {
        Self::new(Rigour::Answer)
    }

    fn new(rigour: Rigour) -> Self {
        Self {
            texts: Vec::new(),
            stored: Vec::new(),
            rigour,
        }
    }

    pub(crate) fn wrong(&self, member: &'static str) -> Result<(), BodyError> {
        match self.rigour {
            Rigour::Request => Err(BodyError::WrongType(member)),
            Rigour::Answer => Ok(()),
        }
    }

    pub(crate) fn push(&mut self, channel: Channel, text: JsonText<'a>) -> Result<(), BodyError> {
        Plenty::Texts.push(&mut self.texts, Text { channel, text })
    }

    /// A member that is a string, `null` or absent.
    pub(crate) fn text(
        &mut self,
        channel: Channel,
        value: Option<Value<'a>>,
        member: &'static str,
    ) -> Result<(), BodyError> {
        let Some(value) = present(value) else {
            return Ok(());
        };
        match value.as_text() {
            Some(text) => self.push(channel, text),
            None => self.wrong(member),
        }
    }

    /// An array, `null` or absent.
    pub(crate) fn elements(
        &mut self,
        value: Option<Value<'a>>,
        member: &'static str,
        mut each: impl FnMut(&mut Self, u64, Value<'a>) -> Result<(), BodyError>,
    ) -> Result<(), BodyError> {
        match present(value) {
            None => Ok(()),
            Some(array) if array.is_array() => {
                array.elements(member, |number, element| each(self, number, element))
            }
            Some(_) => self.wrong(member),
        }
    }

    /// Content as all APIs write it: a string, or an array of parts. A part is a string (vLLM
    /// takes that) or an object whose text, of whatever type, stands in a few known members.
    pub(crate) fn content(
        &mut self,
        channel: Channel,
        value: Option<Value<'a>>,
        member: &'static str,
    ) -> Result<(), BodyError> {
        self.content_within(channel, value, member, MAX_DEPTH)
    }

    fn content_within(
        &mut self,
        channel: Channel,
        value: Option<Value<'a>>,
        member: &'static str,
        depth: u8,
    ) -> Result<(), BodyError> {
        let Some(value) = present(value) else {
            return Ok(());
        };
        let depth = depth.checked_sub(1).ok_or(BodyError::TooDeep(member))?;
        if !value.is_array() {
            return self.part(channel, value, member, depth);
        }
        self.elements(Some(value), member, |walk, part, element| {
            // Below the first level parts keep the number of the part that they are in.
            let part = if depth + 1 == MAX_DEPTH {
                part
            } else {
                channel.part
            };
            walk.part(Channel { part, ..channel }, element, member, depth)
        })
    }

    fn part(
        &mut self,
        channel: Channel,
        part: Value<'a>,
        member: &'static str,
        depth: u8,
    ) -> Result<(), BodyError> {
        if let Some(text) = part.as_text() {
            return self.push(channel, text);
        }
        if !part.is_object() {
            return self.wrong(member);
        }
        let [
            kind,
            text,
            refusal,
            thinking,
            content,
            source,
            title,
            context,
        ] = part.members(
            member,
            [
                "type", "text", "refusal", "thinking", "content", "source", "title", "context",
            ],
        )?;
        let of = |kind| Channel { kind, ..channel };
        self.text(channel, text, "text")?;
        self.text(of(TextKind::Refusal), refusal, "refusal")?;
        self.content_within(of(TextKind::Reasoning), thinking, "thinking", depth)?;
        self.text(channel, title, "title")?;
        self.text(channel, context, "context")?;
        self.content_within(channel, content, "content", depth)?;
        self.source(channel, source, depth)?;
        // A tool's `input` is the tool's own: it may name what it likes.
        if !kind.and_then(Value::as_text).is_some_and(is_tool_use) {
            self.stored_in(part, &["file_id"])?;
        }
        Ok(())
    }

    /// The source of a document: text, content, or something that is neither. A search result's
    /// source is a string, the address of a page.
    fn source(
        &mut self,
        channel: Channel,
        source: Option<Value<'a>>,
        depth: u8,
    ) -> Result<(), BodyError> {
        let Some(source) = present(source).filter(|source| source.is_object()) else {
            return Ok(());
        };
        let [kind, text, content] = source.members("source", ["type", "data", "content"])?;
        if kind
            .and_then(Value::as_text)
            .is_some_and(|kind| kind.is("text"))
        {
            self.text(channel, text, "data")?;
        }
        self.content_within(channel, content, "content", depth)
    }

    /// A top-level member that names a stored object.
    pub(crate) fn stored_member(
        &mut self,
        member: &'static str,
        value: Option<Value<'a>>,
    ) -> Result<(), BodyError> {
        match present(value) {
            Some(value) => self.store(member, value.span()),
            None => Ok(()),
        }
    }

    /// Members of these names anywhere inside `value`.
    pub(crate) fn stored_in(
        &mut self,
        value: Value<'a>,
        names: &'static [&'static str],
    ) -> Result<(), BodyError> {
        value.each_named(names, |member, span| self.store(member, span))
    }

    fn store(&mut self, member: &'static str, span: Span) -> Result<(), BodyError> {
        Plenty::StoredObjects.push(&mut self.stored, StoredObject { member, span })
    }
}

/// Whether a block of that type calls a tool.
pub(crate) fn is_tool_use(kind: JsonText<'_>) -> bool {
    ["tool_use", "server_tool_use", "mcp_tool_use"]
        .into_iter()
        .any(|tool_use| kind.is(tool_use))
}
