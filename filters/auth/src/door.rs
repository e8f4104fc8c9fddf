//! What may come in: requests that the filters behind this one can read.

use facts::Refusal;
use http_filter::Headers;
use llm_api::Endpoint;

/// Whether a browser asks if a page of another origin may call here (Fetch standard, section 4.8):
/// without a credential, so nobody is asked for one.
///
/// It says nothing of the path, so that a stranger learns nothing of what is served, and it has no
/// body, so that nobody fills the proxy's memory with one.
pub(crate) fn is_preflight(method: &[u8], headers: &dyn Headers, end_of_stream: bool) -> bool {
    method == b"OPTIONS"
        && end_of_stream
        && headers.get("origin").is_some()
        && headers.get("access-control-request-method").is_some()
}

/// Refuses what is authenticated and yet can't be governed.
pub(crate) fn check(
    headers: &dyn Headers,
    endpoint: Endpoint,
    end_of_stream: bool,
) -> Result<(), Refusal> {
    refuse_upgrade(headers)?;
    if !endpoint.has_body() {
        return Ok(());
    }
    refuse_encoded_body(headers)?;
    if end_of_stream {
        let message = "The request has no body; a JSON object is expected.";
        return Err(Refusal::new(400, "empty_body", message));
    }
    Ok(())
}

/// A connection that changes its protocol is one that no filter reads.
fn refuse_upgrade(headers: &dyn Headers) -> Result<(), Refusal> {
    if headers.get("upgrade").is_none() {
        return Ok(());
    }
    let message = "Upgrades of the connection, such as WebSocket, are not supported.";
    Err(Refusal::new(400, "upgrade", message))
}

/// 415 by RFC 9110, section 15.5.16.
fn refuse_encoded_body(headers: &dyn Headers) -> Result<(), Refusal> {
    match headers.get("content-encoding") {
        Some(encoding) if !encoding.eq_ignore_ascii_case(b"identity") => {
            let message = "Compressed request bodies are not supported; send it without \
                           content-encoding.";
            Err(Refusal::new(415, "content_encoding", message))
        }
        _ => Ok(()),
    }
}

/// The refusal of a path or method that isn't served.
pub(crate) fn not_served(refusal: llm_api::Refusal) -> Refusal {
    use llm_api::Refusal as Reason;
    let refuse = |status, message: &str| Refusal::new(status, refusal.reason(), message);
    match refusal {
        Reason::UnknownPath => refuse(404, "There is no such endpoint."),
        Reason::WrongMethod { allow } => {
            let message = format!("This endpoint takes {allow} requests only.");
            refuse(405, &message).with_allow(allow)
        }
        Reason::StatefulEndpoint => refuse(
            403,
            "This endpoint keeps objects at the provider; it is not open here.",
        ),
        Reason::BinaryEndpoint => refuse(
            403,
            "This endpoint carries what the gateway can't read; it is not open here.",
        ),
        Reason::PathNotCanonical => refuse(
            400,
            "The path is not in its canonical form (RFC 3986, section 6.2.2).",
        ),
    }
}
