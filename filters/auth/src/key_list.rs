//! The document of API keys that an endpoint serves.
//!
//! ```json
//! { "version": 1, "keys": { "team-a-ci": {
//!     "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
//!     "tenant": "team-a", "expires": "2026-12-31T00:00:00Z" } } }
//! ```
//!
//! An entry has the members of one under `keys` in the configuration. A document with a mistake
//! is refused whole: half a list would lock out callers whom nobody meant to. One thing is no
//! mistake: a tenant that the configuration doesn't know. Lists and configurations are changed
//! by different hands and at different times; such an entry lets nobody in, and the others count.

use std::collections::HashSet;
use std::fmt;

use facts::Name;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::config::{WrittenKey, read_key};
use crate::keys::Keys;
use crate::tenants::Tenants;

/// The keys of a document.
pub(crate) struct KeyList {
    pub(crate) keys: Keys,
    /// How many entries name a tenant that the configuration doesn't know.
    pub(crate) of_unknown_tenants: usize,
}

/// The most entries that a document has.
const MOST_KEYS: usize = 10_000;

/// The only form that there is.
const VERSION: u64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u64,
    keys: Entries,
}

/// As they stand in the document: of two with one label a map would lose the first.
struct Entries(Vec<(String, WrittenKey)>);

impl KeyList {
    /// Reads a document.
    ///
    /// # Errors
    /// The reason names the entry by its label, and quotes nothing else of it.
    pub(crate) fn read(json: &[u8], tenants: &Tenants) -> Result<Self, String> {
        // What serde says of a wrong value quotes it.
        let written: Written = http_filter::parse(json).map_err(|error| {
            let at = plain(&error.field).unwrap_or("a member");
            format!("the key list is malformed at {at}, or has something unknown there")
        })?;
        let Written {
            version,
            keys: Entries(entries),
        } = written;
        if version != VERSION {
            return Err(format!("the key list has version {version}, not {VERSION}"));
        }
        let mut list = Self {
            keys: Keys::default(),
            of_unknown_tenants: 0,
        };
        let mut labels = HashSet::with_capacity(entries.len());
        for (label, entry) in entries {
            list.add(&label, entry, tenants)?;
            if let Some(label) = labels.replace(label) {
                return Err(format!("keys.{label} stands there twice"));
            }
        }
        Ok(list)
    }

    fn add(&mut self, label: &str, entry: WrittenKey, tenants: &Tenants) -> Result<(), String> {
        if Name::new(label).is_err() {
            let length = label.len();
            return Err(format!("a label of {length} bytes under keys is no name"));
        }
        if tenants.get(entry.tenant()).is_none() {
            self.of_unknown_tenants += 1;
            return Ok(());
        }
        let field = format!("keys.{label}");
        let (digest, key) = read_key(label, entry, tenants, &field)
            .map_err(|error| format!("{}: {}", error.field, error.reason))?;
        let inserted = self.keys.insert(digest, key);
        inserted.map_err(|other| format!("{field} is the same key as keys.{other}"))
    }
}

