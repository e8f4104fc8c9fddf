//! Error bodies: ours, in the shape of the client's API, and those of providers.

use crate::body_error::BodyError;
use crate::endpoint::Api;
use crate::json_text::{JsonText, encode_text};
use crate::value::{Value, present};
use std::borrow::Cow;

/// What an error of our own says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorText<'a> {
    /// The HTTP status; it decides the error's type. In a stream the status has long gone out,
    /// and only the type is left of it.
    pub status: u16,
    /// For people.
    pub message: &'a str,
    /// For programs, such as `model_not_found`. Only OpenAI's shape has it.
    pub code: Option<&'a str>,
    /// The member or header that is wrong. Only OpenAI's shape has it.
    pub param: Option<&'a str>,
}

impl<'a> ErrorText<'a> {
    /// An error without code and param.
    #[must_use]
    pub fn new(status: u16, message: &'a str) -> Self {
        Self {
            status,
            message,
            code: None,
            param: None,
        }
    }
}

/// An error body, `application/json`, in the shape that the API's SDKs read.
///
/// ```
/// use llm_api::{Api, ErrorText, error_body};
///
/// let error = ErrorText { code: Some("model_not_found"), ..ErrorText::new(404, "No such model") };
/// assert_eq!(
///     error_body(Api::OpenAi, error),
///     br#"{"error":{"message":"No such model","type":"not_found_error","param":null,"code":"model_not_found"}}"#,
/// );
/// assert_eq!(
///     error_body(Api::Anthropic, error),
///     br#"{"type":"error","error":{"type":"not_found_error","message":"No such model"}}"#,
/// );
/// ```
#[must_use]
pub fn error_body(api: Api, error: ErrorText<'_>) -> Vec<u8> {
    let message = encode_text(error.message);
    let kind = encode_text(error_type(api, error.status));
    let or_null = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), encode_text);
    match api {
        Api::OpenAi => format!(
            r#"{{"error":{{"message":{message},"type":{kind},"param":{},"code":{}}}}}"#,
            or_null(error.param),
            or_null(error.code),
        ),
        Api::Anthropic => {
            format!(r#"{{"type":"error","error":{{"type":{kind},"message":{message}}}}}"#)
        }
    }
    .into_bytes()
}

/// The event that tells of an error inside a stream, whole, with its blank line. After it the
/// stream ends, and says neither `stop` nor `[DONE]`: the answer is not complete.
#[must_use]
pub fn error_event(api: Api, error: ErrorText<'_>) -> Vec<u8> {
    let mut event = match api {
        Api::OpenAi => b"data: ".to_vec(),
        Api::Anthropic => b"event: error\ndata: ".to_vec(),
    };
    // One line: JSON escapes every line end.
    event.extend(error_body(api, error));
    event.extend_from_slice(b"\n\n");
    event
}

/// The error's type by its status, as the API names it.
#[must_use]
pub fn error_type(api: Api, status: u16) -> &'static str {
    match (api, status) {
        (_, 401) => "authentication_error",
        (_, 403) => "permission_error",
        (_, 404) => "not_found_error",
        (_, 429) => "rate_limit_error",
        (Api::OpenAi, 408 | 504) => "timeout",
        (Api::Anthropic, 408 | 504) => "timeout_error",
        (Api::OpenAi, 503 | 529) => "service_unavailable",
        (Api::Anthropic, 503 | 529) => "overloaded_error",
        (Api::Anthropic, 402) => "billing_error",
        (Api::Anthropic, 413) => "request_too_large",
        (_, 400..=499) => "invalid_request_error",
        _ => "api_error",
    }
}

/// What a provider's error says: OpenAI's and Anthropic's `{"error":{…}}`, and the flat form of
/// older vLLM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorObject<'a> {
    /// For people.
    pub message: Option<JsonText<'a>>,
    /// Its type.
    pub kind: Option<JsonText<'a>>,
    /// What is wrong.
    pub param: Option<JsonText<'a>>,
    code: Option<Code<'a>>,
}

