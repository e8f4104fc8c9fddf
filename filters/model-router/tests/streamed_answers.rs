//! Streams of an Anthropic provider for a client of chat completions, cut at every byte.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use llm_api::Endpoint;
use serde_json::{Value, json};
use test_host::{Exchange, Outcome, TestHost};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use model_router::RouterStream;
use support::{SSE, response_headers, sent};

/// A stream whose head has come.
fn streaming(include_usage: bool) -> Exchange<RouterStream> {
    let request = json!({
        "model": "claude-sonnet-4-5",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": true,
        "stream_options": {"include_usage": include_usage},
    });
    let (mut exchange, _) = sent(Endpoint::ChatCompletions, &request.to_string());
    let mut headers = response_headers(200, SSE);
    let passed = exchange.response_headers(&mut headers, false);
    assert_eq!(passed, Outcome::Passed(Vec::new()));
    assert_eq!(headers.text("content-length"), None);
    assert_eq!(headers.text("content-type").unwrap(), "text/event-stream");
    exchange
}

/// The same at every size of pieces: what went out, and what was left behind.
fn at_every_cut(body: &[u8], include_usage: bool) -> (String, TestHost) {
    let mut exchange = streaming(include_usage);
    let whole = exchange.response_body(body, true);
    let host = exchange.end();
    for size in 1..=body.len() {
        let mut exchange = streaming(include_usage);
        let out = exchange.response_in_pieces(body, size);
        assert_eq!(text(&out), text(&whole), "pieces of {size}");
        assert_eq!(exchange.end().facts, host.facts, "pieces of {size}");
    }
    (text(&whole), host)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An Anthropic event.
fn event(data: Value) -> String {
    format!(
        "event: {}\ndata: {data}\n\n",
        data["type"].as_str().unwrap()
    )
}

fn start() -> String {
    event(
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
        "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": [],
        "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}}}),
    )
}

fn delta(index: u64, delta: Value) -> String {
    event(json!({"type": "content_block_delta", "index": index, "delta": delta}))
}

fn said(text: &str) -> String {
    delta(0, json!({"type": "text_delta", "text": text}))
}

fn end(stop_reason: &str) -> String {
    event(
        json!({"type": "message_delta", "delta": {"stop_reason": stop_reason},
        "usage": {"output_tokens": 7, "cache_creation_input_tokens": 2}}),
    ) + &event(json!({"type": "message_stop"}))
}

/// The data of each event but the end, which must be there.
fn chunks(out: &str) -> Vec<Value> {
    let mut chunks = data(out);
    assert_eq!(chunks.pop(), Some(json!("[DONE]")), "{out}");
    chunks
}

fn data(out: &str) -> Vec<Value> {
    let read = |data: &str| match data {
        "[DONE]" => json!("[DONE]"),
        data => serde_json::from_str(data).unwrap(),
    };
    let events = out.split_terminator("\n\n");
    events
        .map(|event| read(event.strip_prefix("data: ").unwrap()))
        .collect()
}

fn choice(delta: Value, finish_reason: Value) -> Value {
    json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}])
}

#[test]
fn a_recorded_stream_becomes_the_expected_chunks() {
    let (out, host) = at_every_cut(include_bytes!("golden/stream.anthropic.sse"), true);
    assert_eq!(out, include_str!("golden/stream.openai.sse"));
    assert_eq!(
        host.fact_text("ai.usage").unwrap(),
        r#"{"v":1,"input":47,"cached_input":20,"cache_write":2,"output":89,"reasoning":31}"#
    );
}

#[test]
fn a_client_that_did_not_ask_for_usage_gets_none() {
    let body = start() + &said("Hi") + &end("end_turn");
    let (out, host) = at_every_cut(body.as_bytes(), false);
    let chunks = chunks(&out);
    assert!(
        chunks.iter().all(|chunk| chunk.get("usage").is_none()),
        "{out}"
    );
    assert!(
        chunks.iter().all(|chunk| chunk["choices"][0].is_object()),
        "{out}"
    );
    // The gateway knows it all the same.
    assert_eq!(
        host.fact_text("ai.usage").unwrap(),
        r#"{"v":1,"input":15,"cached_input":4,"cache_write":2,"output":7,"reasoning":0}"#
    );
}

