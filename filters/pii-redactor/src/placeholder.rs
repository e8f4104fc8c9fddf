//! What stands in a request in place of personal data, such as `[EMAIL_1]`.
//!
//! A placeholder is an opening bracket, the rule's word, a number without leading zeros and a
//! closing bracket: ASCII that needs no escape in JSON, nor in JSON inside a JSON string. So its
//! bytes are the same at every level, and there is no bracket inside it: two placeholders never
//! overlap, and what stands beside one never becomes a part of it.

use std::fmt;

use crate::rule::Rule;

/// The text in place of one value of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Placeholder {
    /// What kind of value it stands for.
    pub(crate) rule: Rule,
    /// Which one of them, 1 to [`Placeholder::LAST`].
    pub(crate) number: u32,
}

/// What bytes that begin with an opening bracket are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A placeholder, and how many bytes it has.
    Whole(Placeholder, usize),
    /// All of them are the beginning of one.
    Torn,
    /// No placeholder begins here.
    Other,
}

impl Placeholder {
    /// The last number, so that a placeholder has a longest form.
    pub(crate) const LAST: u32 = 99_999;

    /// How many digits [`Placeholder::LAST`] has.
    const MOST_DIGITS: usize = 5;

    /// Reads the placeholder that `bytes` begin with.
    pub(crate) fn read(bytes: &[u8]) -> Reading {
        let mut readings = Rule::ALL.into_iter().map(|rule| Self::read_of(rule, bytes));
        let found = readings.find(|reading| *reading != Reading::Other);
        found.unwrap_or(Reading::Other)
    }

    fn read_of(rule: Rule, bytes: &[u8]) -> Reading {
        let opening = rule.opening().as_bytes();
        let Some(rest) = bytes.strip_prefix(opening) else {
            return if opening.starts_with(bytes) {
                Reading::Torn
            } else {
                Reading::Other
            };
        };
        let digits = rest.iter().take(Self::MOST_DIGITS);
        let digits = digits.take_while(|byte| byte.is_ascii_digit());
        let (number, count) = digits.fold((0, 0), |(number, count), digit| {
            (number * 10 + u32::from(digit - b'0'), count + 1)
        });
        match rest.get(count) {
            _ if rest.first() == Some(&b'0') => Reading::Other,
            None => Reading::Torn,
            Some(b']') if count > 0 => {
                Reading::Whole(Self { rule, number }, opening.len() + count + 1)
            }
            Some(_) => Reading::Other,
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}]", self.rule.opening(), self.number)
    }
}

/// Whether a placeholder, or the beginning of one that goes on elsewhere, may stand in a JSON
/// text: a quick look that lets most events of a stream pass unread.
pub(crate) fn may_stand_in(json: &[u8]) -> bool {
    memchr::memchr_iter(b'[', json).any(|at| {
        let from = json.get(at..).unwrap_or_default();
        // The longest form and the quote that may follow its beginning.
        let near = from.get(..16).unwrap_or(from);
        let end = memchr::memchr(b'"', near).unwrap_or(near.len());
        Placeholder::read(near.get(..end).unwrap_or_default()) != Reading::Other
    })
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Placeholder, Reading, may_stand_in};
    use crate::rule::Rule;

    fn email(number: u32) -> Placeholder {
        Placeholder {
            rule: Rule::Email,
            number,
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        for number in [1, 9, 10, 404, Placeholder::LAST] {
            let text = email(number).to_string();
            let read = Reading::Whole(email(number), text.len());
            assert_eq!(Placeholder::read(text.as_bytes()), read);
            assert_eq!(Placeholder::read(format!("{text}]3").as_bytes()), read);
        }
        assert_eq!(email(1).to_string(), "[EMAIL_1]");
    }

    #[test]
    fn every_beginning_of_a_placeholder_is_torn() {
        let text = email(Placeholder::LAST).to_string();
        for end in 1..text.len() {
            let torn = Placeholder::read(&text.as_bytes()[..end]);
            assert_eq!(torn, Reading::Torn, "{end}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in [
            "[]",
            "[x",
            "[[EMAIL_1]",
            "[email_1]",
            "[EMAIL_]",
            "[EMAIL_0]",
            "[EMAIL_01]",
            "[EMAIL_0",
            "[EMAIL_1 ]",
            "[EMAIL_-1]",
            "[EMAIL_100000]",
            "[EMAIL_100000",
            "[EMAIL_1\\",
            "[EMAIL-1]",
        ] {
            assert_eq!(Placeholder::read(text.as_bytes()), Reading::Other, "{text}");
        }
    }

    #[test]
    fn no_opening_is_the_beginning_of_another() {
        for one in Rule::ALL {
            for other in Rule::ALL {
                assert!(one == other || !one.opening().starts_with(other.opening()));
            }
        }
    }

    #[test]
    fn an_event_is_read_only_where_a_placeholder_may_stand() {
        for yes in [
            r#"{"text":"to [EMAIL_1]"}"#,
            r#"{"text":"to [EMAIL_99999]"}"#,
            r#"{"text":"to ["}"#,
            r#"{"choices":[{"text":"[EMAIL_1"}]}"#,
        ] {
            assert!(may_stand_in(yes.as_bytes()), "{yes}");
        }
        for no in [
            r#"{"choices":[{"delta":{"content":"[EM, (EMAIL_1)"}}]}"#,
            r#"{"choices":[]}"#,
            "[DONE]",
            "",
        ] {
            assert!(!may_stand_in(no.as_bytes()), "{no}");
        }
    }
}
