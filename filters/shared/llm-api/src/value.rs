//! Reading JSON without building it: members that nobody asked for are checked and skipped.
//!
//! serde_json skips a value without recursion, so nesting costs no stack, and gives the raw text
//! of a value as a slice of the body, so its place is the distance between two pointers.

use crate::body_error::BodyError;
use crate::json_text::JsonText;
use crate::model_choice;
use crate::span::Span;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use std::fmt;

/// One value of a body: its raw text, and where that begins in the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    raw: &'a str,
    start: usize,
}

/// The wanted members of an object, in the order in which they were named.
pub(crate) type Members<'a, const N: usize> = [Option<Value<'a>>; N];

impl<'a> Value<'a> {
    /// The body as a value that is not yet checked: [`object`](Self::object) does that.
    pub(crate) fn of_body(body: &'a [u8]) -> Result<Self, BodyError> {
        let raw = std::str::from_utf8(body).map_err(|_| BodyError::NotUtf8)?;
        Ok(Self { raw, start: 0 })
    }

    /// The wanted members of a body.
    pub(crate) fn object<const N: usize>(
        self,
        wanted: [&'static str; N],
    ) -> Result<Members<'a, N>, BodyError> {
        self.members("", wanted).map_err(as_body)
    }

    /// The wanted members of a request's body, which may choose models by `model` alone.
    pub(crate) fn request<const N: usize>(
        self,
        wanted: [&'static str; N],
    ) -> Result<Members<'a, N>, BodyError> {
        let refused = model_choice::MEMBERS;
        let (members, chooses) = self.read("", &wanted, refused).map_err(as_body)?;
        match chooses {
            Some(member) => Err(BodyError::ChoosesModels(member)),
            None => Ok(members),
        }
    }

    /// The wanted members of the object that `name` says this is; the others are skipped.
    pub(crate) fn members<const N: usize>(
        self,
        name: &'static str,
        wanted: [&'static str; N],
    ) -> Result<Members<'a, N>, BodyError> {
        let (members, _) = self.read(name, &wanted, &[])?;
        Ok(members)
    }

    /// The wanted members, and the first of the refused ones that is there and not `null`.
    fn read<const N: usize>(
        self,
        name: &'static str,
        wanted: &[&'static str; N],
        refused: &'static [&'static str],
    ) -> Result<(Members<'a, N>, Option<&'static str>), BodyError> {
        let mut json = serde_json::Deserializer::from_str(self.raw);
        let object = Object { wanted, refused };
        let found = json
            .deserialize_map(object)
            .map_err(|error| self.fault(&error, name))?;
        json.end().map_err(|error| self.fault(&error, name))?;
        match found.twice {
            Some(member) => Err(BodyError::Duplicate(member)),
            None => {
                let value = |raw: &'a RawValue| self.within(raw.get());
                Ok((found.members.map(|raw| raw.map(value)), found.refused))
            }
        }
    }

    /// Calls `each` with the elements of the array that `name` says this is, and their number.
    pub(crate) fn elements(
        self,
        name: &'static str,
        mut each: impl FnMut(u64, Self) -> Result<(), BodyError>,
    ) -> Result<(), BodyError> {
        let mut json = serde_json::Deserializer::from_str(self.raw);
        let visitor = Array {
            each: |number, raw: &'a RawValue| each(number, self.within(raw.get())),
        };
        let first_fault = json
            .deserialize_seq(visitor)
            .map_err(|error| self.fault(&error, name))?;
        json.end().map_err(|error| self.fault(&error, name))?;
        first_fault
    }

