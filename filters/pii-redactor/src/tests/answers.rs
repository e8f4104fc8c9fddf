//! What comes back. The streams are tested in every cut in `restore::stream_tests`.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use llm_api::{Api, Endpoint};
use test_host::TestHeaders;

use super::{MASKING, answering, chat, exchange_of};

const ANSWER: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"[EMAIL_1] wrote [EMAIL_2], not [EMAIL_3]",
  "tool_calls":[{"id":"c","type":"function","function":{"name":"send","arguments":"{\"to\":\"[EMAIL_2]\"}"}}]}}]}"#;

fn restored(text: &str) -> String {
    text.replace("[EMAIL_1]", "ann@example.com")
        .replace("[EMAIL_2]", "bob@example.org")
}

#[test]
fn originals_come_back_in_a_json_answer_cut_anywhere() {
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
    ] {
        for size in [1, 2, 3, 5, 8, ANSWER.len()] {
            let mut exchange = answering(Endpoint::ChatCompletions, content_type);
            let out = exchange.response_in_pieces(ANSWER.as_bytes(), size);
            assert_eq!(String::from_utf8(out).unwrap(), restored(ANSWER));
        }
    }
}

#[test]
fn originals_come_back_in_errors_that_quote_the_prompt() {
    let error =
        r#"{"error":{"message":"Invalid value: '[EMAIL_1]'","type":"invalid_request_error"}}"#;
    let mut exchange = answering(Endpoint::ChatCompletions, "application/json");
    let out = exchange.response_body(error.as_bytes(), true);
    assert_eq!(String::from_utf8(out).unwrap(), restored(error));
}

#[test]
fn a_large_answer_is_not_held() {
    let mut exchange = answering(Endpoint::Embeddings, "application/json");
    let piece = br#"{"embedding":[0.1,0.2],"#;
    for _ in 0..1000 {
        assert_eq!(exchange.response_body(piece, false), piece);
    }
}

#[test]
fn answers_in_other_forms_pass_with_their_length() {
    for headers in [
        &[("content-type", "text/html"), ("content-length", "9")][..],
        &[("content-length", "9")],
        &[
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("content-length", "9"),
        ],
    ] {
        let mut exchange = exchange_of(MASKING, (Api::OpenAi, Endpoint::ChatCompletions));
        let _ = exchange.request_body(chat("ann@example.com").as_bytes(), true);
        let mut headers = TestHeaders::new(headers);
        let _ = exchange.response_headers(&mut headers, false);
        assert_eq!(headers.text("content-length").as_deref(), Some("9"));
        assert_eq!(exchange.response_body(b"[EMAIL_1]", true), b"[EMAIL_1]");
    }
}

#[test]
fn an_answer_that_may_change_loses_its_length() {
    for content_type in ["application/json", "text/event-stream"] {
        let mut exchange = exchange_of(MASKING, (Api::OpenAi, Endpoint::ChatCompletions));
        let _ = exchange.request_body(chat("ann@example.com").as_bytes(), true);
        let mut headers =
            TestHeaders::new(&[("content-type", content_type), ("content-length", "9")]);
        let _ = exchange.response_headers(&mut headers, false);
        assert_eq!(headers.text("content-length"), None);
    }
}

#[test]
fn an_answer_without_a_body_keeps_its_headers() {
    let mut exchange = exchange_of(MASKING, (Api::OpenAi, Endpoint::ChatCompletions));
    let _ = exchange.request_body(chat("ann@example.com").as_bytes(), true);
    let mut headers = TestHeaders::new(&[
        ("content-type", "application/json"),
        ("content-length", "0"),
    ]);
    let _ = exchange.response_headers(&mut headers, true);
    assert_eq!(headers.text("content-length").as_deref(), Some("0"));
}

#[test]
fn trailers_after_a_whole_answer_lose_nothing() {
    let mut exchange = answering(Endpoint::ChatCompletions, "application/json");
    let out = exchange.response_body(ANSWER.as_bytes(), false);
    assert_eq!(String::from_utf8(out).unwrap(), restored(ANSWER));
    exchange.response_trailers();
}

#[test]
fn trailers_after_a_whole_stream_lose_nothing() {
    let mut exchange = answering(Endpoint::ChatCompletions, "text/event-stream");
    let delta = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[\"}}]}\n\n";
    let _ = exchange.response_body(delta, false);
    let out = exchange.response_body(b"data: [DONE]\n\n", false);
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains(r#""content":"[""#) && out.ends_with("data: [DONE]\n\n"),
        "{out}"
    );
    exchange.response_trailers();
}

#[test]
fn a_stream_is_restored_and_what_was_torn_at_its_end_leaves() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Dear [EMAI\"}}]}\n\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"L_1], [EMAIL\"}}]}\n\n";
    let mut exchange = answering(
        Endpoint::ChatCompletions,
        "text/event-stream; charset=utf-8",
    );
    let out = exchange.response_in_pieces(stream.as_bytes(), 11);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Dear \"}}]}\n\n\
         data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ann@example.com, \"}}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":\"[EMAIL\"},\"index\":0}]}\n\n"
    );
}

#[test]
fn an_event_above_the_bound_ends_the_stream_with_an_error() {
    let config = r#"{"rules":{"email":{"action":"mask"}},"maxBodyBytes":4096}"#;
    for (api, endpoint) in [
        (Api::OpenAi, Endpoint::ChatCompletions),
        (Api::Anthropic, Endpoint::Messages),
    ] {
        let mut exchange = exchange_of(config, (api, endpoint));
        let _ = exchange.request_body(chat("ann@example.com").as_bytes(), true);
        let mut headers = TestHeaders::new(&[("content-type", "text/event-stream")]);
        let _ = exchange.response_headers(&mut headers, false);
        assert_eq!(
            exchange.response_body(b": hello\n\n", false),
            b": hello\n\n"
        );
        let out = exchange.response_body(&[b'x'; 5000], false);
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("too long") && out.ends_with("\n\n"), "{out}");
        assert_eq!(out.starts_with("event: error\n"), api == Api::Anthropic);
        assert_eq!(exchange.response_body(b"\n\ndata: 1\n\n", true), b"");
    }
}
