//! Who of a tenant's people or workloads calls.

/// A user as a token names one, or a workload as the mesh does: 1 to 384 bytes of letters and
/// digits of any script, ASCII's signs, and spaces.
///
/// A name of a service account fits whole (`system:serviceaccount:NAMESPACE:NAME`). What could
/// end a log's line, or make it read as another, doesn't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(String);

/// Namespaces have 63 characters, service accounts 253, and there are prefixes.
const MOST_BYTES: usize = 384;

impl User {
    /// A user of that name; `None` for what isn't printable, or too long.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let printable = |character: char| {
            character.is_alphanumeric() || character.is_ascii_graphic() || character == ' '
        };
        let right = (1..=MOST_BYTES).contains(&text.len()) && text.chars().all(printable);
        right.then(|| Self(text.to_owned()))
    }

    /// The user as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::User;

    #[test]
    fn subjects_of_usual_issuers_are_users() {
        for name in [
            "f:550e8400-e29b-41d4-a716-446655440000:ann",
            "system:serviceaccount:team-a:bot",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "Jürgen Groß",
            &"x".repeat(384),
        ] {
            assert_eq!(User::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_forge_a_log_line_is_no_user() {
        for name in [
            "",
            "a\nb",
            "a\u{2028}b",
            "a\u{202e}b",
            "\0",
            &"x".repeat(385),
        ] {
            assert_eq!(User::new(name), None, "{name:?}");
        }
    }
}
