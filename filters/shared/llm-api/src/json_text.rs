//! JSON strings: where they stand, what they say, how to write one.

use crate::span::Span;
use std::borrow::Cow;
use std::ops::Range;

/// A string of a body: its place and its raw form, decoded when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonText<'a> {
    raw: &'a str,
    span: Span,
}

impl<'a> JsonText<'a> {
    /// `raw` is a whole string token, quotes included, that a JSON parser has accepted.
    pub(crate) fn new(raw: &'a str, start: usize) -> Self {
        let end = start.saturating_add(raw.len());
        Self {
            raw,
            span: Span { start, end },
        }
    }

    /// Where it stands in the body, quotes included: what [`encode_text`] may replace.
    #[must_use]
    pub fn span(self) -> Span {
        self.span
    }

    /// The token as it stands in the body, quotes and escapes included.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// What it says; borrowed when there is no escape in it.
    ///
    /// An escaped surrogate without its other half becomes U+FFFD: JavaScript servers write
    /// such halves when they cut a string, and the rest of the text is good.
    #[must_use]
    pub fn decode(self) -> Cow<'a, str> {
        let inner = self.inner();
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Cow::Borrowed(inner);
        }
        let mut text = String::with_capacity(inner.len());
        for piece in Pieces(inner) {
            match piece.says {
                Says::Plain(plain) => text.push_str(plain),
                Says::Char(char) => text.push(char),
            }
        }
        Cow::Owned(text)
    }

    /// Whether it says exactly `text`.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        self.decode() == text
    }

    /// Where ranges of the decoded text stand in the body, so that a part of a text can be
    /// replaced (by [`escape_text`]) and the rest keeps its spelling. One pass over the text.
    ///
    /// `ranges` are bytes of [`decode`](Self::decode), ascending and apart. A range that cuts
    /// through an escaped character takes all of it; one beyond the end stands at the end.
    #[must_use]
    pub fn spans_of(self, ranges: &[Range<usize>]) -> Vec<Span> {
        let mut cursor = Cursor::new(self.inner());
        let first = self.span.start.saturating_add(1);
        ranges
            .iter()
            .map(|range| {
                let start = first.saturating_add(cursor.seek(range.start, Side::Before));
                let end = first.saturating_add(cursor.seek(range.end, Side::After));
                Span {
                    start,
                    end: end.max(start),
                }
            })
            .collect()
    }

    fn inner(self) -> &'a str {
        self.raw
            .strip_prefix('"')
            .and_then(|raw| raw.strip_suffix('"'))
            .unwrap_or_default()
    }
}

/// `text` as a JSON string, quotes included.
///
/// ```
/// assert_eq!(llm_api::encode_text("a \"b\"\n"), r#""a \"b\"\n""#);
/// ```
#[must_use]
pub fn encode_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    escape_into(&mut out, text);
    out.push('"');
    out
}

/// `text` as it may stand inside a JSON string (RFC 8259, section 7).
#[must_use]
pub fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    out
}

fn escape_into(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                let code = u32::from(control);
                out.push_str("\\u00");
                out.extend([code >> 4, code & 15].map(hex_digit));
            }
            other => out.push(other),
        }
    }
}

fn hex_digit(value: u32) -> char {
    char::from_digit(value, 16).unwrap_or('0')
}

/// A run of plain text, or one escape, of a string's inside.
struct Piece<'a> {
    says: Says<'a>,
    raw_len: usize,
}

enum Says<'a> {
    Plain(&'a str),
    Char(char),
}

impl Piece<'_> {
    fn decoded_len(&self) -> usize {
        match self.says {
            Says::Plain(plain) => plain.len(),
            Says::Char(char) => char.len_utf8(),
        }
    }
}

struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let piece = match memchr::memchr(b'\\', self.0.as_bytes()) {
            Some(0) => escape(self.0),
            end => {
                let plain = end.and_then(|end| self.0.get(..end)).unwrap_or(self.0);
                Piece {
                    says: Says::Plain(plain),
                    raw_len: plain.len(),
                }
            }
        };
        self.0 = self.0.get(piece.raw_len..).unwrap_or_default();
        Some(piece)
    }
}

/// The escape that `rest` begins with. A parser has accepted it; if it is none all the same,
/// it counts as one unknown character.
fn escape(rest: &str) -> Piece<'_> {
    let simple = |char| Piece {
        says: Says::Char(char),
        raw_len: 2,
    };
    match rest.as_bytes().get(1) {
        Some(b'n') => simple('\n'),
        Some(b't') => simple('\t'),
        Some(b'r') => simple('\r'),
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'u') => unicode_escape(rest),
        Some(other) if other.is_ascii() => simple(char::from(*other)),
        _ => Piece {
            says: Says::Char(char::REPLACEMENT_CHARACTER),
            raw_len: rest.len(),
        },
    }
}

/// `\uXXXX`, or two of them that make a surrogate pair.
fn unicode_escape(rest: &str) -> Piece<'_> {
    let first = code_unit(rest);
    let second = rest.get(6..).and_then(code_unit);
    let pair = match (first, second) {
        (Some(high @ 0xD800..=0xDBFF), Some(low @ 0xDC00..=0xDFFF)) => {
            char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        }
        _ => None,
    };
    match pair {
        Some(char) => Piece {
            says: Says::Char(char),
            raw_len: 12,
        },
        None => Piece {
            says: Says::Char(
                first
                    .and_then(char::from_u32)
                    .unwrap_or(char::REPLACEMENT_CHARACTER),
            ),
            raw_len: 6.min(rest.len()),
        },
    }
}

