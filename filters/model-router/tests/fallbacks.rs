//! A second provider that answers in place of one that failed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use http_filter::CallId;
use llm_api::Endpoint;
use serde_json::{Value, json};
use test_host::{Exchange, Outcome, TestAnswer, TestHeaders, TestHost};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use model_router::RouterStream;
use support::{
    JSON, SSE, exchange, exchange_with, host, host_for, json as read, response_headers, send,
};

const FIRST: CallId = CallId(1);

/// A chat for this model.
fn chat(model: &str, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": "hi"}]);
    json!({"model": model, "messages": messages, "stream": stream, "seed": 7}).to_string()
}

/// A request that went on, and whose provider answers with this status.
fn failing(
    host: TestHost,
    body: &str,
    status: u16,
) -> (Exchange<RouterStream>, TestHeaders, Outcome) {
    let mut exchange = exchange(host);
    let _ = send(&mut exchange, body.as_bytes()).passed();
    let mut headers = response_headers(status, JSON);
    headers.0.push(("retry-after".to_owned(), b"60".to_vec()));
    headers
        .0
        .push(("x-ratelimit-limit-requests".to_owned(), b"1".to_vec()));
    let outcome = exchange.response_headers(&mut headers, false);
    (exchange, headers, outcome)
}

/// A request whose fallback is being asked.
fn asking(model: &str, stream: bool) -> (Exchange<RouterStream>, TestHeaders) {
    let body = chat(model, stream);
    let (exchange, headers, outcome) = failing(host(Endpoint::ChatCompletions), &body, 503);
    assert_eq!(outcome, Outcome::Awaits);
    (exchange, headers)
}

fn answer(status: &str, content_type: &str, body: &str) -> TestAnswer {
    let headers = [
        (":status", status),
        ("content-type", content_type),
        ("content-length", "99"),
        ("x-request-id", "req_2"),
        ("set-cookie", "a=b"),
    ];
    TestAnswer {
        headers: TestHeaders::new(&headers),
        body: body.as_bytes().to_vec(),
    }
}

fn claude_says(text: &str) -> String {
    json!({"id": "msg_2", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 4}})
    .to_string()
}

fn error() -> &'static str {
    r#"{"error":{"message":"The first one is down.","type":"x"}}"#
}

#[test]
fn a_fallbacks_answer_stands_in_the_place_of_the_failure() {
    let (mut exchange, mut headers) = asking("gpt-4.1-mini", false);
    let call = &exchange.host.calls[0];
    assert_eq!(call.cluster, "outbound|443||vllm.models.example.com");
    assert_eq!(call.timeout_milliseconds, 120_000);
    let sent: Vec<_> = call
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        sent,
        [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "vllm.models.example.com"),
            (":path", "/openai/v1/chat/completions"),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("authorization", "Bearer sk-vllm"),
            ("content-type", "application/json"),
            ("user-agent", "client/1"),
        ]
    );
    let expected = chat("granite-3.3-8b-instruct", false);
    assert_eq!(String::from_utf8(call.body.clone()).unwrap(), expected);

    let good = answer(
        "200",
        "application/json; charset=utf-8",
        r#"{"id":"from vllm"}"#,
    );
    let outcome = exchange.call_answered(FIRST, Some(&good), &mut headers);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    let left: Vec<_> = headers.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left, [":status", "server", "content-type", "x-request-id"]);
    assert_eq!(headers.text(":status").unwrap(), "200");
    assert_eq!(
        headers.text("content-type").unwrap(),
        "application/json; charset=utf-8"
    );
    assert_eq!(headers.text("x-request-id").unwrap(), "req_2");

    assert_eq!(
        exchange.response_body(error().as_bytes(), false),
        br#"{"id":"from vllm"}"#
    );
    assert_eq!(exchange.response_body(b"more of the old", false), b"");
    assert_eq!(exchange.response_body(b"", true), b"");

    let host = exchange.end();
    assert_eq!(host.fact_text("ai.provider").unwrap(), "vllm");
    assert_eq!(
        host.fact_text("ai.model").unwrap(),
        "granite-3.3-8b-instruct"
    );
    assert_eq!(
        host.fact_text("ai.requested_model").unwrap(),
        "gpt-4.1-mini"
    );
    assert_eq!(host.fact_text("ai.fallback").unwrap(), "vllm");
    let series = r#"ai_fallbacks_total{provider="openai",fallback_to="vllm",reason="503"}"#;
    assert_eq!(host.counter(series), 1, "{:?}", host.counters);
}

