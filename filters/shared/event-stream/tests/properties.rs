//! Any split of any stream gives the same events, and loses no byte.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

use event_stream::{Decoder, write_data, write_event};
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

type Seen = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

fn seen(event: event_stream::Event<'_>) -> Seen {
    let data = event.has_data().then(|| event.data().to_vec());
    (event.raw().to_vec(), event.name().map(<[u8]>::to_vec), data)
}

fn decode(chunks: &[&[u8]]) -> (Vec<Seen>, Vec<u8>) {
    let mut decoder = Decoder::new(1 << 20);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().unwrap() {
            events.push(seen(event));
        }
    }
    let rest = decoder.finish();
    events.extend(rest.event().map(seen));
    (events, rest.raw().to_vec())
}

/// Written after the standard's text, on the whole stream: lines first, then events.
fn reference(stream: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rest = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let (mut name, mut data) = (Vec::new(), Vec::new());
    let mut events = Vec::new();
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = &rest[..end];
        let width = if rest[end..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + width..];
        if line.is_empty() {
            if data.pop().is_some() {
                events.push((name.clone(), data.clone()));
            }
            name.clear();
            data.clear();
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = match colon {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = value.to_vec(),
            b"data" => {
                data.extend_from_slice(value);
                data.push(b'\n');
            }
            _ => {}
        }
    }
    events
}

/// Streams made of what matters: line ends, fields, colons, marks.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"\n"[..],
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"\r\r",
        b"data",
        b"event",
        b":",
        b" ",
        b"x",
        b"\xC3",
        b"\xEF\xBB\xBF",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn cut<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let mut from = 0;
    let mut chunks = Vec::new();
    for place in places.into_iter().chain([stream.len()]) {
        chunks.push(&stream[from..place]);
        from = place;
    }
    chunks
}

/// The properties as functions: `proptest!` would bring its own test attribute, which Node's
/// runner doesn't know.
fn run<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig {
        cases: if cfg!(target_arch = "wasm32") {
            256
        } else {
            4096
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    runner.run(&strategy, property).unwrap();
}

#[test]
fn any_split_gives_the_same_events_and_no_byte_is_lost() {
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..8);
    run((stream(), cuts), |(stream, cuts)| {
        let (events, rest) = decode(&[&stream]);
        let (same_events, same_rest) = decode(&cut(&stream, &cuts));
        prop_assert_eq!(&events, &same_events);
        prop_assert_eq!(&rest, &same_rest);
        let mut raw: Vec<u8> = events.into_iter().flat_map(|(raw, ..)| raw).collect();
        raw.extend(rest);
        prop_assert_eq!(raw, stream);
        Ok(())
    });
}

#[test]
fn events_with_data_are_those_of_the_standard() {
    run(stream(), |stream| {
        let (events, _) = decode(&[&stream]);
        let events: Vec<_> = events
            .into_iter()
            .filter_map(|(_, name, data)| Some((name.unwrap_or_default(), data?)))
            .collect();
        prop_assert_eq!(events, reference(&stream));
        Ok(())
    });
}

#[test]
fn any_bytes_pass_unchanged() {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..8);
    run((bytes, cuts), |(bytes, cuts)| {
        let (events, rest) = decode(&cut(&bytes, &cuts));
        let mut raw: Vec<u8> = events.into_iter().flat_map(|(raw, ..)| raw).collect();
        raw.extend(rest);
        prop_assert_eq!(raw, bytes);
        Ok(())
    });
}

#[test]
fn what_is_written_is_read_again() {
    let line = "[a-z :]{0,8}";
    let data = prop::collection::vec(line, 1..4);
    run(("[a-z]{1,8}", data), |(name, lines)| {
        let mut stream = Vec::new();
        write_event(&mut stream, name.as_bytes(), lines.join("\r\n").as_bytes());
        write_data(&mut stream, lines.join("\r").as_bytes());
        let (events, rest) = decode(&[&stream]);
        let data = lines.join("\n").into_bytes();
        let read: Vec<_> = events
            .into_iter()
            .map(|(_, name, data)| (name, data))
            .collect();
        prop_assert_eq!(
            read,
            vec![
                (Some(name.into_bytes()), Some(data.clone())),
                (None, Some(data))
            ]
        );
        prop_assert!(rest.is_empty());
        Ok(())
    });
}
