//! Errors of an Anthropic provider, as a client of chat completions reads them.

use llm_api::{Api, ErrorObject, ErrorText, error_body, error_event};

use crate::credential_refused;

/// The status that the client is told. Anthropic's own 529 (overloaded) means 503 elsewhere; an
/// answer that is neither good nor an error is the gateway's to explain.
pub(crate) fn client_status(status: u16) -> u16 {
    match status {
        529 => 503,
        400..=599 => status,
        _ => 502,
    }
}

/// The error's body. What the provider says is kept, bounded; a body that isn't an error of this
/// API (a proxy's HTML, say) is left behind, with all that it may tell of its origin.
pub(crate) fn translate(status: u16, body: &[u8]) -> Vec<u8> {
    let message = ErrorObject::parse(body).ok().and_then(said);
    let message = message
        .as_deref()
        .unwrap_or_else(|| message_by_status(status));
    let code = (status == 404).then_some("model_not_found");
    let error = ErrorText {
        code,
        ..ErrorText::new(client_status(status), message)
    };
    error_body(Api::OpenAi, error)
}

/// The event for an error inside a stream.
pub(crate) fn translate_event(data: &[u8]) -> Vec<u8> {
    let error = ErrorObject::parse(data).unwrap_or_default();
    let kind = error.kind.map(|kind| kind.decode().into_owned());
    let status = status_by_type(kind.as_deref().unwrap_or_default());
    if credential_refused::is_told_by(status) {
        return error_event(Api::OpenAi, credential_refused::error());
    }
    let message = said(error);
    let message = message
        .as_deref()
        .unwrap_or_else(|| message_by_status(status));
    error_event(Api::OpenAi, ErrorText::new(status, message))
}

fn said(error: ErrorObject<'_>) -> Option<String> {
    let message = error.message?.decode().into_owned();
    let end = message.floor_char_boundary(MOST_MESSAGE_BYTES);
    let message = message.get(..end).unwrap_or_default();
    (!message.is_empty()).then(|| message.to_owned())
}

/// Longer than any sentence for people.
const MOST_MESSAGE_BYTES: usize = 4096;

/// What the client is told where the provider says nothing that it could read.
pub(crate) fn message_by_status(status: u16) -> &'static str {
    match status {
        400..=499 if status == 429 => "The model's provider takes no more requests now.",
        400..=499 => "The model's provider refused the request.",
        503 | 529 => "The model's provider is not available now.",
        504 => "The model's provider did not answer in time.",
        _ => "The model's provider failed.",
    }
}

/// The statuses that Anthropic's documentation gives for its types of errors.
fn status_by_type(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 503,
        _ => 500,
    }
}
