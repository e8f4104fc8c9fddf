//! A text that comes in pieces, with placeholders torn over them.

use std::borrow::Cow;

use crate::originals::Originals;
use crate::placeholder::{Placeholder, Reading};

/// The end of a text so far that can still become a placeholder: never more than the longest
/// placeholder less one byte.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Torn(Vec<u8>);

impl Torn {
    /// Takes the next piece of the text and appends what can go on, with originals in place of
    /// placeholders. The `last` piece leaves nothing behind.
    pub(super) fn restore(
        &mut self,
        originals: &Originals,
        piece: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) {
        let held = std::mem::take(&mut self.0);
        let text = if held.is_empty() {
            Cow::Borrowed(piece)
        } else {
            Cow::Owned([&held, piece].concat())
        };
        let rest = restore_until_torn(originals, &text, out);
        if last {
            out.extend_from_slice(rest);
        } else {
            self.0.extend_from_slice(rest);
        }
    }

    /// What is held.
    pub(super) fn held(&self) -> &[u8] {
        &self.0
    }

    /// Whether nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a whole text with originals in place of placeholders.
pub(super) fn restore(originals: &Originals, text: &[u8], out: &mut Vec<u8>) {
    Torn::default().restore(originals, text, true, out);
}

/// Appends the text with originals in place of placeholders, but for its end if a placeholder is
/// torn there: that is what it returns. Linear: each bracket is looked at for the length of a
/// placeholder.
fn restore_until_torn<'a>(originals: &Originals, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut kept = 0;
    for at in memchr::memchr_iter(b'[', text) {
        let from = text.get(at..).unwrap_or_default();
        match Placeholder::read(from) {
            Reading::Whole(placeholder, length) => {
                if let Some(original) = originals.get(placeholder) {
                    out.extend_from_slice(text.get(kept..at).unwrap_or_default());
                    out.extend_from_slice(original.as_bytes());
                    kept = at + length;
                }
            }
            Reading::Torn => {
                out.extend_from_slice(text.get(kept..at).unwrap_or_default());
                return from;
            }
            Reading::Other => {}
        }
    }
    out.extend_from_slice(text.get(kept..).unwrap_or_default());
    &[]
}
