//! Whole answers and errors of an Anthropic provider for a client of chat completions.

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
use test_host::{Exchange, Outcome, TestHeaders};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use model_router::RouterStream;
use support::{JSON, SSE, json as read, response_headers, sent};

const CHAT: &str = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}"#;
const STREAMED: &str =
    r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

/// A request whose answer's head has come: the stream, and the head as the client sees it.
fn answered(request: &str, headers: &TestHeaders) -> (Exchange<RouterStream>, TestHeaders) {
    let (mut exchange, _) = sent(Endpoint::ChatCompletions, request);
    let mut headers = headers.clone();
    let passed = exchange.response_headers(&mut headers, false);
    assert_eq!(passed, Outcome::Passed(Vec::new()));
    (exchange, headers)
}

/// The status and the body that the client reads.
fn told(request: &str, headers: &TestHeaders, body: &str) -> (String, Value) {
    let (mut exchange, headers) = answered(request, headers);
    let out = exchange.response_in_pieces(body.as_bytes(), 5);
    assert_eq!(headers.text("content-length"), None);
    assert_eq!(headers.text("content-type").unwrap(), JSON);
    (headers.text(":status").unwrap(), read(&out))
}

fn message(content: Value, stop_reason: &str) -> String {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": content, "stop_reason": stop_reason,
        "usage": {"input_tokens": 3, "output_tokens": 4}})
    .to_string()
}

#[test]
fn a_recorded_answer_becomes_the_expected_one_at_every_cut() {
    let body = include_str!("golden/answer.anthropic.json");
    let expected = read(include_bytes!("golden/answer.openai.json"));
    for size in 1..=body.len() {
        let (mut exchange, headers) = answered(CHAT, &response_headers(200, JSON));
        let out = exchange.response_in_pieces(body.as_bytes(), size);
        assert_eq!(read(&out), expected, "pieces of {size}");
        assert_eq!(headers.text(":status").unwrap(), "200");
        assert_eq!(
            exchange.end().fact_text("ai.usage").unwrap(),
            r#"{"v":1,"input":30,"cached_input":7,"cache_write":3,"output":40,"reasoning":5}"#
        );
    }
}

#[test]
fn every_stop_reason_has_a_finish_reason() {
    for (stop_reason, finish_reason) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("of_a_later_day", "stop"),
    ] {
        let body = message(json!([{"type": "text", "text": "x"}]), stop_reason);
        let (_, answer) = told(CHAT, &response_headers(200, JSON), &body);
        assert_eq!(
            answer["choices"][0]["finish_reason"], finish_reason,
            "{stop_reason}"
        );
    }
}

#[test]
fn content_is_null_only_where_there_are_calls() {
    let call = json!([{"type": "tool_use", "id": "a", "name": "f", "input": {}}]);
    let (_, answer) = told(
        CHAT,
        &response_headers(200, JSON),
        &message(call, "tool_use"),
    );
    assert_eq!(answer["choices"][0]["message"]["content"], json!(null));
    let (_, answer) = told(
        CHAT,
        &response_headers(200, JSON),
        &message(json!([]), "end_turn"),
    );
    assert_eq!(answer["choices"][0]["message"]["content"], "");
}

#[test]
fn an_answer_that_ends_with_trailers_is_out_by_then() {
    let body = message(json!([{"type": "text", "text": "x}"}]), "end_turn");
    let (mut exchange, _) = answered(CHAT, &response_headers(200, JSON));
    let out = exchange.response_body(body.as_bytes(), false);
    exchange.response_trailers();
    assert_eq!(read(&out)["choices"][0]["message"]["content"], "x}");
    exchange.end();
}

