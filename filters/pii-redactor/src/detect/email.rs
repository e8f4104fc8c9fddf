//! E-mail addresses (RFC 5321 and 5322, as people write them).
//!
//! The scanner jumps from `@` to `@` and reads outward from each: back over what may stand in a
//! local part, forward over a domain. Neither reads past the next `@`, so each byte is read a
//! bounded number of times, whatever the text.
//!
//! What counts as an address:
//! - The local part: letters, digits, `._+-` and, not as the first, `'!#$%*^~`. Other characters
//!   that RFC 5322 would allow (``/=?`{|}&``) end it: in URLs, code and Markdown they stand beside
//!   addresses, not in them. Quoted local parts aren't found. At most 128 bytes, twice of what
//!   RFC 5321 gives, since bounce addresses take more; a longer run is a token of another kind.
//! - The domain: labels of letters, digits and hyphens with at least one dot; the last one
//!   (the top level) begins with a letter and has two or more. Trailing dots and hyphens belong
//!   to the sentence. No address literals, no bare host names.
//! - Letters are those of ASCII and of the Latin, Greek and Cyrillic scripts (RFC 6531). Scripts
//!   that are written without spaces touch addresses without being a part of them.
//! - A run that begins behind a backslash begins in an escape of JSON text (`\nann@…`,
//!   `\u003cann@…`), and the address begins behind it.

use std::ops::Range;

use super::Detector;
use crate::rule::Rule;

/// Finds e-mail addresses.
pub(super) struct Email;

impl Detector for Email {
    fn rule(&self) -> Rule {
        Rule::Email
    }

    fn may_find_in(&self, json: &[u8]) -> bool {
        // RFC 8259, section 7: `\u0040` is the only other spelling.
        memchr::memchr(b'@', json).is_some() || memchr::memmem::find(json, b"\\u0040").is_some()
    }

    fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        scan(text, &mut (), |range| found.push(range));
    }
}

/// The longest local part, in bytes.
const MOST_LOCAL: usize = 128;

/// No domain is as long, in bytes (RFC 1035, section 2.3.4, in its text form).
const MOST_DOMAIN: usize = 254;

/// Counts the characters that the scanner reads, so that a test can bound them.
trait Meter {
    fn read(&mut self, characters: usize);
}

impl Meter for () {
    fn read(&mut self, _: usize) {}
}

fn scan(text: &str, meter: &mut impl Meter, mut found: impl FnMut(Range<usize>)) {
    let mut floor = 0;
    for at in memchr::memchr_iter(b'@', text.as_bytes()) {
        let before = text.get(floor..at).unwrap_or_default();
        let after = text.get(at + 1..).unwrap_or_default();
        let domain = domain_length(after, meter);
        // Without a domain the local part needn't be read.
        let local = domain.and_then(|_| local_length(before, meter));
        if let (Some(local), Some(domain)) = (local, domain) {
            let end = at + 1 + domain;
            found(at - local..end);
            floor = end;
        }
        floor = floor.max(at + 1);
    }
}

/// How many bytes at the end of `before` are a local part.
fn local_length(before: &str, meter: &mut impl Meter) -> Option<usize> {
    let window = tail(before, MOST_LOCAL + LONGEST_ESCAPE);
    let mut length = 0;
    for character in window
        .chars()
        .rev()
        .take_while(|character| in_local(*character))
    {
        length += character.len_utf8();
    }
    meter.read(length);
    let run = window.get(window.len() - length..)?;
    let outside = window.strip_suffix(run)?;
    let run = behind_escape(outside, run);
    let run = behind_ellipsis(run);
    let local = run.trim_start_matches(|first| !starts_local(first));
    let named = local.chars().any(is_letter_or_digit);
    (named && local.len() <= MOST_LOCAL).then_some(local.len())
}

/// The last bytes of a text, at most this many, whole characters.
fn tail(text: &str, most: usize) -> &str {
    let least_start = text.len().saturating_sub(most);
    let start = (least_start..=text.len()).find(|at| text.is_char_boundary(*at));
    start
        .and_then(|start| text.get(start..))
        .unwrap_or_default()
}

/// `\u003c` without its backslash.
const LONGEST_ESCAPE: usize = 5;

/// The part of `run` that no escape of JSON text has its letters in.
fn behind_escape<'a>(outside: &str, run: &'a str) -> &'a str {
    if !outside.ends_with('\\') {
        return run;
    }
    match run.as_bytes() {
        [b'n' | b't' | b'r' | b'b' | b'f', ..] => run.get(1..),
        [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => {
            run.get(LONGEST_ESCAPE..)
        }
        _ => None,
    }
    .unwrap_or(run)
}

