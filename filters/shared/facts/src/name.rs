//! Names that an operator gives: of tenants, plans, keys, providers.

use std::fmt;

/// A name from the configuration: 1 to 63 of `a-z`, `0-9`, `-`, `_` and `.`, with a letter or a
/// digit at both ends.
///
/// Such a name is safe in a header, a metric's label, a shared-data key and a log line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// The text is no [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a name is 1 to 63 of a-z, 0-9, '-', '_' and '.', with a letter or digit at both ends",
        )
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] says what a name is.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let right = bytes.len() <= 63
            && ends.iter().all(|end| end.is_some_and(plain))
            && bytes
                .iter()
                .all(|byte| plain(byte) || b"-_.".contains(byte));
        right.then(|| Self(text.to_owned())).ok_or(NameError)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Name;

    #[test]
    fn names_of_resources_are_names() {
        for name in ["a", "team-a", "gpt-4.1", "7", &"x".repeat(63)] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_end_a_label_or_a_key_is_no_name() {
        for name in [
            "",
            "-a",
            "a.",
            "A",
            "a;b",
            "a b",
            "a\n",
            "ä",
            &"x".repeat(64),
        ] {
            assert!(Name::new(name).is_err(), "{name:?}");
        }
    }
}
