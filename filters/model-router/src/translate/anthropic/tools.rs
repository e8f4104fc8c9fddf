//! Functions that the model may call, as Anthropic's tools.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::translate::chat::request::{Function, ToolChoice};
use crate::translate::object::Object;
use crate::translate::text::Text;
use crate::translate::untranslatable::Untranslatable;

/// A function that the model may call.
#[derive(Debug, Serialize)]
pub(crate) struct Tool<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    input_schema: Cow<'a, RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a RawValue>,
}

/// Which functions the model shall call.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Choice<'a> {
    Auto {
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        disable_parallel_tool_use: bool,
    },
    Any {
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        disable_parallel_tool_use: bool,
    },
    Tool {
        name: Cow<'a, str>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        disable_parallel_tool_use: bool,
    },
    None {},
}

impl Choice<'_> {
    /// Whether the model has to call something.
    pub(crate) fn is_forced(&self) -> bool {
        matches!(self, Self::Any { .. } | Self::Tool { .. })
    }
}

/// The tool of a function. `strict` only where the model knows it.
pub(crate) fn tool(function: Function<'_>, strict: bool) -> Result<Tool<'_>, Untranslatable> {
    let Function {
        name,
        description,
        parameters,
        strict: asked,
        cache_control,
    } = function;
    Ok(Tool {
        name: name.into_inner(),
        description: description.map(Text::into_inner),
        input_schema: schema(parameters)?,
        strict: asked && strict,
        cache_control,
    })
}

/// The choice among the tools; nothing to choose where there is none.
pub(crate) fn choice<'a>(
    asked: Option<ToolChoice<'a>>,
    parallel: Option<bool>,
    any_tools: bool,
) -> Result<Option<Choice<'a>>, Untranslatable> {
    if !any_tools {
        return match asked {
            None | Some(ToolChoice::Auto | ToolChoice::Forbidden) => Ok(None),
            Some(ToolChoice::Required | ToolChoice::Named(_)) => {
                Err(Untranslatable::Malformed("tool_choice"))
            }
        };
    }
    let disable_parallel_tool_use = parallel == Some(false);
    Ok(match asked {
        None if disable_parallel_tool_use => Some(Choice::Auto {
            disable_parallel_tool_use,
        }),
        None => None,
        Some(ToolChoice::Auto) => Some(Choice::Auto {
            disable_parallel_tool_use,
        }),
        Some(ToolChoice::Required) => Some(Choice::Any {
            disable_parallel_tool_use,
        }),
        Some(ToolChoice::Named(name)) => Some(Choice::Tool {
            name: name.into_inner(),
            disable_parallel_tool_use,
        }),
        Some(ToolChoice::Forbidden) => Some(Choice::None {}),
    })
}

/// This API demands a schema, and that it says `"type":"object"`; OpenAI's API takes it as said.
fn schema(parameters: Option<&RawValue>) -> Result<Cow<'_, RawValue>, Untranslatable> {
    let malformed = Untranslatable::Malformed("tools");
    let Some(schema) = parameters else {
        return owned(r#"{"type":"object","properties":{}}"#.to_owned());
    };
    let Object(Typed { kind }) = serde_json::from_str(schema.get()).map_err(|_| malformed)?;
    if kind.is_some() {
        return Ok(Cow::Borrowed(schema));
    }
    let inner = schema.get().strip_prefix('{').ok_or(malformed)?;
    let comma = if inner.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    owned(format!(r#"{{"type":"object"{comma}{inner}"#))
}

#[derive(serde::Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: Option<IgnoredAny>,
}

fn owned<'a>(schema: String) -> Result<Cow<'a, RawValue>, Untranslatable> {
    let schema = RawValue::from_string(schema).map_err(|_| Untranslatable::Malformed("tools"))?;
    Ok(Cow::Owned(schema))
}
