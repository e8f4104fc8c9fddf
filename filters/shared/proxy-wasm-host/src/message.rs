//! The message that an event belongs to, read from and written to the proxy.

use std::cell::RefCell;

use http_filter::{Answer, AnswerTooLarge, Body, Headers};

use crate::abi::{self, Buffer, Map};
use crate::pairs;

/// Names and values in order.
type Pairs = Vec<(String, Vec<u8>)>;

/// The headers of the request or the response, while their event runs.
///
/// Outside their event the proxy has no such headers: reads give nothing and writes are logged.
pub(crate) struct MessageHeaders {
    map: Map,
    /// All of them, once a filter has asked for all: each look at the proxy costs a call, and a
    /// filter that reads all reads most of them one by one too.
    read: RefCell<Option<Pairs>>,
}

impl MessageHeaders {
    pub(crate) fn new(map: Map) -> Self {
        Self {
            map,
            read: RefCell::new(None),
        }
    }
}

impl Headers for MessageHeaders {
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        match &*self.read.borrow() {
            Some(all) => joined(all, name),
            None => abi::header(self.map, name),
        }
    }

    fn all(&self) -> Pairs {
        let mut read = self.read.borrow_mut();
        read.get_or_insert_with(|| all(self.map)).clone()
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        self.read.take();
        if let Err(failed) = abi::set_header(self.map, name, value) {
            log::error!("header {name} can't be set: {failed:?}");
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(all) = self.read.get_mut() {
            all.retain(|(other, _)| other != name);
        }
        if let Err(failed) = abi::remove_header(self.map, name) {
            log::error!("header {name} can't be removed: {failed:?}");
        }
    }
}

/// A header's value; several of one name come joined by `,`, as the proxy gives them.
fn joined(all: &[(String, Vec<u8>)], name: &str) -> Option<Vec<u8>> {
    let mut values = all.iter().filter(|(other, _)| other == name);
    let mut value = values.next()?.1.clone();
    for (_, more) in values {
        value.push(b',');
        value.extend_from_slice(more);
    }
    Some(value)
}

fn all(map: Map) -> Pairs {
    let serialised = abi::header_pairs(map).unwrap_or_default();
    let pairs = pairs::read(&serialised);
    let text = |(name, value): (&[u8], &[u8])| {
        let name = std::str::from_utf8(name).ok()?;
        Some((name.to_owned(), value.to_vec()))
    };
    pairs.filter_map(text).collect()
}

/// A piece of a body, or all that was held of it.
pub(crate) struct Piece {
    pub(crate) buffer: Buffer,
    pub(crate) size: usize,
}

impl Body for Piece {
    fn len(&self) -> usize {
        self.size
    }

    fn read(&self) -> Vec<u8> {
        if self.size == 0 {
            return Vec::new();
        }
        abi::buffer(self.buffer, self.size).unwrap_or_else(|failed| {
            log::error!("{:?} can't be read: {failed:?}", self.buffer);
            Vec::new()
        })
    }
}

/// The answer to a call, while its event runs.
pub(crate) struct CallAnswer {
    pub(crate) body_size: usize,
}

impl Answer for CallAnswer {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        abi::header(Map::CallResponse, name)
    }

    fn headers(&self) -> Vec<(String, Vec<u8>)> {
        all(Map::CallResponse)
    }

    fn body(&self, most: usize) -> Result<Vec<u8>, AnswerTooLarge> {
        if self.body_size > most {
            return Err(AnswerTooLarge);
        }
        let body = Piece {
            buffer: Buffer::CallResponseBody,
            size: self.body_size,
        };
        Ok(body.read())
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn several_values_of_one_name_come_joined() {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let all = [header("a", "1"), header("b", "2"), header("a", "3")];
        assert_eq!(joined(&all, "a").as_deref(), Some(&b"1,3"[..]));
        assert_eq!(joined(&all, "b").as_deref(), Some(&b"2"[..]));
        assert_eq!(joined(&all, "c"), None);
    }
}
