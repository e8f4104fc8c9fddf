//! Placeholders that a client has written itself. The model may repeat them, and then they must
//! not turn into somebody's data.

use std::collections::BTreeSet;

use crate::placeholder::{Placeholder, Reading};

/// All placeholders that stand anywhere in a body, whether in one of its texts or not, in plain
/// bytes or in escapes, also in those of JSON text inside a JSON string.
pub(super) fn placeholders_in(body: &[u8]) -> BTreeSet<Placeholder> {
    let mut found = BTreeSet::new();
    read(body, &mut found);
    if memchr::memmem::find(body, b"\\u00").is_some() {
        read(&without_ascii_escapes(body), &mut found);
    }
    found
}

fn read(text: &[u8], found: &mut BTreeSet<Placeholder>) {
    for at in memchr::memchr_iter(b'[', text) {
        if let Reading::Whole(placeholder, _) =
            Placeholder::read(text.get(at..).unwrap_or_default())
        {
            found.insert(placeholder);
        }
    }
}

/// `body` with `\u00XX` read as the character, behind any number of backslashes.
fn without_ascii_escapes(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(start) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at_checked(start).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let backslashes = escape.iter().take_while(|byte| **byte == b'\\').count();
        let (slashes, behind) = escape
            .split_at_checked(backslashes)
            .unwrap_or((escape, &[]));
        match ascii_escape(behind) {
            Some((character, behind)) => {
                out.push(character);
                rest = behind;
            }
            None => {
                out.extend_from_slice(slashes);
                rest = behind;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

/// The character that `u00XX` means, and what follows.
fn ascii_escape(escape: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, behind) = escape.strip_prefix(b"u00")?.split_at_checked(2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let character = u8::from_str_radix(digits, 16).ok()?;
    character.is_ascii().then_some((character, behind))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::placeholders_in;

    fn numbers(body: &str) -> Vec<u32> {
        let found = placeholders_in(body.as_bytes());
        found.iter().map(|placeholder| placeholder.number).collect()
    }

    #[test]
    fn they_are_found_in_plain_bytes_and_in_escapes() {
        let body = r#"{"a":"[EMAIL_7] [EMAIL_x] [EMAIL_07]","b":"\u005bEMAIL_2]",
            "c":"\\\\u005b\\u0045MAIL_\\u00333\u005D","d":"\u0041\n[EMAIL_12]\u00"}"#;
        assert_eq!(numbers(body), [2, 7, 12, 33]);
        assert_eq!(numbers(r#"{"a":"\u005"#), [] as [u32; 0]);
        assert_eq!(numbers("\\"), [] as [u32; 0]);
    }
}
