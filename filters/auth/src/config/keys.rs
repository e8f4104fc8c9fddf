//! API keys that stand in the configuration.

use std::collections::BTreeMap;
use std::rc::Rc;

use facts::Name;
use http_filter::ConfigError;

use super::{tenants, written};
use crate::keys::{Key, KeyDigest, Keys};
use crate::tenants::Tenants;
use crate::timestamp;

pub(super) fn read(
    written: BTreeMap<String, written::Key>,
    tenants: &Tenants,
) -> Result<Keys, ConfigError> {
    let mut keys = Keys::default();
    for (place, (name, key)) in written.into_iter().enumerate() {
        // What is no name may be the key itself, in the place of its label.
        if let Err(error) = Name::new(&name) {
            let reason = format!(
                "the label of entry {} in alphabetical order {error}",
                place + 1
            );
            return Err(ConfigError::new("keys", reason));
        }
        let field = format!("keys.{name}");
        let (digest, key) = read_key(&name, key, tenants, &field)?;
        if let Err(other) = keys.insert(digest, key) {
            let reason = format!("is the same key as `keys.{other}`");
            return Err(ConfigError::new(format!("{field}.sha256"), reason));
        }
    }
    Ok(keys)
}

/// Reads a key whose field is `field`, whether it stands in the configuration or in a key list.
pub(crate) fn read_key(
    name: &str,
    written: written::Key,
    tenants: &Tenants,
    field: &str,
) -> Result<(KeyDigest, Key), ConfigError> {
    let written::Key {
        sha256,
        tenant,
        plan,
        models,
        expires,
    } = written;
    let digest = KeyDigest::from_hex(&sha256).ok_or_else(|| {
        let reason = "is the SHA-256 of the key: 64 hexadecimal digits";
        ConfigError::new(format!("{field}.sha256"), reason)
    })?;
    let expires = expires.map(|text| {
        timestamp::seconds(&text).ok_or_else(|| {
            let reason = "is a time such as `2026-12-31T00:00:00Z` (RFC 3339)";
            ConfigError::new(format!("{field}.expires"), reason)
        })
    });
    let caller = written::Caller {
        tenant,
        plan,
        models,
    };
    let label = tenants::read_label(name, field)?;
    let identity = tenants::identity(tenants, caller, label, None, field)?;
    let key = Key {
        identity: Rc::new(identity),
        expires: expires.transpose()?,
    };
    Ok((digest, key))
}
