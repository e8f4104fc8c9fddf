//! An answer that comes as an event stream.

use event_stream::{Decoder, Event};
use http_filter::Time;
use llm_api::{Endpoint, StreamData, StreamPart, UsageTally};

use super::Reading;
use crate::estimate;

/// Reads an event stream event by event, and drops the usage chunk that this filter asked for
/// and the client didn't.
#[derive(Debug)]
pub(crate) struct StreamReader {
    framing: Framing,
    events: EventReader,
    drops_usage_chunk: bool,
}

#[derive(Debug)]
enum Framing {
    Events(Decoder),
    /// An event was too long: from there on the stream counts by its length.
    Lost,
}

/// The longest events are the last ones of Responses, which repeat the whole answer.
const MOST_EVENT_BYTES: usize = 4 * 1024 * 1024;

impl StreamReader {
    pub(crate) fn new(endpoint: Endpoint, drops_usage_chunk: bool) -> Self {
        Self {
            framing: Framing::Events(Decoder::new(MOST_EVENT_BYTES)),
            events: EventReader {
                endpoint,
                tally: UsageTally::new(),
                is_complete: false,
                output_seen: 0,
                first_text: None,
            },
            drops_usage_chunk,
        }
    }

    /// Takes the next piece, and gives the bytes that shall go on in its place; `None` where the
    /// piece shall go on as it came.
    ///
    /// Where a chunk is to be dropped an event goes on when it is complete; else nothing waits.
    pub(crate) fn take(&mut self, piece: &[u8], end_of_stream: bool, now: Time) -> Option<Vec<u8>> {
        // Where nothing is dropped no copy is made.
        let mut out = self.drops_usage_chunk.then(Vec::new);
        if let Framing::Events(decoder) = &mut self.framing {
            decoder.push(piece);
            let lost = self.events.drain(decoder, now, &mut out).is_err();
            if end_of_stream && !lost {
                self.events.finish(decoder, now, &mut out);
            }
            if lost {
                let held = decoder.finish().into_bytes();
                self.events.count(&held);
                append(&mut out, &held);
                self.framing = Framing::Lost;
            }
        } else {
            self.events.count(piece);
            append(&mut out, piece);
        }
        out.filter(|out| out != piece)
    }

    pub(crate) fn finish(self) -> Reading {
        let EventReader {
            endpoint: _,
            tally,
            is_complete,
            output_seen,
            first_text,
        } = self.events;
        Reading {
            reported: tally.usage(),
            is_complete,
            output_seen,
            first_text,
        }
    }
}

fn append(out: &mut Option<Vec<u8>>, bytes: &[u8]) {
    if let Some(out) = out {
        out.extend_from_slice(bytes);
    }
}

/// What the events have said so far.
#[derive(Debug)]
struct EventReader {
    endpoint: Endpoint,
    tally: UsageTally,
    is_complete: bool,
    output_seen: u64,
    first_text: Option<Time>,
}

impl EventReader {
    /// Reads all whole events; those that the client may see go to `out` as they came.
    fn drain(
        &mut self,
        decoder: &mut Decoder,
        now: Time,
        out: &mut Option<Vec<u8>>,
    ) -> Result<(), event_stream::EventTooLong> {
        while let Some(event) = decoder.next_event()? {
            self.pass(&event, now, out);
        }
        Ok(())
    }

    /// Reads the last event, and lets go what makes no event.
    fn finish(&mut self, decoder: &mut Decoder, now: Time, out: &mut Option<Vec<u8>>) {
        let rest = decoder.finish();
        if let Some(event) = rest.event() {
            self.pass(&event, now, out);
        }
        append(out, rest.raw());
    }

    fn pass(&mut self, event: &Event<'_>, now: Time, out: &mut Option<Vec<u8>>) {
        if !self.read(event, now) {
            append(out, event.raw());
        }
    }

    /// Reads an event; whether it is the extra usage chunk.
    fn read(&mut self, event: &Event<'_>, now: Time) -> bool {
        if !event.has_data() {
            return false;
        }
        match StreamData::parse(self.endpoint, event.data()) {
            Ok(StreamData::Part(part)) => self.part(&part, now),
            Ok(StreamData::Done) => {
                self.is_complete = true;
                false
            }
            // An event that nobody can read is the client's to judge.
            Ok(StreamData::Error(_)) | Err(_) => false,
        }
    }

    fn part(&mut self, part: &StreamPart<'_>, now: Time) -> bool {
        for text in part.texts() {
            let text = text.text.decode();
            if !text.is_empty() {
                self.first_text.get_or_insert(now);
                self.count(text.as_bytes());
            }
        }
        if let Some(report) = part.usage() {
            self.tally.add(report);
        }
        // After the usage chunk nothing comes but the end marker.
        self.is_complete |= part.is_end() || part.is_usage_only();
        part.is_usage_only()
    }