#[test]
fn only_some_statuses_ask_the_fallback() {
    for status in [429, 500, 502, 503, 504, 529] {
        let body = chat("gpt-4.1-mini", false);
        let (exchange, _, outcome) = failing(host(Endpoint::ChatCompletions), &body, status);
        assert_eq!(outcome, Outcome::Awaits, "{status}");
        exchange.end();
    }
    for status in [200, 400, 404, 408, 413, 422, 501] {
        let body = chat("gpt-4.1-mini", false);
        let (mut exchange, headers, outcome) =
            failing(host(Endpoint::ChatCompletions), &body, status);
        assert_eq!(outcome, Outcome::Passed(Vec::new()), "{status}");
        assert_eq!(headers.text(":status").unwrap(), status.to_string());
        assert_eq!(exchange.response_body(b"as it was", true), b"as it was");
        assert!(exchange.end().calls.is_empty());
    }
}

/// The credential is the gateway's to mend, and another provider would hide that it must be.
#[test]
fn a_refused_credential_asks_no_fallback() {
    for model in ["gpt-4.1-mini", "claude-or-gpt"] {
        for status in [401, 403] {
            let body = chat(model, false);
            let (mut exchange, headers, outcome) =
                failing(host(Endpoint::ChatCompletions), &body, status);
            assert_eq!(outcome, Outcome::Passed(Vec::new()), "{status}");
            assert_eq!(headers.text(":status").unwrap(), "502");
            let told = read(&exchange.response_body(error().as_bytes(), true));
            assert_eq!(told["error"]["code"], "provider_credential_refused");
            assert!(exchange.end().calls.is_empty());
        }
    }
}

/// The first failure, passed on as it came.
fn passes_unchanged(mut exchange: Exchange<RouterStream>, headers: &TestHeaders) -> TestHost {
    assert_eq!(headers.text(":status").unwrap(), "503");
    assert_eq!(headers.text("retry-after").unwrap(), "60");
    assert_eq!(headers.text("content-length").unwrap(), "7");
    assert_eq!(
        exchange.response_in_pieces(error().as_bytes(), 10),
        error().as_bytes()
    );
    let host = exchange.end();
    assert_eq!(host.fact_text("ai.provider").unwrap(), "openai");
    assert_eq!(host.fact_text("ai.fallback"), None);
    assert!(host.counters.is_empty(), "{:?}", host.counters);
    host
}

#[test]
fn a_fallback_that_fails_too_leaves_the_first_error_unchanged() {
    let too_long = "x".repeat(70_000);
    let mut compressed = answer("200", JSON, "{}");
    compressed
        .headers
        .0
        .push(("content-encoding".to_owned(), b"gzip".to_vec()));
    for bad in [
        None,
        Some(answer("503", JSON, "{}")),
        Some(answer("400", JSON, "{}")),
        Some(answer("401", JSON, "{}")),
        Some(answer("301", JSON, "{}")),
        Some(answer("banana", JSON, "{}")),
        Some(answer("200", "text/html", "<html>")),
        Some(answer("200", SSE, "data: {}\n\n")),
        Some(answer("200", JSON, &too_long)),
        Some(compressed),
    ] {
        let (mut exchange, mut headers) = asking("gpt-4.1-mini", false);
        let outcome = exchange.call_answered(FIRST, bad.as_ref(), &mut headers);
        assert_eq!(outcome, Outcome::Passed(Vec::new()));
        passes_unchanged(exchange, &headers);
    }
}

#[test]
fn a_call_that_the_proxy_does_not_take_leaves_the_first_error_unchanged() {
    let mut host = host(Endpoint::ChatCompletions);
    host.refuses_calls = true;
    let (exchange, headers, outcome) = failing(host, &chat("gpt-4.1-mini", false), 503);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    passes_unchanged(exchange, &headers);
}

#[test]
fn no_call_is_made_for_who_may_not_use_the_fallback() {
    let host = host_for(Endpoint::ChatCompletions, &["gpt-*"]);
    let (exchange, headers, outcome) = failing(host, &chat("gpt-4.1-mini", false), 503);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert!(passes_unchanged(exchange, &headers).calls.is_empty());
}

