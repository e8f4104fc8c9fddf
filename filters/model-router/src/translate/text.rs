//! Strings of bodies, read so that half a surrogate pair does no harm.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A JSON string, decoded. An escaped surrogate without its other half becomes U+FFFD:
/// JavaScript writes such halves when it cuts a string, and the rest of the text is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    /// serde_json gives a string as bytes too, and lone surrogates in it as the three bytes that
    /// UTF-8 would have for them.
    fn deserialize<D: Deserializer<'de>>(string: D) -> Result<Self, D::Error> {
        string.deserialize_bytes(Decode).map(Self)
    }
}

struct Decode;

impl<'de> Visitor<'de> for Decode {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(without_halves(bytes)),
        })
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(without_halves(bytes)))
    }
}

/// A surrogate is ED and two more bytes, each of which is invalid for itself.
fn without_halves(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first().is_some_and(|first| *first >= 0xC0) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Text;

    fn read(json: &str) -> String {
        let text: Text<'_> = serde_json::from_str(json).unwrap();
        text.as_str().to_owned()
    }

    #[test]
    fn text_is_decoded() {
        assert_eq!(read(r#""Grüße""#), "Grüße");
        assert_eq!(read(r#""a\n\u00e9\ud83e\udd80""#), "a\né🦀");
        assert_eq!(read(r#""""#), "");
    }

    #[test]
    fn half_a_surrogate_pair_becomes_one_replacement_character() {
        assert_eq!(read(r#""a\ud83e""#), "a\u{FFFD}");
        assert_eq!(read(r#""\udd80b""#), "\u{FFFD}b");
        assert_eq!(read(r#""\ud83e\ud83e\udd80é""#), "\u{FFFD}🦀é");
        assert_eq!(read(r#""\ud83e\ud83e""#), "\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn what_is_no_string_is_refused() {
        for json in ["1", "null", "[1]", "{}", "[97]"] {
            assert!(serde_json::from_str::<Text<'_>>(json).is_err(), "{json}");
        }
    }
}
