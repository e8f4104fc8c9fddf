//! The keys of all facts.
//!
//! Envoy's filter state shows them with the prefix `wasm.`: an access log reads the tenant as
//! `%FILTER_STATE(wasm.ai.tenant:PLAIN)%`. A form that changes gets a new version inside the
//! value (JSON member `v`) or, where it is plain text, a new key.

/// What a stream is, see [`Traffic`](crate::Traffic): API and endpoint, such as
/// `openai.chat_completions`, or `passed`. Written by `auth`, read by every filter. Absent: `auth`
/// didn't run, or refused.
pub const TRAFFIC: &str = "ai.traffic";

/// `anthropic` where the client reads errors in that shape, absent where it is `openai`'s. Written
/// by `auth`, read by the proxy's own local replies.
pub const API: &str = "ai.api";

/// The tenant's name. Written by `auth`.
pub const TENANT: &str = "ai.tenant";

/// The name of the caller's plan. Written by `auth`, read by `token-counter`.
pub const PLAN: &str = "ai.plan";

/// The label of the credential that was used, never the credential. Written by `auth`, read by
/// logs.
pub const KEY: &str = "ai.key";

/// Who of the tenant's people or workloads calls, see [`User`](crate::User); absent where the
/// credential doesn't say. Written by `auth`, read by logs.
pub const USER: &str = "ai.user";

/// The patterns of the models that the caller may use, see
/// [`AllowedModels`](crate::AllowedModels): JSON. Written by `auth`, read by `model-router`.
pub const MODELS: &str = "ai.models";

/// Why `auth` would have refused, in snake case, where it only watches. Written by `auth`, read by
/// logs.
pub const SHADOWED: &str = "ai.shadowed";

/// Why a filter refused, in snake case. Written by the filter that refuses; the proxy's mappers
/// for local replies leave such an answer alone.
pub const REFUSED: &str = "ai.refused";

/// The provider's name. Written by `model-router`, read by `token-counter`, `response-cache`
/// and logs.
pub const PROVIDER: &str = "ai.provider";

/// The model's name as the provider knows it. Written by `model-router`.
pub const MODEL: &str = "ai.model";

/// The model's name as the client and the configuration know it. Written by `model-router`.
pub const REQUESTED_MODEL: &str = "ai.requested_model";

/// How the request goes upstream, see [`Decision`](crate::Decision). Written by `model-router`
/// in its role `route`, read by the same in its role `upstream`.
pub const DECISION: &str = "ai.decision";

/// The tokens that the provider counted, see [`usage`](crate::usage). Written by `model-router`
/// where it translated the answer, else by `token-counter`.
pub const USAGE: &str = "ai.usage";

/// `hit` or `miss`; absent where the cache took no part. Written by `response-cache`, read by
/// `token-counter`.
pub const CACHE: &str = "ai.cache";

/// The provider that answered in place of the first one. Written by `model-router`.
pub const FALLBACK: &str = "ai.fallback";
