//! Which requests the cache takes part in.

use llm_api::Endpoint;
use serde::Deserialize;

/// What the client wants of caches, by its request's `cache-control`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing special: an answer may be read, and stored.
    Cached,
    /// `no-cache`: a fresh answer, which may be stored.
    Fresh,
    /// `no-store`: neither read nor stored.
    NoPart,
}

impl Wish {
    /// Reads `cache-control` (RFC 9111, section 5.2.1). What isn't text is no directive.
    pub(crate) fn of(cache_control: Option<&[u8]>) -> Self {
        let mut wish = Self::Cached;
        for directive in cache_control
            .unwrap_or_default()
            .split(|byte| *byte == b',')
        {
            let name = directive.split(|byte| *byte == b'=').next();
            match name.unwrap_or_default().trim_ascii() {
                name if name.eq_ignore_ascii_case(b"no-store") => return Self::NoPart,
                name if name.eq_ignore_ascii_case(b"no-cache") => wish = Self::Fresh,
                _ => {}
            }
        }
        wish
    }
}

/// Whether the same request to this endpoint may get the same answer.
pub(crate) fn is_cacheable(endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::ChatCompletions
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Messages
        | Endpoint::Responses => true,
        Endpoint::Models | Endpoint::Model | Endpoint::CountTokens => false,
    }
}

/// Hashing runs on the worker's time, about 4 ms for a megabyte in Wasm; and a request this
/// long is hardly asked twice.
const MOST_REQUEST_BYTES: usize = 1024 * 1024;

/// The members that leave something at the provider, or build on what was left there.
#[derive(Deserialize)]
struct State<'a> {
    store: Option<bool>,
    background: Option<bool>,
    #[serde(borrow)]
    previous_response_id: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    conversation: Option<&'a serde_json::value::RawValue>,
}

/// Whether the answer depends on the request's body alone, and nothing but the answer comes of
/// it: then an answer of before is as good. Responses are stored by the provider unless the
/// request says otherwise; chat completions only where it asks for it.
///
/// A body that can't be read so, or names such a member twice, is not stateless.
pub(crate) fn is_stateless(endpoint: Endpoint, body: &[u8]) -> bool {
    if body.len() > MOST_REQUEST_BYTES {
        return false;
    }
    let Ok(state) = serde_json::from_slice::<State<'_>>(body) else {
        return false;
    };
    let State {
        store,
        background,
        previous_response_id,
        conversation,
    } = state;
    let stored = store.unwrap_or(endpoint == Endpoint::Responses);
    let continues = previous_response_id.is_some() || conversation.is_some();
    !stored && background != Some(true) && !continues
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use llm_api::Endpoint;

    use super::{MOST_REQUEST_BYTES, Wish, is_stateless};

    #[test]
    fn the_strongest_directive_counts() {
        for (header, wish) in [
            ("", Wish::Cached),
            ("max-age=0", Wish::Cached),
            ("no-cache", Wish::Fresh),
            ("max-age=0, No-Cache", Wish::Fresh),
            ("no-cache,no-store", Wish::NoPart),
            (" NO-STORE ", Wish::NoPart),
            ("no-storeroom", Wish::Cached),
        ] {
            assert_eq!(Wish::of(Some(header.as_bytes())), wish, "{header}");
        }
        assert_eq!(Wish::of(None), Wish::Cached);
        assert_eq!(Wish::of(Some(b"\xff\xfe, no-store")), Wish::NoPart);
    }

    #[test]
    fn a_response_is_stateless_only_where_it_says_so() {
        for (body, stateless) in [
            (r#"{"input":"x"}"#, false),
            (r#"{"input":"x","store":null}"#, false),
            (r#"{"input":"x","store":true}"#, false),
            (r#"{"input":"x","store":false}"#, true),
            (r#"{"store":false,"background":true}"#, false),
            (r#"{"store":false,"background":false}"#, true),
            (r#"{"store":false,"previous_response_id":"resp_1"}"#, false),
            (r#"{"store":false,"previous_response_id":null}"#, true),
            (r#"{"store":false,"conversation":{"id":"conv_1"}}"#, false),
            (r#"{"store":false,"store":false}"#, false),
            (r#"{"store":"false"}"#, false),
        ] {
            let found = is_stateless(Endpoint::Responses, body.as_bytes());
            assert_eq!(found, stateless, "{body}");
        }
    }

    #[test]
    fn a_chat_is_stateless_unless_it_says_otherwise() {
        for (body, stateless) in [
            (r#"{"messages":[]}"#, true),
            (r#"{"messages":[],"store":false}"#, true),
            (r#"{"messages":[],"store":true}"#, false),
            ("[]", false),
            ("null", false),
            ("", false),
        ] {
            let found = is_stateless(Endpoint::ChatCompletions, body.as_bytes());
            assert_eq!(found, stateless, "{body}");
        }
    }

    #[test]
    fn a_very_long_request_is_not_hashed() {
        let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(MOST_REQUEST_BYTES));
        assert!(!is_stateless(Endpoint::ChatCompletions, body.as_bytes()));
    }
}
