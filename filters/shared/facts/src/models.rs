//! Which models a caller may use.

use std::rc::Rc;

use http_filter::Host;
use serde::{Deserialize, Serialize};

use crate::key;

/// The models that a caller may use: those that every one of several lists allows, such as the
/// tenant's, the plan's and the key's.
///
/// No list at all allows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedModels {
    /// Shared by all callers of the same lists.
    lists: Rc<[ModelPatterns]>,
    /// The fact [`key::MODELS`]: written once, and published with every call of the caller.
    json: Rc<[u8]>,
}

impl AllowedModels {
    /// What these lists all allow.
    #[must_use]
    pub fn by_all(lists: Vec<ModelPatterns>) -> Self {
        let form = WrittenForm {
            v: VERSION,
            all: &lists,
        };
        // It is text and lists of text, which can't fail; and no JSON allows nothing.
        let json = serde_json::to_vec(&form).unwrap_or_default();
        Self {
            lists: lists.into(),
            json: json.into(),
        }
    }

    /// Whether every list allows the model.
    #[must_use]
    pub fn allow(&self, model: &str) -> bool {
        !self.lists.is_empty() && self.lists.iter().all(|list| list.allow(model))
    }

    /// Publishes them; for `auth` only.
    pub fn publish(&self, host: &mut dyn Host) {
        host.publish(key::MODELS, &self.json);
    }

    /// Reads what `auth` published; `None` where it hasn't. Another form allows nothing.
    #[must_use]
    pub fn of(host: &dyn Host) -> Option<Self> {
        let json = host.fact(key::MODELS)?;
        Some(match serde_json::from_slice::<ReadForm>(&json) {
            Ok(ReadForm { v: VERSION, all }) => Self {
                lists: all.into(),
                json: json.into(),
            },
            _ => Self::default(),
        })
    }
}

impl From<ModelPatterns> for AllowedModels {
    fn from(list: ModelPatterns) -> Self {
        Self::by_all(vec![list])
    }
}

/// Nothing.
impl Default for AllowedModels {
    fn default() -> Self {
        Self::by_all(Vec::new())
    }
}

/// The form of the fact [`key::MODELS`]. Version 1 was one bare list.
const VERSION: u32 = 2;

#[derive(Serialize)]
struct WrittenForm<'a> {
    v: u32,
    all: &'a [ModelPatterns],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadForm {
    v: u32,
    all: Vec<ModelPatterns>,
}

/// Patterns of model names: `*` stands for any text, everything else for itself.
///
/// Matching takes time linear in pattern and name for each pattern with one star, and never more
/// than their product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelPatterns(Vec<String>);

impl ModelPatterns {
    /// Patterns as the configuration gives them.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    /// Whether one of the patterns matches the whole name. No pattern matches nothing.
    #[must_use]
    pub fn allow(&self, model: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, model))
    }
}

/// Matches pieces between stars from left to right: the earliest place of each is always right.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use test_host::TestHost;

    use super::{AllowedModels, ModelPatterns, matches};
    use crate::key;

    fn list(patterns: &[&str]) -> ModelPatterns {
        ModelPatterns::new(patterns.iter().map(|&pattern| pattern.to_owned()).collect())
    }

    #[test]
    fn a_star_stands_for_any_text_and_the_rest_for_itself() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "x"),
            ("gpt-*", "gpt-4.1"),
            ("*-mini", "gpt-4.1-mini"),
            ("gpt-*-mini", "gpt-4.1-mini"),
            ("a*b*c", "a--b-b--c"),
            ("a", "a"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "x"),
            ("gpt-*", "xgpt-4"),
            ("*-mini", "gpt-4.1-mini-x"),
            ("a*b*c", "abxbb"),
            ("a*a", "a"),
            ("gpt.4", "gpt-4"),
            ("A", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn no_pattern_and_no_list_allow_nothing() {
        assert!(!ModelPatterns::default().allow("gpt-4.1"));
        assert!(!AllowedModels::default().allow("gpt-4.1"));
    }

    #[test]
    fn a_model_is_allowed_by_every_list_or_not_at_all() {
        let allowed = AllowedModels::by_all(vec![list(&["gpt-*", "fast"]), list(&["*-mini"])]);
        assert!(allowed.allow("gpt-4.1-mini"));
        assert!(!allowed.allow("gpt-4.1") && !allowed.allow("fast"));
        assert!(!AllowedModels::by_all(vec![list(&["*"]), list(&[])]).allow("fast"));
    }

    #[test]
    fn what_was_published_is_read_again_and_another_form_allows_nothing() {
        let allowed = AllowedModels::by_all(vec![list(&["gpt-*"]), list(&["*"])]);
        let mut host = TestHost::new();
        assert_eq!(AllowedModels::of(&host), None);
        allowed.publish(&mut host);
        assert_eq!(AllowedModels::of(&host), Some(allowed));
        for other in [
            r#"["*"]"#,
            r#"{"v":1,"all":[["*"]]}"#,
            r#"{"v":2,"all":[["*"]],"x":1}"#,
        ] {
            let host = TestHost::new().with_fact(key::MODELS, other);
            let read = AllowedModels::of(&host).unwrap();
            assert!(!read.allow("fast"), "{other}");
        }
    }
}
