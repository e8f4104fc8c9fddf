//! The configuration as serde reads it. [`Config`](super::Config) is made of it, and checks it.

use std::collections::BTreeMap;

use serde::Deserialize;

#[cfg(feature = "schema")]
use crate::fetched::Kind;
use crate::fetched::WrittenSource;

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Written {
    /// Whether a refusal holds, or is only counted and logged while the request passes.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "enforce")))]
    pub(super) mode: Mode,
    /// The hosts that carry LLM traffic, by a name of your choice; at least one. Other hosts of the
    /// listener pass untouched.
    pub(super) hosts: BTreeMap<String, Host>,
    /// Who may call, by name. Limits of a tenant stand in `token-counter`.
    #[serde(default)]
    pub(super) tenants: BTreeMap<String, Tenant>,
    /// Plans by name: only for allowlists of models, and for those that a token may name.
    #[serde(default)]
    pub(super) plans: BTreeMap<String, Plan>,
    /// API keys by their label, which stands in logs. `make key` writes an entry.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, Key>,
    /// Lists of API keys that an endpoint serves, by name.
    #[serde(default)]
    pub(super) key_lists: BTreeMap<String, WrittenSource>,
    /// Issuers of tokens (JWT), by the name that they have in logs and metrics.
    #[serde(default)]
    pub(super) issuers: BTreeMap<String, Issuer>,
    /// Workloads whose certificate of the mesh is their credential.
    pub(super) mesh: Option<Mesh>,
    /// For whom a call counts that would be refused and passes; required where anything has
    /// `mode: shadow`.
    pub(super) shadow: Option<Caller>,
    /// How many signatures are checked.
    #[serde(default)]
    pub(super) signatures: Signatures,
    /// How many verdicts on tokens are kept.
    #[serde(default)]
    pub(super) verdicts: Verdicts,
}

