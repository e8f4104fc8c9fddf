//! The one table of which traffic on an LLM host is governed, and which is refused.
//!
//! What is not in the table is refused. A path that a server behind us might read as another
//! one (dot segments, empty segments, escapes) is refused before the table is asked.

use crate::endpoint::{Api, Endpoint};

/// What becomes of a request, by its method and path alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// It is checked, counted and routed.
    Governed {
        /// The shape of its answer and of its errors.
        api: Api,
        /// What it asks for.
        endpoint: Endpoint,
    },
    /// It goes nowhere.
    Refused {
        /// The shape in which to say so.
        api: Api,
        /// Why.
        reason: Refusal,
    },
}

/// Why a request is refused by its method and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No endpoint that we know.
    UnknownPath,
    /// An endpoint, but not with this method.
    WrongMethod {
        /// The method that it takes, for the `allow` header.
        allow: &'static str,
    },
    /// An endpoint for objects that the provider stores under its one account, where one
    /// tenant could read another's.
    StatefulEndpoint,
    /// An endpoint for audio, images or video, whose bodies no filter can read.
    BinaryEndpoint,
    /// A path that could mean another one to the server behind us.
    PathNotCanonical,
}

impl Refusal {
    /// The reason as facts and metrics know it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_path",
            Self::WrongMethod { .. } => "wrong_method",
            Self::StatefulEndpoint => "stateful_endpoint",
            Self::BinaryEndpoint => "binary_endpoint",
            Self::PathNotCanonical => "path_not_canonical",
        }
    }
}

/// Decides by method and path (`:path`, its query ignored). `anthropic_version_present` says
/// whether the request has an `anthropic-version` header: `/v1/models` is an endpoint of both
/// APIs, and only the header tells whose client asks.
///
/// ```
/// use llm_api::{Api, Endpoint, Refusal, Traffic, classify};
///
/// let governed = Traffic::Governed { api: Api::OpenAi, endpoint: Endpoint::ChatCompletions };
/// assert_eq!(classify(b"POST", b"/v1/chat/completions?x=1", false), governed);
///
/// let refused = Traffic::Refused { api: Api::OpenAi, reason: Refusal::StatefulEndpoint };
/// assert_eq!(classify(b"GET", b"/v1/responses/resp_1", false), refused);
/// ```
#[must_use]
pub fn classify(method: &[u8], path: &[u8], anthropic_version_present: bool) -> Traffic {
    let path = without_query(path);
    let place = if is_canonical(path) {
        find(path)
    } else {
        Err(Refusal::PathNotCanonical)
    };
    let api = api_of(path, place.ok(), anthropic_version_present);
    match place {
        Err(reason) => Traffic::Refused { api, reason },
        Ok(endpoint) if method == endpoint.method().as_bytes() => {
            Traffic::Governed { api, endpoint }
        }
        Ok(endpoint) => Traffic::Refused {
            api,
            reason: Refusal::WrongMethod {
                allow: endpoint.method(),
            },
        },
    }
}

/// The id in `/v1/models/{id}`, percent-decoded. Ids may contain `/`, written as such or as
/// `%2F`. `None` on other paths, and when it is no UTF-8.
#[must_use]
pub fn model_id(path: &[u8]) -> Option<String> {
    let path = without_query(path);
    if !is_canonical(path) {
        return None;
    }
    let id = percent_decoded(path.strip_prefix(MODEL)?)?;
    String::from_utf8(id).ok().filter(|id| !id.is_empty())
}

const VERSION: &[u8] = b"/v1";
const MODEL: &[u8] = b"/v1/models/";
const MESSAGES: &[u8] = b"/v1/messages";

