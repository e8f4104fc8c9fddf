//! A chat request as a Messages request.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::block::Block;
use super::caller::Metadata;
use super::conversation::{Conversation, Turn};
use super::members;
use super::reasoning::{Level, Thinking};
use super::sampling::Sampling;
use super::tools::{self, Choice, Tool};
use crate::catalog::{Anthropic, Target};
use crate::translate::Dropped;
use crate::translate::chat::request::{ChatRequest, ResponseFormat};
use crate::translate::text::Text;
use crate::translate::untranslatable::Untranslatable;

/// What a chat request says at its top level, as `llm_api` has read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Basics {
    pub(crate) stream: bool,
    pub(crate) choices: u64,
    pub(crate) max_output_tokens: Option<u64>,
}

/// Writes the Messages request of a chat request, and names what it had to drop.
///
/// # Errors
/// Names the member that is malformed, or that has no counterpart.
pub(crate) fn write(
    chat: ChatRequest<'_>,
    basics: Basics,
    target: &Target,
    anthropic: &Anthropic,
) -> Result<(Vec<u8>, Dropped), Untranslatable> {
    let ChatRequest {
        messages,
        tools,
        tool_choice,
        parallel_tool_calls,
        response_format,
        stop,
        temperature,
        top_p,
        user,
        safety_identifier,
        reasoning_effort,
        service_tier,
        others,
    } = chat;
    let mut dropped = Dropped::default();
    let others = others.iter().map(|(name, value)| (name.as_ref(), *value));
    members::check(others, &mut dropped)?;
    one_choice(basics.choices)?;
    let max_tokens = max_tokens(basics.max_output_tokens, anthropic)?;
    let structured = target.structured_outputs;

    let mut conversation = Conversation::of(messages)?;
    let tools = tools
        .into_iter()
        .map(|function| tools::tool(function, structured))
        .collect::<Result<Vec<_>, _>>()?;
    let tool_choice = tools::choice(tool_choice, parallel_tool_calls, !tools.is_empty())?;

    let forced = tool_choice.as_ref().is_some_and(Choice::is_forced);
    let impossible = forced || conversation.is_amid_calls();
    let thinking = Thinking::of(reasoning_effort, target.reasoning, max_tokens, impossible);
    if thinking == Thinking::Dropped {
        dropped.note("reasoning_effort");
    }
    let sampling = Sampling::of(temperature, top_p, thinking, anthropic, &mut dropped)?;
    if let ResponseFormat::JsonObject = response_format {
        let instruction = Block::text(Cow::Borrowed(JSON_ONLY));
        conversation.system.push(instruction);
    }
    let format = Format::of(&response_format, structured)?;
    let body = Body {
        model: target.model.as_str(),
        max_tokens,
        system: conversation.system,
        messages: conversation.turns,
        stream: basics.stream,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        stop_sequences: stop_sequences(stop),
        tools,
        tool_choice,
        thinking: WireThinking::of(thinking),
        output_config: OutputConfig::of(format, thinking),
        metadata: Metadata::of(safety_identifier, user, &mut dropped),
        service_tier: tier(service_tier, &mut dropped),
    };
    // Serialising text, numbers and JSON that was read can't fail.
    Ok((serde_json::to_vec(&body).unwrap_or_default(), dropped))
}

/// All that can be done for `json_object`, which this API doesn't know.
const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Cow<'a, RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<WireThinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireThinking {
    Enabled { budget_tokens: u64 },
    Disabled {},
}

impl WireThinking {
    fn of(thinking: Thinking) -> Option<Self> {
        match thinking {
            Thinking::Unsaid | Thinking::Dropped | Thinking::Effort(_) => None,
            Thinking::Disabled => Some(Self::Disabled {}),
            Thinking::Budget { tokens } => Some(Self::Enabled {
                budget_tokens: tokens,
            }),
        }
    }
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<Level>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    JsonSchema { schema: &'a RawValue },
}

impl<'a> Format<'a> {
    /// Without structured outputs no answer is sure to fit the schema.
    fn of(asked: &ResponseFormat<'a>, structured: bool) -> Result<Option<Self>, Untranslatable> {
        match asked {
            ResponseFormat::Text | ResponseFormat::JsonObject => Ok(None),
            ResponseFormat::JsonSchema(schema) if structured => {
                Ok(Some(Self::JsonSchema { schema }))
            }
            ResponseFormat::JsonSchema(_) => Err(Untranslatable::Unsupported {
                member: "response_format",
                message: "This model can't be held to a JSON schema.",
            }),
        }
    }
}

impl<'a> OutputConfig<'a> {
    fn of(format: Option<Format<'a>>, thinking: Thinking) -> Option<Self> {
        let effort = match thinking {
            Thinking::Effort(level) => Some(level),
            _ => None,
        };
        (format.is_some() || effort.is_some()).then_some(Self { format, effort })
    }
}

/// Giving one choice in place of several would be another answer.
fn one_choice(choices: u64) -> Result<(), Untranslatable> {
    match choices {
        0 => Err(Untranslatable::Malformed("n")),
        1 => Ok(()),
        _ => Err(Untranslatable::Unsupported {
            member: "n",
            message: "This model gives one choice only.",
        }),
    }
}

fn max_tokens(asked: Option<u64>, anthropic: &Anthropic) -> Result<u64, Untranslatable> {
    match asked {
        Some(0) => Err(Untranslatable::Malformed("max_tokens")),
        Some(tokens) => Ok(tokens),
        None => Ok(anthropic.default_max_tokens),
    }
}

/// This API refuses sequences of white space alone.
fn stop_sequences(stop: Vec<Text<'_>>) -> Vec<Text<'_>> {
    let says_something = |text: &Text<'_>| !text.as_str().trim().is_empty();
    stop.into_iter().filter(says_something).collect()
}

fn tier(tier: Option<Text<'_>>, dropped: &mut Dropped) -> Option<&'static str> {
    match tier?.as_str() {
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        _ => {
            dropped.note("service_tier");
            None
        }
    }
}
