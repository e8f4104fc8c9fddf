//! A place in a body.

use std::ops::Range;

/// A range of bytes in a body, from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The first byte after it; never before `start` in a span that this crate gives out.
    pub end: usize,
}

impl Span {
    /// The span as a range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// How many bytes it covers.
    #[must_use]
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it covers nothing: a place to insert at.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}
