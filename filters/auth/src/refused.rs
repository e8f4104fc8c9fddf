//! What a client is told that isn't let in: the log knows why, the client only what to do.

use facts::Refusal;

use crate::verdict::{Class, Fault, Kind};

/// The answer for a fault.
pub(crate) fn refusal(fault: &Fault) -> Refusal {
    let refuse = |status, message: &str| Refusal::new(status, fault.reason, message);
    match fault.class {
        Class::Unauthenticated => unauthenticated(fault),
        Class::Forbidden => refuse(403, "This credential gives no access here.")
            .with_code("insufficient_permissions")
            .with_challenge(NO_ACCESS),
        Class::TooMany => refuse(429, "Too many requests with new tokens. Please try again.")
            .with_code("rate_limit_exceeded")
            .with_retry_after(RETRY_AFTER_SECONDS),
        Class::NotReady => refuse(503, "Credentials can't be verified now. Please try again.")
            .with_retry_after(RETRY_AFTER_SECONDS),
    }
}

/// The budget is one of each second, and a fetch that failed is tried again after about as long.
const RETRY_AFTER_SECONDS: u64 = 1;

/// 401 with a challenge by RFC 6750, section 3: no error code where nothing was sent, and
/// `invalid_token` for everything else. Which of its codes would fit better is for the log.
fn unauthenticated(fault: &Fault) -> Refusal {
    let (message, challenge) = match fault.kind {
        Kind::None => (
            "No API key was sent. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
            r#"Bearer realm="ai-gateway""#,
        ),
        Kind::ApiKey => ("The API key is not valid.", INVALID),
        Kind::Jwt => ("The token is not valid.", INVALID),
        Kind::Mesh => ("The workload is not known here.", INVALID),
    };
    Refusal::new(401, fault.reason, message)
        .with_code("invalid_api_key")
        .with_challenge(challenge)
}

/// RFC 6750, section 3.1: another credential could give access.
const NO_ACCESS: &str = r#"Bearer realm="ai-gateway", error="insufficient_scope""#;

const INVALID: &str = r#"Bearer realm="ai-gateway", error="invalid_token""#;
