//! Edits by span: everything outside of them leaves byte for byte.

use crate::span::Span;
use std::fmt;

/// Replacements and insertions in one body, in the body's order, none inside another.
///
/// All spans mean the body as it came; they are applied at once.
///
/// ```
/// use llm_api::{Span, Splices};
///
/// let mut edits = Splices::new();
/// edits.replace(Span { start: 4, end: 7 }, "cat")?;
/// edits.insert(0, "> ")?;
/// assert_eq!(edits.apply(b"The dog sat"), b"> The cat sat");
/// # Ok::<(), llm_api::Overlap>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splices(Vec<Splice>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Splice {
    span: Span,
    with: Vec<u8>,
}

impl Splices {
    /// No edits: the body leaves unchanged.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `with` in place of the bytes of `span`. Edits may come in any order; in the body's
    /// order each costs nothing but itself.
    ///
    /// # Errors
    ///
    /// [`Overlap`] when an edit is there already, or when the span ends before it starts.
    pub fn replace(&mut self, span: Span, with: impl Into<Vec<u8>>) -> Result<(), Overlap> {
        if span.end < span.start {
            return Err(Overlap { span });
        }
        let place = self.0.partition_point(|other| !is_after(other.span, span));
        let before = place.checked_sub(1).and_then(|before| self.0.get(before));
        if before.is_some_and(|before| before.span.end > span.start)
            || self
                .0
                .get(place)
                .is_some_and(|next| next.span.start < span.end)
        {
            return Err(Overlap { span });
        }
        let with = with.into();
        self.0.insert(place, Splice { span, with });
        Ok(())
    }

    /// Inserts `bytes` before the byte at `at`. Several insertions at one place keep their order,
    /// and stand before what replaces the bytes that begin there.
    ///
    /// # Errors
    ///
    /// [`Overlap`] when `at` lies inside a replaced span.
    pub fn insert(&mut self, at: usize, bytes: impl Into<Vec<u8>>) -> Result<(), Overlap> {
        self.replace(Span { start: at, end: at }, bytes)
    }

    /// Both sets of edits; at one place the insertions of `self` come first.
    ///
    /// # Errors
    ///
    /// [`Overlap`] when an edit of the one lies in an edit of the other.
    pub fn merge(self, other: Self) -> Result<Self, Overlap> {
        let mut all = self.0;
        all.extend(other.0);
        all.sort_by_key(|splice| splice.span);
        let torn = all
            .iter()
            .zip(all.iter().skip(1))
            .find(|(one, next)| next.span.start < one.span.end);
        match torn {
            Some((_, next)) => Err(Overlap { span: next.span }),
            None => Ok(Self(all)),
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many edits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The edited body. `body` must be the one that the spans were taken from; what a span
    /// covers beyond the end of a shorter one does not exist and is not replaced.
    #[must_use]
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        let added: usize = self.0.iter().map(|splice| splice.with.len()).sum();
        let mut out = Vec::with_capacity(body.len().saturating_add(added));
        let mut kept = 0;
        for splice in &self.0 {
            out.extend_from_slice(body.get(kept..splice.span.start).unwrap_or_default());
            out.extend_from_slice(&splice.with);
            kept = splice.span.end;
        }
        out.extend_from_slice(body.get(kept..).unwrap_or_default());
        out
    }
}

/// Whether `one` belongs after `other`: an insertion goes before a replacement at its place,
/// and after the insertions that are there.
fn is_after(one: Span, other: Span) -> bool {
    (one.start, one.end) > (other.start, other.end)
}

/// Two edits want the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The span that found its place taken.
    pub span: Span,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { start, end } = self.span;
        write!(f, "bytes {start} to {end} are edited twice")
    }
}

impl std::error::Error for Overlap {}

#[cfg(test)]
mod tests {
    use super::{Overlap, Splices};
    use crate::span::Span;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn span(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    #[test]
    fn no_edits_leave_the_body_as_it_is() {
        assert_eq!(Splices::new().apply(b"{ }"), b"{ }");
    }

    #[test]
    fn edits_may_come_in_any_order() {
        let mut edits = Splices::new();
        edits.replace(span(6, 9), "I").unwrap();
        edits.replace(span(0, 2), "A").unwrap();
        edits.insert(4, "-").unwrap();
        edits.replace(span(2, 3), "").unwrap();
        assert_eq!(edits.apply(b"aabcdefghi"), b"Ac-deIi");
    }

    #[test]
    fn insertions_at_one_place_keep_their_order_and_precede_a_replacement() {
        let mut edits = Splices::new();
        edits.replace(span(1, 2), "X").unwrap();
        edits.insert(1, "1").unwrap();
        edits.insert(1, "2").unwrap();
        edits.insert(2, "3").unwrap();
        assert_eq!(edits.apply(b"abc"), b"a12X3c");
    }

    #[test]
    fn edits_of_the_same_bytes_are_refused() {
        let mut edits = Splices::new();
        edits.replace(span(2, 5), "x").unwrap();
        for taken in [
            span(2, 5),
            span(0, 3),
            span(4, 9),
            span(3, 3),
            span(0, 9),
            span(2, 3),
        ] {
            assert_eq!(edits.replace(taken, "y"), Err(Overlap { span: taken }));
        }
        let backwards = span(9, 8);
        assert_eq!(
            edits.replace(backwards, ""),
            Err(Overlap { span: backwards })
        );
        assert_eq!(edits.len(), 1);
    }

    #[test]
    fn merged_edits_apply_at_once() {
        let mut one = Splices::new();
        one.replace(span(0, 1), "A").unwrap();
        one.insert(3, "!").unwrap();
        let mut other = Splices::new();
        other.replace(span(1, 2), "B").unwrap();
        other.insert(3, "?").unwrap();
        let both = one.clone().merge(other).unwrap();
        assert_eq!(both.apply(b"abc"), b"ABc!?");
        assert!(one.clone().merge(one).is_err());
    }

    #[test]
    fn spans_of_another_body_do_not_panic() {
        let mut edits = Splices::new();
        edits.replace(span(5, 9), "x").unwrap();
        assert_eq!(edits.apply(b"abc"), b"x");
    }
}
