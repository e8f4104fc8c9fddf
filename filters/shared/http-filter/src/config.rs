//! Reading a plugin's configuration.

use std::fmt;

use serde::de::DeserializeOwned;

/// The variables of the proxy's environment that its resource lets the plugin see.
pub trait Environment {
    /// The value of a variable; `None` where it isn't set or isn't text.
    fn variable(&self, name: &str) -> Option<String>;
}

/// What is wrong with a plugin's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The field, as a path from the top: `tenants.team-a.plan`; `.` is the whole.
    pub field: String,
    /// What is wrong with it, without its value where that may be a secret.
    pub reason: String,
}

impl ConfigError {
    /// An error for a field.
    #[must_use]
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pluginConfig field `{}`: {}", self.field, self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// Reads a configuration from JSON into the type that serde reads. No bytes at all, which is
/// what a resource without `pluginConfig` gives, are an empty object.
///
/// # Errors
/// Names the field by its path, and never quotes its value: it may be a secret in the wrong place.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ConfigError> {
    let json = if json.is_empty() { b"{}" } else { json };
    let mut reader = serde_json::Deserializer::from_slice(json);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        ConfigError::new(field, without_value(&error.into_inner().to_string()))
    })?;
    reader
        .end()
        .map_err(|error| ConfigError::new(".", error.to_string()))?;
    Ok(parsed)
}

/// What serde says of a value, without the value: `invalid type: string "…", expected a map` becomes
/// `invalid type: string, expected a map`.
fn without_value(reason: &str) -> String {
    const QUOTING: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];
    if !QUOTING.iter().any(|begin| reason.starts_with(begin)) {
        return reason.to_owned();
    }
    // The value may hold anything, so what stands behind it is found from the end.
    let behind = reason.rfind(", expected ").or(reason.rfind(", there are "));
    let split = behind.and_then(|at| reason.split_at_checked(at));
    let (value, expected) = split.unwrap_or((reason, ""));
    let kind = value.split(['"', '`']).next().unwrap_or_default();
    format!("{}{expected}", kind.trim_end())
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::collections::BTreeMap;

    use super::parse;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    #[allow(dead_code)]
    struct Plan {
        requests_per_minute: u32,
    }

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Plans {
        #[serde(default)]
        plans: BTreeMap<String, Plan>,
    }

    #[test]
    fn an_error_names_the_field_by_its_path() {
        let error = parse::<Plans>(br#"{"plans":{"gold":{"requestsPerMinute":-1}}}"#).unwrap_err();
        assert_eq!(error.field, "plans.gold.requestsPerMinute");
        let error = parse::<Plans>(br#"{"plans":{"gold":{"rpm":1}}}"#).unwrap_err();
        assert_eq!(error.field, "plans.gold.rpm");
        assert!(error.reason.contains("unknown field"), "{error}");
    }

    #[test]
    fn an_error_never_quotes_a_value() {
        #[derive(serde::Deserialize, Debug)]
        #[serde(rename_all = "camelCase")]
        enum Mode {
            Enforce,
            Shadow,
        }
        let message = |error: super::ConfigError| error.to_string();
        for value in [
            r#""sk-secret""#,
            r#""sk-secret, expected ` \" sk-secret""#,
            r#"["sk-secret"]"#,
        ] {
            let json = format!(r#"{{"plans":{{"gold":{value}}}}}"#);
            let said = message(parse::<Plans>(json.as_bytes()).unwrap_err());
            assert!(!said.contains("secret"), "{said}");
            let json = format!(r#"{{"plans":{{"gold":{{"requestsPerMinute":{value}}}}}}}"#);
            let said = message(parse::<Plans>(json.as_bytes()).unwrap_err());
            assert!(!said.contains("secret") && said.contains("u32"), "{said}");
            let said = message(parse::<Mode>(value.as_bytes()).unwrap_err());
            assert!(!said.contains("secret"), "{said}");
        }
        let said = message(parse::<Mode>(br#""sk-secret""#).unwrap_err());
        assert!(said.contains("expected `enforce` or `shadow`"), "{said}");
        let said = message(parse::<Plans>(br#"{"plans":"sk-secret"}"#).unwrap_err());
        assert!(
            said.contains("invalid type: string, expected a map"),
            "{said}"
        );
    }

    #[test]
    fn no_configuration_is_an_empty_object() {
        assert!(parse::<Plans>(b"").unwrap().plans.is_empty());
    }

    #[test]
    fn text_behind_the_configuration_is_refused() {
        assert!(parse::<Plans>(b"{} {}").is_err());
    }
}