    pub(crate) fn raw(self) -> &'a str {
        self.raw
    }

    pub(crate) fn span(self) -> Span {
        let end = self.start.saturating_add(self.raw.len());
        Span {
            start: self.start,
            end,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.raw == "null"
    }

    pub(crate) fn is_object(self) -> bool {
        self.raw.starts_with('{')
    }

    pub(crate) fn is_array(self) -> bool {
        self.raw.starts_with('[')
    }

    pub(crate) fn is_number(self) -> bool {
        self.raw
            .starts_with(|first: char| first == '-' || first.is_ascii_digit())
    }

    /// An object or array with nothing in it.
    pub(crate) fn is_hollow(self) -> bool {
        let inner = self.raw.get(1..self.raw.len().saturating_sub(1));
        (self.is_object() || self.is_array()) && inner.is_some_and(|inner| inner.trim().is_empty())
    }

    pub(crate) fn as_text(self) -> Option<JsonText<'a>> {
        self.raw
            .starts_with('"')
            .then(|| JsonText::new(self.raw, self.start))
    }

    pub(crate) fn as_bool(self) -> Option<bool> {
        match self.raw {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A count. Spellings such as `1.0` and `1e3` count too, and a fraction is rounded up;
    /// what is negative or beyond `u64` is no count.
    pub(crate) fn as_count(self) -> Option<u64> {
        if !self.is_number() {
            return None;
        }
        if let Ok(count) = self.raw.parse() {
            return Some(count);
        }
        let number: f64 = self.raw.parse().ok()?;
        // 2^64, the first number that is no u64.
        let fits = (0.0..18_446_744_073_709_551_616.0).contains(&number);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, and the cast saturates"
        )]
        fits.then(|| number.ceil() as u64)
    }

    /// Calls `each` for the members with one of these names, at any depth, whose value is not
    /// `null` and no empty array. The value has been parsed before, so a string before a colon
    /// is a member's name; no stack is needed.
    pub(crate) fn each_named(
        self,
        names: &'static [&'static str],
        mut each: impl FnMut(&'static str, Span) -> Result<(), BodyError>,
    ) -> Result<(), BodyError> {
        let mut at = 0;
        while let Some(string) = self.next_string(at) {
            at = string.end;
            let Some(value) = self.value_after(string) else {
                continue;
            };
            let raw = self.raw.get(string.range()).unwrap_or_default();
            let key = JsonText::new(raw, 0).decode();
            let Some(name) = names.iter().find(|name| **name == key) else {
                continue;
            };
            if !value.is_null() {
                each(name, value.span())?;
            }
        }
        Ok(())
    }

    /// Every string inside the value that is no member's name, in order. The value has been
    /// parsed before; no stack is needed, and nothing is kept.
    pub(crate) fn strings(self) -> impl Iterator<Item = JsonText<'a>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                let string = self.next_string(at)?;
                at = string.end;
                let rest = self.raw.get(string.end..)?;
                if !rest.trim_ascii_start().starts_with(':') {
                    let raw = self.raw.get(string.range())?;
                    let start = self.start.saturating_add(string.start);
                    return Some(JsonText::new(raw, start));
                }
            }
        })
    }

    /// The next string token at or after `from`, quotes included, relative to this value.
    fn next_string(self, from: usize) -> Option<Span> {
        let bytes = self.raw.as_bytes();
        let start = from + memchr::memchr(b'"', bytes.get(from..)?)?;
        let mut at = start + 1;
        loop {
            at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
            if bytes.get(at) == Some(&b'"') {
                let end = at + 1;
                return Some(Span { start, end });
            }
            at += 2;
        }
    }

    /// What follows a member's name: at least the first bytes of its value, at most all that
    /// is left. `None` when no colon follows.
    fn value_after(self, name: Span) -> Option<Self> {
        let rest = self.raw.get(name.end..)?.trim_ascii_start();
        let value = rest.strip_prefix(':')?.trim_ascii_start();
        let end = match value.as_bytes().first()? {
            b'"' => self.within(value).next_string(0).map(|string| string.end)?,
            b'[' | b'{' => 1,
            _ => memchr::memchr3(b',', b'}', b']', value.as_bytes())?,
        };
        if value.starts_with('[') && value.get(1..)?.trim_ascii_start().starts_with(']') {
            return None;
        }
        Some(self.within(value.get(..end)?.trim_ascii_end()))
    }

    /// The first byte after the opening bracket.
    pub(crate) fn inside(self) -> usize {
        self.start.saturating_add(1)
    }

    /// The body without the white space around it.
    pub(crate) fn trimmed(self) -> Self {
        let raw = self.raw.trim_ascii();
        self.within(raw)
    }

    fn within(self, raw: &'a str) -> Self {
        let offset = raw.as_ptr().addr().saturating_sub(self.raw.as_ptr().addr());
        Self {
            raw,
            start: self.start.saturating_add(offset),
        }
    }

    fn fault(self, error: &serde_json::Error, name: &'static str) -> BodyError {
        if error.is_data() {
            return BodyError::WrongType(name);
        }
        let lines_before = error.line().saturating_sub(1);
        let line_start = memchr::memchr_iter(b'\n', self.raw.as_bytes())
            .take(lines_before)
            .last()
            .map_or(0, |end| end + 1);
        let offset = line_start
            .saturating_add(error.column())
            .min(self.raw.len());
        BodyError::NotJson {
            offset: self.start.saturating_add(offset),
        }
    }
}

