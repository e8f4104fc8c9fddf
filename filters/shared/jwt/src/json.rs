//! JSON that says one thing only: no member twice, no nesting without end.
//!
//! Two readers of a document with a member twice may see different values (RFC 8259, section 4;
//! RFC 7519, section 4 leaves the choice open), so one of them may check what the other never
//! reads.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// How deep objects and lists may stand in one another.
pub const MAX_DEPTH: usize = 16;

/// Why a text isn't a JSON object that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFault {
    /// Not JSON in UTF-8, or a number that no `f64` can hold.
    Syntax,
    /// JSON, but not an object.
    NotAnObject,
    /// An object, somewhere in it, has a member twice.
    DuplicateMember,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool,
    Number(Number),
    Text(String),
    List(Vec<Value>),
    Object(Object),
}

/// A number, as far as a date asks for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Whole(u64),
    Negative,
    /// Not whole, or written with a point or an exponent; finite.
    Fraction(f64),
}

/// An object's members, ordered by name, each name once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object(Vec<(String, Value)>);

impl Object {
    /// Reads a text that is one object.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, JsonFault> {
        let fault = Cell::new(JsonFault::Syntax);
        let seed = Nested {
            depth: MAX_DEPTH,
            fault: &fault,
        };
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value = seed.deserialize(&mut reader).map_err(|_| fault.get())?;
        reader.end().map_err(|_| JsonFault::Syntax)?;
        match value {
            Value::Object(object) => Ok(object),
            _ => Err(JsonFault::NotAnObject),
        }
    }

    /// The member of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let at = self
            .0
            .binary_search_by(|(each, _)| each.as_str().cmp(name))
            .ok()?;
        self.0.get(at).map(|(_, value)| value)
    }
}

/// Reads a value that may hold `depth` levels of objects and lists.
#[derive(Clone, Copy)]
struct Nested<'f> {
    depth: usize,
    /// What the error was, if it was ours: serde's own says it in prose only.
    fault: &'f Cell<JsonFault>,
}

impl Nested<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.fail(JsonFault::TooDeep)),
        }
    }

    fn fail<E: Error>(self, fault: JsonFault) -> E {
        self.fault.set(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::Whole(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(
            u64::try_from(number).map_or(Number::Negative, Number::Whole),
        ))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(Number::Fraction(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some(name) = object.next_key()? {
            members.push((name, object.next_value_seed(inner)?));
        }
        // Sorting first keeps a flood of members from costing its square.
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let twice = members
            .array_windows()
            .any(|[(one, _), (other, _)]| one == other);
        if twice {
            return Err(self.fail(JsonFault::DuplicateMember));
        }
        Ok(Value::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn fault(text: &str) -> JsonFault {
        Object::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn members_are_found_by_their_decoded_name() {
        let object = Object::parse(br#" {"b": 1, "\u0061": "x", "c": [null, true]} "#).unwrap();
        assert_eq!(object.get("a"), Some(&Value::Text("x".to_owned())));
        assert_eq!(object.get("b"), Some(&Value::Number(Number::Whole(1))));
        assert_eq!(
            object.get("c"),
            Some(&Value::List(vec![Value::Null, Value::Bool]))
        );
        assert_eq!(object.get("d"), None);
    }

    #[test]
    fn a_member_twice_is_refused_however_it_is_spelt_and_wherever_it_stands() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":3}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
        ] {
            assert_eq!(fault(text), JsonFault::DuplicateMember, "{text}");
        }
    }

    #[test]
    fn nesting_ends_at_its_bound() {
        let nested =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(Object::parse(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
        assert_eq!(fault(&nested(MAX_DEPTH)), JsonFault::TooDeep);
        assert_eq!(fault(&nested(100_000)), JsonFault::TooDeep);
    }

    #[test]
    fn what_is_not_one_json_object_is_refused() {
        for text in [
            "",
            "{",
            "{}x",
            "{}{}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":1e400}",
            "{\"a\":\"\n\"}",
            "\u{feff}{}",
            "{\"a\":NaN}",
            "{\"a\":\"\\ud800\"}",
            "{a:1}",
            "{\"a\":01}",
        ] {
            assert_eq!(fault(text), JsonFault::Syntax, "{text:?}");
        }
        assert_eq!(Object::parse(b"{\"a\":\"\xff\"}"), Err(JsonFault::Syntax));
        for text in ["[]", "\"{}\"", "null", "1"] {
            assert_eq!(fault(text), JsonFault::NotAnObject, "{text}");
        }
    }
}