    fn count(&mut self, text: &[u8]) {
        self.output_seen = self.output_seen.saturating_add(estimate::tokens(text));
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use http_filter::Time;
    use llm_api::{Endpoint, Usage};

    use super::{MOST_EVENT_BYTES, Reading, StreamReader};

    const USAGE_CHUNK: &str =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n";

    fn chat(with_usage: bool) -> String {
        [
            ": hi\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",",
            "\"content\":\"\"}}],\"usage\":null}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hé [DONE]\"}}]}\n\n",
            "data:{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            if with_usage { USAGE_CHUNK } else { "" },
            "data: [DONE]\n\n",
        ]
        .concat()
    }

    const MESSAGE: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",",
        "\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
        "\"delta\":{\"type\":\"text_delta\",\"text\":\"hello you\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":",
        "\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );

    /// What was read, and what went on.
    fn run(endpoint: Endpoint, drops: bool, body: &[u8], size: usize) -> (Reading, Vec<u8>) {
        let mut reader = StreamReader::new(endpoint, drops);
        let mut out = Vec::new();
        for (number, piece) in body.chunks(size).enumerate() {
            let now = Time::from_nanoseconds(number as u64);
            let passed = reader.take(piece, false, now);
            out.extend(passed.unwrap_or_else(|| piece.to_vec()));
        }
        out.extend(
            reader
                .take(b"", true, Time::from_nanoseconds(0))
                .unwrap_or_default(),
        );
        (reader.finish(), out)
    }

    #[test]
    fn the_usage_chunk_is_dropped_and_all_else_passes_byte_for_byte() {
        for line_end in ["\n", "\r\n", "\r"] {
            let body = chat(true).replace('\n', line_end);
            let expected = chat(false).replace('\n', line_end);
            for size in 1..=body.len() {
                let (reading, out) = run(Endpoint::ChatCompletions, true, body.as_bytes(), size);
                assert_eq!(out, expected.as_bytes(), "{size}");
                assert!(reading.is_complete);
                let usage = reading.reported.unwrap();
                assert_eq!((usage.input, usage.output), (7, 2));
                assert_eq!(reading.output_seen, 5);
            }
        }
    }

    #[test]
    fn a_client_that_asked_gets_the_usage_chunk() {
        let body = chat(true);
        for size in 1..=body.len() {
            let (reading, out) = run(Endpoint::ChatCompletions, false, body.as_bytes(), size);
            assert_eq!(out, body.as_bytes());
            assert!(reading.reported.is_some());
        }
    }

    #[test]
    fn the_split_usage_of_messages_is_merged() {
        let expected = Usage {
            input: 8,
            cached_input: 3,
            output: 9,
            ..Usage::default()
        };
        for size in 1..=MESSAGE.len() {
            let (reading, out) = run(Endpoint::Messages, false, MESSAGE.as_bytes(), size);
            assert_eq!(out, MESSAGE.as_bytes());
            assert_eq!(
                (reading.reported, reading.is_complete),
                (Some(expected), true)
            );
        }
    }

    #[test]
    fn a_stream_cut_anywhere_is_estimated_by_the_texts_that_came() {
        let body = chat(true);
        let usage_ends = body.find("data: [DONE]").unwrap();
        let text_ends = body.find("data:{").unwrap();
        for length in 0..body.len() {
            let mut reader = StreamReader::new(Endpoint::ChatCompletions, true);
            let now = Time::from_nanoseconds(0);
            let passed = reader.take(&body.as_bytes()[..length], false, now);
            let passed = passed.unwrap_or_else(|| body.as_bytes()[..length].to_vec());
            assert!(chat(false).as_bytes().starts_with(&passed), "{length}");
            let reading = reader.finish();
            assert_eq!(reading.is_complete, length >= usage_ends, "{length}");
            let expected = if length >= text_ends { 5 } else { 0 };
            assert_eq!(reading.output_seen, expected, "{length}");
        }
    }

    #[test]
    fn the_last_bytes_pass_even_where_they_make_no_event() {
        let body = format!("{}data: torn", chat(true));
        for size in 1..=body.len() {
            let (_, out) = run(Endpoint::ChatCompletions, true, body.as_bytes(), size);
            assert_eq!(out, format!("{}data: torn", chat(false)).as_bytes());
        }
    }

    #[test]
    fn the_first_text_has_a_time_and_empty_pieces_have_none() {
        let body = chat(true);
        let mut reader = StreamReader::new(Endpoint::ChatCompletions, true);
        for (number, event) in body.split_inclusive("\n\n").enumerate() {
            reader.take(
                event.as_bytes(),
                false,
                Time::from_nanoseconds(number as u64),
            );
        }
        assert_eq!(reader.finish().first_text, Some(Time::from_nanoseconds(2)));
    }

    #[test]
    fn an_event_that_is_too_long_passes_and_ends_the_reading() {
        let long = format!("data: {}\n\n", "x".repeat(MOST_EVENT_BYTES));
        let body = format!("{}{long}{USAGE_CHUNK}", chat(false));
        for size in [100_000, body.len()] {
            let (reading, out) = run(Endpoint::ChatCompletions, true, body.as_bytes(), size);
            assert!(out == body.as_bytes(), "everything passes");
            assert_eq!(reading.reported, None);
            assert!(reading.output_seen > 1_000_000);
        }
    }

    #[test]
    fn events_that_nobody_can_read_pass() {
        let body = b"data: {\n\ndata: []\n\nevent: x\n\ndata: \xff\n\n\n\ndata: {\"error\":{}}\n\n";
        for size in 1..=body.len() {
            let (reading, out) = run(Endpoint::ChatCompletions, true, body, size);
            assert_eq!(out, body);
            assert!(!reading.is_complete);
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod properties {
        use proptest::prelude::{any, prop, prop_assert_eq, proptest};

        use super::{Endpoint, run};

        proptest! {
            #[test]
            fn any_bytes_pass_alike_at_any_split(
                body in prop::collection::vec(
                    prop::sample::select(&b"data: {}[]\"\\\r\n\n\nx\xff\xc3"[..]), 0..200),
                size in 1_usize..50,
                drops in any::<bool>(),
            ) {
                let (_, out) = run(Endpoint::ChatCompletions, drops, &body, size);
                prop_assert_eq!(out, body);
            }
        }
    }
}
