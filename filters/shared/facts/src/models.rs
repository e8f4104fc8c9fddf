//! Which models a caller may use.

use http_filter::Host;

use crate::key;

/// Patterns of model names: `*` stands for any text, everything else for itself.
///
/// Matching takes time linear in pattern and name for each pattern with one star, and never more
/// than their product.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

    /// Publishes the patterns; for `auth` only.
    pub fn publish(&self, host: &mut dyn Host) {
        match serde_json::to_vec(&self.0) {
            Ok(json) => host.publish(key::MODELS, &json),
            Err(error) => log::error!("the model patterns can't be published: {error}"),
        }
    }

    /// Reads what `auth` published. Nothing published allows nothing.
    #[must_use]
    pub fn of(host: &dyn Host) -> Self {
        let json = host.fact(key::MODELS).unwrap_or_default();
        Self(serde_json::from_slice(&json).unwrap_or_default())
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

    use super::{ModelPatterns, matches};

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
    fn no_pattern_allows_nothing() {
        assert!(!ModelPatterns::default().allow("gpt-4.1"));
    }
}
