//! Which headers of a provider's answer reach the client.

use http_filter::Headers;

/// The status; 502 where there is no proper one.
pub(crate) fn status(headers: &dyn Headers) -> u16 {
    let status = headers.get(":status").unwrap_or_default();
    let status = std::str::from_utf8(&status)
        .ok()
        .and_then(|status| status.parse().ok());
    status.unwrap_or(502)
}

/// Whether the body is compressed, though the request asked for `identity`.
pub(crate) fn is_compressed(headers: &dyn Headers) -> bool {
    headers
        .get("content-encoding")
        .is_some_and(|coding| is_coded(&coding))
}

pub(crate) fn is_coded(content_encoding: &[u8]) -> bool {
    let mut codings = content_encoding
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether a `content-type` is JSON.
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/json")
}

/// Removes what tells of the provider's account, sets state for the provider's origin, or claims
/// to be the gateway's or its proxy's word. For answers that pass otherwise as they came.
pub(crate) fn strip_account(headers: &mut dyn Headers) {
    for (name, _) in headers.all() {
        if ACCOUNT.contains(&name.as_str()) || is_forged(&name) {
            headers.remove(&name);
        }
    }
}

/// `www-authenticate` asks for a credential that only the gateway has.
const ACCOUNT: [&str; 6] = [
    "alt-svc",
    "anthropic-organization-id",
    "openai-organization",
    "openai-project",
    "set-cookie",
    "www-authenticate",
];

/// Whether a header has a name by which only the gateway or its proxy speaks, and is none of
/// those that they have set by now.
fn is_forged(name: &str) -> bool {
    name.starts_with("x-envoy-") || (name.starts_with("x-ai-") && !SET_BY_NOW.contains(&name))
}

/// What the cache did, and the provider's id of the request, which its route sets: both in the
/// place of what the provider may have sent.
const SET_BY_NOW: [&str; 2] = ["x-ai-cache", "x-ai-provider-request-id"];

/// Removes all that describes the provider, its limits and its body, for an answer that is
/// rewritten: what the gateway's filters and its routes added stays, and so do an answer's age and
/// when to retry. The provider's id of the request becomes `x-request-id`, by which OpenAI's SDKs
/// name it.
pub(crate) fn keep_gateways_own(headers: &mut dyn Headers) {
    if let Some(id) = headers.get("request-id") {
        headers.set("x-request-id", &id);
    }
    for (name, _) in headers.all() {
        if !is_gateways_own(&name) && !KEPT.contains(&name.as_str()) {
            headers.remove(&name);
        }
    }
}

/// For an answer that takes the place of a failed one: nothing of the failure stays.
pub(crate) fn forget_failure(headers: &mut dyn Headers) {
    for (name, _) in headers.all() {
        if !is_gateways_own(&name) {
            headers.remove(&name);
        }
    }
    headers.remove("x-request-id");
}

fn is_gateways_own(name: &str) -> bool {
    let prefixes = [":", "access-control-"];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
        || ["date", "server", "x-request-id"].contains(&name)
        || SET_BY_NOW.contains(&name)
}

/// How old a cached answer is, and when a new try makes sense: RFC 9110, section 10.2.3, and what
/// OpenAI's SDKs read besides.
const KEPT: [&str; 4] = ["age", "retry-after", "retry-after-ms", "x-should-retry"];