/// A path that can't write lines of its own into a log.
fn plain(path: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (path.len() <= 128 && path.bytes().all(is_plain)).then_some(path)
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of keys by their labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    if entries.len() == MOST_KEYS {
                        return Err(A::Error::custom("there are too many"));
                    }
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use std::fmt::Write as _;

    use facts::{ModelPatterns, Name};

    use super::{KeyList, MOST_KEYS};
    use crate::keys::KeyDigest;
    use crate::tenants::{Tenant, Tenants};

    /// Of the key `foo`.
    const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    const OTHER: &str = "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9";

    fn tenants() -> Tenants {
        let mut tenants = Tenants::default();
        let tenant = Tenant {
            name: Name::new("team-a").unwrap(),
            plan: Name::new("standard").unwrap(),
            models: ModelPatterns::new(vec!["*".to_owned()]),
        };
        tenants.tenants.insert("team-a".to_owned(), tenant);
        tenants
    }

    fn read(json: &str) -> Result<KeyList, String> {
        KeyList::read(json.as_bytes(), &tenants())
    }

    fn entry(label: &str, digest: &str, more: &str) -> String {
        format!(r#""{label}":{{"sha256":"{digest}","tenant":"team-a"{more}}}"#)
    }

    fn list(entries: &[String]) -> String {
        format!(r#"{{"version":1,"keys":{{{}}}}}"#, entries.join(","))
    }

    #[test]
    fn a_key_has_the_members_of_one_in_the_configuration() {
        let more = r#","plan":"gold","models":["gpt-*"],"expires":"1970-01-01T00:01:00Z""#;
        let list = list(&[entry("ci", DIGEST, more), entry("ci-2", OTHER, "")]);
        let list = read(&list).unwrap();
        let digest = KeyDigest::of(b"foo");
        let owner = list.keys.owner(&digest, 59).unwrap().unwrap();
        assert_eq!(owner.key.as_str(), "ci");
        assert_eq!(owner.plan.as_str(), "gold");
        assert!(owner.models.allow("gpt-x") && !owner.models.allow("claude-x"));
        assert!(list.keys.owner(&digest, 60).unwrap().is_err());
        assert!(list.keys.owner(&KeyDigest::of(b"bar"), 0).unwrap().is_ok());
        assert!(list.keys.owner(&KeyDigest::of(b"baz"), 0).is_none());
    }

    #[test]
    fn an_empty_list_lets_nobody_in() {
        let list = read(&list(&[])).unwrap();
        assert!(list.keys.owner(&KeyDigest::of(b"foo"), 0).is_none());
    }

    #[test]
    fn a_tenant_that_nobody_knows_locks_nobody_else_out() {
        let unknown = format!(r#""x":{{"sha256":"{OTHER}","tenant":"team-b"}}"#);
        let list = read(&list(&[unknown, entry("ci", DIGEST, "")])).unwrap();
        assert_eq!(list.of_unknown_tenants, 1);
        assert!(list.keys.owner(&KeyDigest::of(b"foo"), 0).is_some());
        assert!(list.keys.owner(&KeyDigest::of(b"bar"), 0).is_none());
    }

    #[test]
    fn a_mistake_refuses_all_and_names_the_entry_but_not_the_digest() {
        let one = entry("ci", DIGEST, "");
        let (half, _) = DIGEST.split_at(32);
        for (json, named) in [
            (String::new(), "malformed"),
            ("[]".to_owned(), "malformed"),
            ("<html>".to_owned(), "malformed"),
            (r#"{"version":1,"keys":{"#.to_owned(), "malformed"),
            (list(&[]) + "x", "malformed"),
            (r#"{"keys":{}}"#.to_owned(), "malformed"),
            (r#"{"version":2,"keys":{}}"#.to_owned(), "version 2"),
            (r#"{"version":1,"keys":{},"more":1}"#.to_owned(), "more"),
            (
                r#"{"version":1,"keys":{},"keys":{}}"#.to_owned(),
                "malformed",
            ),
            (list(&[one.clone(), one.clone()]), "keys.ci"),
            (list(&[one, entry("cj", DIGEST, "")]), "keys.cj"),
            (list(&[entry("ci", half, "")]), "keys.ci.sha256"),
            (
                list(&[entry("ci", DIGEST, r#","expires":"tomorrow""#)]),
                "keys.ci.expires",
            ),
            (
                list(&[entry("ci", DIGEST, r#","plan":"P""#)]),
                "keys.ci.plan",
            ),
            (list(&[entry("ci", DIGEST, r#","x":1"#)]), "keys.ci.x"),
            (
                list(&[entry("ci", DIGEST, r#","tenant":"team-a""#)]),
                "keys.ci",
            ),
            (list(&[format!(r#""ci":"{DIGEST}""#)]), "keys.ci"),
            (
                list(&[format!(r#""ci":{{"sha256":"{DIGEST}"}}"#)]),
                "keys.ci",
            ),
            (list(&[entry("C I", DIGEST, "")]), "a label of 3 bytes"),
            (list(&[entry("a\\nb", DIGEST, r#","x":1"#)]), "a member"),
        ] {
            let Err(error) = read(&json) else {
                panic!("it should be refused: {json}")
            };
            assert!(error.contains(named), "{json}: {error}");
            assert!(!error.contains(half) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let keys = |count: usize| {
            let entries = (0..count).map(|number| {
                let mut digest = String::new();
                let _ = write!(digest, "{number:064x}");
                entry(&format!("k{number}"), &digest, "")
            });
            list(&entries.collect::<Vec<_>>())
        };
        assert!(read(&keys(MOST_KEYS)).is_ok());
        assert!(read(&keys(MOST_KEYS + 1)).is_err());
    }
}
