//! An answer that a filter gives itself.

/// An answer that a filter gives itself, in place of the upstream's.
///
/// Building one makes it safe to send: the status is a final one (200 to 599, else 500), and
/// header values carry no control characters, with which a value could end its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    details: &'static str,
}

impl Reply {
    /// An answer with this status and body. `details` says why in the access log's response code
    /// details: a word in snake case, nothing from a peer.
    #[must_use]
    pub fn new(status: u16, body: Vec<u8>, details: &'static str) -> Self {
        let status = if (200..=599).contains(&status) {
            status
        } else {
            500
        };
        Self {
            status,
            headers: Vec::new(),
            body,
            details,
        }
    }

    /// Adds a header; control characters in its value are dropped.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().iter().copied();
        let value = value.filter(|byte| *byte == b'\t' || !byte.is_ascii_control());
        self.headers.push((name, value.collect()));
        self
    }

    /// The status, 200 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers in order.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, Vec<u8>)] {
        &self.headers
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Why, for the access log.
    #[must_use]
    pub fn details(&self) -> &'static str {
        self.details
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Reply;

    #[test]
    fn a_status_that_is_no_final_one_becomes_500() {
        for status in [0, 100, 199, 600, u16::MAX] {
            assert_eq!(Reply::new(status, Vec::new(), "x").status(), 500);
        }
        assert_eq!(Reply::new(429, Vec::new(), "x").status(), 429);
    }

    #[test]
    fn a_header_value_can_not_end_its_line() {
        let reply = Reply::new(200, Vec::new(), "x").with_header("a", "b\r\nc: d\0\te");
        assert_eq!(reply.headers(), [("a", b"bc: d\te".to_vec())]);
    }
}
