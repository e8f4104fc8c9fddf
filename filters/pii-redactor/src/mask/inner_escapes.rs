//! The `@` that is spelled `\u0040` in JSON text inside a JSON string: the arguments of a tool
//! call, say, which the tool reads as the address.
//!
//! It counts in any text and behind any number of backslashes, one for each level of JSON in
//! JSON. Put back, the address stands with a plain `@`: the same to whoever reads it as JSON.
//! Letters of an address that are spelled like that (no encoder does) are not read.

use std::borrow::Cow;
use std::ops::Range;

const ESCAPE: &[u8] = b"\\u0040";

/// The text with `@` in place of each such escape.
pub(super) fn without(says: &str) -> Cow<'_, str> {
    let mut plain = String::new();
    let mut kept = 0;
    for escape in escapes(says) {
        plain.push_str(says.get(kept..escape.start).unwrap_or_default());
        plain.push('@');
        kept = escape.end;
    }
    if kept == 0 {
        return Cow::Borrowed(says);
    }
    plain.push_str(says.get(kept..).unwrap_or_default());
    Cow::Owned(plain)
}

/// Where ranges of the text [`without`] escapes stand in the text with them. The ranges ascend.
pub(super) fn places(says: &str, mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut escapes = escapes(says).peekable();
    let mut longer = 0;
    let mut place = |offset: usize| {
        while let Some(escape) = escapes.next_if(|escape| escape.start < offset + longer) {
            longer += escape.len() - 1;
        }
        offset + longer
    };
    for range in &mut ranges {
        *range = place(range.start)..place(range.end);
    }
    ranges
}

/// The escapes with all the backslashes before them.
fn escapes(says: &str) -> impl Iterator<Item = Range<usize>> {
    memchr::memmem::find_iter(says.as_bytes(), ESCAPE).map(|at| {
        let before = says.get(..at).unwrap_or_default();
        before.trim_end_matches('\\').len()..at + ESCAPE.len()
    })
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::borrow::Cow;

    use super::{places, without};

    #[test]
    fn a_place_without_escapes_is_found_among_them() {
        let says = r"é\u0040a@\\\u0040b\n\u0040\u0040c\u004\u00400";
        let plain = without(says);
        assert_eq!(plain, r"é@a@@b\n@@c\u004@0");
        let ranges = plain
            .char_indices()
            .map(|(at, character)| at..at + character.len_utf8());
        let found: Vec<_> = places(says, ranges.collect())
            .into_iter()
            .map(|place| says.get(place).unwrap())
            .collect();
        assert_eq!(found.concat(), says);
        assert_eq!(found[..6], ["é", r"\u0040", "a", "@", r"\\\u0040", "b"]);
        let (all, whole) = (0..plain.len(), 0..says.len());
        assert_eq!(places(says, vec![all]), [whole]);
    }

    #[test]
    fn a_text_without_such_escapes_is_borrowed() {
        let says = r"ann@example.com \u00e9 u0040";
        assert!(matches!(without(says), Cow::Borrowed(_)));
        let place = 3..4;
        assert_eq!(places(says, vec![place.clone()]), [place]);
    }
}
