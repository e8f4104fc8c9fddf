//! JSON objects, and nothing that a reader might take for one.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A value that is read from an object only.
///
/// serde's derived types take an array for an object too, its elements for the members in order:
/// a message that is written so would be read here and by no other filter.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::Object;

    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        raw: Option<&'a RawValue>,
    }

    #[test]
    fn an_array_is_no_object() {
        let Object(wire) = serde_json::from_str::<Object<Wire<'_>>>(r#"{"raw": [1.0]}"#).unwrap();
        assert_eq!(wire.raw.unwrap().get(), "[1.0]");
        for json in ["[[1.0]]", "[]", "null", "1", r#"{"raw":1,"raw":2}"#] {
            assert!(
                serde_json::from_str::<Object<Wire<'_>>>(json).is_err(),
                "{json}"
            );
        }
    }
}