#[test]
fn an_answer_that_cannot_be_read_becomes_an_error_in_its_place() {
    for body in [
        "",
        "no json",
        "null",
        "[]",
        "{}",
        r#"{"content":[],"stop_reason":null}"#,
        r#"{"content":[{"type":"text"}],"stop_reason":"end_turn"}"#,
        r#"{"content":[7],"stop_reason":"end_turn"}"#,
        r#"{"id":"msg_1","content":[{"type":"text","text":"cut"#,
        r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
    ] {
        let (status, answer) = told(CHAT, &response_headers(200, JSON), body);
        assert_eq!(status, "200", "it has gone out by then");
        assert!(answer["error"]["message"].is_string(), "{body}");
    }
}

#[test]
fn an_answer_that_is_too_long_becomes_an_error() {
    let text = "x".repeat(70_000);
    let body = message(json!([{"type": "text", "text": text}]), "end_turn");
    let (mut exchange, _) = answered(CHAT, &response_headers(200, JSON));
    let out = exchange.response_in_pieces(body.as_bytes(), 10_000);
    assert!(read(&out)["error"]["message"].is_string());
}

#[test]
fn an_answer_of_the_wrong_kind_is_a_502() {
    for (request, content_type) in [
        (CHAT, SSE),
        (STREAMED, JSON),
        (CHAT, "text/html"),
        (CHAT, ""),
    ] {
        let headers = response_headers(200, content_type);
        let (status, answer) = told(request, &headers, "whatever");
        assert_eq!(status, "502");
        assert_eq!(answer["error"]["type"], "api_error");
    }
    let headers = response_headers(302, JSON);
    assert_eq!(told(CHAT, &headers, "{}").0, "502");
}

#[test]
fn errors_keep_their_status_and_their_words() {
    for (status, kind, told_status, told_type, code) in [
        (
            400,
            "invalid_request_error",
            "400",
            "invalid_request_error",
            json!(null),
        ),
        (
            402,
            "billing_error",
            "402",
            "invalid_request_error",
            json!(null),
        ),
        (
            404,
            "not_found_error",
            "404",
            "not_found_error",
            json!("model_not_found"),
        ),
        (
            413,
            "request_too_large",
            "413",
            "invalid_request_error",
            json!(null),
        ),
        (
            429,
            "rate_limit_error",
            "429",
            "rate_limit_error",
            json!(null),
        ),
        (500, "api_error", "500", "api_error", json!(null)),
        (504, "timeout_error", "504", "timeout", json!(null)),
        (
            529,
            "overloaded_error",
            "503",
            "service_unavailable",
            json!(null),
        ),
    ] {
        let body = json!({"type": "error", "request_id": "req_1",
            "error": {"type": kind, "message": "What is wrong."}});
        let headers = response_headers(status, "application/json; charset=utf-8");
        let (status, answer) = told(CHAT, &headers, &body.to_string());
        assert_eq!(status, told_status);
        let expected = json!({"error":
            {"message": "What is wrong.", "type": told_type, "param": null, "code": code}});
        assert_eq!(answer, expected, "{status}");
        // A stream that fails before it begins is told in the same way.
        let (status, answer) = told(STREAMED, &headers, &body.to_string());
        assert_eq!((status.as_str(), answer), (told_status, expected));
    }
}

#[test]
fn a_page_of_a_proxy_is_not_passed_on() {
    let page = "<html>nginx at edge-7.internal.example.com</html>";
    for content_type in ["text/html", "text/plain", JSON] {
        let headers = response_headers(503, content_type);
        let (status, answer) = told(CHAT, &headers, page);
        assert_eq!(status, "503");
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!(message, "The model's provider is not available now.");
    }
}

#[test]
fn an_error_that_is_too_long_is_told_by_its_status() {
    let body = json!({"error": {"message": "x".repeat(70_000)}}).to_string();
    let (_, answer) = told(CHAT, &response_headers(429, JSON), &body);
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no more requests")
    );
    let body = json!({"error": {"message": "ü".repeat(3_000)}}).to_string();
    let (_, answer) = told(CHAT, &response_headers(429, JSON), &body);
    assert_eq!(answer["error"]["message"].as_str().unwrap().len(), 4096);
}

