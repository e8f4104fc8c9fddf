//! The plugin's configuration: what the filter uses, made of what serde reads.

mod claims;
mod hosts;
mod issuers;
mod keys;
mod mesh;
mod tenants;
#[cfg(test)]
mod tests;
mod written;

use std::rc::Rc;

use facts::Identity;
use http_filter::ConfigError;

use crate::hosts::Hosts;
use crate::issuer::Issuers;
use crate::keys::Keys;
use crate::mesh::Mesh;
use crate::signature_budget::Limits;
use crate::tenants::Tenants;
use written::{Mode, Written};

pub(crate) use keys::read_key;
pub(crate) use written::Key as WrittenKey;

/// What the filter uses.
pub(crate) struct Config {
    pub(crate) hosts: Hosts,
    pub(crate) keys: Keys,
    pub(crate) issuers: Issuers,
    pub(crate) tenants: Tenants,
    pub(crate) mesh: Option<Mesh>,
    pub(crate) limits: Limits,
    /// How many verdicts on tokens a worker keeps.
    pub(crate) most_verdicts: usize,
    /// The whole filter only watches.
    pub(crate) is_watching: bool,
    /// For whom calls count that are let through and would be refused; always there where
    /// anything only watches.
    pub(crate) shadow: Option<Rc<Identity>>,
}

impl Config {
    /// Reads and checks a configuration.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let Written {
            mode,
            hosts,
            tenants,
            plans,
            keys,
            issuers,
            mesh,
            shadow,
            signatures,
            verdicts,
        } = http_filter::parse(json)?;
        let tenants = tenants::read(tenants, plans)?;
        let mesh = mesh.map(|mesh| mesh::read(mesh, &tenants)).transpose()?;
        let issuers = issuers::read(issuers, &tenants)?;
        let shadow = shadow
            .map(|caller| read_shadow(caller, &tenants))
            .transpose()?;
        if shadow.is_none() && (mode == Mode::Shadow || issuers.any_is_watched()) {
            // Nobody is let through for whom nobody answers.
            let reason = "with `mode: shadow` it names the tenant that unknown callers count for";
            return Err(ConfigError::new("shadow.tenant", reason));
        }
        let configured = hosts::Configured {
            mesh: mesh.is_some(),
            issuers: !issuers.is_empty(),
        };
        Ok(Self {
            hosts: hosts::read(hosts, configured)?,
            keys: keys::read(keys, &tenants)?,
            issuers,
            tenants,
            mesh,
            limits: read_limits(signatures)?,
            most_verdicts: read_most_verdicts(verdicts)?,
            is_watching: mode == Mode::Shadow,
            shadow,
        })
    }
}

fn read_shadow(caller: written::Caller, tenants: &Tenants) -> Result<Rc<Identity>, ConfigError> {
    let field = "shadow";
    let label = tenants::read_name("shadow", field)?;
    tenants::identity(tenants, caller, label, None, field).map(Rc::new)
}

/// With the proxy's own cryptography some 3 % of a worker's time.
const DEFAULT_PER_SECOND: u32 = 1000;

const MOST_PER_SECOND: u32 = 1_000_000;

fn read_limits(written: written::Signatures) -> Result<Limits, ConfigError> {
    let written::Signatures {
        per_second,
        per_address_per_second,
    } = written;
    let per_second = per_second.unwrap_or(DEFAULT_PER_SECOND);
    for (field, number) in [
        ("signatures.perSecond", Some(per_second)),
        ("signatures.perAddressPerSecond", per_address_per_second),
    ] {
        if number.is_some_and(|number| !(1..=MOST_PER_SECOND).contains(&number)) {
            let reason = format!("is 1 to {MOST_PER_SECOND}");
            return Err(ConfigError::new(field, reason));
        }
    }
    Ok(Limits {
        per_second,
        per_address: per_address_per_second,
    })
}

/// Some 300 KiB, where no two tokens are of one user.
const DEFAULT_VERDICTS: usize = 1024;

const MOST_VERDICTS: usize = 1 << 20;

fn read_most_verdicts(written: written::Verdicts) -> Result<usize, ConfigError> {
    let entries = written.entries.unwrap_or(DEFAULT_VERDICTS);
    if !(1..=MOST_VERDICTS).contains(&entries) {
        let reason = format!("is 1 to {MOST_VERDICTS}");
        return Err(ConfigError::new("verdicts.entries", reason));
    }
    Ok(entries)
}
