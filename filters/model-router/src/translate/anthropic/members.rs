//! Members of a chat request that Anthropic's API has nothing for.
//!
//! Without a hint the answer is still one to the same question, so hints are dropped, and the
//! client is told which. What would change the answer's meaning or form refuses the request.

use serde_json::value::RawValue;

use crate::translate::Dropped;
use crate::translate::untranslatable::Untranslatable;

/// Looks at the members that no other part of the translation takes.
pub(crate) fn check<'a>(
    members: impl IntoIterator<Item = (&'a str, &'a RawValue)>,
    dropped: &mut Dropped,
) -> Result<(), Untranslatable> {
    for (name, value) in members {
        if says_nothing(name, value.get()) {
            continue;
        }
        match refusal(name) {
            Some((member, message)) => {
                return Err(Untranslatable::Unsupported { member, message });
            }
            // A hint, or something that only other providers know.
            None => dropped.note(name),
        }
    }
    Ok(())
}

/// Whether a member says what holds without it too.
fn says_nothing(name: &str, value: &str) -> bool {
    let number = || value.parse::<f64>().ok();
    match name {
        "frequency_penalty" | "presence_penalty" | "top_logprobs" => number() == Some(0.0),
        "logprobs" | "store" => value == "false",
        "logit_bias" | "metadata" => is_hollow(value),
        "functions" => is_hollow(value),
        "function_call" => value == "\"none\"" || value == "\"auto\"",
        "modalities" => is_text_only(value),
        "verbosity" => value == "\"medium\"",
        _ => false,
    }
}

fn refusal(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "logprobs" => ("logprobs", "This model gives no log probabilities."),
        "top_logprobs" => ("top_logprobs", "This model gives no log probabilities."),
        "logit_bias" => ("logit_bias", "This model takes no logit bias."),
        "modalities" => ("modalities", "This model answers in text only."),
        "audio" => ("audio", "This model answers in text only."),
        "web_search_options" => (
            "web_search_options",
            "This model doesn't search the web here.",
        ),
        "functions" => ("functions", "Use `tools` in place of `functions`."),
        "function_call" => (
            "function_call",
            "Use `tool_choice` in place of `function_call`.",
        ),
        _ => return None,
    })
}

/// An empty array or object.
fn is_hollow(value: &str) -> bool {
    let mut inner = value.chars();
    let ends = (inner.next(), inner.next_back());
    matches!(ends, (Some('{'), Some('}')) | (Some('['), Some(']')))
        && inner.as_str().trim().is_empty()
}

fn is_text_only(value: &str) -> bool {
    serde_json::from_str::<Vec<String>>(value).is_ok_and(|modalities| modalities == ["text"])
}
