//! The configuration as its resource says it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole `pluginConfig`.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Wire {
    /// Which of the two plugins of this module it is: the one that chooses, or the one behind all
    /// others that puts the provider's credential in.
    pub(super) role: WireRole,
    /// Providers by name, at most 64: it is the name of their credential, and of their route
    /// (`x-ai-provider`). Only in the role `route`.
    #[serde(default)]
    pub(super) providers: BTreeMap<String, WireProvider>,
    /// Models by the names that clients use, at most 1024. Only in the role `route`.
    #[serde(default)]
    pub(super) models: BTreeMap<String, WireModel>,
    /// How long the router waits and how much it keeps. Only in the role `route`.
    #[serde(default)]
    pub(super) limits: WireLimits,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum WireRole {
    Route,
    Upstream,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WireProvider {
    /// Whose API it speaks.
    pub(super) api: WireApi,
    /// The provider's host, for the router's own calls.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 255)))]
    pub(super) host: String,
    /// The proxy's cluster that leads to it, for the same calls: `outbound|443||api.openai.com`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256)))]
    pub(super) cluster: String,
    /// What stands before `/chat/completions` and the like: `/v1`.
    #[serde(default)]
    pub(super) path_prefix: String,
    /// `anthropic-version` of requests that name none; only with the api `anthropic`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 64), extend("default" = super::ANTHROPIC_VERSION)))]
    pub(super) version: Option<String>,
    /// How many tokens an answer has at most where the request gives no bound; only with the api
    /// `anthropic`.
    #[cfg_attr(feature = "schema", schemars(range(min = 1), extend("default" = super::DEFAULT_MAX_TOKENS)))]
    pub(super) default_max_tokens: Option<u64>,
    /// Further headers of every request, by name. No credential belongs here.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum WireApi {
    #[serde(rename = "openai")]
    OpenAi,
    Anthropic,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WireModel {
    /// The provider that is asked first: one of `providers`.
    pub(super) provider: String,
    /// The model's name at the provider; without it, the client's name.
    pub(super) model: Option<String>,
    /// How a model of Anthropic's is told how much to think: by a word, by a number of tokens, or
    /// not at all.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "effort")))]
    pub(super) reasoning: WireReasoning,
    /// Whether a model of Anthropic's can be held to a JSON schema.
    #[cfg_attr(feature = "schema", schemars(extend("default" = true)))]
    pub(super) structured_outputs: Option<bool>,
    /// Who is asked where the first one fails before it has begun to answer.
    pub(super) fallback: Option<WireFallback>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WireFallback {
    /// One of `providers`.
    pub(super) provider: String,
    /// The model's name at that provider.
    pub(super) model: String,
    /// How a model of Anthropic's is told how much to think: by a word, by a number of tokens, or
    /// not at all.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "effort")))]
    pub(super) reasoning: WireReasoning,
    /// Whether a model of Anthropic's can be held to a JSON schema.
    #[cfg_attr(feature = "schema", schemars(extend("default" = true)))]
    pub(super) structured_outputs: Option<bool>,
}

/// How a model of Anthropic's is told how much to think.
#[derive(Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum WireReasoning {
    #[default]
    Effort,
    Budget,
    Drop,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct WireLimits {
    /// After how long the call to a fallback has failed, in seconds.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_SECONDS)))]
    pub(super) fallback_timeout_seconds: u32,
    /// A request with a longer body, in bytes, has no fallback.
    #[cfg_attr(feature = "schema", schemars(range(max = MOST_BYTES)))]
    pub(super) max_fallback_request_bytes: usize,
    /// A longer answer, in bytes, fails where it must be read whole.
    #[cfg_attr(feature = "schema", schemars(range(max = MOST_BYTES)))]
    pub(super) max_answer_bytes: usize,
}

/// Nobody waits longer than an hour for a fallback.
pub(super) const MOST_SECONDS: u32 = 3600;

/// What the router's own memory for one request allows.
pub(super) const MOST_BYTES: usize = 32 << 20;

impl Default for WireLimits {
    fn default() -> Self {
        Self {
            fallback_timeout_seconds: 120,
            max_fallback_request_bytes: 1 << 20,
            max_answer_bytes: 8 << 20,
        }
    }
}
