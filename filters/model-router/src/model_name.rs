//! Names of models.

use std::fmt;

/// A model's name, a client's or a provider's: 1 to 200 of letters, digits and `-_./:@+`.
///
/// Such a name is safe in a metric's label, a fact and a log line. Providers' own names, such as
/// `meta-llama/Llama-3.1-8B` or an ARN, are of this form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ModelName(String);

impl ModelName {
    /// Checks a name; `None` when it is none.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@+".contains(&byte);
        let right = (1..=MOST_BYTES).contains(&text.len()) && text.bytes().all(plain);
        right.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Long enough for an ARN of an inference profile.
const MOST_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::ModelName;

    #[test]
    fn names_that_providers_give_are_names() {
        for name in [
            "gpt-4.1-mini",
            "meta-llama/Llama-3.1-8B",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v1:0",
            "claude-sonnet-4@20250514",
        ] {
            assert_eq!(ModelName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_end_a_label_or_a_line_is_no_name() {
        for name in [
            "",
            "a b",
            "a;.;b",
            "a\"b",
            "a\\b",
            "a\nb",
            "ä",
            &"x".repeat(201),
        ] {
            assert!(ModelName::new(name).is_none(), "{name:?}");
        }
    }
}