#[test]
fn a_fallback_may_be_used_by_any_name_that_it_is_served_under() {
    // `gpt-4.1` stands behind `claude-or-gpt`, and is a model of its own.
    let host = host_for(Endpoint::ChatCompletions, &["claude-or-*", "gpt-4.1"]);
    let (_, _, outcome) = failing(host, &chat("claude-or-gpt", false), 503);
    assert_eq!(outcome, Outcome::Awaits);
    let config = support::CONFIG.replace(
        "granite-3.3-8b-instruct\"}}",
        "hidden\"}},
        \"small\": {\"provider\": \"vllm\", \"model\": \"hidden\"}",
    );
    let host = host_for(Endpoint::ChatCompletions, &["gpt-*", "small"]);
    let mut exchange = exchange_with(&config, host);
    let _ = send(&mut exchange, chat("gpt-4.1-mini", false).as_bytes()).passed();
    let outcome = exchange.response_headers(&mut response_headers(503, JSON), false);
    assert_eq!(outcome, Outcome::Awaits);
}

#[test]
fn a_body_that_is_too_long_to_keep_has_no_fallback() {
    let body =
        chat("gpt-4.1-mini", false).replace("\"hi\"", &format!("\"{}\"", "x".repeat(70_000)));
    let (exchange, headers, outcome) = failing(host(Endpoint::ChatCompletions), &body, 503);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    passes_unchanged(exchange, &headers);
}

#[test]
fn an_error_that_ends_with_its_head_passes() {
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    let _ = send(&mut exchange, chat("gpt-4.1-mini", false).as_bytes()).passed();
    let mut headers = response_headers(503, JSON);
    let outcome = exchange.response_headers(&mut headers, true);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert_eq!(headers.text(":status").unwrap(), "503");
    assert!(exchange.end().calls.is_empty());
}

#[test]
fn a_provider_without_a_credential_is_no_fallback() {
    let environment = test_host::TestEnvironment::new(&[("AI_PROVIDER_KEYS", "{}")]);
    let router: model_router::ModelRouter =
        http_filter::Filter::configure(support::CONFIG.as_bytes(), &environment).unwrap();
    let stream = http_filter::Filter::open(&router);
    let now = http_filter::Time::from_nanoseconds(0);
    let mut exchange = Exchange::new(stream, host(Endpoint::ChatCompletions), now);
    let _ = send(&mut exchange, chat("gpt-4.1-mini", false).as_bytes()).passed();
    let outcome = exchange.response_headers(&mut response_headers(503, JSON), false);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
}

#[test]
fn a_streaming_client_gets_the_fallbacks_whole_stream() {
    let (mut exchange, mut headers) = asking("gpt-4.1-mini", true);
    assert_eq!(read(&exchange.host.calls[0].body)["stream"], true);
    let body = "data: {\"choices\":[]}\n\ndata: [DONE]\n\n";
    let outcome = exchange.call_answered(FIRST, Some(&answer("200", SSE, body)), &mut headers);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert_eq!(headers.text("content-type").unwrap(), SSE);
    assert_eq!(
        exchange.response_in_pieces(error().as_bytes(), 100),
        body.as_bytes()
    );
}

#[test]
fn a_fallback_of_another_api_is_translated_both_ways() {
    let (mut exchange, mut headers) = asking("gpt-or-claude", false);
    let call = &exchange.host.calls[0];
    assert_eq!(call.header(":path"), Some("/v1/messages"));
    assert_eq!(call.header("x-api-key"), Some("sk-anthropic"));
    assert_eq!(call.header("authorization"), None);
    assert_eq!(call.header("anthropic-version"), Some("2023-06-01"));
    let body = read(&call.body);
    assert_eq!(body["model"], "claude-haiku-4-5");
    assert_eq!(body["max_tokens"], 4096);

    let good = answer("200", JSON, &claude_says("Hello"));
    let outcome = exchange.call_answered(FIRST, Some(&good), &mut headers);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert_eq!(headers.text("x-ai-dropped-params").unwrap(), "seed");
    let answer = read(&exchange.response_body(error().as_bytes(), true));
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    assert_eq!(answer["model"], "gpt-or-claude");
    let host = exchange.end();
    assert_eq!(host.fact_text("ai.provider").unwrap(), "anthropic");
    assert!(host.fact_text("ai.usage").unwrap().contains("\"input\":3"));
}

