//! Restoring an event stream, event by event.
//!
//! A model writes a placeholder in several tokens, so one is torn over many deltas. Of each
//! channel's text the end is held back as long as it can still become a placeholder; it goes on
//! with the next delta of its channel, or, before the event that ends the channel, in a copy of
//! the last delta. Events that neither hold a placeholder nor touch held text leave as the bytes
//! they came as.

use std::collections::{BTreeMap, BTreeSet};

use event_stream::{Decoder, Event};
use llm_api::{Api, Channel, Endpoint, ErrorText, Span, StreamData, StreamPart};

use crate::originals::Originals;
use crate::placeholder::may_stand_in;
use crate::restore::copy::DeltaCopy;
use crate::restore::torn::{Torn, restore};

/// For how many texts at once text is held back; with more, what is torn stays torn.
const MOST_HELD: usize = 128;

/// How many texts of one event are tried to be held back: servers put one into an event, or one
/// for each choice.
const MOST_COPIES: usize = 128;

/// The longest data, in bytes, that a copy is made of: each reads all of it.
const MOST_COPIED: usize = 256 << 10;

/// A streamed answer on its way to the client.
#[derive(Debug)]
pub(crate) struct EventStream {
    api: Api,
    decoder: Decoder,
    texts: Texts,
    /// An event was longer than the bound: the client has been told, and nothing follows.
    broken: bool,
}

impl EventStream {
    /// An answer whose headers have come, with at most this many bytes in one event.
    pub(crate) fn new(
        (api, endpoint): (Api, Endpoint),
        originals: Originals,
        max_event_bytes: usize,
    ) -> Self {
        Self {
            api,
            decoder: Decoder::new(max_event_bytes),
            texts: Texts {
                endpoint,
                originals,
                held: BTreeMap::new(),
            },
            broken: false,
        }
    }

    /// Takes the next bytes; gives those that go on.
    pub(crate) fn restore(&mut self, piece: &[u8], last: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len());
        if self.broken {
            return out;
        }
        self.decoder.push(piece);
        loop {
            match self.decoder.next_event() {
                Ok(Some(event)) => self.texts.event(&event, &mut out),
                Ok(None) => break,
                Err(_) => {
                    self.give_up(&mut out);
                    return out;
                }
            }
        }
        if last {
            self.finish(&mut out);
        }
        out
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = self.decoder.finish();
        if let Some(event) = rest.event() {
            self.texts.event(&event, out);
        }
        self.texts.release(out, |_| true);
        out.extend_from_slice(rest.raw());
    }

    /// Ends the stream with an error: text of which a part is missing would be wrong.
    fn give_up(&mut self, out: &mut Vec<u8>) {
        self.broken = true;
        self.texts.release(out, |_| true);
        let error = ErrorText {
            status: 502,
            message: "The upstream sent an event that is too long to be read.",
            code: Some("event_too_long"),
            param: None,
        };
        out.extend(llm_api::error_event(self.api, error));
    }
}

/// The texts of a stream.
#[derive(Debug)]
struct Texts {
    endpoint: Endpoint,
    originals: Originals,
    held: BTreeMap<Thread, Held>,
}

/// One text of a stream. Some servers say the same piece in two members of a delta (`reasoning`
/// and `reasoning_content`): these are two texts of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Thread {
    channel: Channel,
    /// Which of the channel's pieces in an event.
    number: usize,
}

/// Where an event has a piece of a text, with its quotes.
struct Place {
    thread: Thread,
    span: Span,
}

/// Text that is held back, and the event that carries it if no delta follows.
#[derive(Debug)]
struct Held {
    torn: Torn,
    copy: DeltaCopy,
}

