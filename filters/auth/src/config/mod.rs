//! The plugin's configuration: what the filter uses, made of what serde reads.

mod claims;
mod hosts;
mod issuer_keys;
mod issuers;
mod key_lists;
mod keys;
mod mesh;
mod tenants;
#[cfg(test)]
mod tests;
mod written;

use std::rc::Rc;

use facts::Identity;
use http_filter::{ConfigError, Environment};

use crate::api_keys::ApiKeys;
use crate::documents::Document;
use crate::fetched::SealingKey;
use crate::hosts::Hosts;
use crate::issuer::Issuers;
use crate::issuer_keys::IssuerKeys;
use crate::mesh::Mesh;
use crate::signature_budget::Limits;
use crate::tenants::Tenants;
use written::Mode;
#[cfg(feature = "schema")]
pub(crate) use written::Written;
#[cfg(not(feature = "schema"))]
use written::Written;

pub(crate) use keys::read_key;
pub(crate) use written::Key as WrittenKey;

/// What the filter uses.
pub(crate) struct Config {
    pub(crate) hosts: Hosts,
    pub(crate) keys: ApiKeys,
    pub(crate) issuers: Issuers,
    pub(crate) tenants: Rc<Tenants>,
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
    /// Reads and checks a configuration, and the secret that the environment may have.
    pub(crate) fn parse(json: &[u8], environment: &dyn Environment) -> Result<Self, ConfigError> {
        let Written {
            mode,
            hosts,
            tenants,
            plans,
            keys,
            key_lists,
            issuers,
            mesh,
            shadow,
            signatures,
            verdicts,
        } = http_filter::parse(json)?;
        let tenants = Rc::new(tenants::read(tenants, plans)?);
        let mesh = mesh.map(|mesh| mesh::read(mesh, &tenants)).transpose()?;
        let sealing_key = read_sealing_key(environment)?;
        let issuers = issuers::read(issuers, &tenants, sealing_key.as_ref())?;
        let shadow = shadow
            .map(|caller| read_shadow(caller, &tenants))
            .transpose()?;
        if shadow.is_none()
            && (mode == Mode::Shadow || issuers.all().iter().any(|issuer| issuer.is_watched))
        {
            // Nobody is let through for whom nobody answers.
            let reason = "with `mode: shadow` it names the tenant that unknown callers count for";
            return Err(ConfigError::new("shadow.tenant", reason));
        }
        let configured = hosts::Configured {
            mesh: mesh.is_some(),
            issuers: !issuers.all().is_empty(),
        };
        Ok(Self {
            hosts: hosts::read(hosts, configured)?,
            keys: ApiKeys {
                inline: keys::read(keys, &tenants)?,
                lists: key_lists::read(key_lists, &tenants, sealing_key.as_ref())?,
            },
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

impl Config {
    /// All documents that are to be kept fresh.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &dyn Document> {
        let issuers = self.issuers.all().iter();
        let key_sets = issuers.filter_map(|issuer| match &issuer.keys {
            IssuerKeys::Inline(_) => None,
            IssuerKeys::Fetched(key_set) => Some(&**key_set as &dyn Document),
        });
        let key_lists = self.keys.lists.iter().map(|list| list as &dyn Document);
        key_sets.chain(key_lists)
    }
}

/// The secret with which workers seal what they share; without it each keeps to itself.
const STATE_KEY: &str = "AI_GATEWAY_STATE_KEY";

fn read_sealing_key(environment: &dyn Environment) -> Result<Option<SealingKey>, ConfigError> {
    let secret = environment.variable(STATE_KEY);
    let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
        return Ok(None);
    };
    // 32 random bytes in base64 are 43 letters, without padding.
    const LEAST_LETTERS: usize = 43;
    let key = SealingKey::new(secret.as_bytes()).filter(|_| secret.len() >= LEAST_LETTERS);
    key.map(Some).ok_or_else(|| {
        let reason = "in the gateway's environment is shorter than 32 random bytes in base64";
        ConfigError::new(STATE_KEY, reason)
    })
}

fn read_shadow(caller: written::Caller, tenants: &Tenants) -> Result<Rc<Identity>, ConfigError> {
    let field = "shadow";
    let label = tenants::read_name(tenants::SHADOW, field)?;
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

/// Some 360 KiB, where no two tokens are of one user.
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