#[test]
fn a_translated_fallback_that_cannot_be_read_has_failed() {
    for body in ["{}", "", "{\"content\":[],\"stop_reason\":null}"] {
        let (mut exchange, mut headers) = asking("gpt-or-claude", false);
        let _ = exchange.call_answered(FIRST, Some(&answer("200", JSON, body)), &mut headers);
        let host = passes_unchanged(exchange, &headers);
        assert_eq!(host.fact_text("ai.usage"), None);
    }
}

fn claude_streams(end: &str) -> String {
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_2\",\
        \"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n\
     event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
        \"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n\
     event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\
        \"usage\":{\"output_tokens\":4}}\n\n"
        .to_owned()
        + end
}

#[test]
fn a_translated_fallback_streams_whole_or_not_at_all() {
    let end = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let (mut exchange, mut headers) = asking("gpt-or-claude", true);
    assert_eq!(read(&exchange.host.calls[0].body)["stream"], true);
    let good = answer("200", SSE, &claude_streams(end));
    let _ = exchange.call_answered(FIRST, Some(&good), &mut headers);
    let out = String::from_utf8(exchange.response_body(b"old", true)).unwrap();
    assert!(
        out.contains("\"content\":\"Hello\"") && out.ends_with("data: [DONE]\n\n"),
        "{out}"
    );

    let (mut exchange, mut headers) = asking("gpt-or-claude", true);
    let cut = answer("200", SSE, &claude_streams(""));
    let _ = exchange.call_answered(FIRST, Some(&cut), &mut headers);
    passes_unchanged(exchange, &headers);
}

#[test]
fn a_request_that_the_fallback_cannot_serve_has_none() {
    // Two choices, which Claude doesn't give.
    let body = chat("gpt-or-claude", false).replace("\"seed\":7", "\"n\":2");
    let (exchange, headers, outcome) = failing(host(Endpoint::ChatCompletions), &body, 503);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert!(passes_unchanged(exchange, &headers).calls.is_empty());

    let body = json!({"model": "gpt-or-claude", "input": "a"}).to_string();
    let (exchange, headers, outcome) = failing(host(Endpoint::Embeddings), &body, 503);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    passes_unchanged(exchange, &headers);

    let body = json!({"model": "claude-or-gpt", "max_tokens": 1, "messages": []}).to_string();
    let (exchange, _, outcome) = failing(host(Endpoint::Messages), &body, 529);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert!(exchange.end().calls.is_empty());
}

#[test]
fn a_translated_first_providers_error_is_translated_when_the_fallback_fails_too() {
    let (mut exchange, mut headers) = asking("claude-or-gpt", false);
    // The fallback is asked in the client's own words.
    let body = read(&exchange.host.calls[0].body);
    assert_eq!(
        (body["model"].as_str(), body["seed"].as_u64()),
        (Some("gpt-4.1"), Some(7))
    );
    let _ = exchange.call_answered(FIRST, None, &mut headers);
    let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let out: Value = read(&exchange.response_body(body.as_bytes(), true));
    assert_eq!(headers.text(":status").unwrap(), "503");
    assert_eq!(headers.text("retry-after").unwrap(), "60");
    assert_eq!(headers.text("content-length"), None);
    assert_eq!(out["error"]["message"], "Overloaded");
}

#[test]
fn an_answer_to_another_call_is_not_this_ones() {
    let (mut exchange, mut headers) = asking("gpt-4.1-mini", false);
    let good = answer("200", JSON, "{}");
    let outcome = exchange.call_answered(CallId(7), Some(&good), &mut headers);
    assert_eq!(outcome, Outcome::Awaits);
    let outcome = exchange.call_answered(FIRST, Some(&good), &mut headers);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
}

#[test]
fn a_client_that_leaves_while_the_fallback_is_asked_leaves_nothing() {
    let (exchange, _) = asking("gpt-4.1-mini", false);
    let host = exchange.end();
    assert_eq!(host.fact_text("ai.fallback"), None);
}