/// A code is a string to most, a number to vLLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code<'a> {
    Text(JsonText<'a>),
    Number(&'a str),
}

impl<'a> ErrorObject<'a> {
    /// Reads an error body.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when it is no JSON object (a proxy's HTML, say), or has neither an `error`
    /// nor a `message`.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let [error, message, kind, param, code] =
            Value::of_body(body)?.object(["error", "message", "type", "param", "code"])?;
        match present(error) {
            Some(error) => Self::read(error),
            None if message.is_some() => Ok(Self::of_members([message, kind, param, code])),
            None => Err(BodyError::Missing("error")),
        }
    }

    /// The code, whether a string or a number.
    #[must_use]
    pub fn code(&self) -> Option<Cow<'a, str>> {
        Some(match self.code? {
            Code::Text(text) => text.decode(),
            Code::Number(raw) => Cow::Borrowed(raw),
        })
    }

    /// The value of an `error` member: an object, or a bare message.
    pub(crate) fn read(error: Value<'a>) -> Result<Self, BodyError> {
        if let Some(message) = error.as_text() {
            return Ok(Self {
                message: Some(message),
                ..Self::default()
            });
        }
        if !error.is_object() {
            return Ok(Self::default());
        }
        error
            .members("error", ["message", "type", "param", "code"])
            .map(Self::of_members)
    }

    fn of_members([message, kind, param, code]: [Option<Value<'a>>; 4]) -> Self {
        let text = |value: Option<Value<'a>>| value.and_then(Value::as_text);
        let code = code.and_then(|code| match code.as_text() {
            Some(text) => Some(Code::Text(text)),
            None => code.is_number().then(|| Code::Number(code.raw())),
        });
        Self {
            message: text(message),
            kind: text(kind),
            param: text(param),
            code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorObject, ErrorText, error_body, error_event, error_type};
    use crate::body_error::BodyError;
    use crate::endpoint::Api;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const HOSTILE: &str = "a \"quoted\"\r\n\ndata: x \u{0} \u{2028} \\";

    #[test]
    fn a_hostile_message_stays_one_string_in_every_shape() {
        for api in [Api::OpenAi, Api::Anthropic] {
            let error = ErrorText {
                status: 400,
                message: HOSTILE,
                code: Some(HOSTILE),
                param: Some(HOSTILE),
            };
            let body = error_body(api, error);
            let read = ErrorObject::parse(&body).unwrap();
            assert_eq!(read.message.unwrap().decode(), HOSTILE);
            let event = error_event(api, error);
            assert_eq!(event.iter().filter(|byte| **byte == b'\r').count(), 0);
            let line_ends = event.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(line_ends, if api == Api::OpenAi { 2 } else { 3 });
        }
    }

    #[test]
    fn events_have_the_shape_of_their_api() {
        let error = ErrorText::new(500, "x");
        assert_eq!(
            error_event(Api::OpenAi, error),
            b"data: {\"error\":{\"message\":\"x\",\"type\":\"api_error\",\"param\":null,\"code\":null}}\n\n"
        );
        assert_eq!(
            error_event(Api::Anthropic, error),
            b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}\n\n"
        );
    }

    #[test]
    fn the_status_decides_the_type() {
        for (status, openai, anthropic) in [
            (400, "invalid_request_error", "invalid_request_error"),
            (401, "authentication_error", "authentication_error"),
            (402, "invalid_request_error", "billing_error"),
            (403, "permission_error", "permission_error"),
            (404, "not_found_error", "not_found_error"),
            (413, "invalid_request_error", "request_too_large"),
            (415, "invalid_request_error", "invalid_request_error"),
            (422, "invalid_request_error", "invalid_request_error"),
            (429, "rate_limit_error", "rate_limit_error"),
            (500, "api_error", "api_error"),
            (502, "api_error", "api_error"),
            (503, "service_unavailable", "overloaded_error"),
            (504, "timeout", "timeout_error"),
            (529, "service_unavailable", "overloaded_error"),
            (0, "api_error", "api_error"),
        ] {
            assert_eq!(error_type(Api::OpenAi, status), openai, "{status}");
            assert_eq!(error_type(Api::Anthropic, status), anthropic, "{status}");
        }
    }

    #[test]
    fn providers_errors_are_read_in_all_their_shapes() {
        let message = |body: &'static str| {
            let error = ErrorObject::parse(body.as_bytes()).unwrap();
            let text = error.message.map(|text| text.decode().into_owned());
            (text, error.code().map(|code| code.into_owned()))
        };
        let says =
            |text: &str, code: Option<&str>| (Some(text.to_owned()), code.map(str::to_owned));
        assert_eq!(
            message(
                r#"{"error":{"message":"m","type":"BadRequestError","param":null,"code":400}}"#
            ),
            says("m", Some("400"))
        );
        assert_eq!(
            message(r#"{"object":"error","message":"m","type":"t","param":null,"code":"c"}"#),
            says("m", Some("c"))
        );
        assert_eq!(
            message(
                r#"{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}"#
            ),
            says("m", None)
        );
        assert_eq!(message(r#"{"error":"m"}"#), says("m", None));
        assert_eq!(message(r#"{"error":[1]}"#), (None, None));
        assert_eq!(ErrorObject::parse(b"{}"), Err(BodyError::Missing("error")));
        assert!(ErrorObject::parse(b"<html>").is_err());
    }
}
