//! The plugin's configuration: what serde reads, and what the filter uses.

use std::collections::BTreeMap;
use std::rc::Rc;

use http_filter::ConfigError;
use serde::Deserialize;

use crate::detect::Detectors;
use crate::rule::Rule;

/// What the filter uses.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What is looked for.
    pub(crate) detectors: Rc<Detectors>,
    /// The longest request body, and the longest event of a streamed answer, in bytes.
    pub(crate) max_body_bytes: usize,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Written {
    /// What is looked for, by the rule's name. Required, so that a configuration that got lost
    /// doesn't mean that nothing is masked.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("propertyNames" = {"enum": Rule::ALL.map(Rule::name)}))
    )]
    rules: BTreeMap<String, WrittenRule>,
    /// The longest request body, and the longest event of a streamed answer, in bytes. More than the
    /// gateway's buffer holds has no effect.
    #[serde(default = "default_max_body_bytes")]
    #[cfg_attr(feature = "schema", schemars(range(min = LEAST_BODY_BYTES, max = MOST_BODY_BYTES)))]
    max_body_bytes: u32,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    /// What happens to what the rule finds.
    action: WrittenAction,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
enum WrittenAction {
    /// Masked in the request, put back in the answer.
    Mask,
    /// Left alone.
    Off,
}

/// The bound of the gateway's buffer, unless an overlay says another.
fn default_max_body_bytes() -> u32 {
    8 * MEBIBYTE
}

const MEBIBYTE: u32 = 1 << 20;

/// What the filter's own memory per request allows.
const MOST_BODY_BYTES: u32 = 32 * MEBIBYTE;

/// Below this not even one event of a stream would fit.
const LEAST_BODY_BYTES: u32 = 4096;

impl Config {
    /// Reads and checks a configuration.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let Written {
            rules,
            max_body_bytes,
        } = http_filter::parse(json)?;
        Ok(Self {
            detectors: Rc::new(Detectors::new(&active(rules)?)),
            max_body_bytes: bounded(max_body_bytes)?,
        })
    }
}

/// The rules that are not off.
fn active(written: BTreeMap<String, WrittenRule>) -> Result<Vec<Rule>, ConfigError> {
    let mut active = Vec::new();
    for (name, WrittenRule { action }) in written {
        let rule = Rule::from_name(&name).ok_or_else(|| {
            let known = Rule::ALL.map(Rule::name).join("`, `");
            ConfigError::new(
                format!("rules.{name}"),
                format!("there is no such rule; there is `{known}`"),
            )
        })?;
        match action {
            WrittenAction::Mask => active.push(rule),
            WrittenAction::Off => {}
        }
    }
    Ok(active)
}

fn bounded(bytes: u32) -> Result<usize, ConfigError> {
    let within = (LEAST_BODY_BYTES..=MOST_BODY_BYTES).contains(&bytes);
    let bytes = usize::try_from(bytes).ok().filter(|_| within);
    bytes.ok_or_else(|| {
        let reason = format!("is {LEAST_BODY_BYTES} to {MOST_BODY_BYTES} bytes");
        ConfigError::new("maxBodyBytes", reason)
    })
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Config;
    use crate::rule::Rule;

    #[test]
    fn a_rule_masks_or_is_off() {
        let config = Config::parse(br#"{"rules":{"email":{"action":"mask"}}}"#).unwrap();
        assert_eq!(config.detectors.rules(), [Rule::Email]);
        assert_eq!(config.max_body_bytes, 8 << 20);
        let config = Config::parse(br#"{"rules":{"email":{"action":"off"}}}"#).unwrap();
        assert_eq!(config.detectors.rules(), []);
    }

    #[test]
    fn an_error_names_the_field() {
        for (json, field) in [
            ("", "."),
            (
                r#"{"rules":{"shoe_size":{"action":"mask"}}}"#,
                "rules.shoe_size",
            ),
            (
                r#"{"rules":{"email":{"action":"shred"}}}"#,
                "rules.email.action",
            ),
            (r#"{"rules":{"email":{}}}"#, "rules.email"),
            (
                r#"{"rules":{"email":{"action":"mask","n":1}}}"#,
                "rules.email.n",
            ),
            (r#"{"rules":{},"maxBodyBytes":1}"#, "maxBodyBytes"),
            (r#"{"rules":{},"maxBodyBytes":33554433}"#, "maxBodyBytes"),
            (r#"{"rules":{},"maxBodyBytes":-1}"#, "maxBodyBytes"),
            (r#"{"rules":{},"max":1}"#, "max"),
        ] {
            assert_eq!(
                Config::parse(json.as_bytes()).unwrap_err().field,
                field,
                "{json}"
            );
        }
    }
}