fn code_unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// Walks a string once, from a place in what it says to the place where that stands.
struct Cursor<'a> {
    pieces: Pieces<'a>,
    piece: Option<Piece<'a>>,
    decoded: usize,
    raw: usize,
}

/// Which side of an escape to take when a place lies inside of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl<'a> Cursor<'a> {
    fn new(inner: &'a str) -> Self {
        let mut pieces = Pieces(inner);
        let piece = pieces.next();
        Self {
            pieces,
            piece,
            decoded: 0,
            raw: 0,
        }
    }

    fn seek(&mut self, decoded: usize, side: Side) -> usize {
        while let Some(piece) = &self.piece {
            let end = self.decoded + piece.decoded_len();
            let inside = match side {
                Side::Before => decoded < end,
                Side::After => decoded <= end,
            };
            if inside {
                return self.raw + Self::offset(piece, decoded.saturating_sub(self.decoded), side);
            }
            self.decoded = end;
            self.raw += piece.raw_len;
            self.piece = self.pieces.next();
        }
        self.raw
    }

    fn offset(piece: &Piece<'_>, into: usize, side: Side) -> usize {
        match (&piece.says, side) {
            (Says::Plain(_), _) => into,
            (Says::Char(_), Side::After) if into > 0 => piece.raw_len,
            (Says::Char(_), _) => 0,
        }
    }
}

#[cfg(test)]
#[allow(clippy::string_slice, clippy::single_range_in_vec_init)]
mod tests {
    use super::{JsonText, encode_text};
    #[cfg(not(target_arch = "wasm32"))]
    use proptest::prelude::*;
    use std::borrow::Cow;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn decode(raw: &str) -> Cow<'_, str> {
        JsonText::new(raw, 0).decode()
    }

    #[test]
    fn text_without_escapes_is_borrowed() {
        assert!(matches!(decode(r#""Grüße""#), Cow::Borrowed("Grüße")));
    }

    #[test]
    fn every_escape_is_decoded() {
        assert_eq!(
            decode(r#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83e\udd80!""#),
            "\"\\/\u{8}\u{c}\n\r\tAé🦀!"
        );
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        assert_eq!(decode(r#""a\ud83e""#), "a\u{FFFD}");
        assert_eq!(decode(r#""\udd80b""#), "\u{FFFD}b");
        assert_eq!(decode(r#""\ud83e\ud83e\udd80""#), "\u{FFFD}🦀");
        assert_eq!(decode(r#""\ud83ex\udd80""#), "\u{FFFD}x\u{FFFD}");
    }

    #[test]
    fn what_no_parser_accepts_does_not_panic() {
        for raw in [
            "",
            "\"",
            "\"\"",
            r#""\""#,
            r#""\u""#,
            r#""\u12""#,
            r#""\ué12""#,
            "\"\\é\"",
            "\"\\u123é\"",
        ] {
            let _ = decode(raw);
            let _ = JsonText::new(raw, 0).spans_of(&[0..1, 1..9]);
        }
    }

    #[test]
    fn controls_quotes_and_backslashes_are_escaped() {
        assert_eq!(
            encode_text("\u{1}\u{1f}\"\\/é🦀"),
            r#""\u0001\u001f\"\\/é🦀""#
        );
    }

    #[test]
    fn a_range_of_the_text_is_found_among_escapes() {
        let raw = r#""a\n\u00e9 jane@x.de \ud83e\udd80!""#;
        let text = JsonText::new(raw, 10);
        let says = text.decode();
        let jane = says.find("jane@x.de").unwrap();
        let crab = says.find('🦀').unwrap();
        let spans = text.spans_of(&[1..2, jane..jane + 9, crab + 1..crab + 2, 900..901]);
        let found: Vec<_> = spans
            .iter()
            .map(|span| &raw[span.start - 10..span.end - 10])
            .collect();
        assert_eq!(found, ["\\n", "jane@x.de", "\\ud83e\\udd80", ""]);
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_again(text in ".*") {
            let raw = encode_text(&text);
            prop_assert_eq!(decode(&raw), text.as_str());
            prop_assert_eq!(serde_json::from_str::<String>(&raw).unwrap(), text);
        }

        #[test]
        fn a_replaced_range_says_the_replacement(
            text in r#"[a-z"\\\n\u{1}é🦀]{0,24}"#,
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
            with in r#"[a-z"\\é]{0,8}"#,
        ) {
            let places: Vec<usize> =
                text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let (a, b) = (*cut.0.get(&places), *cut.1.get(&places));
            let (start, end) = (a.min(b), a.max(b));
            let raw = encode_text(&text);
            let spans = JsonText::new(&raw, 0).spans_of(&[start..end]);
            let edited = format!("{}{}{}", &raw[..spans[0].start], super::escape_text(&with), &raw[spans[0].end..]);
            let expected = format!("{}{with}{}", &text[..start], &text[end..]);
            prop_assert_eq!(decode(&edited), expected);
        }
    }
}