#[test]
fn every_chunk_has_the_same_head() {
    let body = start() + &said("Hi") + &end("max_tokens");
    let (out, _) = at_every_cut(body.as_bytes(), true);
    let chunks = chunks(&out);
    for chunk in &chunks {
        assert_eq!(chunk["id"], "msg_1");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["created"], support::NOW);
        assert_eq!(chunk["model"], "claude-sonnet-4-5-20250929");
    }
    let choices: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"]).collect();
    assert_eq!(
        choices[0],
        &choice(json!({"role": "assistant", "content": ""}), json!(null))
    );
    assert_eq!(choices[1], &choice(json!({"content": "Hi"}), json!(null)));
    assert_eq!(choices[2], &choice(json!({}), json!("length")));
    assert_eq!(choices[3], &json!([]));
    assert_eq!(chunks[2]["usage"], json!(null));
    assert_eq!(chunks[3]["usage"]["total_tokens"], 22);
}

#[test]
fn line_ends_of_every_kind_end_lines() {
    let body = start() + &said("Grüße 🦀") + &end("stop_sequence");
    let (lf, _) = at_every_cut(body.as_bytes(), false);
    for line_end in ["\r\n", "\r"] {
        let (other, _) = at_every_cut(body.replace('\n', line_end).as_bytes(), false);
        assert_eq!(other, lf, "{line_end:?}");
    }
}

#[test]
fn calls_are_numbered_by_themselves() {
    let call = |block: u64, id: &str| {
        event(
            json!({"type": "content_block_start", "index": block, "content_block":
            {"type": "tool_use", "id": id, "name": "f", "input": {}}}),
        )
    };
    let stop = |block: u64| event(json!({"type": "content_block_stop", "index": block}));
    let piece = |block: u64, json: &str| {
        delta(
            block,
            json!({"type": "input_json_delta", "partial_json": json}),
        )
    };
    let body = start()
        + &said("I call.")
        + &stop(0)
        + &call(1, "a")
        + &piece(1, "")
        + &piece(1, "{\"x\":")
        + &piece(1, "1}")
        + &stop(1)
        + &call(2, "b")
        + &stop(2)
        + &end("tool_use");
    let (out, _) = at_every_cut(body.as_bytes(), false);
    let chunks = chunks(&out);
    let calls: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0])
        .filter(|call| call.is_object())
        .collect();
    let begins = |index: u64, id: &str| {
        json!({"index": index, "id": id, "type": "function",
            "function": {"name": "f", "arguments": ""}})
    };
    let says = |index: u64, piece: &str| json!({"index": index, "function": {"arguments": piece}});
    let expected = [
        begins(0, "a"),
        says(0, "{\"x\":"),
        says(0, "1}"),
        begins(1, "b"),
        // No input means no arguments, which are an empty object.
        says(1, "{}"),
    ];
    assert_eq!(calls, expected.iter().collect::<Vec<_>>());
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[test]
fn what_is_unknown_is_skipped() {
    let body = ": comment\n\n".to_owned()
        + &event(json!({"type": "ping"}))
        + &start()
        + &event(
            json!({"type": "content_block_start", "index": 0, "content_block":
            {"type": "web_search_tool_result", "content": [{"text": 1}]}}),
        )
        + &delta(0, json!({"type": "citations_delta", "citation": {}}))
        + &delta(0, json!({"type": "signature_delta", "signature": "s"}))
        + &delta(0, json!({"type": "input_json_delta", "partial_json": "{}"}))
        + "event: later\ndata: {\"type\":\"of_a_later_day\",\"delta\":1}\n\n"
        + "id: 7\nretry: 1\n\n"
        + &said("[DONE]")
        + &end("pause_turn");
    let (out, _) = at_every_cut(body.as_bytes(), false);
    let contents: Vec<Value> = chunks(&out)
        .iter()
        .map(|chunk| chunk["choices"][0]["delta"]["content"].clone())
        .collect();
    assert_eq!(contents, [json!(""), json!("[DONE]"), json!(null)]);
}

#[test]
fn half_a_surrogate_pair_does_not_end_the_stream() {
    let half = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
        \"delta\":{\"type\":\"text_delta\",\"text\":\"a\\ud83e\"}}\n\n";
    let body = start() + half + &end("end_turn");
    let (out, _) = at_every_cut(body.as_bytes(), false);
    assert_eq!(
        chunks(&out)[1]["choices"][0]["delta"]["content"],
        "a\u{FFFD}"
    );
}

/// The last event is an error object, nothing ends well, and nothing follows.
fn failed(out: &str) -> Value {
    let data = data(out);
    let error = data.last().unwrap();
    assert!(error["error"]["message"].is_string(), "{out}");
    assert!(!out.contains("[DONE]"), "{out}");
    assert!(!out.contains("\"finish_reason\":\""), "{out}");
    error["error"].clone()
}

