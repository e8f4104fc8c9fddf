//! The providers' credentials, from the proxy's environment.

use std::collections::BTreeMap;
use std::fmt;

use http_filter::{ConfigError, Environment};

/// The providers' credentials by the providers' names. No output shows one.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Credentials(BTreeMap<String, String>);

impl Credentials {
    /// Reads them from the environment; without the variable there are none.
    ///
    /// # Errors
    /// Names the variable, never its content.
    pub(crate) fn read(environment: &dyn Environment) -> Result<Self, ConfigError> {
        let Some(json) = environment.variable(VARIABLE) else {
            return Ok(Self::default());
        };
        // serde's message could quote the value.
        let keys: BTreeMap<String, String> = serde_json::from_str(&json)
            .map_err(|_| refused("it is no JSON object of strings".to_owned()))?;
        for (provider, key) in &keys {
            if !fits_a_header(key) {
                return Err(refused(format!(
                    "the credential of `{provider}` is empty, too long or can't stand in a header"
                )));
            }
        }
        Ok(Self(keys))
    }

    /// The credential of a provider.
    pub(crate) fn of(&self, provider: &str) -> Option<&str> {
        self.0.get(provider).map(String::as_str)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn refused(reason: String) -> ConfigError {
    ConfigError::new(format!("(environment) {VARIABLE}"), reason)
}

/// Visible ASCII, RFC 9110's `field-vchar` without its obsolete bytes.
fn fits_a_header(key: &str) -> bool {
    (1..=MOST_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// All credentials in one variable: one JSON object of strings.
const VARIABLE: &str = "AI_PROVIDER_KEYS";

/// Tokens of cloud identities are JWTs of a few kilobytes.
const MOST_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use test_host::TestEnvironment;

    use super::{Credentials, VARIABLE};

    fn read(json: &str) -> Result<Credentials, http_filter::ConfigError> {
        Credentials::read(&TestEnvironment::new(&[(VARIABLE, json)]))
    }

    #[test]
    fn a_credential_is_found_by_its_providers_name() {
        let credentials = read(r#"{"openai":"sk-1","anthropic":"sk-2"}"#).unwrap();
        assert_eq!(credentials.of("openai"), Some("sk-1"));
        assert_eq!(credentials.of("vllm"), None);
    }

    #[test]
    fn without_the_variable_there_is_none() {
        let credentials = Credentials::read(&TestEnvironment::default()).unwrap();
        assert_eq!(credentials.of("openai"), None);
    }

    #[test]
    fn an_error_names_the_variable_and_shows_nothing_of_it() {
        for json in [
            "sk-secret",
            r#""sk-secret""#,
            r#"{"openai":["sk-secret"]}"#,
            r#"{"openai":"sk-secret\r\nx: y"}"#,
            r#"{"openai":"sk-secret ä"}"#,
            r#"{"openai":""}"#,
            "",
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(VARIABLE), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_output_shows_a_credential() {
        let credentials = read(r#"{"openai":"sk-secret"}"#).unwrap();
        assert_eq!(format!("{credentials:?}"), r#"{"openai"}"#);
    }
}
