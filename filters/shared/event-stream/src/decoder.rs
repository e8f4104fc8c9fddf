//! Bytes in, events out.

use crate::event::Event;
use std::fmt;

/// Cuts a stream of bytes into events.
///
/// # Line ends
///
/// LF, CRLF and CR end a line, mixed at will. A CR that is the last byte so far might be the
/// first half of a CRLF. When it ends an event, the decoder decides by the line before:
///
/// - that line ended in a lone CR: the event ends here, at once, and nothing is held back. An
///   LF that follows all the same is the first byte of the next event's [`raw`](Event::raw) and
///   ends no line;
/// - that line ended in LF or CRLF, or there is none: the event comes with the next byte, LF
///   or not, or with [`finish`](Self::finish). A server that writes CRLF writes both bytes
///   together, so the LF is on its way.
///
/// Both depend on the bytes alone, never on how they were cut: every split of a stream gives the
/// same events, and their raw bytes followed by those of [`finish`](Self::finish) are the
/// stream.
///
/// # Bounds
///
/// The buffer holds one unfinished event (at most `max_event_bytes`) and the chunk pushed last,
/// as long as all events are taken before the next push.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the first event not yet given out begins.
    start: usize,
    /// Where the line that is being read begins.
    line: usize,
    /// No line end that is not dealt with lies before this.
    scanned: usize,
    before: LineEnd,
    opening: Opening,
    max_event_bytes: usize,
    failed: bool,
}

/// How the line before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    LoneCr,
    Other,
}

