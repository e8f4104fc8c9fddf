//! A chat request, member by member.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::message::{self, Message};
use crate::translate::object::Object;
use crate::translate::text::Text;
use crate::translate::untranslatable::Untranslatable;

/// A chat request. What `llm_api`'s view reads (model, stream, the number of choices, the bound on
/// output tokens) isn't read again.
#[derive(Debug, Default)]
pub(crate) struct ChatRequest<'a> {
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) tools: Vec<Function<'a>>,
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
    pub(crate) parallel_tool_calls: Option<bool>,
    pub(crate) response_format: ResponseFormat<'a>,
    pub(crate) stop: Vec<Text<'a>>,
    pub(crate) temperature: Option<Number<'a>>,
    pub(crate) top_p: Option<Number<'a>>,
    pub(crate) user: Option<Text<'a>>,
    pub(crate) safety_identifier: Option<Text<'a>>,
    pub(crate) reasoning_effort: Option<Effort>,
    pub(crate) service_tier: Option<Text<'a>>,
    /// All other members that aren't `null`, by name.
    pub(crate) others: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// A function that the model may call.
#[derive(Debug)]
pub(crate) struct Function<'a> {
    pub(crate) name: Text<'a>,
    pub(crate) description: Option<Text<'a>>,
    /// A JSON Schema.
    pub(crate) parameters: Option<&'a RawValue>,
    pub(crate) strict: bool,
    pub(crate) cache_control: Option<&'a RawValue>,
}

/// Which functions the model shall call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToolChoice<'a> {
    Auto,
    Forbidden,
    /// At least one, whichever.
    Required,
    Named(Text<'a>),
}

/// The form that the answer's text must have.
#[derive(Debug, Default)]
pub(crate) enum ResponseFormat<'a> {
    #[default]
    Text,
    JsonObject,
    JsonSchema(&'a RawValue),
}

/// How much the model shall think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    ExtraHigh,
    Max,
}

/// A number, in the client's own spelling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    pub(crate) value: f64,
    pub(crate) spelling: &'a RawValue,
}

impl<'a> ChatRequest<'a> {
    /// Reads a body that is known to be a JSON object.
    ///
    /// # Errors
    /// Names the member that can't be read, or that asks for something no translation offers.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Untranslatable> {
        let Members(members) = serde_json::from_slice(body).map_err(|_| Untranslatable::Twice)?;
        let mut request = Self::default();
        for (name, value) in members {
            if value.get() != "null" {
                request.take(name, value)?;
            }
        }
        Ok(request)
    }

    fn take(&mut self, name: Cow<'a, str>, value: &'a RawValue) -> Result<(), Untranslatable> {
        match name.as_ref() {
            "model"
            | "stream"
            | "stream_options"
            | "n"
            | "max_tokens"
            | "max_completion_tokens" => {}
            "messages" => self.messages = message::read(value)?,
            "tools" => self.tools = tools(value)?,
            "tool_choice" => self.tool_choice = Some(tool_choice(value)?),
            "parallel_tool_calls" => {
                self.parallel_tool_calls = Some(read("parallel_tool_calls", value)?);
            }
            "response_format" => self.response_format = response_format(value)?,
            "stop" => self.stop = stop(value)?,
            "temperature" => self.temperature = Some(number("temperature", value)?),
            "top_p" => self.top_p = Some(number("top_p", value)?),
            "user" => self.user = Some(read("user", value)?),
            "safety_identifier" => {
                self.safety_identifier = Some(read("safety_identifier", value)?);
            }
            "reasoning_effort" => self.reasoning_effort = Some(effort(value)?),
            "service_tier" => self.service_tier = Some(read("service_tier", value)?),
            _ => self.others.push((name, value)),
        }
        Ok(())
    }
}

/// The members of an object, in order. One that stands twice refuses the object.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        object.deserialize_map(ReadMembers).map(Self)
    }
}

struct ReadMembers;