/// The part of `run` behind two dots, which stand in no address (RFC 5322, section 3.2.3) but at
/// its end: some carriers gave such ones out.
fn behind_ellipsis(run: &str) -> &str {
    let inner = run.trim_end_matches('.');
    let start = inner.rfind("..").map_or(0, |dots| dots + 2);
    run.get(start..).unwrap_or(run)
}

/// How many bytes at the start of `after` are a domain.
fn domain_length(after: &str, meter: &mut impl Meter) -> Option<usize> {
    let mut length = 0;
    let mut before = '.';
    for character in after.chars().take_while(|character| in_domain(*character)) {
        let begins_label = !matches!(character, '.' | '-');
        if length >= MOST_DOMAIN || (before == '.' && !begins_label) {
            break;
        }
        length += character.len_utf8();
        before = character;
    }
    meter.read(length * 2);
    let mut rest = after.get(..length)?;
    // The last label that can be a top level ends the domain. One that the bound may have cut
    // can't, unless it ends before.
    let mut is_cut = length >= MOST_DOMAIN;
    while let Some((parent, label)) = rest.rsplit_once('.') {
        let top = top_level_length(label);
        if let Some(top) = top.filter(|top| !is_cut || *top < label.len()) {
            return Some(parent.len() + 1 + top);
        }
        is_cut = false;
        rest = parent;
    }
    None
}

/// How many bytes at the start of a label are a top level.
fn top_level_length(label: &str) -> Option<usize> {
    let name = if label
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
    {
        label.trim_end_matches('-')
    } else {
        label.split('-').next().unwrap_or_default()
    };
    let letters = name
        .chars()
        .take(2)
        .filter(|character| is_letter(*character));
    (letters.count() == 2).then_some(name.len())
}

fn in_domain(character: char) -> bool {
    is_letter_or_digit(character) || matches!(character, '.' | '-')
}

fn in_local(character: char) -> bool {
    starts_local(character) || matches!(character, '.' | '+' | '-') || is_inner(character)
}

fn starts_local(character: char) -> bool {
    is_letter_or_digit(character) || character == '_'
}

/// What stands inside of local parts but also right before addresses.
fn is_inner(character: char) -> bool {
    matches!(character, '\'' | '!' | '#' | '$' | '%' | '*' | '^' | '~')
}

fn is_letter_or_digit(character: char) -> bool {
    is_letter(character) || character.is_ascii_digit()
}

