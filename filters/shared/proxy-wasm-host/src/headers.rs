//! The headers of the message that an event belongs to, read from and written to the proxy.

use std::cell::RefCell;
use std::ops::Range;

use http_filter::Headers;

use crate::abi::{self, Map};
use crate::pairs;

/// Names and values in order.
pub(crate) type Pairs = Vec<(String, Vec<u8>)>;

/// The headers of the request or the response, while their event runs.
///
/// The first look at one fetches all: a call of the proxy that gives bytes back costs as much for
/// all as for one, and nearly every filter looks at several. What is written goes to the proxy at
/// once, and stands here beside what was read.
///
/// Outside their event the proxy has no such headers: reads give nothing and writes are logged.
pub(crate) struct MessageHeaders {
    map: Map,
    read: RefCell<Option<Read>>,
}

/// What the proxy gave, and what has changed since.
struct Read {
    serialised: Vec<u8>,
    /// Where in it the headers stand that are still there.
    places: Vec<Place>,
    set: Pairs,
}

/// Where a header stands.
struct Place {
    name: Range<usize>,
    value: Range<usize>,
}

/// As many headers as most requests have: room for them is made at once.
const USUAL_HEADERS: usize = 32;

impl MessageHeaders {
    pub(crate) fn new(map: Map) -> Self {
        Self {
            map,
            read: RefCell::new(None),
        }
    }

    fn with_read<T>(&self, look: impl FnOnce(&Read) -> T) -> T {
        let mut read = self.read.borrow_mut();
        look(read.get_or_insert_with(|| Read::of(self.map)))
    }
}

impl Headers for MessageHeaders {
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.with_read(|read| read.get(name))
    }

    fn all(&self) -> Pairs {
        self.with_read(|read| owned(read.pairs()))
    }

    fn visit(&self, look: &mut dyn FnMut(&str, &[u8])) {
        self.with_read(|read| read.pairs().for_each(|(name, value)| look(name, value)));
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        if let Err(failed) = abi::set_header(self.map, name, value) {
            log::error!("header {name} can't be set: {failed:?}");
            return;
        }
        if let Some(read) = self.read.get_mut() {
            read.remove(name);
            read.set.push((name.to_owned(), value.to_vec()));
        }
    }

    fn remove(&mut self, name: &str) {
        if let Err(failed) = abi::remove_header(self.map, name) {
            log::error!("header {name} can't be removed: {failed:?}");
            return;
        }
        if let Some(read) = self.read.get_mut() {
            read.remove(name);
        }
    }
}

impl Read {
    fn of(map: Map) -> Self {
        Self::new(abi::header_pairs(map).unwrap_or_default())
    }

    fn new(serialised: Vec<u8>) -> Self {
        let mut places = Vec::with_capacity(USUAL_HEADERS);
        places.extend(pairs::places(&serialised).map(|(name, value)| Place { name, value }));
        Self {
            serialised,
            places,
            set: Vec::new(),
        }
    }

    /// Those whose names are text.
    fn pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let left = self.places.iter().filter_map(|place| {
            let name = std::str::from_utf8(bytes(&self.serialised, &place.name)).ok()?;
            Some((name, bytes(&self.serialised, &place.value)))
        });
        let set = self.set.iter();
        left.chain(set.map(|(name, value)| (name.as_str(), value.as_slice())))
    }

    /// A header's value; several of one name come joined by `,`, as the proxy gives them.
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        let left = self.places.iter();
        let left = left.filter(|place| bytes(&self.serialised, &place.name) == name.as_bytes());
        let left = left.map(|place| bytes(&self.serialised, &place.value));
        let set = self.set.iter().filter(|(other, _)| other == name);
        let mut values = left.chain(set.map(|(_, value)| value.as_slice()));
        let mut value = values.next()?.to_vec();
        for more in values {
            value.push(b',');
            value.extend_from_slice(more);
        }
        Some(value)
    }

    fn remove(&mut self, name: &str) {
        let serialised = &self.serialised;
        self.places
            .retain(|place| bytes(serialised, &place.name) != name.as_bytes());
        self.set.retain(|(other, _)| other != name);
    }
}

/// All headers of a map, each a copy.
pub(crate) fn all(map: Map) -> Pairs {
    owned(Read::of(map).pairs())
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a str, &'a [u8])>) -> Pairs {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect()
}

/// The bytes of a place, which lies within them.
fn bytes<'a>(serialised: &'a [u8], place: &Range<usize>) -> &'a [u8] {
    serialised.get(place.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Read, owned};
    use crate::pairs;

    fn read() -> Read {
        Read::new(pairs::write(&[("a", b"1"), ("b", b"2"), ("a", b"3")]))
    }

    #[test]
    fn several_values_of_one_name_come_joined() {
        assert_eq!(read().get("a").as_deref(), Some(&b"1,3"[..]));
        assert_eq!(read().get("b").as_deref(), Some(&b"2"[..]));
        assert_eq!(read().get("c"), None);
    }

    #[test]
    fn what_was_removed_is_gone_with_all_its_values() {
        let mut read = read();
        read.remove("a");
        assert_eq!(read.get("a"), None);
        assert_eq!(owned(read.pairs()), [("b".to_owned(), b"2".to_vec())]);
    }

    #[test]
    fn what_was_set_stands_in_place_of_what_was_read() {
        let mut read = read();
        for value in [b"4", b"5"] {
            read.remove("a");
            read.set.push(("a".to_owned(), value.to_vec()));
        }
        assert_eq!(read.get("a").as_deref(), Some(&b"5"[..]));
        assert_eq!(read.pairs().count(), 2);
    }
}
