//! The LLM hosts, and which credentials count on each.

use std::collections::BTreeMap;

use http_filter::ConfigError;

use super::written;
use crate::hosts::{Host, HostPattern, Hosts};
use crate::sources::Source;

/// What is configured of the sources that a host may list.
#[derive(Clone, Copy)]
pub(super) struct Configured {
    pub(super) mesh: bool,
    pub(super) issuers: bool,
}

impl Configured {
    /// What is missing for a source.
    fn missing(self, source: Source) -> Option<&'static str> {
        match source {
            Source::Mesh if !self.mesh => Some("mesh"),
            Source::Jwt if !self.issuers => Some("issuers"),
            _ => None,
        }
    }
}

pub(super) fn read(
    written: BTreeMap<String, written::Host>,
    configured: Configured,
) -> Result<Hosts, ConfigError> {
    let mut hosts: Vec<Host> = Vec::with_capacity(written.len());
    for (name, host) in written {
        let field = format!("hosts.{name}");
        let host = read_host(host, configured, &field)?;
        if hosts.iter().any(|other| other.clashes_with(&host)) {
            let reason = "another entry has this authority and port";
            return Err(ConfigError::new(format!("{field}.authority"), reason));
        }
        hosts.push(host);
    }
    if hosts.is_empty() {
        return Err(ConfigError::new("hosts", "at least one LLM host is needed"));
    }
    Ok(Hosts::new(hosts))
}

fn read_host(
    written: written::Host,
    configured: Configured,
    field: &str,
) -> Result<Host, ConfigError> {
    let written::Host {
        authority,
        sources,
        ports,
    } = written;
    let pattern = HostPattern::new(&authority).ok_or_else(|| {
        let reason = "is a host without a port, `*`, or `*.` and a domain";
        ConfigError::new(format!("{field}.authority"), reason)
    })?;
    if ports.contains(&0) {
        let reason = "a port is a number from 1 to 65535";
        return Err(ConfigError::new(format!("{field}.ports"), reason));
    }
    let sources = match sources {
        Some(names) => read_sources(&names, configured, &format!("{field}.sources"))?,
        None => default_sources(configured),
    };
    Ok(Host {
        pattern,
        ports,
        sources: sources.into(),
    })
}

/// Keys, and tokens where an issuer is configured.
fn default_sources(configured: Configured) -> Vec<Source> {
    [Source::ApiKey, Source::Jwt]
        .into_iter()
        .filter(|source| configured.missing(*source).is_none())
        .collect()
}

fn read_sources(
    names: &[String],
    configured: Configured,
    field: &str,
) -> Result<Vec<Source>, ConfigError> {
    let error = |reason: String| Err(ConfigError::new(field, reason));
    let mut sources = Vec::with_capacity(names.len());
    for name in names {
        let Some(source) = Source::named(name) else {
            let all = Source::ALL.map(Source::name).join("`, `");
            return error(format!("there is no source `{name}`, only `{all}`"));
        };
        if sources.contains(&source) {
            return error(format!("`{name}` is listed twice"));
        }
        if let Some(missing) = configured.missing(source) {
            return error(format!("`{name}` is listed, and there is no `{missing}`"));
        }
        sources.push(source);
    }
    if sources.is_empty() {
        return error("an empty list would let nobody in".to_owned());
    }
    Ok(sources)
}