#[test]
fn an_error_without_a_body_passes_with_its_head() {
    let (mut exchange, _) = sent(Endpoint::ChatCompletions, CHAT);
    let mut headers = response_headers(529, JSON);
    let passed = exchange.response_headers(&mut headers, true);
    assert_eq!(passed, Outcome::Passed(Vec::new()));
    assert_eq!(headers.text(":status").unwrap(), "503");
    exchange.end();
}

#[test]
fn a_good_answer_without_a_body_is_a_502() {
    let (mut exchange, _) = sent(Endpoint::ChatCompletions, CHAT);
    let mut headers = response_headers(200, JSON);
    let _ = exchange.response_headers(&mut headers, true);
    assert_eq!(headers.text(":status").unwrap(), "502");
}

#[test]
fn nothing_of_the_provider_but_when_to_retry_stays_in_the_head() {
    let headers = TestHeaders::new(&[
        (":status", "429"),
        ("content-type", JSON),
        ("content-length", "7"),
        ("retry-after", "9"),
        ("request-id", "req_1"),
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-organization-id", "org-1"),
        ("set-cookie", "a=b"),
        ("via", "1.1 google"),
        ("cf-ray", "7"),
        ("date", "today"),
        ("server", "envoy"),
        ("x-envoy-upstream-service-time", "7"),
        ("age", "7"),
        ("www-authenticate", "Bearer realm=\"org-1\""),
        ("x-ai-cache", "miss"),
        ("x-ai-provider-request-id", "req_1"),
        ("x-ai-tenant", "forged"),
        ("x-ai-dropped-params", "forged"),
    ]);
    let (_, headers) = answered(CHAT, &headers);
    let mut left: Vec<&str> = headers.0.iter().map(|(name, _)| name.as_str()).collect();
    left.sort_unstable();
    assert_eq!(
        left,
        [
            ":status",
            "age",
            "content-type",
            "date",
            "retry-after",
            "server",
            "x-ai-cache",
            "x-ai-provider-request-id",
            "x-request-id",
        ]
    );
    assert_eq!(headers.text("x-request-id").unwrap(), "req_1");
}

#[test]
fn a_compressed_answer_is_an_error_of_the_gateway() {
    for (status, told_status) in [(200, "502"), (429, "429"), (529, "503")] {
        let mut headers = response_headers(status, JSON);
        headers
            .0
            .push(("content-encoding".to_owned(), b"gzip".to_vec()));
        let (status, answer) = told(CHAT, &headers, "\u{1f}gzip");
        assert_eq!(status, told_status);
        assert!(answer["error"]["message"].is_string());
    }
    let mut headers = response_headers(200, JSON);
    headers
        .0
        .push(("content-encoding".to_owned(), b"identity".to_vec()));
    let body = message(json!([]), "end_turn");
    assert_eq!(told(CHAT, &headers, &body).0, "200");
}

#[test]
fn half_a_surrogate_pair_does_not_spoil_the_answer() {
    let body = r#"{"content":[{"type":"text","text":"a\ud83e"}],"stop_reason":"end_turn"}"#;
    let (_, answer) = told(CHAT, &response_headers(200, JSON), body);
    assert_eq!(answer["choices"][0]["message"]["content"], "a\u{FFFD}");
    assert_eq!(answer["model"], "claude-sonnet-4-5");
}

#[test]
fn an_answer_out_of_the_cache_is_translated_as_a_fresh_one() {
    let (mut exchange, _) = sent(Endpoint::ChatCompletions, CHAT);
    exchange
        .host
        .facts
        .insert("ai.cache".to_owned(), b"hit".to_vec());
    let mut headers = response_headers(200, JSON);
    let _ = exchange.response_headers(&mut headers, false);
    let body = message(json!([{"type": "text", "text": "kept"}]), "end_turn");
    let out = exchange.response_body(body.as_bytes(), true);
    assert_eq!(read(&out)["choices"][0]["message"]["content"], "kept");
}