/// The value without a name is the body itself.
fn as_body(error: BodyError) -> BodyError {
    match error {
        BodyError::WrongType("") => BodyError::NotAnObject,
        other => other,
    }
}

/// A value that may be `null` as well as absent.
pub(crate) fn present(value: Option<Value<'_>>) -> Option<Value<'_>> {
    value.filter(|value| !value.is_null())
}

/// A string, where the API demands one if the member is there.
pub(crate) fn text<'a>(
    value: Option<Value<'a>>,
    name: &'static str,
) -> Result<Option<JsonText<'a>>, BodyError> {
    present(value)
        .map(|value| value.as_text().ok_or(BodyError::WrongType(name)))
        .transpose()
}

/// A boolean, where the API demands one if the member is there.
pub(crate) fn flag(
    value: Option<Value<'_>>,
    name: &'static str,
) -> Result<Option<bool>, BodyError> {
    present(value)
        .map(|value| value.as_bool().ok_or(BodyError::WrongType(name)))
        .transpose()
}

/// A count, where the API demands a number if the member is there. A number that is no count
/// (`-1` is "no bound" to some servers, an error to others) says nothing: the server decides.
pub(crate) fn count(
    value: Option<Value<'_>>,
    name: &'static str,
) -> Result<Option<u64>, BodyError> {
    match present(value) {
        Some(value) if !value.is_number() => Err(BodyError::WrongType(name)),
        number => Ok(number.and_then(Value::as_count)),
    }
}

struct Object<'w, const N: usize> {
    wanted: &'w [&'static str; N],
    refused: &'static [&'static str],
}

struct Found<'a, const N: usize> {
    members: [Option<&'a RawValue>; N],
    twice: Option<&'static str>,
    refused: Option<&'static str>,
}

impl<'a, const N: usize> Visitor<'a> for Object<'_, N> {
    type Value = Found<'a, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = Found {
            members: [None; N],
            twice: None,
            refused: None,
        };
        let seed = || Key {
            wanted: self.wanted,
            refused: self.refused,
        };
        while let Some(key) = map.next_key_seed(seed())? {
            if let Named::Refused(name) = key {
                if map.next_value::<&RawValue>()?.get() != "null" {
                    found.refused.get_or_insert(name);
                }
                continue;
            }
            let place = key.place();
            let member = place.and_then(|at| found.members.get_mut(at));
            let name = place.and_then(|at| self.wanted.get(at));
            let (Some(member), Some(name)) = (member, name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let before = member.replace(map.next_value()?);
            if before.is_some() || matches!(key, Named::InAnotherCase(_)) {
                found.twice.get_or_insert(name);
            }
        }
        Ok(found)
    }
}

/// Which wanted member a key names.
enum Named {
    Exactly(usize),
    InAnotherCase(usize),
    Refused(&'static str),
    None,
}

impl Named {
    fn place(&self) -> Option<usize> {
        match self {
            Self::Exactly(at) | Self::InAnotherCase(at) => Some(*at),
            Self::Refused(_) | Self::None => None,
        }
    }
}

/// Finds a key, its escapes decoded: `"\u006dodel"` is `model`.
struct Key<'w> {
    wanted: &'w [&'static str],
    refused: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Named;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Named, D::Error> {
        key.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Named, E> {
        if let Some(at) = self.wanted.iter().position(|wanted| *wanted == key) {
            return Ok(Named::Exactly(at));
        }
        let folded = |wanted: &&str| key.chars().map(fold).eq(wanted.chars().map(fold));
        if let Some(at) = self.wanted.iter().position(folded) {
            return Ok(Named::InAnotherCase(at));
        }
        let refused = self.refused.iter().find(|refused| folded(refused));
        Ok(refused.map_or(Named::None, |name| Named::Refused(name)))
    }
}

/// Letters that Go's `encoding/json` takes for the same when it looks for a member: it would
/// read `Model` or `meſſages` where we read nothing. No API has such members.
fn fold(letter: char) -> char {
    match letter {
        'ſ' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}

struct Array<F> {
    each: F,
}

impl<'a, F> Visitor<'a> for Array<F>
where
    F: FnMut(u64, &'a RawValue) -> Result<(), BodyError>,
{
    type Value = Result<(), BodyError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut number = 0;
        while let Some(element) = seq.next_element()? {
            if let Err(fault) = (self.each)(number, element) {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Err(fault));
            }
            number = number
                .checked_add(1)
                .ok_or_else(|| S::Error::custom("count"))?;
        }
        Ok(Ok(()))
    }
}
