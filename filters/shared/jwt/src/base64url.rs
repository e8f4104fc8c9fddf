//! Base64url without padding (RFC 4648, section 5; RFC 7515, section 2), one spelling per value.
//!
//! A decoder that takes a second spelling of the same bytes lets anyone change a token and keep
//! its signature, and so get around whatever remembers a token by its text.

/// What the text means; `None` for a character outside of the alphabet (padding and white space
/// included), an impossible length, or bits left over at the end that aren't zero.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len().div_ceil(4).saturating_mul(3));
    let (fours, rest) = text.as_chunks::<4>();
    for [a, b, c, d] in fours {
        let word = value(*a)? << 18 | value(*b)? << 12 | value(*c)? << 6 | value(*d)?;
        let [_, first, second, third] = word.to_be_bytes();
        bytes.extend([first, second, third]);
    }
    match rest {
        [] => {}
        [a, b] => {
            let word = value(*a)? << 6 | value(*b)?;
            let [.., first] = whole(word, 4)?.to_be_bytes();
            bytes.push(first);
        }
        [a, b, c] => {
            let word = value(*a)? << 12 | value(*b)? << 6 | value(*c)?;
            let [.., first, second] = whole(word, 2)?.to_be_bytes();
            bytes.extend([first, second]);
        }
        _ => return None,
    }
    Some(bytes)
}

/// The word without its last bits, which must be zero.
fn whole(word: u32, left_over: u32) -> Option<u32> {
    (word.trailing_zeros() >= left_over).then_some(word >> left_over)
}

fn value(letter: u8) -> Option<u32> {
    let value = VALUES.get(usize::from(letter)).copied()?;
    (value != NO_LETTER).then_some(u32::from(value))
}

const NO_LETTER: u8 = 0xff;

const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [NO_LETTER; 256];
    let mut value = 0;
    while value < alphabet.len() {
        // Runs when this is compiled: an index out of bounds would be an error there.
        #[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            values[alphabet[value] as usize] = value as u8;
        }
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_vectors_of_rfc_4648_decode() {
        for (text, bytes) in [
            ("", ""),
            ("Zg", "f"),
            ("Zm8", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg", "foob"),
            ("Zm9vYmE", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(decode(b"-_-_").as_deref(), Some(&[0xfb, 0xff, 0xbf][..]));
    }

    #[test]
    fn a_second_spelling_of_the_same_bytes_is_refused() {
        for text in [
            "Zh",
            "Zm9",
            "Zg==",
            "Zm8=",
            "Zm9v====",
            "Zm9v\n",
            " Zm9v",
            "Zm 9v",
            "Z",
            "Zm9vY",
            "+/+/",
            "Zm9v\0",
            "Zm9\u{ff}",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn each_text_that_decodes_is_the_only_one_for_its_bytes() {
        let letters = b"ABCDgw_-/+=";
        let mut seen = std::collections::HashMap::new();
        for a in letters {
            for b in letters {
                for c in letters {
                    for text in [vec![*a, *b], vec![*a, *b, *c]] {
                        if let Some(bytes) = decode(&text) {
                            let first = seen.entry(bytes).or_insert_with(|| text.clone());
                            assert_eq!(*first, text);
                        }
                    }
                }
            }
        }
        assert!(!seen.is_empty());
    }
}