/// Families of endpoints that are known and closed, as the first segment below the version.
const CLOSED: &[(&[u8], Refusal)] = &[
    (b"assistants", Refusal::StatefulEndpoint),
    (b"audio", Refusal::BinaryEndpoint),
    (b"batches", Refusal::StatefulEndpoint),
    (b"chatkit", Refusal::StatefulEndpoint),
    (b"containers", Refusal::StatefulEndpoint),
    (b"conversations", Refusal::StatefulEndpoint),
    (b"evals", Refusal::StatefulEndpoint),
    (b"files", Refusal::StatefulEndpoint),
    (b"fine_tuning", Refusal::StatefulEndpoint),
    (b"images", Refusal::BinaryEndpoint),
    (b"organization", Refusal::StatefulEndpoint),
    (b"organizations", Refusal::StatefulEndpoint),
    (b"realtime", Refusal::BinaryEndpoint),
    (b"skills", Refusal::StatefulEndpoint),
    (b"threads", Refusal::StatefulEndpoint),
    (b"uploads", Refusal::StatefulEndpoint),
    (b"vector_stores", Refusal::StatefulEndpoint),
    (b"videos", Refusal::BinaryEndpoint),
];

fn find(path: &[u8]) -> Result<Endpoint, Refusal> {
    let below = path.strip_prefix(VERSION).ok_or(Refusal::UnknownPath)?;
    let whole = Endpoint::ALL
        .into_iter()
        .find(|endpoint| endpoint.suffix().as_bytes() == below);
    match whole {
        // `/v1/models/` names no model.
        Some(Endpoint::Model) => Err(Refusal::UnknownPath),
        Some(endpoint) => Ok(endpoint),
        None if below.starts_with(Endpoint::Model.suffix().as_bytes()) => Ok(Endpoint::Model),
        None => Err(closed(below)),
    }
}

/// Why a path that is no endpoint of ours is refused.
fn closed(below: &[u8]) -> Refusal {
    let is_under = |endpoint: Endpoint| {
        below
            .strip_prefix(endpoint.suffix().as_bytes())
            .is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
    };
    // Stored completions, stored responses, and Anthropic's batches of messages.
    let stored = [
        Endpoint::ChatCompletions,
        Endpoint::Responses,
        Endpoint::Messages,
    ];
    if stored.into_iter().any(is_under) {
        return Refusal::StatefulEndpoint;
    }
    let family = below.split(|byte| *byte == b'/').nth(1);
    CLOSED
        .iter()
        .find(|(closed, _)| Some(*closed) == family)
        .map_or(Refusal::UnknownPath, |(_, reason)| *reason)
}

fn api_of(path: &[u8], endpoint: Option<Endpoint>, anthropic_version_present: bool) -> Api {
    match endpoint {
        Some(Endpoint::Messages | Endpoint::CountTokens) => Api::Anthropic,
        Some(Endpoint::Models | Endpoint::Model) | None if anthropic_version_present => {
            Api::Anthropic
        }
        None if path.starts_with(MESSAGES) => Api::Anthropic,
        _ => Api::OpenAi,
    }
}