impl Texts {
    /// Takes an event and appends what goes on.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let data = event.data();
        if self.held.is_empty() && !may_stand_in(data) {
            out.extend_from_slice(event.raw());
            return;
        }
        match self.restore_data(event.name(), data, out) {
            Some(restored) if restored != data => write_with(event, &restored, out),
            _ => out.extend_from_slice(event.raw()),
        }
    }

    /// The data with originals in it; `None` where it leaves as it is. Text that the event ends
    /// is appended to `out`.
    fn restore_data(
        &mut self,
        name: Option<&[u8]>,
        data: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Vec<u8>> {
        match StreamData::parse(self.endpoint, data) {
            Ok(StreamData::Part(part)) => {
                let texts = places(&part);
                let ends = Ends::of(&part);
                let going_on: BTreeSet<_> = texts.iter().map(|text| text.thread).collect();
                self.release(out, |held| ends.has(held) && !going_on.contains(&held));
                Some(self.restore_texts(name, data, &texts, &ends))
            }
            Ok(StreamData::Error(_)) => {
                self.release(out, |_| true);
                let mut restored = Vec::with_capacity(data.len());
                restore(&self.originals, data, &mut restored);
                Some(restored)
            }
            Ok(StreamData::Done) => {
                self.release(out, |_| true);
                None
            }
            Err(_) => None,
        }
    }

    /// Restores each text together with what is held of it, and the strings between them, whole
    /// texts that are said once more among them, by themselves.
    fn restore_texts(
        &mut self,
        name: Option<&[u8]>,
        data: &[u8],
        texts: &[Place],
        ends: &Ends,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len());
        let mut done = 0;
        let mut copies = 0;
        for Place { thread, span } in texts {
            // Without the quotes.
            let (start, end) = (span.start + 1, span.end.saturating_sub(1));
            let (Some(between), Some(piece)) = (data.get(done..start), data.get(start..end)) else {
                continue;
            };
            restore(&self.originals, between, &mut out);
            let held = self.held.remove(thread);
            let mut torn = held.map(|held| held.torn).unwrap_or_default();
            torn.restore(&self.originals, piece, ends.has(*thread), &mut out);
            if !torn.is_empty() {
                let may_copy = data.len() <= MOST_COPIED
                    && self.held.len() < MOST_HELD
                    && copies < MOST_COPIES;
                copies += usize::from(may_copy);
                let copy = may_copy.then(|| DeltaCopy::of(name, data, *span));
                match copy.flatten() {
                    Some(copy) => {
                        self.held.insert(*thread, Held { torn, copy });
                    }
                    None => out.extend_from_slice(torn.held()),
                }
            }
            done = end;
        }
        restore(
            &self.originals,
            data.get(done..).unwrap_or_default(),
            &mut out,
        );
        out
    }

    /// Appends the held text of some threads, each in its own event.
    fn release(&mut self, out: &mut Vec<u8>, of: impl Fn(Thread) -> bool) {
        self.held.retain(|thread, held| {
            let released = of(*thread);
            if released {
                held.copy.write(held.torn.held(), out);
            }
            !released
        });
    }
}

/// The pieces of an event in their order.
fn places(part: &StreamPart<'_>) -> Vec<Place> {
    let mut pieces: BTreeMap<Channel, usize> = BTreeMap::new();
    let mut places: Vec<Place> = Vec::with_capacity(part.texts().len());
    for text in part.texts() {
        let channel = text.channel;
        let before = pieces.entry(channel).or_default();
        let number = *before;
        *before += 1;
        let thread = Thread { channel, number };
        let span = text.text.span();
        places.push(Place { thread, span });
    }
    places.sort_by_key(|place| place.span);
    places
}

/// Which texts end with an event.
struct Ends {
    all: bool,
    indexes: BTreeSet<u64>,
}

impl Ends {
    fn of(part: &StreamPart<'_>) -> Self {
        Self {
            all: part.is_end(),
            indexes: part.ended().iter().copied().collect(),
        }
    }

    fn has(&self, thread: Thread) -> bool {
        self.all || self.indexes.contains(&thread.channel.index)
    }
}

/// Appends an event with other data: its other fields stay where the data is one line of it.
fn write_with(event: &Event<'_>, data: &[u8], out: &mut Vec<u8>) {
    let raw = event.raw();
    let old = event.data();
    let start = old.as_ptr().addr().wrapping_sub(raw.as_ptr().addr());
    let end = start.saturating_add(old.len());
    match (raw.get(..start), raw.get(start..end), raw.get(end..)) {
        (Some(before), Some(line), Some(after)) if line == old => {
            out.extend_from_slice(before);
            out.extend_from_slice(data);
            out.extend_from_slice(after);
        }
        _ => match event.name() {
            Some(name) => event_stream::write_event(out, name, data),
            None => event_stream::write_data(out, data),
        },
    }
}
