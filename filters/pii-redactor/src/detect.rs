//! Finding personal data in a text.

mod email;

use std::fmt;
use std::ops::Range;

use crate::rule::Rule;

/// Finds one kind of personal data.
///
/// What a detector finds has no quote, no backslash and no control character in it, and neither
/// has a beginning in the middle of an escape of JSON text. So an original can stand in a JSON
/// string, and in JSON text inside a JSON string, without an escape, and putting it back is a
/// splice of bytes on every level.
trait Detector {
    /// The rule that it serves.
    fn rule(&self) -> Rule;

    /// Whether there can be something to find in any text of these bytes, which are JSON: a quick
    /// look that lets most bodies and most of their strings pass unread. Escapes may hide a
    /// character, those of JSON text in a JSON string too.
    fn may_find_in(&self, json: &[u8]) -> bool;

    /// Appends the places in `text`, in bytes, ascending and apart. Linear in `text`.
    fn find(&self, text: &str, found: &mut Vec<Range<usize>>);
}

/// A place in a text that holds personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    /// Where, in bytes.
    pub(crate) range: Range<usize>,
    /// Which rule found it.
    pub(crate) rule: Rule,
}

/// The detectors of the active rules.
pub(crate) struct Detectors(Vec<Box<dyn Detector>>);

impl Detectors {
    /// Detectors for these rules.
    pub(crate) fn new(rules: &[Rule]) -> Self {
        Self(rules.iter().map(|rule| detector(*rule)).collect())
    }

    /// The rules that are looked for.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.0.iter().map(|detector| detector.rule()).collect()
    }

    /// Whether any of them may find something in texts of these bytes of JSON.
    pub(crate) fn may_find_in(&self, json: &[u8]) -> bool {
        self.0.iter().any(|detector| detector.may_find_in(json))
    }

    /// All places in `text` that hold personal data, ascending and apart.
    pub(crate) fn find(&self, text: &str) -> Vec<Match> {
        let mut found = Vec::new();
        let mut ranges = Vec::new();
        for detector in &self.0 {
            let rule = detector.rule();
            detector.find(text, &mut ranges);
            found.extend(ranges.drain(..).map(|range| Match { range, rule }));
        }
        if self.0.len() > 1 {
            join_overlapping(&mut found);
        }
        found
    }
}

impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Detectors").field(&self.rules()).finish()
    }
}

fn detector(rule: Rule) -> Box<dyn Detector> {
    match rule {
        Rule::Email => Box::new(email::Email),
    }
}

/// Makes one match of those that share bytes, under the rule of the first: dropping one would
/// let a part of it leave.
fn join_overlapping(found: &mut Vec<Match>) {
    found.sort_by_key(|found| found.range.start);
    found.dedup_by(|next, before| {
        let overlap = next.range.start < before.range.end;
        if overlap {
            before.range.end = before.range.end.max(next.range.end);
        }
        overlap
    });
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Match, join_overlapping};
    use crate::rule::Rule;

    #[test]
    fn matches_that_share_bytes_become_one() {
        let rule = Rule::Email;
        let matches = |ranges: &[(usize, usize)]| {
            let ranges = ranges.iter().map(|(start, end)| *start..*end);
            ranges
                .map(|range| Match { range, rule })
                .collect::<Vec<_>>()
        };
        let mut found = matches(&[(8, 12), (0, 4), (3, 6), (1, 2), (6, 7)]);
        join_overlapping(&mut found);
        assert_eq!(found, matches(&[(0, 6), (6, 7), (8, 12)]));
    }
}
