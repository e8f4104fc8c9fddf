//! Concrete streams, each at every split into two chunks, and byte by byte.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

use event_stream::{Decoder, EventTooLong};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Raw bytes, name and data of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    raw: String,
    name: Option<String>,
    data: Option<String>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn seen(event: event_stream::Event<'_>) -> Seen {
    Seen {
        raw: text(event.raw()),
        name: event.name().map(text),
        data: event.has_data().then(|| text(event.data())),
    }
}

/// The events of the chunks, and what is left of them.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, String) {
    let mut decoder = Decoder::new(1 << 16);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().unwrap() {
            events.push(seen(event));
        }
    }
    let rest = decoder.finish();
    events.extend(rest.event().map(seen));
    (events, text(rest.raw()))
}

/// Checks what a stream says, at every split.
fn check(stream: &str, expected: &[(&str, Option<&str>, Option<&str>)], rest: &str) {
    let expected: Vec<Seen> = expected
        .iter()
        .map(|(raw, name, data)| Seen {
            raw: (*raw).to_owned(),
            name: name.map(str::to_owned),
            data: data.map(str::to_owned),
        })
        .collect();
    let bytes = stream.as_bytes();
    for cut in 0..=bytes.len() {
        let (events, left) = decode([&bytes[..cut], &bytes[cut..]]);
        assert_eq!((&events, &*left), (&expected, rest), "cut at {cut}");
    }
    let (events, left) = decode(bytes.chunks(1));
    assert_eq!((&events, &*left), (&expected, rest), "byte by byte");
    let raw: String = events.into_iter().map(|event| event.raw).collect();
    assert_eq!(raw + rest, stream);
}

#[test]
fn lines_end_in_lf() {
    check(
        "event: a\ndata: 1\n\ndata: 2\n\nrest",
        &[
            ("event: a\ndata: 1\n\n", Some("a"), Some("1")),
            ("data: 2\n\n", None, Some("2")),
        ],
        "rest",
    );
}

#[test]
fn lines_end_in_crlf() {
    check(
        "event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n",
        &[
            ("event: a\r\ndata: 1\r\n\r\n", Some("a"), Some("1")),
            ("data: 2\r\n\r\n", None, Some("2")),
        ],
        "",
    );
}

#[test]
fn lines_end_in_cr() {
    check(
        "event: a\rdata: 1\r\rdata: 2\r\r",
        &[
            ("event: a\rdata: 1\r\r", Some("a"), Some("1")),
            ("data: 2\r\r", None, Some("2")),
        ],
        "",
    );
}

#[test]
fn line_ends_are_mixed() {
    check(
        "data: 1\n\r\ndata: 2\r\n\ndata: 3\r\n\rdata: 4\n\rdata: 5\r\n\r",
        &[
            ("data: 1\n\r\n", None, Some("1")),
            ("data: 2\r\n\n", None, Some("2")),
            ("data: 3\r\n\r", None, Some("3")),
            ("data: 4\n\r", None, Some("4")),
            ("data: 5\r\n\r", None, Some("5")),
        ],
        "",
    );
}

#[test]
fn an_lf_after_lone_crs_belongs_to_the_next_event_and_ends_no_line() {
    check(
        "data: 1\r\r\ndata: 2\n\ndata: 3\r\r\n",
        &[
            ("data: 1\r\r", None, Some("1")),
            ("\ndata: 2\n\n", None, Some("2")),
            ("data: 3\r\r", None, Some("3")),
        ],
        "\n",
    );
}

#[test]
fn data_lines_are_joined_by_lf() {
    check(
        "data: a\ndata\ndata:b\r\ndata:  c\n\n",
        &[(
            "data: a\ndata\ndata:b\r\ndata:  c\n\n",
            None,
            Some("a\n\nb\n c"),
        )],
        "",
    );
}

#[test]
fn the_space_after_the_colon_may_be_missing() {
    check(
        "event:x\ndata:{\"a\": 1}\n\n",
        &[(
            "event:x\ndata:{\"a\": 1}\n\n",
            Some("x"),
            Some("{\"a\": 1}"),
        )],
        "",
    );
}

#[test]
fn comments_and_unknown_fields_are_no_data() {
    check(
        ": ping\n\nid: 7\nretry: 10\nDATA: x\ndata2: y\n data: z\n\n",
        &[
            (": ping\n\n", None, None),
            (
                "id: 7\nretry: 10\nDATA: x\ndata2: y\n data: z\n\n",
                None,
                None,
            ),
        ],
        "",
    );
}

#[test]
fn each_further_blank_line_is_an_event_without_data() {
    check(
        "\ndata: 1\n\n\n\r\n\r",
        &[
            ("\n", None, None),
            ("data: 1\n\n", None, Some("1")),
            ("\n", None, None),
            ("\r\n", None, None),
            ("\r", None, None),
        ],
        "",
    );
}

