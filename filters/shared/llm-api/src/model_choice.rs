//! Members of a request by which some providers take other models than `model` names, or other
//! servers: nobody has asked whether the caller may use those.

use crate::body_error::BodyError;
use crate::value::{Value, present};
use crate::walk::Walk;

/// At the top level of a body, whatever the endpoint. Letter case doesn't matter.
pub(crate) const MEMBERS: &[&str] = &[
    // OpenRouter; `fallbacks` is Anthropic's and LiteLLM's too.
    "models",
    "route",
    "provider",
    "plugins",
    "preset",
    "fallbacks",
    // LiteLLM, which merges `extra_body` into what it sends.
    "fallback_models",
    "context_window_fallbacks",
    "context_window_fallback_dict",
    "content_policy_fallbacks",
    "model_list",
    "user_config",
    "custom_llm_provider",
    "deployment_id",
    "api_base",
    "base_url",
    "extra_body",
    // Vercel's gateway.
    "providerOptions",
];

/// In a tool that the provider runs, at any depth: an adviser, a subagent, a painter.
const IN_TOOLS: &[&str] = &["model", "models", "fallbacks"];

/// Refuses tools of the provider's that choose models. A tool of the client's own, whose parameters
/// name what they like, is of type `function` or `custom`, or of none (Anthropic).
pub(crate) fn walk_tools<'a>(
    walk: &mut Walk<'a>,
    tools: Option<Value<'a>>,
) -> Result<(), BodyError> {
    let tools = tools.filter(|tools| tools.is_array());
    walk.elements(tools, "tools", |_, _, tool| {
        if !tool.is_object() {
            return Ok(());
        }
        let [kind] = tool.members("tools", ["type"])?;
        let kind = present(kind).and_then(Value::as_text);
        let is_own = |kind: &str| matches!(kind, "function" | "custom");
        if kind.is_none_or(|kind| is_own(&kind.decode())) {
            return Ok(());
        }
        tool.each_named(IN_TOOLS, |_, _| Err(BodyError::ChoosesModels("tools")))
    })
}