fn without_query(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// Whether every server reads the path as we do: it begins with `/`, has no empty and no dot
/// segment, no backslash, no fragment, only visible ASCII, and no percent sign, except in a
/// model's id, where the same holds for what it decodes to.
fn is_canonical(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else {
        return false;
    };
    match path.strip_prefix(MODEL) {
        Some(id) => {
            is_plain(id, b'%') && percent_decoded(id).is_some_and(|id| has_good_segments(&id))
        }
        None => is_plain(rest, 0) && has_good_segments(rest),
    }
}

/// Visible ASCII without `\`, `#` and `%`, of which one may be excused.
fn is_plain(path: &[u8], excused: u8) -> bool {
    path.iter()
        .all(|byte| byte.is_ascii_graphic() && (*byte == excused || !b"\\#%".contains(byte)))
}

/// No `.` and `..`, no controls, no backslash, and nothing empty but a last segment (which the
/// table knows no path with, or knows better).
fn has_good_segments(path: &[u8]) -> bool {
    let mut segments = path.split(|byte| *byte == b'/').rev();
    let last_is_good = segments.next().is_none_or(|last| !is_dots(last));
    last_is_good
        && segments.all(|segment| !segment.is_empty() && !is_dots(segment))
        && !path
            .iter()
            .any(|byte| byte.is_ascii_control() || *byte == b'\\' || *byte == b'%')
}

fn is_dots(segment: &[u8]) -> bool {
    matches!(segment, b"." | b"..")
}

/// `None` when a percent sign is not followed by two hexadecimal digits (RFC 3986, 2.1).
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' {
            let (high, low) = (hex(*bytes.next()?)?, hex(*bytes.next()?)?);
            decoded.push(high << 4 | low);
        } else {
            decoded.push(*byte);
        }
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Traffic, classify, model_id};
    use crate::endpoint::{Api, Endpoint};
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn governed(api: Api, endpoint: Endpoint) -> Traffic {
        Traffic::Governed { api, endpoint }
    }

    fn reason(method: &str, path: &str) -> Option<Refusal> {
        match classify(method.as_bytes(), path.as_bytes(), false) {
            Traffic::Refused { reason, .. } => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn the_endpoints_are_governed() {
        use Api::{Anthropic, OpenAi};
        for (method, path, api, endpoint) in [
            (
                "POST",
                "/v1/chat/completions",
                OpenAi,
                Endpoint::ChatCompletions,
            ),
            ("POST", "/v1/completions", OpenAi, Endpoint::Completions),
            ("POST", "/v1/responses", OpenAi, Endpoint::Responses),
            (
                "POST",
                "/v1/embeddings?a=/../b",
                OpenAi,
                Endpoint::Embeddings,
            ),
            ("GET", "/v1/models", OpenAi, Endpoint::Models),
            ("GET", "/v1/models/gpt-4.1", OpenAi, Endpoint::Model),
            ("GET", "/v1/models/meta%2Fllama-3", OpenAi, Endpoint::Model),
            ("GET", "/v1/models/meta/llama-3", OpenAi, Endpoint::Model),
            ("POST", "/v1/messages", Anthropic, Endpoint::Messages),
            (
                "POST",
                "/v1/messages?beta=true",
                Anthropic,
                Endpoint::Messages,
            ),
            (
                "POST",
                "/v1/messages/count_tokens",
                Anthropic,
                Endpoint::CountTokens,
            ),
        ] {
            let traffic = classify(method.as_bytes(), path.as_bytes(), false);
            assert_eq!(traffic, governed(api, endpoint), "{method} {path}");
        }
    }

    #[test]
    fn an_anthropic_client_gets_its_own_list_of_models() {
        let models = governed(Api::Anthropic, Endpoint::Models);
        assert_eq!(classify(b"GET", b"/v1/models", true), models);
        let model = governed(Api::Anthropic, Endpoint::Model);
        assert_eq!(classify(b"GET", b"/v1/models/claude", true), model);
        let chat = governed(Api::OpenAi, Endpoint::ChatCompletions);
        assert_eq!(classify(b"POST", b"/v1/chat/completions", true), chat);
    }

    #[test]
    fn stored_objects_and_binary_endpoints_are_closed() {
        for path in [
            "/v1/responses/resp_1",
            "/v1/responses/resp_1/cancel",
            "/v1/chat/completions/chatcmpl-1",
            "/v1/messages/batches",
            "/v1/messages/batches/b/results",
            "/v1/files",
            "/v1/files/file-1/content",
            "/v1/batches",
            "/v1/assistants",
            "/v1/threads/t/runs",
            "/v1/vector_stores",
            "/v1/fine_tuning/jobs",
            "/v1/conversations",
            "/v1/uploads",
        ] {
            for method in ["GET", "POST", "DELETE", "OPTIONS"] {
                assert_eq!(
                    reason(method, path),
                    Some(Refusal::StatefulEndpoint),
                    "{path}"
                );
            }
        }
        for path in [
            "/v1/audio/speech",
            "/v1/images/generations",
            "/v1/realtime",
            "/v1/videos",
        ] {
            assert_eq!(
                reason("POST", path),
                Some(Refusal::BinaryEndpoint),
                "{path}"
            );
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_refused() {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v2/chat/completions",
            "/V1/chat/completions",
            "/v1/Chat/completions",
            "/v1/chat/completions/",
            "/v1/chat/completions;a=b",
            "/v1/chat/completionsx",
            "/v1/models/",
            "/v1x/messages",
            "/chat/completions",
            "/v1/moderations",
            "/v1/messagesx",
            "/v1/responses/",
            "/v1/complete",
        ] {
            assert_eq!(reason("POST", path), Some(Refusal::UnknownPath), "{path}");
        }
    }

    #[test]
    fn a_path_that_could_mean_another_one_is_refused() {
        for path in [
            "",
            "*",
            "v1/chat/completions",
            "http://host/v1/chat/completions",
            "//v1/chat/completions",
            "/v1//chat/completions",
            "/v1/./chat/completions",
            "/v1/x/../chat/completions",
            "/v1/chat/completions/..",
            "/v1/chat/completions/.",
            "/v1/chat/%63ompletions",
            "/v1/chat%2fcompletions",
            "/v1/%2e%2e/v1/files",
            "/v1/chat\\completions",
            "/v1/chat/completions#x",
            "/v1/chat/completions%3fx",
            "/v1/chat/completions\u{0}",
            "/v1/chat/completions ",
            "/v1/chát/completions",
            "/v1/models/../files",
            "/v1/models/%2e%2e/files",
            "/v1/models/a%2F%2E%2E%2Ffiles",
            "/v1/models/a%2F..%2F..%2Ffiles",
            "/v1/models//x",
            "/v1/models/%2Fx",
            "/v1/models/a%00",
            "/v1/models/a%5c..%5cx",
            "/v1/models/a%252e%252e",
            "/v1/models/a%2",
            "/v1/models/a%zz",
            "/v1/models/a#b",
        ] {
            for method in ["GET", "POST", "OPTIONS"] {
                assert_eq!(
                    reason(method, path),
                    Some(Refusal::PathNotCanonical),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn only_the_endpoints_own_method_is_taken() {
        for method in [
            "GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "post", "",
        ] {
            let wrong = Some(Refusal::WrongMethod { allow: "POST" });
            assert_eq!(reason(method, "/v1/chat/completions"), wrong, "{method}");
        }
        for method in ["POST", "DELETE", "HEAD"] {
            let wrong = Some(Refusal::WrongMethod { allow: "GET" });
            assert_eq!(reason(method, "/v1/models/gpt-4.1"), wrong, "{method}");
        }
    }

    #[test]
    fn a_refusal_takes_the_shape_of_the_callers_api() {
        let api = |path: &[u8], version| match classify(b"DELETE", path, version) {
            Traffic::Refused { api, .. } => Some(api),
            _ => None,
        };
        assert_eq!(api(b"/v1/messages", false), Some(Api::Anthropic));
        assert_eq!(api(b"/v1/messages/batches", false), Some(Api::Anthropic));
        assert_eq!(api(b"/v1/files", true), Some(Api::Anthropic));
        assert_eq!(api(b"/v1/files", false), Some(Api::OpenAi));
        assert_eq!(api(b"/v1/chat/completions", true), Some(Api::OpenAi));
    }

    #[test]
    fn a_models_id_is_decoded() {
        assert_eq!(model_id(b"/v1/models/a%2Fb?x=y").as_deref(), Some("a/b"));
        assert_eq!(model_id(b"/v1/models/a/b").as_deref(), Some("a/b"));
        assert_eq!(
            model_id("/v1/models/gr%C3%BCn".as_bytes()).as_deref(),
            Some("grün")
        );
        for none in [
            "/v1/models",
            "/v1/models/",
            "/v1/models/%FF",
            "/v1/files/a",
            "/v1/models/..",
        ] {
            assert_eq!(model_id(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::from_name(endpoint.name()), Some(endpoint));
        }
        for api in [Api::OpenAi, Api::Anthropic] {
            assert_eq!(Api::from_name(api.name()), Some(api));
        }
        assert_eq!(Endpoint::from_name("files"), None);
    }
}
