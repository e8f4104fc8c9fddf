//! The plugin's configuration: what serde reads, and what the filter uses.

use std::collections::BTreeMap;

use facts::{Identity, ModelPatterns, Name};
use http_filter::ConfigError;
use serde::Deserialize;

use crate::hosts::{HostPattern, Hosts};
use crate::keys::{KeyDigest, Keys};

/// What the filter uses.
pub(crate) struct Config {
    pub(crate) hosts: Hosts,
    pub(crate) keys: Keys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    hosts: BTreeMap<String, WrittenHost>,
    #[serde(default)]
    keys: BTreeMap<String, WrittenKey>,
    #[serde(default)]
    tenants: BTreeMap<String, WrittenTenant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHost {
    authority: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    sha256: String,
    tenant: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTenant {
    plan: String,
    models: Vec<String>,
}

/// A tenant as its keys need it.
struct Tenant {
    name: Name,
    plan: Name,
    models: ModelPatterns,
}

impl Config {
    /// Reads and checks a configuration.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let Written {
            hosts,
            keys,
            tenants,
        } = http_filter::parse(json)?;
        let tenants = read_tenants(tenants)?;
        Ok(Self {
            hosts: read_hosts(hosts)?,
            keys: read_keys(keys, &tenants)?,
        })
    }
}

fn read_hosts(written: BTreeMap<String, WrittenHost>) -> Result<Hosts, ConfigError> {
    let mut patterns = Vec::with_capacity(written.len());
    for (name, WrittenHost { authority }) in written {
        let pattern = HostPattern::new(&authority).ok_or_else(|| {
            let reason = "is a host without a port, `*`, or `*.` and a domain";
            ConfigError::new(format!("hosts.{name}.authority"), reason)
        })?;
        patterns.push(pattern);
    }
    if patterns.is_empty() {
        return Err(ConfigError::new("hosts", "at least one LLM host is needed"));
    }
    Ok(Hosts::new(patterns))
}

fn read_tenants(
    written: BTreeMap<String, WrittenTenant>,
) -> Result<BTreeMap<String, Tenant>, ConfigError> {
    let mut tenants = BTreeMap::new();
    for (name, WrittenTenant { plan, models }) in written {
        let field = format!("tenants.{name}");
        let tenant = Tenant {
            name: read_name(&name, &field)?,
            plan: read_name(&plan, &format!("{field}.plan"))?,
            models: ModelPatterns::new(models),
        };
        tenants.insert(name, tenant);
    }
    Ok(tenants)
}

fn read_keys(
    written: BTreeMap<String, WrittenKey>,
    tenants: &BTreeMap<String, Tenant>,
) -> Result<Keys, ConfigError> {
    let mut keys = Keys::default();
    for (name, WrittenKey { sha256, tenant }) in written {
        let field = format!("keys.{name}");
        let digest = KeyDigest::from_hex(&sha256).ok_or_else(|| {
            let reason = "is the SHA-256 of the key: 64 hexadecimal digits";
            ConfigError::new(format!("{field}.sha256"), reason)
        })?;
        let owner = tenants.get(&tenant).ok_or_else(|| {
            let reason = format!("there is no tenant `{tenant}` under `tenants`");
            ConfigError::new(format!("{field}.tenant"), reason)
        })?;
        let identity = Identity {
            tenant: owner.name.clone(),
            plan: owner.plan.clone(),
            key: read_name(&name, &field)?,
            models: owner.models.clone(),
        };
        if let Err(other) = keys.insert(digest, identity) {
            let reason = format!("is the same key as `keys.{other}`");
            return Err(ConfigError::new(format!("{field}.sha256"), reason));
        }
    }
    Ok(keys)
}

fn read_name(text: &str, field: &str) -> Result<Name, ConfigError> {
    Name::new(text).map_err(|error| ConfigError::new(field, error.to_string()))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Config;

    fn field_of_error(json: &str) -> String {
        match Config::parse(json.as_bytes()) {
            Ok(_) => panic!("this configuration should be refused: {json}"),
            Err(error) => error.field,
        }
    }

    const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

    #[test]
    fn a_mistake_is_named_by_its_field() {
        let hosts = r#""hosts":{"g":{"authority":"*"}}"#;
        let tenants = r#""tenants":{"a":{"plan":"p","models":[]}}"#;
        let key = |name: &str, digest: &str, tenant: &str| {
            format!(r#""{name}":{{"sha256":"{digest}","tenant":"{tenant}"}}"#)
        };
        for (json, field) in [
            ("{}".to_owned(), "."),
            (r#"{"hosts":{}}"#.to_owned(), "hosts"),
            (
                r#"{"hosts":{"g":{"authority":"a:80"}}}"#.to_owned(),
                "hosts.g.authority",
            ),
            (
                r#"{"hosts":{"g":{"authority":"*","port":1}}}"#.to_owned(),
                "hosts.g.port",
            ),
            (
                format!(r#"{{{hosts},"tenants":{{"a":{{"plan":"P","models":[]}}}}}}"#),
                "tenants.a.plan",
            ),
            (
                format!(
                    r#"{{{hosts},{tenants},"keys":{{{}}}}}"#,
                    key("k", "12", "a")
                ),
                "keys.k.sha256",
            ),
            (
                format!(
                    r#"{{{hosts},{tenants},"keys":{{{}}}}}"#,
                    key("k", DIGEST, "b")
                ),
                "keys.k.tenant",
            ),
            (
                format!(
                    r#"{{{hosts},{tenants},"keys":{{{},{}}}}}"#,
                    key("k", DIGEST, "a"),
                    key("l", DIGEST, "a")
                ),
                "keys.l.sha256",
            ),
        ] {
            assert_eq!(field_of_error(&json), field, "{json}");
        }
    }

    #[test]
    fn no_key_at_all_is_a_configuration_that_lets_nobody_in() {
        assert!(Config::parse(br#"{"hosts":{"g":{"authority":"*"}}}"#).is_ok());
    }
}