#[test]
fn an_empty_data_field_is_data_and_an_empty_name_is_none() {
    check(
        "event: a\nevent:\ndata\n\n",
        &[("event: a\nevent:\ndata\n\n", None, Some(""))],
        "",
    );
}

#[test]
fn a_byte_order_mark_opens_the_stream_and_nothing_else() {
    check(
        "\u{FEFF}data: 1\n\n\u{FEFF}data: 2\n\n",
        &[
            ("\u{FEFF}data: 1\n\n", None, Some("1")),
            ("\u{FEFF}data: 2\n\n", None, None),
        ],
        "",
    );
    check("\u{FEFF}\n", &[("\u{FEFF}\n", None, None)], "");
    check("\u{FEFF}\r", &[("\u{FEFF}\r", None, None)], "");
}

#[test]
fn a_stream_that_is_cut_leaves_its_rest() {
    check("data: 1\n", &[], "data: 1\n");
    check("data: 1\r", &[], "data: 1\r");
    check(
        "data: 1\n\ndata: [DO",
        &[("data: 1\n\n", None, Some("1"))],
        "data: [DO",
    );
    check("", &[], "");
}

#[test]
fn characters_may_be_torn() {
    check(
        "data: Grüße 🦀\n\n",
        &[("data: Grüße 🦀\n\n", None, Some("Grüße 🦀"))],
        "",
    );
}

#[test]
fn bytes_that_are_no_text_pass() {
    let (events, rest) = decode([&b"data: \xFF\xFE\0\n\n\xC3"[..]]);
    assert_eq!(events.len(), 1);
    assert_eq!(rest, "\u{FFFD}");
}

/// How many events are there right after the last byte, before anything else is known.
fn given_at_once(stream: &[u8]) -> usize {
    let mut decoder = Decoder::new(1 << 16);
    decoder.push(stream);
    let mut events = 0;
    while decoder.next_event().unwrap().is_some() {
        events += 1;
    }
    events
}

#[test]
fn an_event_is_given_with_its_last_byte() {
    assert_eq!(given_at_once(b"data: 1\n\n"), 1);
    assert_eq!(given_at_once(b"data: 1\r\n\r\n"), 1);
    assert_eq!(given_at_once(b"data: 1\r\r"), 1);
    assert_eq!(given_at_once(b"data: 1\r\rdata: 2\r\r"), 2);
}

#[test]
fn only_a_torn_crlf_waits_for_one_byte() {
    assert_eq!(given_at_once(b"data: 1\r\n\r"), 0);
    assert_eq!(given_at_once(b"data: 1\r\n\rd"), 1);
    assert_eq!(given_at_once(b"data: 1\n\r"), 0);
}

#[test]
fn an_event_that_is_too_long_is_refused_whole_or_not() {
    let too_long = Err(EventTooLong { max_event_bytes: 9 });
    for stream in ["data: 12\n\n", "data: 12345", "data: 123\n", "data: 123\r"] {
        for cut in 0..stream.len() {
            let mut decoder = Decoder::new(9);
            let mut result = Ok(None);
            for chunk in [&stream.as_bytes()[..cut], &stream.as_bytes()[cut..]] {
                decoder.push(chunk);
                result = decoder.next_event().map(|event| event.map(seen));
            }
            assert_eq!(result, too_long.map(|()| None), "{stream:?} at {cut}");
            decoder.push(b"more");
            assert!(decoder.next_event().is_err(), "it stays so");
            let held = decoder.finish().into_bytes();
            assert!(
                stream.as_bytes().starts_with(&held),
                "nothing after the error is taken"
            );
            assert!(held.len() > 9);
        }
    }
}

#[test]
fn the_bound_is_per_event_and_inclusive() {
    let mut decoder = Decoder::new(9);
    decoder.push(&b"data: 1\n\n".repeat(1000));
    let mut events = 0;
    while decoder.next_event().unwrap().is_some() {
        events += 1;
    }
    assert_eq!(events, 1000);
}

#[test]
fn events_not_taken_are_part_of_the_rest() {
    let mut decoder = Decoder::new(100);
    decoder.push(b"data: 1\n\ndata: 2\n\nda");
    assert!(decoder.next_event().unwrap().is_some());
    assert_eq!(decoder.finish().raw(), b"data: 2\n\nda");
}

#[test]
fn a_long_event_in_many_chunks_is_scanned_once() {
    // A rescan from the start on each push would be 2 * 10^12 bytes.
    let mut decoder = Decoder::new(1 << 21);
    for _ in 0..1 << 21 {
        decoder.push(b"x");
        assert!(decoder.next_event().unwrap().is_none());
    }
}

#[test]
fn many_events_in_one_chunk_are_moved_once() {
    let mut decoder = Decoder::new(16);
    decoder.push(&b"data\n\n".repeat(1 << 18));
    for _ in 0..1 << 18 {
        assert!(decoder.next_event().unwrap().is_some());
        decoder.push(b"");
    }
}
