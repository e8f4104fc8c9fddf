//! A chat's messages as Anthropic's turns.
//!
//! Instructions stand apart from the turns, wherever the chat had them. Turns alternate: messages
//! that follow each other with the same role become one. All results of an assistant's calls go
//! into the user's turn that follows, before anything that the user says there.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::block::{Block, ResultContent, Source};
use crate::translate::chat::message::{Message, Part, PartKind, ToolCall, ToolContent};
use crate::translate::text::Text;
use crate::translate::untranslatable::Untranslatable;

/// A chat's messages, as this API takes them.
#[derive(Debug, Default)]
pub(crate) struct Conversation<'a> {
    /// Text blocks only.
    pub(crate) system: Vec<Block<'a>>,
    /// Alternating, the first of them the user's, none empty.
    pub(crate) turns: Vec<Turn<'a>>,
}

/// What one side says before the other one answers.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) content: Vec<Block<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    User,
    Assistant,
}

impl<'a> Conversation<'a> {
    /// Turns a chat's messages into turns.
    ///
    /// # Errors
    /// What has no counterpart, or says nothing at all.
    pub(crate) fn of(messages: Vec<Message<'a>>) -> Result<Self, Untranslatable> {
        let mut draft = Draft::default();
        for message in messages {
            draft.add(message)?;
        }
        let mut conversation = draft.finish();
        if conversation.turns.is_empty() {
            // Nobody has said anything.
            return Err(Untranslatable::Malformed("messages"));
        }
        conversation.begin_with_the_user();
        conversation.trim_the_end();
        Ok(conversation)
    }

    /// Whether the conversation goes on after calls of the assistant's: with thinking on, this
    /// API then wants the thoughts that led to the calls, which a chat doesn't carry.
    pub(crate) fn is_amid_calls(&self) -> bool {
        let result = |block: &Block<'_>| matches!(block, Block::ToolResult { .. });
        self.turns
            .last()
            .is_some_and(|turn| turn.content.iter().any(result))
    }

    /// This API takes no conversation that the assistant begins; chats with a greeting do.
    fn begin_with_the_user(&mut self) {
        if self
            .turns
            .first()
            .is_some_and(|turn| turn.role == Role::Assistant)
        {
            let opening = Turn {
                role: Role::User,
                content: vec![Block::text(Cow::Borrowed(OPENING))],
            };
            self.turns.insert(0, opening);
        }
    }

    /// An assistant's last turn is the beginning of the answer; this API refuses white space at
    /// its end.
    fn trim_the_end(&mut self) {
        let Some(Turn {
            role: Role::Assistant,
            content,
        }) = self.turns.last_mut()
        else {
            return;
        };
        if let Some(Block::Text { text, .. }) = content.last_mut() {
            let kept = text.trim_end().len();
            match text {
                Cow::Borrowed(borrowed) => *borrowed = borrowed.trim_end(),
                Cow::Owned(owned) => owned.truncate(kept),
            }
        }
    }
}

/// A conversation whose last turn may still grow.
#[derive(Default)]
struct Draft<'a> {
    system: Vec<Block<'a>>,
    turns: Vec<Turn<'a>>,
    /// The user's turn after `turns`; empty while it is the assistant's.
    user: UserTurn<'a>,
}

/// A user's turn, in two parts until it ends: to put each result in its place among what the user
/// says would take time in the square of the messages' number.
#[derive(Default)]
struct UserTurn<'a> {
    results: Vec<Block<'a>>,
    said: Vec<Block<'a>>,
}

impl<'a> Draft<'a> {
    fn add(&mut self, message: Message<'a>) -> Result<(), Untranslatable> {
        match message {
            Message::Instructions(parts) => self.system.extend(instructions(parts)?),
            Message::User(parts) => self.user.said.extend(blocks(parts)?),
            Message::Assistant { parts, calls } => {
                let mut content = blocks(parts)?;
                for call in calls {
                    content.push(tool_use(call)?);
                }
                self.assistant(content);
            }
            Message::Tool {
                call_id,
                content,
                cache_control,
            } => {
                let result = tool_result(call_id, content, cache_control)?;
                self.user.results.push(result);
            }
        }
        Ok(())
    }

    fn assistant(&mut self, content: Vec<Block<'a>>) {
        if content.is_empty() {
            return;
        }
        self.end_the_users();
        match self.turns.last_mut() {
            Some(turn) if turn.role == Role::Assistant => turn.content.extend(content),
            _ => self.turns.push(Turn {
                role: Role::Assistant,
                content,
            }),
        }
    }

    /// Results stand before all else in their turn, in their own order.
    fn end_the_users(&mut self) {
        let UserTurn { results, said } = std::mem::take(&mut self.user);
        let mut content = results;
        content.extend(said);
        if !content.is_empty() {
            let role = Role::User;
            self.turns.push(Turn { role, content });
        }
    }

    fn finish(mut self) -> Conversation<'a> {
        self.end_the_users();
        let Self { system, turns, .. } = self;
        Conversation { system, turns }
    }
}

