//! Bodies, and the answers to calls, read from the proxy.

use http_filter::{Answer, AnswerTooLarge, Body};

use crate::abi::{self, Buffer, Map};
use crate::headers;

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
        headers::all(Map::CallResponse)
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