/// A letter of a script that is written with spaces, or a mark on such a letter.
fn is_letter(character: char) -> bool {
    match character {
        '\0'..='\u{7f}' => character.is_ascii_alphabetic(),
        '\u{300}'..='\u{36f}' => true,
        // Latin, Greek and Cyrillic end here; Latin goes on at U+1E00.
        '\u{80}'..='\u{52f}' | '\u{1e00}'..='\u{1fff}' => character.is_alphabetic(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Meter, scan};

    fn find(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        scan(text, &mut (), |range| found.extend(text.get(range)));
        found
    }

    #[test]
    fn addresses_as_people_write_them_are_found_whole() {
        for address in [
            "ann@example.com",
            "ann.lee@example.com",
            "ann+tag@example.com",
            "ann-lee_x@example.co.uk",
            "_ann@example.com",
            "o'brien@example.ie",
            "a@b.co",
            "12345@qq.com",
            "ann.@docomo.example",
            "ann..@docomo.example",
            "user%host@relay.example",
            "ann@mail.eu-west-1.example.com",
            "ann@example.museum",
            "ann@1and1.com",
            "user@xn--80ak6aa92e.com",
            "user@example.xn--p1ai",
            "jörg@exämple.de",
            "jo\u{308}rg@example.de",
            "анна@пример.рф",
            "ANN@EXAMPLE.COM",
        ] {
            assert_eq!(find(address), [address]);
            for (before, after) in [
                ("", "."),
                ("<", ">"),
                ("(", ")."),
                ("mailto:", "?cc=x"),
                ("'", "'"),
                ("\"", "\","),
                ("**", "**"),
                ("`", "`"),
                ("to=", "&"),
                ("...", "..."),
                ("see: ", ", and"),
                ("- ", " -"),
                ("请联系", "谢谢"),
                ("메일: ", "으로"),
                ("👉", "👈"),
                ("@", "@"),
                ("\u{a0}", "\u{a0}"),
                ("\n", "\n"),
                ("{\"a\":\"x\\n", "\\n\"}"),
                ("\\u003c", "\\u003e"),
                ("\\ud83d\\udc49", "\\ud83d"),
                ("https://x.example/", "/y"),
            ] {
                let text = format!("{before}{address}{after}");
                assert_eq!(find(&text), [address], "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "",
            "@",
            "@@@",
            "@example.com",
            "ann@",
            "ann@localhost",
            "ann@example.",
            "ann@.example.com",
            "ann@-example.com",
            "ann@example.c",
            "ann@example..com",
            "lodash@4.17.21",
            "root@10.0.0.1",
            "ann@[10.0.0.1]",
            "-.+@example.com",
            "\\n@example.com",
            "ann @example.com",
            "ann@ example.com",
            "ann＠example.com",
            "hello-world here",
        ] {
            assert_eq!(find(text), [] as [&str; 0], "{text:?}");
        }
    }

    #[test]
    fn an_address_ends_where_its_domain_does() {
        for (text, address) in [
            ("ann@example.com-based", "ann@example.com"),
            ("ann@example.com.5", "ann@example.com"),
            ("ann@example.com_", "ann@example.com"),
            ("ann@example.com--", "ann@example.com"),
            ("ann@example.com..", "ann@example.com"),
            ("ann@example.com:22", "ann@example.com"),
            ("ann@example.com@other.org", "ann@example.com"),
            ("x@ann@example.com", "ann@example.com"),
            ("wait..ann@example.com", "ann@example.com"),
        ] {
            assert_eq!(find(text), [address], "{text:?}");
        }
    }

    #[test]
    fn neighbours_are_found_apart() {
        assert_eq!(
            find("a@x.com,b@x.com;c@x.com\nd@x.com e@x.com"),
            ["a@x.com", "b@x.com", "c@x.com", "d@x.com", "e@x.com"]
        );
    }

    #[test]
    fn a_run_that_is_too_long_is_another_kind_of_token() {
        let long = "a".repeat(128);
        assert_eq!(find(&format!("{long}@x.com")).len(), 1);
        assert_eq!(find(&format!("{long}a@x.com")).len(), 0);
        assert_eq!(find(&format!("\\n{long}@x.com")).len(), 1);
        assert_eq!(find(&format!("{}@x.com", "ж".repeat(65))).len(), 0);
        assert_eq!(find(&format!("a@{}.com", "b".repeat(249))).len(), 1);
        assert_eq!(find(&format!("a@{}.com", "b".repeat(250))).len(), 0);
        assert_eq!(find(&format!("a@{}.com", "b".repeat(999))).len(), 0);
        assert_eq!(find(&format!("a@x.com{}", "-".repeat(999))), ["a@x.com"]);
        assert_eq!(find(&format!("{}a@x.com", "'".repeat(999))), ["a@x.com"]);
    }

    #[test]
    fn nothing_found_needs_an_escape_in_json() {
        let every: String = (' '..='\u{24ff}').collect();
        for character in every.chars().chain(['\0', '\n', '"', '\\', '\u{7f}']) {
            for text in [
                format!("a{character}b@x.com"),
                format!("ab@x{character}y.com"),
                format!("{character}ab@x.com{character}"),
            ] {
                for address in find(&text) {
                    assert!(!address.contains(['"', '\\', '\u{7f}']), "{text:?}");
                    assert!(!address.contains(char::is_control), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn the_work_is_linear_in_the_text() {
        struct Count(usize);
        impl Meter for Count {
            fn read(&mut self, characters: usize) {
                self.0 += characters;
            }
        }
        const SIZE: usize = 200_000;
        for unit in [
            "@",
            "a",
            "a@",
            "@a",
            "a@b.",
            "a@b.co",
            "a.",
            "a@a.a.a.a.a.a.a.a.a.",
            "..@",
            "'@",
            "\\n@",
            "a@b-",
            "a@1.1.1.1",
            "ж@ж.",
            "a@xn--a.1.",
            "a@a.aa ",
        ] {
            let text = unit.repeat(SIZE / unit.len());
            let long = format!("{}@{}", "a".repeat(SIZE), "b.1".repeat(SIZE / 3));
            for text in [text, long] {
                let mut count = Count(0);
                scan(&text, &mut count, |_| {});
                assert!(count.0 <= 4 * text.len(), "{unit:?}: {}", count.0);
            }
        }
    }
}
