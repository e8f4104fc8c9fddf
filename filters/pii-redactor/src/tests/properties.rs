//! What holds for any text, any addresses and placeholder look-alikes in it, any cut.

use llm_api::Endpoint;
use proptest::prelude::*;
use test_host::{Exchange, TestHeaders};

use super::{chat, exchange};
use crate::RedactorStream;
use crate::detect::Detectors;
use crate::rule::Rule;

/// Pieces that text is made of: addresses, what looks like placeholders or their parts, what
/// stands beside addresses, and anything else.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,3}(\\.|\\+|'|-)?[a-z0-9]{0,2}@[a-z]{1,3}(-[a-z])?\\.(com|de|x|xn--p1ai)",
        2 => "(ann|jörg|анна)@(example\\.com|пример\\.рф)",
        2 => "\\[EMAIL_(1|2|3|9|01|0|99999|100000)?\\]?",
        1 => "\\[|\\[\\[|E|MAIL_|_1\\]|1|\\]",
        1 => "\\\\n|\\\\u003c|\\\\|\"|\n|\\.\\.|@|\\.|,|'|请",
        1 => "\\PC{0,4}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

/// What the provider reads as the message.
fn sent(exchange: &mut Exchange<RedactorStream>, says: &str) -> String {
    let body = exchange.request_body(chat(says).as_bytes(), true).passed();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// The texts of a chat stream's chunks, joined.
fn said(stream: &[u8]) -> String {
    let mut decoder = event_stream::Decoder::new(1 << 20);
    decoder.push(stream);
    let mut said = String::new();
    while let Some(event) = decoder.next_event().unwrap() {
        if event.data() != b"[DONE]" {
            let chunk: serde_json::Value = serde_json::from_slice(event.data()).unwrap();
            said.push_str(
                chunk["choices"][0]["delta"]["content"]
                    .as_str()
                    .unwrap_or_default(),
            );
        }
    }
    assert!(decoder.finish().into_bytes().is_empty());
    said
}

proptest! {
    #[test]
    fn nothing_that_is_found_leaves(says in text()) {
        let detectors = Detectors::new(&[Rule::Email]);
        let masked = sent(&mut exchange(Endpoint::ChatCompletions), &says);
        prop_assert_eq!(detectors.find(&masked), []);
        if detectors.find(&says).is_empty() {
            prop_assert_eq!(masked, says);
        }
    }

    #[test]
    fn a_text_that_is_said_back_in_a_stream_is_the_text(
        says in text(),
        sizes in prop::collection::vec(1..6_usize, 1..200),
        chunk in 1..64_usize,
    ) {
        let mut exchange = exchange(Endpoint::ChatCompletions);
        let masked = sent(&mut exchange, &says);
        let mut stream = String::new();
        let mut rest: Vec<char> = masked.chars().collect();
        for size in sizes.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let delta: String = rest.drain(..size.min(rest.len())).collect();
            stream += &format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{}}}}}]}}\n\n",
                llm_api::encode_text(&delta)
            );
        }
        stream += "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        stream += "data: [DONE]\n\n";
        let mut headers = TestHeaders::new(&[("content-type", "text/event-stream")]);
        let _ = exchange.response_headers(&mut headers, false);
        let out = exchange.response_in_pieces(stream.as_bytes(), chunk);
        prop_assert_eq!(said(&out), says);
    }

    #[test]
    fn a_text_that_is_said_back_whole_is_the_text(says in text(), chunk in 1..64_usize) {
        let mut exchange = exchange(Endpoint::ChatCompletions);
        let masked = sent(&mut exchange, &says);
        let inner = serde_json::json!({ "text": masked }).to_string();
        let answer = serde_json::json!({ "content": masked, "arguments": inner }).to_string();
        let mut headers = TestHeaders::new(&[("content-type", "application/json")]);
        let _ = exchange.response_headers(&mut headers, false);
        let out = exchange.response_in_pieces(answer.as_bytes(), chunk);
        let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(answer["content"].as_str().unwrap(), &says);
        let inner: serde_json::Value = serde_json::from_str(answer["arguments"].as_str().unwrap()).unwrap();
        prop_assert_eq!(inner["text"].as_str().unwrap(), says);
    }
}
