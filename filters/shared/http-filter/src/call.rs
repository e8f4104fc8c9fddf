//! HTTP calls that a filter makes itself.

/// One HTTP call to a cluster of the proxy. It passes no filter and no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// All headers, the pseudo-headers `:method`, `:path` and `:authority` among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, may be empty.
    pub body: &'a [u8],
    /// After how many milliseconds the call counts as failed.
    pub timeout_milliseconds: u32,
}

/// Which of its calls an answer belongs to. Unique within a worker while the call is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(pub u32);

/// The proxy didn't take the call: the cluster is unknown, or a header is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRefused;

/// The body of an answer is longer than its reader allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTooLarge;

/// The answer to a call.
pub trait Answer {
    /// The value of a header, such as `:status`.
    fn header(&self, name: &str) -> Option<Vec<u8>>;

    /// All headers in order, the pseudo-header `:status` among them.
    fn headers(&self) -> Vec<(String, Vec<u8>)>;

    /// The body.
    ///
    /// # Errors
    /// [`AnswerTooLarge`] when it has more than `most` bytes.
    fn body(&self, most: usize) -> Result<Vec<u8>, AnswerTooLarge>;

    /// The status, where the answer has a proper one.
    fn status(&self) -> Option<u16> {
        let value = self.header(":status")?;
        std::str::from_utf8(&value).ok()?.parse().ok()
    }
}
