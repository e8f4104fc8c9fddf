//! Issuers of tokens.

use std::collections::BTreeMap;

use http_filter::ConfigError;
use jwt::{Algorithm, Algorithms, Expectations};

use super::claims::{self, WrittenTenants};
use super::written::Mode;
use super::{issuer_keys, tenants, written};
use crate::fetched::SealingKey;
use crate::issuer::{Issuer, Issuers};
use crate::tenants::Tenants;

pub(super) fn read(
    written: BTreeMap<String, written::Issuer>,
    tenants: &Tenants,
    sealing_key: Option<&SealingKey>,
) -> Result<Issuers, ConfigError> {
    let mut issuers = Issuers::default();
    for (name, issuer) in written {
        let field = format!("issuers.{name}");
        let issuer = read_issuer(&name, issuer, tenants, sealing_key, &field)?;
        if let Err(other) = issuers.insert(issuer) {
            let reason = format!("is the same as that of `issuers.{other}`");
            return Err(ConfigError::new(format!("{field}.issuer"), reason));
        }
    }
    Ok(issuers)
}

fn read_issuer(
    name: &str,
    written: written::Issuer,
    tenants: &Tenants,
    sealing_key: Option<&SealingKey>,
    field: &str,
) -> Result<Issuer, ConfigError> {
    let written::Issuer {
        mode,
        issuer,
        audiences,
        algorithms,
        tolerance_seconds,
        max_lifetime_seconds,
        jwks,
        claims,
        tenants: by_value,
        tenant: always,
    } = written;
    let error =
        |member: &str, reason: String| ConfigError::new(format!("{field}.{member}"), reason);
    if issuer.is_empty() {
        return Err(error(
            "issuer",
            "is the tokens' `iss`, to the letter".to_owned(),
        ));
    }
    if audiences.iter().any(String::is_empty) {
        return Err(error("audiences", "an audience is never empty".to_owned()));
    }
    let tolerance = tolerance_seconds.unwrap_or(Expectations::DEFAULT_TOLERANCE);
    if tolerance > MOST_TOLERANCE_SECONDS {
        let reason = format!("is at most {MOST_TOLERANCE_SECONDS}");
        return Err(error("toleranceSeconds", reason));
    }
    if max_lifetime_seconds == Some(0) {
        return Err(error("maxLifetimeSeconds", "is at least 1".to_owned()));
    }
    let algorithms = match algorithms {
        None => Algorithms::asymmetric(),
        Some(names) => read_algorithms(&names).map_err(|reason| error("algorithms", reason))?,
    };
    let label = tenants::read_label(name, field)?;
    let keys = issuer_keys::read(jwks, algorithms, &label, sealing_key, field)?;
    let of_tenants = WrittenTenants { by_value, always };
    Ok(Issuer {
        name: name.into(),
        label,
        expectations: Expectations {
            issuer,
            audiences,
            tolerance,
            max_lifetime: max_lifetime_seconds,
        },
        keys,
        claims: claims::read(claims, of_tenants, tenants, field)?,
        is_watched: mode == Mode::Shadow,
    })
}

/// A quarter of an hour: clocks that are further apart are broken.
pub(super) const MOST_TOLERANCE_SECONDS: u64 = 900;

fn read_algorithms(names: &[String]) -> Result<Algorithms, String> {
    if names.is_empty() {
        return Err("an empty list would let no token in".to_owned());
    }
    let named = |name: &String| {
        Algorithm::named(name).ok_or_else(|| {
            let all = Algorithm::ALL.map(Algorithm::name).join("`, `");
            format!("there is no algorithm `{name}`, only `{all}`")
        })
    };
    names.iter().map(named).collect()
}