/// Whether a decision holds, or is only counted.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum Mode {
    #[default]
    Enforce,
    Shadow,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Host {
    /// A host without a port, `*.` and a domain, or `*`. The most particular entry speaks for a
    /// request.
    pub(super) authority: String,
    /// Which credentials count, at least one. By default `apiKey`, and `jwt` where there is an
    /// issuer.
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(min = 1),
            extend("items" = {"enum": crate::sources::Source::ALL.map(crate::sources::Source::name)})
        )
    )]
    pub(super) sources: Option<Vec<String>>,
    /// The ports of the gateway's pod for which this entry counts; all of them where none is
    /// listed.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = {"type": "integer", "minimum": 1, "maximum": 65535}))
    )]
    pub(super) ports: Vec<u16>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Tenant {
    /// The plan whose limits it has: one of `token-counter`'s.
    pub(super) plan: String,
    /// Which models it may use; `*` stands for any text. With an empty list it may use none.
    pub(super) models: Vec<String>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Plan {
    /// Narrows the models of whoever has this plan; `*` stands for any text.
    pub(super) models: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Key {
    /// The SHA-256 of the key: 64 hexadecimal digits. The key itself stands nowhere.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-fA-F]{64}$")))]
    pub(super) sha256: String,
    /// One of `tenants`.
    pub(super) tenant: String,
    /// The plan in place of the tenant's.
    pub(super) plan: Option<String>,
    /// Narrows the tenant's models; `*` stands for any text.
    pub(super) models: Option<Vec<String>>,
    /// From this time on the key is refused: `2027-12-31T00:00:00Z` (RFC 3339).
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub(super) expires: Option<String>,
}

impl Key {
    /// The name of its tenant.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Mesh {
    /// Where the workload's certificate is read: in this connection's handshake, or in the header
    /// `x-forwarded-client-cert`, which is safe only where the listener sets that itself.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "connection")))]
    pub(super) from: MeshFrom,
    /// The mesh's trust domains, at least one: `cluster.local`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub(super) trust_domains: Vec<String>,
    /// Callers by `namespace/service-account`; such an entry wins over its namespace's.
    #[serde(default)]
    pub(super) service_accounts: BTreeMap<String, Caller>,
    /// Callers by namespace. Of these two maps one has an entry at least.
    #[serde(default)]
    pub(super) namespaces: BTreeMap<String, Caller>,
}

#[derive(Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum MeshFrom {
    #[default]
    Connection,
    ForwardedClientCert,
}

/// For whom a call counts that brings no key of its own.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Caller {
    /// One of `tenants`.
    pub(super) tenant: String,
    /// The plan in place of the tenant's.
    pub(super) plan: Option<String>,
    /// Narrows the tenant's models; `*` stands for any text.
    pub(super) models: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Issuer {
    /// Whether a bad token of this issuer is refused, or only counted and logged while the other
    /// credentials decide.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "enforce")))]
    pub(super) mode: Mode,
    /// The tokens' `iss`, to the letter.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub(super) issuer: String,
    /// One of them has to be in `aud`. Required: who takes any says so by an empty list.
    pub(super) audiences: Vec<String>,
    /// Which algorithms count, at least one. By default all but `HS256`, which needs an inline key
    /// set.
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(min = 1),
            extend("items" = {"enum": jwt::Algorithm::ALL.map(jwt::Algorithm::name)})
        )
    )]
    pub(super) algorithms: Option<Vec<String>>,
    /// How far the clocks may differ, for `exp`, `nbf` and `iat`, in seconds.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(max = super::issuers::MOST_TOLERANCE_SECONDS),
            extend("default" = jwt::Expectations::DEFAULT_TOLERANCE)
        )
    )]
    pub(super) tolerance_seconds: Option<u64>,
    /// The longest time from `iat`, which is required then, to `exp`, in seconds. Without it there
    /// is no such bound.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub(super) max_lifetime_seconds: Option<u64>,
    /// The issuer's keys.
    pub(super) jwks: Jwks,
    /// In which claims the tokens say what.
    #[serde(default)]
    pub(super) claims: Claims,
    /// The tenant for each value of `claims.tenant`; other values name none. Without it the claim
    /// names the tenant itself.
    pub(super) tenants: Option<BTreeMap<String, String>>,
    /// The tenant of all tokens of this issuer, in place of `claims.tenant`. One of the two is
    /// required.
    pub(super) tenant: Option<String>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Jwks {
    /// The key set itself, as JSON in a text (RFC 7517); at most 128 KiB and 64 keys. It stands
    /// alone: all else says where to fetch one.
    pub(super) inline: Option<String>,
    /// The proxy's cluster that serves the key set: `outbound|443||sso.example.com`. The mesh must
    /// know its host.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2048)))]
    pub(super) cluster: Option<String>,
    /// The host that the fetch asks for.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2048)))]
    pub(super) authority: Option<String>,
    /// The path of the key set, with its `/`.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = "^/"), length(max = 2048))
    )]
    pub(super) path: Option<String>,
    /// How old they get before they are fetched again, in seconds.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = crate::fetched::MOST_SECONDS),
            extend("default" = Kind::Jwks.default_schedule().refresh_seconds)
        )
    )]
    pub(super) refresh_seconds: Option<u64>,
    /// How soon after a fetch an unknown `kid` brings another, in seconds.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = crate::fetched::MOST_SECONDS),
            extend("default" = Kind::Jwks.default_schedule().refetch_seconds)
        )
    )]
    pub(super) refetch_seconds: Option<u64>,
    /// For how long the last good ones stay in use while fetches fail, in seconds; not less than
    /// `refreshSeconds`.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = crate::fetched::MOST_SECONDS),
            extend("default" = Kind::Jwks.default_schedule().keep_seconds)
        )
    )]
    pub(super) keep_seconds: Option<u64>,
    /// How long a fetch may take, in milliseconds.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = crate::fetched::MOST_TIMEOUT_MILLISECONDS),
            extend("default" = Kind::Jwks.default_schedule().timeout_milliseconds)
        )
    )]
    pub(super) timeout_milliseconds: Option<u64>,
}

/// Paths to claims.
#[derive(Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Claims {
    /// Where the token says whose it is: `resource_access.ai.roles`, or a JSON Pointer.
    pub(super) tenant: Option<String>,
    /// Where it says which of `plans` it has; without it, the tenant's.
    pub(super) plan: Option<String>,
    /// Where it says who the user is, and has to; without it, `sub` where the token has one.
    pub(super) user: Option<String>,
    /// Where it lists the models that it may use; a token without this claim may use none then.
    pub(super) models: Option<String>,
}

#[derive(Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Signatures {
    /// How many signatures each worker checks in a second; beyond, 429.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = super::MOST_PER_SECOND),
            extend("default" = super::DEFAULT_PER_SECOND)
        )
    )]
    pub(super) per_second: Option<u32>,
    /// The same for each address of clients (IPv6: for its /64). Without it there is no such
    /// bound.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = super::MOST_PER_SECOND)))]
    pub(super) per_address_per_second: Option<u32>,
}

#[derive(Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Verdicts {
    /// How many verdicts on tokens each worker keeps; 1024 take some 360 KiB.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = super::MOST_VERDICTS),
            extend("default" = super::DEFAULT_VERDICTS)
        )
    )]
    pub(super) entries: Option<usize>,
}
