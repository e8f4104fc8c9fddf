//! The configuration as serde reads it. [`Config`](super::Config) is made of it, and checks it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::fetched::WrittenSource;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Written {
    #[serde(default)]
    pub(super) mode: Mode,
    pub(super) hosts: BTreeMap<String, Host>,
    #[serde(default)]
    pub(super) tenants: BTreeMap<String, Tenant>,
    #[serde(default)]
    pub(super) plans: BTreeMap<String, Plan>,
    #[serde(default)]
    pub(super) keys: BTreeMap<String, Key>,
    #[serde(default)]
    pub(super) key_lists: BTreeMap<String, WrittenSource>,
    #[serde(default)]
    pub(super) issuers: BTreeMap<String, Issuer>,
    pub(super) mesh: Option<Mesh>,
    pub(super) shadow: Option<Caller>,
    #[serde(default)]
    pub(super) signatures: Signatures,
    #[serde(default)]
    pub(super) verdicts: Verdicts,
}

/// Whether a decision holds, or is only counted.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) enum Mode {
    #[default]
    Enforce,
    Shadow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Host {
    pub(super) authority: String,
    pub(super) sources: Option<Vec<String>>,
    #[serde(default)]
    pub(super) ports: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Tenant {
    pub(super) plan: String,
    pub(super) models: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) models: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Key {
    pub(super) sha256: String,
    pub(super) tenant: String,
    pub(super) plan: Option<String>,
    pub(super) models: Option<Vec<String>>,
    pub(super) expires: Option<String>,
}

impl Key {
    /// The name of its tenant.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Mesh {
    #[serde(default)]
    pub(super) from: MeshFrom,
    pub(super) trust_domains: Vec<String>,
    #[serde(default)]
    pub(super) service_accounts: BTreeMap<String, Caller>,
    #[serde(default)]
    pub(super) namespaces: BTreeMap<String, Caller>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) enum MeshFrom {
    #[default]
    Connection,
    ForwardedClientCert,
}

/// For whom a call counts that brings no key of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Caller {
    pub(super) tenant: String,
    pub(super) plan: Option<String>,
    pub(super) models: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Issuer {
    #[serde(default)]
    pub(super) mode: Mode,
    pub(super) issuer: String,
    /// Required: whoever wants none says so by an empty list.
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Option<Vec<String>>,
    pub(super) tolerance_seconds: Option<u64>,
    pub(super) max_lifetime_seconds: Option<u64>,
    pub(super) jwks: Jwks,
    #[serde(default)]
    pub(super) claims: Claims,
    pub(super) tenants: Option<BTreeMap<String, String>>,
    pub(super) tenant: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Jwks {
    /// The keys themselves; all else says where to fetch them.
    pub(super) inline: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) path: Option<String>,
    pub(super) refresh_seconds: Option<u64>,
    pub(super) refetch_seconds: Option<u64>,
    pub(super) keep_seconds: Option<u64>,
    pub(super) timeout_milliseconds: Option<u64>,
}

/// Paths to claims.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Claims {
    pub(super) tenant: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) user: Option<String>,
    pub(super) models: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Signatures {
    pub(super) per_second: Option<u32>,
    pub(super) per_address_per_second: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Verdicts {
    pub(super) entries: Option<usize>,
}