/// Says as little as a turn can.
const OPENING: &str = ".";

fn instructions(parts: Vec<Part<'_>>) -> Result<Vec<Block<'_>>, Untranslatable> {
    let blocks = blocks(parts)?;
    if blocks
        .iter()
        .all(|block| matches!(block, Block::Text { .. }))
    {
        return Ok(blocks);
    }
    Err(unsupported("Instructions must be text."))
}

/// This API refuses texts that are empty or only white space.
fn blocks(parts: Vec<Part<'_>>) -> Result<Vec<Block<'_>>, Untranslatable> {
    let blocks = parts.into_iter().map(block);
    blocks.filter_map(Result::transpose).collect()
}

fn block(part: Part<'_>) -> Result<Option<Block<'_>>, Untranslatable> {
    let Part {
        kind,
        cache_control,
    } = part;
    Ok(match kind {
        PartKind::Text(text) => (!text.as_str().trim().is_empty()).then(|| Block::Text {
            text: text.into_inner(),
            cache_control,
        }),
        PartKind::Image(url) => Some(Block::Image {
            source: image(url)?,
            cache_control,
        }),
        PartKind::File(uri) => Some(Block::Document {
            source: document(&uri)?,
            cache_control,
        }),
        PartKind::Thought => None,
    })
}

const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

fn image(url: Text<'_>) -> Result<Source<'_>, Untranslatable> {
    if url.as_str().starts_with("https://") || url.as_str().starts_with("http://") {
        let url = url.into_inner();
        return Ok(Source::Url { url });
    }
    let (media_type, data) = data_uri(&url)?;
    let media_type = match media_type {
        // Not registered, and widely written.
        "image/jpg" => "image/jpeg",
        other => other,
    };
    if !IMAGES.contains(&media_type) {
        return Err(unsupported(
            "This model takes images as JPEG, PNG, GIF or WebP.",
        ));
    }
    Ok(Source::Base64 {
        media_type: Cow::Owned(media_type.to_owned()),
        data: Cow::Owned(data.to_owned()),
    })
}

/// PDF alone. A text file would have to be decoded here, behind the filter that takes personal data
/// out of texts: what base64 hid from that filter would go to the provider in clear.
fn document<'a>(uri: &Text<'_>) -> Result<Source<'a>, Untranslatable> {
    let (media_type, data) = data_uri(uri)?;
    if media_type == "application/pdf" {
        return Ok(Source::Base64 {
            media_type: Cow::Borrowed("application/pdf"),
            data: Cow::Owned(data.to_owned()),
        });
    }
    Err(Untranslatable::Unsupported {
        member: "file",
        message: "This model takes files as PDF; send a text as a text part.",
    })
}

/// The media type and the base64 text of a `data:` URI (RFC 2397).
fn data_uri<'t>(uri: &'t Text<'_>) -> Result<(&'t str, &'t str), Untranslatable> {
    let malformed =
        unsupported("Images are given by an `https:` or `data:` URL, files as a `data:` URI.");
    let rest = uri.as_str().strip_prefix("data:").ok_or(malformed)?;
    let (header, data) = rest.split_once(',').ok_or(malformed)?;
    let header = header.strip_suffix(";base64").ok_or(malformed)?;
    let media_type = header.split(';').next().unwrap_or_default();
    Ok((media_type, data))
}

fn tool_use(call: ToolCall<'_>) -> Result<Block<'_>, Untranslatable> {
    let ToolCall {
        id,
        name,
        arguments,
        cache_control,
    } = call;
    Ok(Block::ToolUse {
        id: id.into_inner(),
        name: name.into_inner(),
        input: object(arguments)?,
        cache_control,
    })
}

/// Arguments are JSON as text. No text at all is what models write for no arguments.
fn object(arguments: Text<'_>) -> Result<Box<RawValue>, Untranslatable> {
    let malformed = unsupported("The `arguments` of a call in the history are no JSON object.");
    let text = match arguments.as_str().trim() {
        "" => "{}".to_owned(),
        _ => arguments.into_inner().into_owned(),
    };
    let object = RawValue::from_string(text).map_err(|_| malformed)?;
    if object.get().trim_start().starts_with('{') {
        return Ok(object);
    }
    Err(malformed)
}

fn tool_result<'a>(
    call_id: Text<'a>,
    content: ToolContent<'a>,
    cache_control: Option<&'a RawValue>,
) -> Result<Block<'a>, Untranslatable> {
    // The result's own mark, or that of its last part.
    let mut cache_control = cache_control;
    let content = match content {
        ToolContent::Text(text) => ResultContent::Text(text.into_inner()),
        ToolContent::Parts(parts) => {
            let of_last = parts.last().and_then(|part| part.cache_control);
            cache_control = cache_control.or(of_last);
            ResultContent::Blocks(blocks(parts)?)
        }
    };
    Ok(Block::ToolResult {
        tool_use_id: call_id.into_inner(),
        content,
        cache_control,
    })
}

fn unsupported(message: &'static str) -> Untranslatable {
    Untranslatable::Unsupported {
        member: "messages",
        message,
    }
}
