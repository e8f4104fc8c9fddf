//! One event: its bytes, its name, its data.

use std::borrow::Cow;

/// One event, up to and with the blank line that ends it.
///
/// A blank line that follows another, and a block of nothing but comments, are events too, with
/// no data: servers send them to keep a connection alive, and they must pass on at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    raw: &'a [u8],
    name: Option<&'a [u8]>,
    data: Option<Cow<'a, [u8]>>,
}

impl<'a> Event<'a> {
    /// Reads the fields of `raw`, whose first `skipped` bytes (a byte order mark, the second
    /// half of the line end before) belong to no line.
    pub(crate) fn read(raw: &'a [u8], skipped: usize) -> Self {
        let mut event = Self {
            raw,
            name: None,
            data: None,
        };
        for line in Lines(raw.get(skipped..).unwrap_or_default()) {
            event.take(line);
        }
        event
    }

    /// The exact bytes of the event, its terminator included.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The value of the last `event` field. `None` without one, or when it is empty: a reader
    /// then takes `message` for the name.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        self.name
    }

    /// The values of the `data` fields, joined by LF; empty without one. Borrowed unless there
    /// are several.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.data.as_deref().unwrap_or_default()
    }

    /// The data itself, borrowed from the decoder's buffer where it is one line.
    #[must_use]
    pub fn into_data(self) -> Cow<'a, [u8]> {
        self.data.unwrap_or_default()
    }

    /// Whether there is a `data` field, even an empty one. Without one a reader ignores the
    /// event.
    #[must_use]
    pub fn has_data(&self) -> bool {
        self.data.is_some()
    }

    fn take(&mut self, line: &'a [u8]) {
        let (field, value) = split_field(line);
        match field {
            b"event" => self.name = Some(value).filter(|name| !name.is_empty()),
            b"data" => match &mut self.data {
                None => self.data = Some(Cow::Borrowed(value)),
                Some(data) => {
                    let data = data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            },
            // A comment (no field name), `id`, `retry`, and fields of a later day.
            _ => {}
        }
    }
}

/// A line's field name and value: one space after the colon is not part of the value, and a
/// line without a colon is a field with an empty value.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = memchr::memchr(b':', line) else {
        return (line, &[]);
    };
    let (field, rest) = line.split_at_checked(colon).unwrap_or((line, &[]));
    let value = rest.get(1..).unwrap_or_default();
    (field, value.strip_prefix(b" ").unwrap_or(value))
}

/// The non-empty lines of an event. For fields CRLF may as well be two line ends, since an
/// empty line inside an event says nothing.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let end = memchr::memchr2(b'\n', b'\r', self.0)?;
            let (line, after) = self.0.split_at_checked(end)?;
            self.0 = after.get(1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(line);
            }
        }
    }
}
