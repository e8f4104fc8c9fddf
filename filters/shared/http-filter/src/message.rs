//! The two parts of a message, as a filter sees them.

/// The headers of the message that an event belongs to.
///
/// Names are given in lower case. Values are bytes: a peer may send what isn't text.
pub trait Headers {
    /// The value of a header; several of one name come joined by `,`. `None` when there is none.
    fn get(&self, name: &str) -> Option<Vec<u8>>;

    /// All headers in order; a name that isn't UTF-8 can't occur in HTTP and is left out.
    fn all(&self) -> Vec<(String, Vec<u8>)>;

    /// Shows each header in order, as [`all`](Self::all) has them, without a copy of any.
    fn visit(&self, look: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self.all() {
            look(&name, &value);
        }
    }

    /// Sets a header to one value, in place of all that it had.
    fn set(&mut self, name: &str, value: &[u8]);

    /// Removes a header, with all its values.
    fn remove(&mut self, name: &str);

    /// Removes `content-length`: the filter edits the body that follows, or may.
    ///
    /// Each filter that edits says so for itself, when the headers come; later they are gone on.
    /// The proxy counts what was left of a request in its buffer, where no count stands already
    /// (RFC 9112, section 6.2: a count that is wrong is an attack on the next one who reads it).
    fn forget_length(&mut self) {
        self.remove("content-length");
    }
}

/// The body bytes that an event shows.
pub trait Body {
    /// How many bytes can be read now.
    fn len(&self) -> usize;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the bytes, out of the proxy's buffer.
    fn read(&self) -> Vec<u8>;
}
