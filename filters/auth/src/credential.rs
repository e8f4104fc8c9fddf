//! Where a request carries its credential.

use facts::Identity;
use http_filter::Headers;

use crate::keys::Keys;

/// The headers in which clients send an API key: OpenAI's SDKs, Anthropic's, Azure's, Google's.
const SOURCES: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// The longest key that is looked at, in bytes.
const MOST_KEY_BYTES: usize = 4096;

/// Why nobody is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAuthenticated {
    /// No header carries a key.
    NoCredential,
    /// None of the keys is one of ours.
    UnknownKey,
    /// Two headers carry keys of ours, and they aren't of one identity.
    Disagreement,
}

/// Finds who calls, and removes from the headers the credentials that said so.
///
/// A key that isn't ours beside one that is doesn't count: intercepted calls always carry some
/// provider's key.
pub(crate) fn authenticate(
    headers: &mut dyn Headers,
    keys: &Keys,
) -> Result<Identity, NotAuthenticated> {
    let mut found: Option<&Identity> = None;
    let mut used = Vec::with_capacity(1);
    let mut any = false;
    for source in SOURCES {
        let Some(key) = headers.get(source).and_then(|value| key_in(source, value)) else {
            continue;
        };
        any = true;
        let Some(identity) = keys.identity(&key) else {
            continue;
        };
        if found.is_some_and(|other| other != identity) {
            return Err(NotAuthenticated::Disagreement);
        }
        found = Some(identity);
        used.push(source);
    }
    match found {
        Some(identity) => {
            for source in used {
                headers.remove(source);
            }
            Ok(identity.clone())
        }
        None if any => Err(NotAuthenticated::UnknownKey),
        None => Err(NotAuthenticated::NoCredential),
    }
}

/// The key that a header carries: all of it, or what follows `Bearer` (RFC 6750, section 2.1; the
/// scheme in any case by RFC 9110, section 11.1).
fn key_in(source: &str, value: Vec<u8>) -> Option<Vec<u8>> {
    let key = if source == "authorization" {
        const SCHEME: &[u8] = b"bearer ";
        let (scheme, key) = value.split_at_checked(SCHEME.len())?;
        scheme.eq_ignore_ascii_case(SCHEME).then_some(key)?
    } else {
        &value
    };
    let key = key.trim_ascii();
    (!key.is_empty() && key.len() <= MOST_KEY_BYTES).then(|| key.to_vec())
}

/// A path without its query parameter `key`, in which Google's clients send an API key; `None`
/// where it has none. What stands in a path is soon in a log.
pub(crate) fn path_without_key(path: &[u8]) -> Option<Vec<u8>> {
    let question = path.iter().position(|byte| *byte == b'?')?;
    let (before, query) = path.split_at_checked(question)?;
    let query = query.get(1..)?;
    let is_key = |parameter: &&[u8]| {
        let name = parameter.split(|byte| *byte == b'=').next();
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"key"))
    };
    let parameters = || query.split(|byte| *byte == b'&');
    if !parameters().any(|parameter| is_key(&parameter)) {
        return None;
    }
    let kept: Vec<&[u8]> = parameters()
        .filter(|parameter| !is_key(parameter))
        .collect();
    let mut path = before.to_vec();
    if !kept.is_empty() {
        path.push(b'?');
        path.extend_from_slice(&kept.join(&b'&'));
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use facts::{Identity, ModelPatterns, Name};
    use test_host::TestHeaders;

    use super::{NotAuthenticated, authenticate, path_without_key};
    use crate::keys::{KeyDigest, Keys};

    fn identity(tenant: &str) -> Identity {
        Identity {
            tenant: Name::new(tenant).unwrap(),
            plan: Name::new("standard").unwrap(),
            key: Name::new("key").unwrap(),
            models: ModelPatterns::default(),
        }
    }

    fn keys() -> Keys {
        let mut keys = Keys::default();
        keys.insert(KeyDigest::of(b"sk-a"), identity("a")).unwrap();
        keys.insert(KeyDigest::of(b"sk-b"), identity("b")).unwrap();
        keys
    }

    #[test]
    fn a_key_is_found_in_each_header_and_taken_out() {
        for (name, value) in [
            ("authorization", "Bearer sk-a"),
            ("authorization", "bearer  sk-a "),
            ("x-api-key", "sk-a"),
            ("api-key", "sk-a"),
            ("x-goog-api-key", "sk-a"),
        ] {
            let mut headers = TestHeaders::new(&[(name, value), ("accept", "*/*")]);
            let found = authenticate(&mut headers, &keys());
            assert_eq!(found, Ok(identity("a")), "{name}: {value}");
            assert_eq!(headers, TestHeaders::new(&[("accept", "*/*")]));
        }
    }

    #[test]
    fn a_key_of_somebody_else_beside_ours_does_not_count_and_stays() {
        let both = [("authorization", "Bearer other"), ("x-api-key", "sk-a")];
        let mut headers = TestHeaders::new(&both);
        assert_eq!(authenticate(&mut headers, &keys()), Ok(identity("a")));
        assert_eq!(headers, TestHeaders::new(&both[..1]));
    }

    #[test]
    fn two_keys_of_ours_that_disagree_are_refused() {
        let both = [("authorization", "Bearer sk-b"), ("x-api-key", "sk-a")];
        let found = authenticate(&mut TestHeaders::new(&both), &keys());
        assert_eq!(found, Err(NotAuthenticated::Disagreement));
    }

    #[test]
    fn no_key_and_a_wrong_one_are_told_apart() {
        for (headers, wanted) in [
            (&[][..], NotAuthenticated::NoCredential),
            (&[("authorization", "")], NotAuthenticated::NoCredential),
            (
                &[("authorization", "Bearer ")],
                NotAuthenticated::NoCredential,
            ),
            (
                &[("authorization", "Basic sk-a")],
                NotAuthenticated::NoCredential,
            ),
            (&[("authorization", "sk-a")], NotAuthenticated::NoCredential),
            (
                &[("authorization", "Bearer sk-c")],
                NotAuthenticated::UnknownKey,
            ),
            (
                &[("x-api-key", "sk-a"), ("x-api-key", "sk-a")],
                NotAuthenticated::UnknownKey,
            ),
        ] {
            let found = authenticate(&mut TestHeaders::new(headers), &keys());
            assert_eq!(found, Err(wanted), "{headers:?}");
        }
    }

    #[test]
    fn a_key_that_is_no_text_or_far_too_long_is_not_ours() {
        let mut headers = TestHeaders(vec![("x-api-key".to_owned(), b"\xff\xfe".to_vec())]);
        let found = authenticate(&mut headers, &keys());
        assert_eq!(found, Err(NotAuthenticated::UnknownKey));
        let long = "k".repeat(5000);
        let found = authenticate(&mut TestHeaders::new(&[("x-api-key", &long)]), &keys());
        assert_eq!(found, Err(NotAuthenticated::NoCredential));
    }

    #[test]
    fn the_query_parameter_key_is_taken_out_of_the_path() {
        for (path, wanted) in [
            ("/v1/models?key=sk", Some("/v1/models")),
            ("/v1/models?a=1&key=sk&b=2", Some("/v1/models?a=1&b=2")),
            ("/v1/models?KEY=sk&key", Some("/v1/models")),
            ("/v1/models?monkey=1", None),
            ("/v1/models?", None),
            ("/v1/key=x", None),
        ] {
            let found = path_without_key(path.as_bytes());
            assert_eq!(found.as_deref(), wanted.map(str::as_bytes), "{path}");
        }
    }
}
