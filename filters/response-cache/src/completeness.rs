//! Which answers are whole and good enough to be given again.

use std::borrow::Cow;

use event_stream::Decoder;
use http_filter::Headers;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What an answer that may be kept consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object.
    Json,
    /// Server-sent events.
    Events,
}

/// A content type is kept with its answer, so it has a bound.
const MOST_CONTENT_TYPE_BYTES: usize = 256;

impl Form {
    /// What the headers announce, with the content type as it stands there; `None` where the
    /// answer is not to be kept: it is no success, has no body of a known form, or is compressed,
    /// so that nobody here can tell whether it is complete.
    ///
    /// Only 200 will do, since that is what a kept answer is served with.
    pub(crate) fn announced(headers: &dyn Headers) -> Option<(Self, Vec<u8>)> {
        if headers.get(":status").as_deref() != Some(b"200") {
            return None;
        }
        let encoding = headers.get("content-encoding").unwrap_or_default();
        if !matches!(encoding.trim_ascii(), [] | b"identity") {
            return None;
        }
        let content_type = headers.get("content-type")?;
        let form = Self::of(&content_type)?;
        (content_type.len() <= MOST_CONTENT_TYPE_BYTES).then_some((form, content_type))
    }

    fn of(content_type: &[u8]) -> Option<Self> {
        if event_stream::is_event_stream(content_type) {
            return Some(Self::Events);
        }
        let essence = content_type.split(|byte| *byte == b';').next()?;
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/json")
            .then_some(Self::Json)
    }

    /// Whether these bytes are a whole answer of this form, without an error in it.
    pub(crate) fn is_complete(self, body: &[u8]) -> bool {
        match self {
            Self::Json => Object::read(body).is_some_and(|object| object.error.is_none()),
            Self::Events => events_are_complete(body),
        }
    }
}

/// What tells an error and a stream's end, in OpenAI's and Anthropic's answers alike.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl<'a> Object<'a> {
    /// `None` where the bytes are not one whole JSON object.
    fn read(json: &'a [u8]) -> Option<Self> {
        // Members that are skipped are not checked to be UTF-8 otherwise.
        let json = std::str::from_utf8(json).ok()?;
        // The derived reader would take an array for an object.
        json.trim_start().starts_with('{').then_some(())?;
        serde_json::from_str(json).ok()
    }
}

/// What one event says about its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    GoesOn,
    ProperEnd,
    Error,
}

/// A stream is complete when it said so itself, and no event reports an error. That its bytes
/// ended proves nothing: a provider that breaks down ends them too.
fn events_are_complete(body: &[u8]) -> bool {
    let mut decoder = Decoder::new(body.len());
    decoder.push(body);
    let mut ended = false;
    while let Ok(Some(event)) = decoder.next_event() {
        match says(&event) {
            Says::GoesOn => {}
            Says::ProperEnd => ended = true,
            Says::Error => return false,
        }
    }
    let rest = decoder.finish();
    match rest.event().map_or(Says::GoesOn, |event| says(&event)) {
        Says::GoesOn => {}
        Says::ProperEnd => ended = true,
        Says::Error => return false,
    }
    ended && rest.raw().is_empty()
}

fn says(event: &event_stream::Event<'_>) -> Says {
    if event.name() == Some(b"error") {
        return Says::Error;
    }
    if !event.has_data() {
        return Says::GoesOn;
    }
    if event.data().trim_ascii() == b"[DONE]" {
        return Says::ProperEnd;
    }
    let Some(Object { kind, error }) = Object::read(event.data()) else {
        return Says::Error;
    };
    if error.is_some() {
        return Says::Error;
    }
    match kind.as_deref() {
        Some("message_stop" | "response.completed") => Says::ProperEnd,
        Some("error" | "response.failed") => Says::Error,
        _ => Says::GoesOn,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use test_host::TestHeaders;

    use super::Form;

    fn announced(headers: &[(&str, &str)]) -> Option<Form> {
        Form::announced(&TestHeaders::new(headers)).map(|(form, _)| form)
    }

    #[test]
    fn json_and_event_streams_with_status_200_can_be_kept() {
        for (content_type, form) in [
            ("application/json", Form::Json),
            ("Application/JSON; charset=utf-8", Form::Json),
            ("text/event-stream; charset=utf-8", Form::Events),
        ] {
            let headers = [(":status", "200"), ("content-type", content_type)];
            assert_eq!(announced(&headers), Some(form), "{content_type}");
        }
    }

    #[test]
    fn other_answers_are_not_kept() {
        let long = format!("application/json; x={}", "x".repeat(256));
        for headers in [
            &[(":status", "200")][..],
            &[(":status", "200"), ("content-type", "text/html")],
            &[(":status", "200"), ("content-type", &long)],
            &[(":status", "206"), ("content-type", "application/json")],
            &[(":status", "500"), ("content-type", "application/json")],
            &[("content-type", "application/json")],
            &[
                (":status", "200"),
                ("content-type", "application/json"),
                ("content-encoding", "gzip"),
            ],
        ] {
            assert_eq!(announced(headers), None, "{headers:?}");
        }
    }

    #[test]
    fn json_is_complete_as_one_whole_object_without_an_error() {
        for (body, complete) in [
            (r#"{"id":"x"}"#, true),
            (" {\"id\":\"x\",\"error\":null}\n", true),
            (r#"{"error":{"message":"x"}}"#, false),
            (r#"{"id":"x""#, false),
            (r#"{"id":"x"} {}"#, false),
            ("[null,null]", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(Form::Json.is_complete(body.as_bytes()), complete, "{body}");
        }
        assert!(!Form::Json.is_complete(b"{\"id\":\"\xff\"}"));
    }

    const CHAT: &str = "data: {\"id\":\"x\",\"choices\":[]}\n\n: ping\n\ndata: [DONE]\n\n";
    const MESSAGE: &str = "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: \
         message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

    #[test]
    fn a_stream_is_complete_when_it_says_so() {
        let response = "event: response.completed\r\ndata: {\"type\":\"response.completed\",\
             \"response\":{\"error\":null}}\r\n\r\n";
        let carriage_returns = CHAT.replace('\n', "\r");
        for body in [CHAT, MESSAGE, response, &carriage_returns] {
            assert!(Form::Events.is_complete(body.as_bytes()), "{body:?}");
        }
    }

    #[test]
    fn a_stream_cut_anywhere_is_not_complete() {
        for body in [CHAT, MESSAGE] {
            for length in 0..body.len() {
                let cut = &body.as_bytes()[..length];
                assert!(!Form::Events.is_complete(cut), "{length} of {body:?}");
            }
        }
    }

    #[test]
    fn a_torn_event_after_the_end_makes_a_stream_incomplete() {
        assert!(!Form::Events.is_complete(format!("{CHAT}data: {{").as_bytes()));
        assert!(Form::Events.is_complete(format!("{CHAT}: ping\n\n").as_bytes()));
    }

    #[test]
    fn a_stream_with_an_error_in_it_is_not_complete() {
        for event in [
            "data: {\"error\":{\"message\":\"x\"}}\n\n",
            "event: error\ndata: {\"type\":\"error\"}\n\n",
            "event: error\n\n",
            "data: {\"type\":\"error\",\"code\":null}\n\n",
            "data: {\"type\":\"response.failed\"}\n\n",
            "data: not json\n\n",
            "data: [DONE]x\n\n",
        ] {
            for body in [format!("{event}{CHAT}"), format!("{CHAT}{event}")] {
                assert!(!Form::Events.is_complete(body.as_bytes()), "{body:?}");
            }
        }
    }
}
