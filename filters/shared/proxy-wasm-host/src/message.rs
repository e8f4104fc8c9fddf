//! The message that an event belongs to, read from and written to the proxy.

use http_filter::{Answer, AnswerTooLarge, Body, Headers};

use crate::abi::{self, Buffer, Map};
use crate::pairs;

/// The headers of the request or the response, while their event runs.
///
/// Outside their event the proxy has no such headers: reads give nothing and writes are logged.
pub(crate) struct MessageHeaders(pub(crate) Map);

impl Headers for MessageHeaders {
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        abi::header(self.0, name)
    }

    fn all(&self) -> Vec<(String, Vec<u8>)> {
        all(self.0)
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        if let Err(failed) = abi::set_header(self.0, name, value) {
            log::error!("header {name} can't be set: {failed:?}");
        }
    }

    fn remove(&mut self, name: &str) {
        if let Err(failed) = abi::remove_header(self.0, name) {
            log::error!("header {name} can't be removed: {failed:?}");
        }
    }
}

fn all(map: Map) -> Vec<(String, Vec<u8>)> {
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