impl<'de> Visitor<'de> for ReadMembers {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut seen = std::collections::BTreeSet::new();
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            let name = name.into_inner();
            if !seen.insert(name.clone()) {
                return Err(serde::de::Error::custom("a member is given twice"));
            }
            members.push((name, value));
        }
        Ok(members)
    }
}

#[derive(Deserialize)]
struct WireTool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    function: Option<Object<WireFunction<'a>>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireFunction<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

fn tools(value: &RawValue) -> Result<Vec<Function<'_>>, Untranslatable> {
    let tools: Vec<Object<WireTool<'_>>> = read("tools", value)?;
    tools.into_iter().map(function).collect()
}

fn function(Object(wire): Object<WireTool<'_>>) -> Result<Function<'_>, Untranslatable> {
    let WireTool {
        kind,
        function,
        cache_control: of_tool,
    } = wire;
    if kind.as_str() != "function" {
        return Err(Untranslatable::Unsupported {
            member: "tools",
            message: "This model only takes tools of type `function`.",
        });
    }
    let Object(WireFunction {
        name,
        description,
        parameters,
        strict,
        cache_control,
    }) = function.ok_or(Untranslatable::Malformed("tools"))?;
    Ok(Function {
        name,
        description,
        parameters,
        strict: strict.unwrap_or(false),
        cache_control: cache_control.or(of_tool),
    })
}

#[derive(Deserialize)]
struct WireToolChoice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    function: Option<Object<WireNamed<'a>>>,
}

#[derive(Deserialize)]
struct WireNamed<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

fn tool_choice(value: &RawValue) -> Result<ToolChoice<'_>, Untranslatable> {
    let malformed = Untranslatable::Malformed("tool_choice");
    if value.get().starts_with('"') {
        let word: Text<'_> = read("tool_choice", value)?;
        return match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::Forbidden),
            "required" => Ok(ToolChoice::Required),
            _ => Err(malformed),
        };
    }
    let Object(WireToolChoice { kind, function }) = read("tool_choice", value)?;
    if kind.as_str() != "function" {
        return Err(Untranslatable::Unsupported {
            member: "tool_choice",
            message: "This model takes a `tool_choice` of type `function` only.",
        });
    }
    Ok(ToolChoice::Named(function.ok_or(malformed)?.0.name))
}

#[derive(Deserialize)]
struct WireResponseFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    json_schema: Option<Object<WireJsonSchema<'a>>>,
}

#[derive(Deserialize)]
struct WireJsonSchema<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
}

fn response_format(value: &RawValue) -> Result<ResponseFormat<'_>, Untranslatable> {
    let malformed = Untranslatable::Malformed("response_format");
    let Object(WireResponseFormat { kind, json_schema }) = read("response_format", value)?;
    match kind.as_str() {
        "text" => Ok(ResponseFormat::Text),
        "json_object" => Ok(ResponseFormat::JsonObject),
        // Without a schema every JSON object fits.
        "json_schema" => Ok(match json_schema.ok_or(malformed)?.0.schema {
            Some(schema) => ResponseFormat::JsonSchema(schema),
            None => ResponseFormat::JsonObject,
        }),
        _ => Err(malformed),
    }
}

/// A string, or an array of strings.
fn stop(value: &RawValue) -> Result<Vec<Text<'_>>, Untranslatable> {
    if value.get().starts_with('"') {
        return Ok(vec![read("stop", value)?]);
    }
    read("stop", value)
}

fn effort(value: &RawValue) -> Result<Effort, Untranslatable> {
    let word: Text<'_> = read("reasoning_effort", value)?;
    Ok(match word.as_str() {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::ExtraHigh,
        "max" => Effort::Max,
        _ => return Err(Untranslatable::Malformed("reasoning_effort")),
    })
}

fn number<'a>(name: &'static str, spelling: &'a RawValue) -> Result<Number<'a>, Untranslatable> {
    let value = read(name, spelling)?;
    Ok(Number { value, spelling })
}

fn read<'a, T: Deserialize<'a>>(
    name: &'static str,
    value: &'a RawValue,
) -> Result<T, Untranslatable> {
    serde_json::from_str(value.get()).map_err(|_| Untranslatable::Malformed(name))
}
