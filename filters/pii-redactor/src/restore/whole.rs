//! Restoring a whole JSON answer, an error as well as a success, as its bytes come.
//!
//! A placeholder can stand nowhere in JSON but in a string, so the body needs no parser, and none
//! of it is held but the bytes of a placeholder that isn't complete yet.

use crate::originals::Originals;
use crate::restore::torn::Torn;

/// A JSON answer on its way to the client.
#[derive(Debug)]
pub(crate) struct WholeAnswer {
    originals: Originals,
    torn: Torn,
}

impl WholeAnswer {
    /// An answer whose headers have come.
    pub(crate) fn new(originals: Originals) -> Self {
        Self {
            originals,
            torn: Torn::default(),
        }
    }

    /// Takes the next bytes; `None` where they go on as they came.
    pub(crate) fn restore(&mut self, piece: &[u8], last: bool) -> Option<Vec<u8>> {
        if self.torn.is_empty() && memchr::memchr(b'[', piece).is_none() {
            return None;
        }
        let mut out = Vec::with_capacity(piece.len());
        self.torn.restore(&self.originals, piece, last, &mut out);
        (out != piece).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::collections::BTreeSet;

    use super::WholeAnswer;
    use crate::originals::{Numbering, Originals};
    use crate::rule::Rule;

    fn originals() -> Originals {
        let mut numbering = Numbering::skipping(BTreeSet::new());
        for original in ["ann@example.com", "bob@example.org"] {
            let given = numbering.placeholder(Rule::Email, original.to_owned());
            assert!(given.is_ok());
        }
        numbering.into_originals()
    }

    #[test]
    fn placeholders_are_restored_wherever_the_body_is_cut() {
        let body = r#"{"choices":[{"message":{"content":"[EMAIL_1], [EMAIL_2][EMAIL_1] [EMAIL_3]",
            "tool_calls":[{"function":{"arguments":"{\"to\":[\"[EMAIL_2]\"],\"n\":\"[EM\"}"}}]}}],
            "vector":[1,[2]],"torn":"[EMAIL_[EMAIL_1]"}["#;
        let expected = body
            .replace("[EMAIL_1]", "ann@example.com")
            .replace("[EMAIL_2]", "bob@example.org");
        for size in 1..=body.len() {
            let mut answer = WholeAnswer::new(originals());
            let mut out = Vec::new();
            for piece in body.as_bytes().chunks(size).chain([&[][..]]) {
                let last = piece.is_empty();
                out.extend(answer.restore(piece, last).unwrap_or(piece.to_vec()));
            }
            assert_eq!(
                String::from_utf8(out).unwrap(),
                expected,
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn bytes_without_a_placeholder_of_ours_are_not_touched() {
        let mut answer = WholeAnswer::new(originals());
        for piece in [
            &b"{\"a\":[1,2],"[..],
            b"\"b\":\"[EMAIL_9]\"",
            b"\xff\xfe[[]]",
            b"",
        ] {
            assert_eq!(answer.restore(piece, false), None);
        }
    }
}
