//! Bodies with bytes that nobody should send: whatever they are, the answer is a right one.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;

use llm_api::Endpoint;
use proptest::prelude::*;
use serde_json::value::RawValue;
use test_host::Outcome;

use support::{JSON, SSE, exchange, host, response_headers, send, sent};

/// An object's members as they are written: what passes untouched may hold a number that is right
/// by RFC 8259 and too large for `f64`.
struct Members(BTreeMap<String, Box<RawValue>>);

fn read(object: &[u8]) -> Members {
    let members = serde_json::from_slice(object);
    Members(members.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(object))))
}

impl Members {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.get())
    }

    fn is_array(&self, name: &str) -> bool {
        self.get(name).starts_with('[')
    }

    /// Whether it is an error with a message.
    fn is_error(&self) -> bool {
        let error = self.get("error");
        error.starts_with('{') && read(error.as_bytes()).get("message").starts_with('"')
    }
}

#[test]
fn a_number_that_no_f64_holds_passes_as_it_is_written() {
    let large = "184E6744073709551616";
    let body = format!(
        r#"{{"model":"claude-sonnet-4-5","messages":[{{"role":"user","content":"hi"}}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{{"maximum":{large}}}}}}}]}}"#
    );
    let (_, sent) = sent(Endpoint::ChatCompletions, &body);
    let members = read(&sent);
    assert!(members.is_array("messages"));
    assert!(members.get("tools").contains(large));
}

/// A text with some of its bytes replaced, left out or doubled.
fn mutated(text: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let edit = (
        0..text.len(),
        0..3_u8,
        prop_oneof![Just(b'"'), Just(b'}'), Just(b'\n'), any::<u8>()],
    );
    prop::collection::vec(edit, 0..4).prop_map(move |edits| {
        let mut bytes = text.to_vec();
        for (place, kind, byte) in edits {
            let place = place.min(bytes.len() - 1);
            match kind {
                0 => bytes[place] = byte,
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, byte),
            }
        }
        bytes
    })
}

fn streamed(body: &[u8], size: usize) -> String {
    let request = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}],
        "stream":true,"stream_options":{"include_usage":true}}"#;
    let (mut exchange, _) = sent(Endpoint::ChatCompletions, request);
    let _ = exchange.response_headers(&mut response_headers(200, SSE), false);
    let out = exchange.response_in_pieces(body, size);
    exchange.end();
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn a_stream_ends_well_or_with_an_error(
        body in mutated(include_bytes!("golden/stream.anthropic.sse")),
        size in 1..4000_usize,
    ) {
        let out = streamed(&body, size);
        let events: Vec<&str> = out.split_terminator("\n\n").collect();
        let (last, before) = events.split_last().unwrap();
        for event in before {
            let chunk = read(event.strip_prefix("data: ").unwrap().as_bytes());
            prop_assert!(chunk.is_array("choices"), "{}", event);
        }
        let data = last.strip_prefix("data: ").unwrap();
        prop_assert!(data == "[DONE]" || read(data.as_bytes()).is_error());
        prop_assert_eq!(out, streamed(&body, 1), "the cut makes no difference");
    }

    #[test]
    fn an_answer_is_translated_or_becomes_an_error(
        body in mutated(include_bytes!("golden/answer.anthropic.json")),
        size in 1..2000_usize,
    ) {
        let request = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}"#;
        let (mut exchange, _) = sent(Endpoint::ChatCompletions, request);
        let _ = exchange.response_headers(&mut response_headers(200, JSON), false);
        let answer = read(&exchange.response_in_pieces(&body, size));
        prop_assert!(answer.is_array("choices") != answer.is_error());
    }

    #[test]
    fn a_request_is_translated_or_refused(body in mutated(include_bytes!("golden/chat.openai.json"))) {
        let mut exchange = exchange(host(Endpoint::ChatCompletions));
        match send(&mut exchange, &body) {
            Outcome::Passed(body) => prop_assert!(read(&body).is_array("messages")),
            Outcome::Replied(reply) => prop_assert!((400..500).contains(&reply.status())),
            other => panic!("{other:?}"),
        }
    }
}
