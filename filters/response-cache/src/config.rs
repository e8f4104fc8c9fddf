//! The plugin's configuration.

use http_filter::{ConfigError, SECOND, parse};
use serde::Deserialize;

use crate::store::Slots;

/// What the resource says.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Wire {
    /// For how long an answer is served, in seconds.
    #[serde(default = "default_ttl_seconds")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_TTL_SECONDS)))]
    ttl_seconds: u64,
    /// How many answers are kept in one Envoy. Times `maxEntryBytes` it is at most 1 GiB.
    #[serde(default = "default_max_entries")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_ENTRIES)))]
    max_entries: u32,
    /// How long the body of a kept answer is at most, in bytes.
    #[serde(default = "default_max_entry_bytes")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_ENTRY_BYTES)))]
    max_entry_bytes: u32,
}

/// The checked configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config {
    /// For how many nanoseconds an answer is served, from its end on.
    pub(crate) ttl_nanoseconds: u64,
    /// Where answers are kept.
    pub(crate) slots: Slots,
    /// How many bytes the body of a kept answer has at most.
    pub(crate) max_entry_bytes: usize,
}

fn default_ttl_seconds() -> u64 {
    300
}

fn default_max_entries() -> u32 {
    512
}

fn default_max_entry_bytes() -> u32 {
    64 * 1024
}

/// A model's answer is no longer true after a day, or nobody asks again.
const MOST_TTL_SECONDS: u64 = 24 * 60 * 60;

/// Every slot is one key of the proxy's shared data, and keys are never removed.
const MOST_ENTRIES: u32 = 65_536;

/// A kept answer crosses the border of the VM in one copy, on the worker's time.
const MOST_ENTRY_BYTES: u32 = 1024 * 1024;

/// Memory of the proxy for all answers together.
const MOST_BYTES: u64 = 1 << 30;

impl Config {
    /// Reads `pluginConfig`; an error names the field that is out of its bounds, or unknown.
    pub(crate) fn read(json: &[u8]) -> Result<Self, ConfigError> {
        let Wire {
            ttl_seconds,
            max_entries,
            max_entry_bytes,
        } = parse(json)?;
        between("ttlSeconds", ttl_seconds, 1, MOST_TTL_SECONDS)?;
        let bounds = [
            ("maxEntries", max_entries, MOST_ENTRIES),
            ("maxEntryBytes", max_entry_bytes, MOST_ENTRY_BYTES),
        ];
        for (field, value, most) in bounds {
            between(field, value.into(), 1, most.into())?;
        }
        let bytes = u64::from(max_entries) * u64::from(max_entry_bytes);
        if bytes > MOST_BYTES {
            return Err(ConfigError::new(
                "maxEntries",
                format!("maxEntries times maxEntryBytes is {bytes} bytes; at most {MOST_BYTES}"),
            ));
        }
        Ok(Self {
            ttl_nanoseconds: ttl_seconds * SECOND,
            slots: Slots::new(max_entries),
            max_entry_bytes: usize::try_from(max_entry_bytes).unwrap_or(usize::MAX),
        })
    }
}

fn between(field: &str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let reason = format!("{value} is not between {least} and {most}");
    Err(ConfigError::new(field, reason))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Config;

    #[test]
    fn no_configuration_gives_the_defaults() {
        let written = br#"{"ttlSeconds":300,"maxEntries":512,"maxEntryBytes":65536}"#;
        assert_eq!(Config::read(b""), Config::read(written));
        assert!(Config::read(b"").is_ok());
    }

    #[test]
    fn a_value_out_of_its_bounds_is_refused_by_its_field() {
        for (json, field) in [
            (r#"{"ttlSeconds":0}"#, "ttlSeconds"),
            (r#"{"ttlSeconds":86401}"#, "ttlSeconds"),
            (r#"{"ttlSeconds":-1}"#, "ttlSeconds"),
            (r#"{"maxEntries":0}"#, "maxEntries"),
            (r#"{"maxEntries":65537}"#, "maxEntries"),
            (r#"{"maxEntryBytes":0}"#, "maxEntryBytes"),
            (r#"{"maxEntryBytes":1048577}"#, "maxEntryBytes"),
            (
                r#"{"maxEntries":65536,"maxEntryBytes":65536}"#,
                "maxEntries",
            ),
            (r#"{"ttl":1}"#, "ttl"),
        ] {
            assert_eq!(
                Config::read(json.as_bytes()).unwrap_err().field,
                field,
                "{json}"
            );
        }
    }
}
