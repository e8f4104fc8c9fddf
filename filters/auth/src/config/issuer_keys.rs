//! The keys of an issuer: written out, or where to fetch them.

use std::cell::RefCell;

use facts::Name;
use http_filter::ConfigError;
use jwt::{Algorithm, Algorithms, KeySet, KeySetError};

use super::written;
use crate::fetched::{Fetched, Kind, SealingKey, WrittenSource};
use crate::issuer_keys::IssuerKeys;

pub(super) fn read(
    written: written::Jwks,
    algorithms: Algorithms,
    issuer: &Name,
    sealing_key: Option<&SealingKey>,
    field: &str,
) -> Result<IssuerKeys, ConfigError> {
    let field = format!("{field}.jwks");
    match written {
        written::Jwks {
            inline: Some(inline),
            cluster: None,
            authority: None,
            path: None,
            refresh_seconds: None,
            refetch_seconds: None,
            keep_seconds: None,
            timeout_milliseconds: None,
        } => read_inline(&inline, algorithms, &format!("{field}.inline")),
        written::Jwks {
            inline: None,
            cluster: Some(cluster),
            authority: Some(authority),
            path: Some(path),
            refresh_seconds,
            refetch_seconds,
            keep_seconds,
            timeout_milliseconds,
        } => {
            let source = WrittenSource {
                cluster,
                authority,
                path,
                refresh_seconds,
                refetch_seconds,
                keep_seconds,
                timeout_milliseconds,
            };
            read_fetched(source, algorithms, issuer, sealing_key, &field)
        }
        _ => {
            let reason = "has either `inline`, or `cluster`, `authority` and `path`";
            Err(ConfigError::new(field, reason))
        }
    }
}

fn read_inline(
    inline: &str,
    algorithms: Algorithms,
    field: &str,
) -> Result<IssuerKeys, ConfigError> {
    let keys = KeySet::parse(inline.as_bytes(), algorithms)
        .map_err(|error| ConfigError::new(field, unusable(error)))?;
    note_skipped(&keys, field);
    Ok(IssuerKeys::Inline(keys))
}

fn read_fetched(
    source: WrittenSource,
    algorithms: Algorithms,
    issuer: &Name,
    sealing_key: Option<&SealingKey>,
    field: &str,
) -> Result<IssuerKeys, ConfigError> {
    if algorithms.contains(Algorithm::Hs256) {
        let reason = "`HS256` is listed in `algorithms`, and its secret must not be published";
        return Err(ConfigError::new(field, reason));
    }
    let source = source
        .read(Kind::Jwks, issuer.clone())
        .map_err(|error| ConfigError::new(format!("{field}.{}", error.field), error.reason))?;
    let label = field.to_owned();
    let read = move |json: &[u8]| {
        let keys = KeySet::parse(json, algorithms).map_err(unusable)?;
        note_skipped(&keys, &label);
        Ok(keys)
    };
    let fetched = Fetched::new(source, sealing_key, Box::new(read));
    Ok(IssuerKeys::Fetched(Box::new(RefCell::new(fetched))))
}

fn unusable(error: KeySetError) -> String {
    let reason = error.reason();
    match error {
        KeySetError::NoUsableKey(Some(first)) => {
            let (index, why) = (first.index, first.reason.reason());
            format!("can't be used, {reason}: key {index} is skipped, {why}")
        }
        _ => format!("can't be used, {reason}"),
    }
}

fn note_skipped(keys: &KeySet, field: &str) {
    for skipped in keys.skipped() {
        let reason = skipped.reason.reason();
        log::warn!("{field}: key {} is skipped, {reason}", skipped.index);
    }
}
