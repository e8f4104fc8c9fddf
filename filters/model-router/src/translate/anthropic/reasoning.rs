//! How much the model thinks, as Anthropic's models are told.

use serde::Serialize;

use crate::catalog::Reasoning;
use crate::translate::chat::request::Effort;

/// What a request says about thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// Nothing: the model's own default.
    Unsaid,
    /// `reasoning_effort` can't be followed here.
    Dropped,
    Disabled,
    Effort(Level),
    Budget {
        tokens: u64,
    },
}

/// Anthropic's levels of effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Thinking {
    /// `impossible`: thinking can't be turned on in this request, since it forces a call, or goes
    /// on after calls whose thoughts a chat doesn't carry.
    pub(crate) fn of(
        effort: Option<Effort>,
        reasoning: Reasoning,
        max_tokens: u64,
        impossible: bool,
    ) -> Self {
        let Some(effort) = effort else {
            return Self::Unsaid;
        };
        match (reasoning, level(effort)) {
            (Reasoning::Dropped, None) => Self::Unsaid,
            (Reasoning::Dropped, Some(_)) => Self::Dropped,
            (Reasoning::Effort, None) => Self::Disabled,
            (Reasoning::Effort, Some(level)) => Self::Effort(level),
            // Such a model thinks only when told to.
            (Reasoning::Budget, None) => Self::Unsaid,
            (Reasoning::Budget, Some(_)) if impossible => Self::Dropped,
            (Reasoning::Budget, Some(level)) => budget(level, max_tokens),
        }
    }
}

fn level(effort: Effort) -> Option<Level> {
    Some(match effort {
        Effort::None => return None,
        Effort::Minimal | Effort::Low => Level::Low,
        Effort::Medium => Level::Medium,
        Effort::High => Level::High,
        Effort::ExtraHigh => Level::XHigh,
        Effort::Max => Level::Max,
    })
}

/// The budget must leave tokens for the answer, and has a least size.
fn budget(level: Level, max_tokens: u64) -> Thinking {
    let wanted = match level {
        Level::Low => 1024,
        Level::Medium => 2048,
        Level::High => 4096,
        Level::XHigh => 8192,
        Level::Max => 16384,
    };
    let tokens = wanted.min(max_tokens.saturating_sub(1));
    if tokens < LEAST_BUDGET {
        return Thinking::Dropped;
    }
    Thinking::Budget { tokens }
}

const LEAST_BUDGET: u64 = 1024;

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Level, Thinking};
    use crate::catalog::Reasoning;
    use crate::translate::chat::request::Effort;

    #[test]
    fn a_budget_leaves_tokens_for_the_answer() {
        let of =
            |effort, max_tokens| Thinking::of(Some(effort), Reasoning::Budget, max_tokens, false);
        assert_eq!(of(Effort::Low, 4096), Thinking::Budget { tokens: 1024 });
        assert_eq!(of(Effort::High, 2000), Thinking::Budget { tokens: 1999 });
        assert_eq!(of(Effort::High, 1024), Thinking::Dropped);
        assert_eq!(of(Effort::None, 4096), Thinking::Unsaid);
    }

    #[test]
    fn thinking_is_given_up_where_the_request_rules_it_out() {
        let of = |reasoning| Thinking::of(Some(Effort::High), reasoning, 9000, true);
        assert_eq!(of(Reasoning::Budget), Thinking::Dropped);
        assert_eq!(of(Reasoning::Effort), Thinking::Effort(Level::High));
        assert_eq!(of(Reasoning::Dropped), Thinking::Dropped);
    }

    #[test]
    fn no_effort_turns_thinking_off_where_it_is_on_by_default() {
        let of = |effort| Thinking::of(effort, Reasoning::Effort, 9000, false);
        assert_eq!(of(Some(Effort::None)), Thinking::Disabled);
        assert_eq!(of(Some(Effort::Minimal)), Thinking::Effort(Level::Low));
        assert_eq!(of(None), Thinking::Unsaid);
    }
}