#[test]
fn a_stream_that_is_cut_ends_with_an_error() {
    let whole = start() + &said("Hi") + &end("end_turn");
    // Without its last line end the last event doesn't count.
    for length in 0..whole.len() {
        let mut exchange = streaming(false);
        let out = exchange.response_body(&whole.as_bytes()[..length], true);
        failed(&text(&out));
        exchange.end();
    }
}

#[test]
fn an_end_without_a_reason_is_no_end() {
    let body = start() + &said("Hi") + &event(json!({"type": "message_stop"}));
    let (out, _) = at_every_cut(body.as_bytes(), true);
    assert_eq!(failed(&out)["type"], "api_error");
}

#[test]
fn an_error_of_the_provider_is_told_and_ends_the_stream() {
    let error = event(json!({"type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    let body = start() + &said("Hi") + &error + &said("more") + &end("end_turn");
    let (out, _) = at_every_cut(body.as_bytes(), true);
    let error = failed(&out);
    assert_eq!(error["message"], "Overloaded");
    assert_eq!(error["type"], "service_unavailable");
    assert_eq!(error["code"], json!(null));
    assert!(!out.contains("more"));
}

#[test]
fn what_a_stream_says_of_the_gateways_credential_stays_unsaid() {
    for kind in ["authentication_error", "permission_error"] {
        let error = event(json!({"type": "error",
            "error": {"type": kind, "message": "invalid x-api-key of org-1"}}));
        let (out, _) = at_every_cut((start() + &error).as_bytes(), true);
        let error = failed(&out);
        assert_eq!(error["code"], "provider_credential_refused");
        assert_eq!(error["type"], "api_error");
        assert!(!out.contains("org-1"));
    }
}

#[test]
fn a_stream_of_something_else_ends_with_an_error() {
    for wrong in [
        "data: no json\n\n",
        "data: [1]\n\n",
        "data: {\"type\":7}\n\n",
        "data: {\"type\":\"message_start\"}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":-1,\"delta\":{}}\n\n",
        "data: {\"id\":\"chatcmpl-1\",\"choices\":[]}\n\n",
    ] {
        let body = start() + wrong + &said("more") + &end("end_turn");
        let (out, _) = at_every_cut(body.as_bytes(), true);
        failed(&out);
        assert!(!out.contains("more"), "{wrong}");
    }
    let mut exchange = streaming(true);
    let mut out = exchange.response_body(b"data: \xff\n\n", false);
    out.extend(exchange.response_body(b"", true));
    failed(&text(&out));
}

#[test]
fn an_event_without_end_is_given_up() {
    let mut exchange = streaming(false);
    let mut out = exchange.response_body(start().as_bytes(), false);
    for _ in 0..40 {
        out.extend(exchange.response_body(&[b'x'; 64 * 1024], false));
    }
    failed(&text(&out));
    out.clear();
    out.extend(exchange.response_body(end("end_turn").as_bytes(), true));
    assert_eq!(text(&out), "", "nothing follows an error");
}

#[test]
fn an_event_goes_out_with_its_last_byte() {
    let mut exchange = streaming(false);
    let body = start() + &said("Hi");
    let (all_but_last, last) = body.split_at(body.len() - 1);
    let before = text(&exchange.response_body(all_but_last.as_bytes(), false));
    assert_eq!(data(&before).len(), 1, "only the role");
    let after = text(&exchange.response_body(last.as_bytes(), false));
    assert_eq!(data(&after)[0]["choices"][0]["delta"]["content"], "Hi");
}

#[test]
fn an_answer_whose_stream_ends_with_trailers_is_whole() {
    let mut exchange = streaming(false);
    let body = start() + &said("Hi") + &end("end_turn");
    let out = exchange.response_body(body.as_bytes(), false);
    exchange.response_trailers();
    assert_eq!(chunks(&text(&out)).len(), 3);
    exchange.end();
}

#[test]
fn a_reset_leaves_the_usage_that_was_counted_by_then() {
    let mut exchange = streaming(false);
    let _ = exchange.response_body(start().as_bytes(), false);
    let host = exchange.end();
    assert_eq!(
        host.fact_text("ai.usage").unwrap(),
        r#"{"v":1,"input":13,"cached_input":4,"cache_write":0,"output":1,"reasoning":0}"#
    );
}

#[test]
fn a_provider_that_names_neither_answer_nor_model_gets_names() {
    let body = event(json!({"type": "message_start", "message": {"id": "", "content": []}}))
        + &said("Hi")
        + &end("end_turn");
    let (out, _) = at_every_cut(body.as_bytes(), false);
    let chunks = chunks(&out);
    assert_eq!(chunks[1]["model"], "claude-sonnet-4-5");
    assert!(chunks[1]["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(chunks[0]["id"], chunks[2]["id"]);
}
