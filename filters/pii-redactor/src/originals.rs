//! Which placeholder stands for which original.

use std::collections::{BTreeMap, BTreeSet};

use crate::placeholder::Placeholder;
use crate::rule::Rule;

/// The originals of one request by placeholder, to put them back into its answer.
#[derive(Debug, Default)]
pub(crate) struct Originals(BTreeMap<Placeholder, String>);

impl Originals {
    /// The original that a placeholder of this request stands for; `None` where the placeholder
    /// isn't ours.
    pub(crate) fn get(&self, placeholder: Placeholder) -> Option<&str> {
        self.0.get(&placeholder).map(String::as_str)
    }
}

/// Gives placeholders to originals: numbers by first appearance, one for all places of an
/// original, and none that the client itself has written.
pub(crate) struct Numbering {
    taken: BTreeSet<Placeholder>,
    last: BTreeMap<Rule, u32>,
    given: BTreeMap<(Rule, String), Placeholder>,
}

/// A request holds more different values than placeholders are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyValues;

impl Numbering {
    /// How many different values of one request get a placeholder.
    pub(crate) const MOST: usize = 10_000;

    /// A numbering that skips what is taken.
    pub(crate) fn skipping(taken: BTreeSet<Placeholder>) -> Self {
        Self {
            taken,
            last: BTreeMap::new(),
            given: BTreeMap::new(),
        }
    }

    /// The placeholder for a value.
    ///
    /// # Errors
    /// [`TooManyValues`] when it has none yet and there is none left.
    pub(crate) fn placeholder(
        &mut self,
        rule: Rule,
        original: String,
    ) -> Result<Placeholder, TooManyValues> {
        let value = (rule, original);
        if let Some(given) = self.given.get(&value) {
            return Ok(*given);
        }
        if self.given.len() >= Self::MOST {
            return Err(TooManyValues);
        }
        let last = self.last.get(&rule).copied().unwrap_or_default();
        let mut numbers = (last + 1..=Placeholder::LAST).map(|number| Placeholder { rule, number });
        let free = numbers.find(|placeholder| !self.taken.contains(placeholder));
        let placeholder = free.ok_or(TooManyValues)?;
        self.last.insert(rule, placeholder.number);
        self.given.insert(value, placeholder);
        Ok(placeholder)
    }

    /// What the given placeholders stand for.
    pub(crate) fn into_originals(self) -> Originals {
        let by_placeholder = self.given.into_iter();
        Originals(
            by_placeholder
                .map(|((_, original), placeholder)| (placeholder, original))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::collections::BTreeSet;

    use super::{Numbering, TooManyValues};
    use crate::placeholder::Placeholder;
    use crate::rule::Rule;

    fn email(number: u32) -> Placeholder {
        Placeholder {
            rule: Rule::Email,
            number,
        }
    }

    fn number(numbering: &mut Numbering, original: &str) -> Result<u32, TooManyValues> {
        let given = numbering.placeholder(Rule::Email, original.to_owned());
        given.map(|placeholder| placeholder.number)
    }

    #[test]
    fn numbers_follow_the_first_appearance_and_skip_what_the_client_wrote() {
        let mut numbering = Numbering::skipping(BTreeSet::from([email(1), email(3)]));
        let given = ["b", "a", "b", "c"].map(|original| number(&mut numbering, original));
        assert_eq!(given, [Ok(2), Ok(4), Ok(2), Ok(5)]);
        let originals = numbering.into_originals();
        assert_eq!(originals.get(email(4)), Some("a"));
        assert_eq!(originals.get(email(1)), None);
    }

    #[test]
    fn values_are_bounded() {
        let mut numbering = Numbering::skipping(BTreeSet::new());
        for value in 0..Numbering::MOST {
            assert!(number(&mut numbering, &value.to_string()).is_ok());
        }
        assert_eq!(number(&mut numbering, "one more"), Err(TooManyValues));
        assert_eq!(number(&mut numbering, "0"), Ok(1));
    }

    #[test]
    fn a_client_that_takes_every_number_gets_no_wrong_one() {
        let all = (1..=Placeholder::LAST).map(email).collect();
        let mut numbering = Numbering::skipping(all);
        assert_eq!(number(&mut numbering, "a"), Err(TooManyValues));
    }
}