/// What may stand before an event's first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// The stream's first event: a byte order mark.
    ByteOrderMark,
    /// The event before ended at a CR without waiting: the LF that belongs to it.
    LineFeed,
    Nothing,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Decoder {
    /// A decoder that refuses events of more than `max_event_bytes` raw bytes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            line: 0,
            scanned: 0,
            before: LineEnd::Other,
            opening: Opening::ByteOrderMark,
            max_event_bytes,
            failed: false,
        }
    }

    /// Takes the next bytes of the stream. Call [`next_event`](Self::next_event) until it gives
    /// `None` before the next push.
    ///
    /// After an [`EventTooLong`] nothing more is taken: the decoder's memory is bounded then
    /// too, and [`finish`](Self::finish) gives what it held.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.failed {
            return;
        }
        self.drop_given();
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole event, or `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`EventTooLong`] when the event that begins now is longer than the bound, complete or
    /// not. From then on every call gives it.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, EventTooLong> {
        let end = if self.failed {
            Err(self.too_long())
        } else {
            self.find_end()
        };
        match end? {
            None => Ok(None),
            Some(end) => Ok(Some(self.give(end))),
        }
    }

    /// Ends the stream: the event whose last CR was waiting for an LF, if there is one, and the
    /// bytes that make no whole event. Events that were not taken are among those bytes. The
    /// decoder is then as new.
    pub fn finish(&mut self) -> Rest {
        let ended = std::mem::replace(self, Self::new(self.max_event_bytes));
        let waiting = !ended.failed
            && ended.is_blank(ended.scanned)
            && ended.buffer.get(ended.scanned..) == Some(b"\r");
        let skipped = ended.skipped();
        let mut bytes = ended.buffer;
        bytes.drain(..ended.start.min(bytes.len()));
        let event = if waiting { bytes.len() } else { 0 };
        Rest {
            bytes,
            event,
            skipped,
        }
    }

    /// The end of the event that begins at `start`, if it is there.
    fn find_end(&mut self) -> Result<Option<usize>, EventTooLong> {
        loop {
            let unread = self.buffer.get(self.scanned..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'\n', b'\r', unread) else {
                self.scanned = self.buffer.len();
                return self.within_bound(self.scanned).map(|()| None);
            };
            let at = self.scanned + found;
            self.scanned = at;
            match self.line_end(at) {
                Found::Incomplete => {
                    return self.within_bound(self.buffer.len()).map(|()| None);
                }
                Found::Line { end, kind } => {
                    self.before = kind;
                    self.line = end;
                    self.scanned = end;
                }
                Found::Event { end, kind } => {
                    self.within_bound(end)?;
                    self.before = kind;
                    return Ok(Some(end));
                }
            }
        }
    }

    /// What the CR or LF at `at` ends.
    fn line_end(&self, at: usize) -> Found {
        let blank = self.is_blank(at);
        let next = self.buffer.get(at + 1);
        let (end, kind) = match (self.buffer.get(at), next) {
            (Some(b'\n'), _) if self.opening == Opening::LineFeed && at == self.start => {
                return Found::Line {
                    end: at + 1,
                    kind: LineEnd::Other,
                };
            }
            (Some(b'\n'), _) => (at + 1, LineEnd::Other),
            _ if blank && self.before == LineEnd::LoneCr => (at + 1, LineEnd::LoneCr),
            (_, Some(b'\n')) => (at + 2, LineEnd::Other),
            (_, Some(_)) => (at + 1, LineEnd::LoneCr),
            (_, None) => return Found::Incomplete,
        };
        if blank {
            Found::Event { end, kind }
        } else {
            Found::Line { end, kind }
        }
    }

    /// Whether the line that ends at `at` is empty.
    fn is_blank(&self, at: usize) -> bool {
        let line = self.buffer.get(self.line..at).unwrap_or_default();
        line.is_empty()
            || (self.opening == Opening::ByteOrderMark
                && self.line == self.start
                && line == BYTE_ORDER_MARK)
    }

    fn give(&mut self, end: usize) -> Event<'_> {
        let skipped = self.skipped();
        let start = self.start;
        self.opening = match self.buffer.get(end.wrapping_sub(1)) {
            Some(b'\r') if self.before == LineEnd::LoneCr => Opening::LineFeed,
            _ => Opening::Nothing,
        };
        self.start = end;
        self.line = end;
        self.scanned = end;
        Event::read(self.buffer.get(start..end).unwrap_or_default(), skipped)
    }

    /// How many bytes at the event's start belong to no line.
    fn skipped(&self) -> usize {
        let event = self.buffer.get(self.start..).unwrap_or_default();
        match self.opening {
            Opening::ByteOrderMark if event.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len(),
            Opening::LineFeed if event.starts_with(b"\n") => 1,
            _ => 0,
        }
    }

    fn within_bound(&mut self, end: usize) -> Result<(), EventTooLong> {
        if end - self.start > self.max_event_bytes {
            self.failed = true;
            return Err(self.too_long());
        }
        Ok(())
    }

    fn too_long(&self) -> EventTooLong {
        EventTooLong {
            max_event_bytes: self.max_event_bytes,
        }
    }

    /// Moves what is left to the front, once it is no longer than what was given out: so a byte
    /// is moved once per byte given, and the whole work stays linear.
    fn drop_given(&mut self) {
        let left = self.buffer.len() - self.start;
        if self.start == 0 || left > self.start {
            return;
        }
        self.buffer.drain(..self.start);
        self.line -= self.start;
        self.scanned -= self.start;
        self.start = 0;
    }
}

/// What a CR or LF turned out to end. `end` is the first byte after it.
enum Found {
    Incomplete,
    Line { end: usize, kind: LineEnd },
    Event { end: usize, kind: LineEnd },
}

/// What a stream leaves when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    bytes: Vec<u8>,
    /// Length of the whole event at the front.
    event: usize,
    skipped: usize,
}

impl Rest {
    /// The last event, when only the end of the stream could say that its CR stands alone.
    #[must_use]
    pub fn event(&self) -> Option<Event<'_>> {
        let raw = self.bytes.get(..self.event).filter(|raw| !raw.is_empty())?;
        Some(Event::read(raw, self.skipped))
    }

    /// The bytes after that event. A reader ignores them: an event without its blank line is
    /// not dispatched.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.bytes.get(self.event..).unwrap_or_default()
    }

    /// All of it, the event included.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// An event is longer than the bound; a peer must not make us hold more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLong {
    /// The bound, in raw bytes, line ends included.
    pub max_event_bytes: usize,
}

impl fmt::Display for EventTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a server-sent event is longer than {} bytes",
            self.max_event_bytes
        )
    }
}

impl std::error::Error for EventTooLong {}
