//! Where a request carries credentials.

use http_filter::Headers;

/// A place of a request in which a key or a token can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// One of [`HEADERS`].
    Header(&'static str),
    /// The query parameter `key`.
    Query,
}

/// The headers in which clients send a key or a token: OpenAI's SDKs, Anthropic's, Azure's,
/// Google's.
const HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// What a request carries, and where. It isn't known yet whose it is, or whether it counts.
///
/// It has no `Debug`: whoever prints it would print a credential.
pub(crate) struct Credential {
    pub(crate) place: Place,
    value: Vec<u8>,
}

impl Credential {
    /// All of them, in an order that is no matter of the request's.
    pub(crate) fn all(headers: &dyn Headers, query_key: Option<&[u8]>) -> Vec<Self> {
        let in_headers = HEADERS.into_iter().filter_map(|name| {
            let value = in_header(name, headers.get(name)?)?;
            Some(Self {
                place: Place::Header(name),
                value,
            })
        });
        let in_query = query_key.filter(|key| !key.is_empty()).map(|key| Self {
            place: Place::Query,
            value: key.to_vec(),
        });
        in_headers.chain(in_query).collect()
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    /// Whether it is a token rather than a key: three parts, of which the first is an encoded
    /// JSON object. In base64url a brace and what may follow it, a quote or white space (RFC 8259,
    /// section 2), are `ey` or `ew`.
    pub(crate) fn looks_like_a_token(&self) -> bool {
        let dots = self.value.iter().filter(|byte| **byte == b'.').count();
        let object = self.value.starts_with(b"ey") || self.value.starts_with(b"ew");
        object && dots == 2
    }

    /// Takes it out of the request. The query's is out already.
    pub(crate) fn remove(&self, headers: &mut dyn Headers) {
        if let Place::Header(name) = self.place {
            headers.remove(name);
        }
    }
}

/// What a header carries: all of it, or what follows `Bearer` (RFC 6750, section 2.1; the scheme
/// in any case by RFC 9110, section 11.1).
fn in_header(name: &str, mut value: Vec<u8>) -> Option<Vec<u8>> {
    if name == "authorization" {
        const SCHEME: &[u8] = b"bearer ";
        let (scheme, _) = value.split_at_checked(SCHEME.len())?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return None;
        }
        value.drain(..SCHEME.len());
    }
    if value.trim_ascii().len() != value.len() {
        value = value.trim_ascii().to_vec();
    }
    (!value.is_empty()).then_some(value)
}

/// A path without its query parameter `key`, in which Google's clients send an API key.
pub(crate) struct WithoutKey {
    pub(crate) path: Vec<u8>,
    /// The key as it stood there; `None` where the query has several.
    pub(crate) key: Option<Vec<u8>>,
}

/// Takes the parameter `key` out of a path; `None` where it has none. What stands in a path is
/// soon in a log.
pub(crate) fn without_key(path: &[u8]) -> Option<WithoutKey> {
    let question = path.iter().position(|byte| *byte == b'?')?;
    let (before, query) = path.split_at_checked(question)?;
    let query = query.get(1..)?;
    let (keys, kept): (Vec<&[u8]>, Vec<&[u8]>) =
        query.split(|byte| *byte == b'&').partition(|parameter| {
            let name = parameter.split(|byte| *byte == b'=').next();
            name.is_some_and(|name| name.eq_ignore_ascii_case(b"key"))
        });
    let key = match keys.as_slice() {
        [] => return None,
        [key] => key.get(b"key=".len()..).map(<[u8]>::to_vec),
        _ => None,
    };
    let mut path = before.to_vec();
    if !kept.is_empty() {
        path.push(b'?');
        path.extend_from_slice(&kept.join(&b'&'));
    }
    Some(WithoutKey { path, key })
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use test_host::TestHeaders;

    use super::{Credential, Place, without_key};

    fn found(headers: &[(&str, &str)]) -> Vec<(Place, String)> {
        let text = |credential: Credential| {
            let value = String::from_utf8_lossy(credential.value()).into_owned();
            (credential.place, value)
        };
        let headers = TestHeaders::new(headers);
        Credential::all(&headers, None)
            .into_iter()
            .map(text)
            .collect()
    }

    #[test]
    fn a_credential_is_found_in_each_header() {
        for (name, value) in [
            ("authorization", "Bearer sk-a"),
            ("authorization", "bearer  sk-a "),
            ("x-api-key", "sk-a"),
            ("api-key", "sk-a"),
            ("x-goog-api-key", "sk-a"),
        ] {
            let wanted = vec![(Place::Header(name), "sk-a".to_owned())];
            assert_eq!(found(&[(name, value), ("accept", "*/*")]), wanted);
        }
    }

    #[test]
    fn another_scheme_and_an_empty_value_are_none() {
        for header in [
            ("authorization", ""),
            ("authorization", "Bearer "),
            ("authorization", "Basic sk-a"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=sk-a"),
            ("authorization", "sk-a"),
            ("x-api-key", " "),
            ("cookie", "sk-a"),
        ] {
            assert_eq!(found(&[header]), [], "{}", header.0);
        }
    }

    #[test]
    fn three_parts_that_begin_with_an_object_are_a_token() {
        for (value, wanted) in [
            ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", true),
            ("eyJ..", true),
            ("eyAiYWxnIjoiUlMyNTYifQ.e30.c2ln", true),
            ("ewoiYWxnIjoiUlMyNTYifQ.e30.c2ln", true),
            ("ewkiYWxnIjoiUlMyNTYifQ.e30.c2ln", true),
            ("sk-live.a.b", false),
            ("eyJhbGciOiJSUzI1NiJ9.e30", false),
            ("eyJhbGciOiJSUzI1NiJ9.a.b.c.d", false),
        ] {
            let headers = TestHeaders::new(&[("x-api-key", value)]);
            let all = Credential::all(&headers, None);
            assert_eq!(all[0].looks_like_a_token(), wanted, "{value}");
        }
    }

    #[test]
    fn the_query_parameter_key_is_taken_out_of_the_path() {
        for (path, left, key) in [
            ("/v1/models?key=sk", "/v1/models", Some("sk")),
            (
                "/v1/models?a=1&key=sk=&b=2",
                "/v1/models?a=1&b=2",
                Some("sk="),
            ),
            ("/v1/models?KEY=sk", "/v1/models", Some("sk")),
            ("/v1/models?KEY=sk&key", "/v1/models", None),
            ("/v1/models?key", "/v1/models", None),
        ] {
            let found = without_key(path.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&found.path), left, "{path}");
            assert_eq!(found.key.as_deref(), key.map(str::as_bytes), "{path}");
        }
        for path in [
            "/v1/models?monkey=1",
            "/v1/models?",
            "/v1/key=x",
            "/v1/models",
        ] {
            assert!(without_key(path.as_bytes()).is_none(), "{path}");
        }
    }
}
