//! The configuration as its resource says it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole `pluginConfig`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Wire {
    pub(super) role: WireRole,
    /// By the names of their routing header and credential; only in the role `route`.
    #[serde(default)]
    pub(super) providers: BTreeMap<String, WireProvider>,
    /// By the names that clients use; only in the role `route`.
    #[serde(default)]
    pub(super) models: BTreeMap<String, WireModel>,
    #[serde(default)]
    pub(super) limits: WireLimits,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum WireRole {
    Route,
    Upstream,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WireProvider {
    pub(super) api: WireApi,
    /// The authority of the router's own calls.
    pub(super) host: String,
    /// The proxy's cluster for the router's own calls.
    pub(super) cluster: String,
    /// What stands before `/chat/completions` and the like; nothing by default.
    #[serde(default)]
    pub(super) path_prefix: String,
    /// `anthropic-version` of requests that name none; only with the api `anthropic`.
    pub(super) version: Option<String>,
    /// For requests that give no bound; only with the api `anthropic`.
    pub(super) default_max_tokens: Option<u64>,
    /// Further headers of every request, by name. No credential belongs here.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum WireApi {
    #[serde(rename = "openai")]
    OpenAi,
    Anthropic,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WireModel {
    pub(super) provider: String,
    /// The model's name at the provider; the client's name where it is absent.
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) reasoning: WireReasoning,
    /// Whether a model of Anthropic's can be held to a JSON schema; by default it can.
    pub(super) structured_outputs: Option<bool>,
    pub(super) fallback: Option<WireFallback>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WireFallback {
    pub(super) provider: String,
    pub(super) model: String,
    #[serde(default)]
    pub(super) reasoning: WireReasoning,
    pub(super) structured_outputs: Option<bool>,
}

/// How a model of Anthropic's is told how much to think.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) enum WireReasoning {
    #[default]
    Effort,
    Budget,
    Drop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct WireLimits {
    pub(super) fallback_timeout_seconds: u32,
    /// A request with a longer body has no fallback.
    pub(super) max_fallback_request_bytes: usize,
    /// A longer answer fails where it must be read whole.
    pub(super) max_answer_bytes: usize,
}

impl Default for WireLimits {
    fn default() -> Self {
        Self {
            fallback_timeout_seconds: 120,
            max_fallback_request_bytes: 1 << 20,
            max_answer_bytes: 8 << 20,
        }
    }
}
