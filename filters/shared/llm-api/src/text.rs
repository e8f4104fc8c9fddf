//! The texts of a body, and which of them belong together.

use crate::json_text::JsonText;
use crate::span::Span;

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextKind {
    /// What somebody says: prompts, instructions, tool results, answers.
    Content,
    /// A model's refusal to answer.
    Refusal,
    /// A model's reasoning. In Anthropic requests it is signed: an edited one is refused.
    Reasoning,
    /// The arguments of a tool call: JSON inside the string. An edit must leave it JSON.
    ToolArguments,
    /// The input of a tool call that is free text or code.
    ToolInput,
    /// A name that the client gave somebody: `user`, `safety_identifier`, a message's `name`,
    /// `metadata.user_id`.
    Identifier,
}

/// Where texts belong: pieces of a stream with the same channel make one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    /// In a request the number of the message (of the item, of the input); in an answer that of
    /// the choice (OpenAI), the content block (Anthropic) or the output item (Responses).
    pub index: u64,
    /// Within that: the number of the content part or of the tool call; else 0.
    pub part: u64,
    /// What it is for.
    pub kind: TextKind,
}

/// A text of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Where it belongs.
    pub channel: Channel,
    /// What it says, and where.
    pub text: JsonText<'a>,
}

/// A member that names something the provider has stored. Under an account that tenants
/// share, one tenant could name another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// The member's name.
    pub member: &'static str,
    /// Where its value stands.
    pub span: Span,
}
