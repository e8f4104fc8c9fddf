#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use http_filter::{Filter as _, Reply, SECOND, Time};
use llm_api::Usage;
use test_host::{Exchange as Played, Outcome, TestEnvironment, TestHeaders, TestHost};

use super::Exchange;
use crate::TokenCounter;

/// Ten seconds into a minute.
const START: Time = Time::from_nanoseconds(1_210 * SECOND);

const CONFIG: &str = r#"{
    "plans":{"standard":{"requestsPerMinute":3,"tokensPerMinute":1000},"open":{}},
    "prices":{"gpt-4.1-2025":{"inputPerMillion":2,"outputPerMillion":8,
        "cachedInputPerMillion":0.5}},
    "defaultOutputTokens":100
}"#;

/// Its texts are estimated at 7 tokens.
const CHAT: &[u8] =
    br#"{"model":"gpt-4.1","messages":[{"role":"user","content":"the house"}],"max_tokens":50}"#;
const STREAM: &[u8] = br#"{"model":"gpt-4.1","messages":[{"role":"user","content":"the house"}],"max_tokens":50,"stream":true}"#;
const ASKING: &[u8] = br#"{"model":"gpt-4.1","messages":[{"role":"user","content":"the house"}],"max_tokens":50,"stream":true,"stream_options":{"include_usage":true}}"#;

const ANSWER: &[u8] = br#"{"choices":[{"index":0,"message":{"content":"hi"}}],"usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":3}}}"#;

const TEXT_EVENT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
const USAGE_EVENT: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn counter() -> TokenCounter {
    TokenCounter::configure(CONFIG.as_bytes(), &TestEnvironment::default()).unwrap()
}

/// What `auth` has published.
fn host() -> TestHost {
    let facts = [
        ("ai.traffic", "openai.chat_completions"),
        ("ai.tenant", "team-a"),
        ("ai.plan", "standard"),
        ("ai.key", "ci"),
    ];
    facts.iter().fold(TestHost::new(), |host, (fact, value)| {
        host.with_fact(fact, value)
    })
}

/// What the router publishes behind this filter.
fn routed(played: &mut Played<Exchange>) {
    for (fact, value) in [
        ("ai.provider", "openai"),
        ("ai.model", "gpt-4.1-2025"),
        ("ai.requested_model", "gpt-4.1"),
    ] {
        played.host.facts.insert(fact.to_owned(), value.into());
    }
}

fn asked(host: TestHost, body: &[u8]) -> (Played<Exchange>, Outcome) {
    let mut played = Played::new(counter().open(), host, START);
    let outcome = played.request_headers(&mut TestHeaders::default(), false);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    let outcome = played.request_body(body, true);
    (played, outcome)
}

fn admitted(body: &[u8]) -> Played<Exchange> {
    let (mut played, outcome) = asked(host(), body);
    assert!(matches!(outcome, Outcome::Passed(_)));
    routed(&mut played);
    played
}

fn refused(host: TestHost, body: &[u8]) -> (Reply, TestHost) {
    let (played, outcome) = asked(host, body);
    (outcome.reply(), played.end())
}

fn headers(status: &str, content_type: &str) -> TestHeaders {
    TestHeaders::new(&[(":status", status), ("content-type", content_type)])
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

fn answer(played: &mut Played<Exchange>, status: &str, content_type: &str, body: &[u8]) {
    played.response_headers(&mut headers(status, content_type), false);
    assert_eq!(played.response_body(body, true), body);
}

/// Requests and tokens in the tenant's window.
fn window(host: &TestHost) -> (u64, u64) {
    let value = &host.shared["token-counter.v1.team-a"].value;
    let number = |from: usize| u64::from_le_bytes(value[from..from + 8].try_into().unwrap());
    (number(8), number(16))
}

const SERIES: &str = r#"tenant="team-a",model="gpt-4.1",provider="openai""#;

fn tokens(host: &TestHost, token_type: &str) -> u64 {
    host.counter(&format!(
        r#"ai_tokens_total{{{SERIES},token_type="{token_type}"}}"#
    ))
}

fn estimated(host: &TestHost) -> u64 {
    host.counter(&format!("ai_estimated_usage_total{{{SERIES}}}"))
}

#[test]
fn a_chat_passes_unchanged_holds_its_estimate_and_settles_the_providers_count() {
    let (mut played, outcome) = asked(host(), CHAT);
    assert_eq!(outcome.passed(), CHAT);
    assert_eq!(window(&played.host), (1, 7 + 50));
    routed(&mut played);
    answer(&mut played, "200", JSON, ANSWER);
    played.now = START.plus(2 * SECOND);
    let host = played.end();
    assert_eq!(window(&host), (1, 14));
    for (token_type, count) in [
        ("input", 10),
        ("cached_input", 2),
        ("cache_write", 0),
        ("output", 4),
        ("reasoning", 3),
    ] {
        assert_eq!(tokens(&host, token_type), count, "{token_type}");
    }
    let requests = format!(r#"ai_requests_total{{{SERIES},streaming="false"}}"#);
    assert_eq!(host.counter(&requests), 1);
    let duration = format!(r#"ai_request_duration_milliseconds{{{SERIES},streaming="false"}}"#);
    assert_eq!(host.histograms[&duration], [2000]);
    let cost = format!("ai_cost_microdollars_total{{{SERIES}}}");
    assert_eq!(host.counter(&cost), 8 * 2 + 1 + 4 * 8);
    assert_eq!(estimated(&host), 0);
    let usage = Usage {
        input: 10,
        cached_input: 2,
        cache_write: 0,
        output: 4,
        reasoning: 3,
    };
    assert_eq!(facts::usage(&host), Some(usage));
}

#[test]
fn the_answer_may_come_in_pieces() {
    for size in 1..=ANSWER.len() {
        let mut played = admitted(CHAT);
        played.response_headers(&mut headers("200", JSON), false);
        assert_eq!(played.response_in_pieces(ANSWER, size), ANSWER);
        assert_eq!(window(&played.end()), (1, 14));
    }
}

#[test]
fn a_stream_that_does_not_ask_is_made_to_and_does_not_get_it() {
    let (played, outcome) = asked(host(), STREAM);
    let edited = outcome.passed();
    let edited: serde_json::Value = serde_json::from_slice(&edited).unwrap();
    let mut expected: serde_json::Value = serde_json::from_slice(STREAM).unwrap();
    expected["stream_options"] = serde_json::json!({"include_usage": true});
    assert_eq!(edited, expected);
    drop(played);

    let body = [TEXT_EVENT, USAGE_EVENT, DONE].concat();
    for size in 1..=body.len() {
        let mut played = admitted(STREAM);
        let mut headers = headers("200", EVENTS);
        headers
            .0
            .push(("content-length".to_owned(), b"999".to_vec()));
        played.response_headers(&mut headers, false);
        assert_eq!(headers.text("content-length"), None);
        let out = played.response_in_pieces(body.as_bytes(), size);
        assert_eq!(out, [TEXT_EVENT, DONE].concat().as_bytes(), "{size}");
        let host = played.end();
        assert_eq!(window(&host), (1, 14));
        assert_eq!((tokens(&host, "input"), tokens(&host, "output")), (10, 4));
    }
}

#[test]
fn a_stream_that_asks_passes_byte_for_byte_both_ways() {
    let (mut played, outcome) = asked(host(), ASKING);
    assert_eq!(outcome.passed(), ASKING);
    let body = [TEXT_EVENT, USAGE_EVENT, DONE].concat();
    let mut headers = headers("200", EVENTS);
    headers
        .0
        .push(("content-length".to_owned(), b"999".to_vec()));
    played.response_headers(&mut headers, false);
    assert_eq!(headers.text("content-length").as_deref(), Some("999"));
    assert_eq!(
        played.response_in_pieces(body.as_bytes(), 7),
        body.as_bytes()
    );
    assert_eq!(window(&played.end()), (1, 14));
}

#[test]
fn a_provider_that_answers_a_stream_with_json_is_read_too() {
    let mut played = admitted(STREAM);
    answer(&mut played, "200", JSON, ANSWER);
    assert_eq!(window(&played.end()), (1, 14));
}

#[test]
fn the_first_token_is_timed_from_the_requests_headers() {
    let mut played = Played::new(counter().open(), host(), START);
    played.request_headers(&mut TestHeaders::default(), false);
    played.now = START.plus(SECOND);
    let _ = played.request_body(STREAM, true).passed();
    routed(&mut played);
    played.response_headers(&mut headers("200", EVENTS), false);
    played.response_body(b": ping\n\n", false);
    played.now = START.plus(3 * SECOND);
    played.response_body(TEXT_EVENT.as_bytes(), false);
    played.now = START.plus(4 * SECOND);
    played.response_body(TEXT_EVENT.as_bytes(), true);
    let host = played.end();
    let series = format!("ai_time_to_first_token_milliseconds{{{SERIES}}}");
    assert_eq!(host.histograms[&series], [3000]);
}

#[test]
fn the_routers_count_of_a_translated_answer_comes_first() {
    let usage = Usage {
        input: 100,
        cached_input: 0,
        cache_write: 30,
        output: 20,
        reasoning: 0,
    };
    let mut played = admitted(CHAT);
    answer(&mut played, "200", JSON, ANSWER);
    facts::publish_usage(&mut played.host, usage);
    let host = played.end();
    assert_eq!(window(&host), (1, 120));
    assert_eq!(tokens(&host, "cache_write"), 30);
    assert_eq!(facts::usage(&host), Some(usage));
}

#[test]
fn an_error_costs_nothing_but_the_request() {
    for status in ["400", "404", "429", "500", "503", "302"] {
        let mut played = admitted(CHAT);
        answer(&mut played, status, JSON, ANSWER);
        let host = played.end();
        assert_eq!(window(&host), (1, 0), "{status}");
        assert_eq!(tokens(&host, "input") + estimated(&host), 0);
        assert_eq!(facts::usage(&host), None);
    }
    let mut played = admitted(CHAT);
    played.response_headers(&mut headers("503", ""), true);
    assert_eq!(window(&played.end()), (1, 0));
}

#[test]
fn a_cache_hit_costs_nothing_but_the_request() {
    let mut played = admitted(STREAM);
    played
        .host
        .facts
        .insert("ai.cache".to_owned(), b"hit".to_vec());
    facts::publish_usage(
        &mut played.host,
        Usage {
            input: 9,
            ..Usage::default()
        },
    );
    played.response_headers(&mut headers("200", EVENTS), false);
    let body = [TEXT_EVENT, USAGE_EVENT, DONE].concat();
    let out = played.response_body(body.as_bytes(), true);
    assert_eq!(out, [TEXT_EVENT, DONE].concat().as_bytes());
    let host = played.end();
    assert_eq!(window(&host), (1, 0));
    assert_eq!(tokens(&host, "input") + estimated(&host), 0);
    assert_eq!(facts::usage(&host), Some(Usage::default()));
    let requests = format!(r#"ai_requests_total{{{SERIES},streaming="true"}}"#);
    assert_eq!(host.counter(&requests), 1);
    let first = format!("ai_time_to_first_token_milliseconds{{{SERIES}}}");
    assert_eq!(host.histograms.get(&first), None);
}

#[test]
fn a_stream_that_is_cut_settles_at_what_was_seen() {
    let mut played = admitted(STREAM);
    played.response_headers(&mut headers("200", EVENTS), false);
    for _ in 0..5 {
        played.response_body(TEXT_EVENT.as_bytes(), false);
    }
    let host = played.end();
    assert_eq!(window(&host), (1, 7 + 5));
    assert_eq!((tokens(&host, "input"), tokens(&host, "output")), (7, 5));
    assert_eq!(estimated(&host), 1);
    assert_eq!(facts::usage(&host), None, "nobody counted it");
}

#[test]
fn a_cut_stream_with_an_early_count_settles_at_the_larger_output() {
    let body = br#"{"model":"c","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"the house"}]}"#;
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":\
         {\"input_tokens\":11,\"output_tokens\":1}}}\n\n";
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
    let facts = host().with_fact("ai.traffic", "anthropic.messages");
    let (mut played, outcome) = asked(facts, body);
    assert_eq!(outcome.passed(), body);
    played.response_headers(&mut headers("200", EVENTS), false);
    played.response_body([start, delta, delta].concat().as_bytes(), false);
    assert_eq!(window(&played.end()), (1, 11 + 2));
}

#[test]
fn an_answer_with_trailers_is_settled_at_what_was_seen() {
    let mut played = admitted(STREAM);
    played.response_headers(&mut headers("200", EVENTS), false);
    let body = [TEXT_EVENT, USAGE_EVENT, DONE].concat();
    let out = played.response_body(body.as_bytes(), false);
    assert_eq!(out, [TEXT_EVENT, DONE].concat().as_bytes());
    played.response_trailers();
    assert_eq!(window(&played.end()), (1, 14));
}

#[test]
fn an_answer_without_usage_settles_at_its_estimate() {
    let body = br#"{"choices":[]}"#;
    let mut played = admitted(CHAT);
    answer(&mut played, "200", JSON, body);
    let host = played.end();
    assert_eq!(window(&host), (1, 7 + crate::estimate::tokens(body)));
    assert_eq!(estimated(&host), 1);
}

#[test]
fn a_client_that_leaves_before_any_answer_pays_its_request() {
    let host = admitted(CHAT).end();
    assert_eq!(window(&host), (1, 7));
    assert_eq!(estimated(&host), 1);
}

#[test]
fn an_answer_after_the_window_has_ended_changes_nothing_there() {
    let mut played = admitted(CHAT);
    answer(&mut played, "200", JSON, ANSWER);
    played.now = START.plus(60 * SECOND);
    let mut other = Played::new(counter().open(), TestHost::new(), played.now);
    other.host = std::mem::take(&mut played.host);
    other.request_headers(&mut TestHeaders::default(), false);
    assert_eq!(other.request_body(CHAT, true).passed(), CHAT);
    played.host = std::mem::take(&mut other.host);
    assert_eq!(window(&played.end()), (1, 57), "a window of its own");
}

#[test]
fn used_up_requests_are_refused_until_the_window_ends() {
    let mut host = host();
    for _ in 0..3 {
        let (mut played, outcome) = asked(host, CHAT);
        assert_eq!(outcome.passed(), CHAT);
        answer(&mut played, "500", JSON, b"{}");
        host = played.end();
    }
    let (reply, host) = refused(host, CHAT);
    assert_eq!(reply.status(), 429);
    assert!(reply.headers().contains(&("retry-after", b"50".to_vec())));
    let body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    assert_eq!(
        host.fact_text("ai.refused").as_deref(),
        Some("requests_per_minute")
    );
    let refusals = r#"ai_refusals_total{ai_filter="token-counter",reason="requests_per_minute",tenant="team-a"}"#;
    assert_eq!(host.counter(refusals), 1);
    assert_eq!(
        window(&host),
        (3, 0),
        "a refused request counts for nothing"
    );
}

#[test]
fn used_up_tokens_are_refused_until_the_window_ends() {
    let large = br#"{"model":"m","messages":[],"max_tokens":990}"#;
    let (played, outcome) = asked(host(), large);
    assert_eq!(outcome.passed(), large);
    let (reply, host) = refused(played.host, CHAT);
    assert_eq!(reply.status(), 429);
    assert!(reply.headers().contains(&("retry-after", b"50".to_vec())));
    assert_eq!(
        host.fact_text("ai.refused").as_deref(),
        Some("tokens_per_minute")
    );
    assert_eq!(window(&host), (1, 990));
}

#[test]
fn a_request_that_no_minute_has_room_for_is_not_worth_a_retry() {
    let large = br#"{"model":"m","messages":[],"max_tokens":1001}"#;
    let (reply, host) = refused(host(), large);
    assert_eq!(reply.status(), 429);
    assert!(
        reply
            .headers()
            .contains(&("x-should-retry", b"false".to_vec()))
    );
    assert!(
        reply
            .headers()
            .iter()
            .all(|(name, _)| *name != "retry-after")
    );
    assert!(host.shared.is_empty());
}

#[test]
fn an_anthropic_client_gets_its_own_shape() {
    let facts = host().with_fact("ai.traffic", "anthropic.messages");
    let (reply, _) = refused(facts, br#"{"model":"m","messages":[],"max_tokens":1001}"#);
    let body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["type"], "rate_limit_error");
}

#[test]
fn an_unknown_plan_is_refused_and_not_unlimited() {
    let (reply, host) = refused(host().with_fact("ai.plan", "gold"), CHAT);
    assert_eq!(reply.status(), 503);
    assert_eq!(
        host.fact_text("ai.refused").as_deref(),
        Some("unknown_plan")
    );
}

#[test]
fn a_plan_without_limits_is_only_counted() {
    let large = br#"{"model":"m","messages":[],"max_tokens":100000000}"#;
    let (mut played, outcome) = asked(host().with_fact("ai.plan", "open"), large);
    assert_eq!(outcome.passed(), large);
    routed(&mut played);
    answer(&mut played, "200", JSON, ANSWER);
    let host = played.end();
    assert!(host.shared.is_empty());
    assert_eq!(tokens(&host, "output"), 4);
}

#[test]
fn without_an_identity_nothing_goes_on() {
    for missing in ["ai.tenant", "ai.plan"] {
        let mut without = host();
        without.facts.remove(missing);
        let mut played = Played::new(counter().open(), without, START);
        let reply = played
            .request_headers(&mut TestHeaders::default(), false)
            .reply();
        assert_eq!(reply.status(), 503, "{missing}");
    }
}

#[test]
fn contention_is_refused_and_not_passed() {
    let mut host = host();
    host.conflicts = 1000;
    let (reply, host) = refused(host, CHAT);
    assert_eq!(reply.status(), 503);
    assert_eq!(
        host.fact_text("ai.refused").as_deref(),
        Some("budget_contention")
    );
}

#[test]
fn a_body_that_can_not_be_read_is_refused() {
    for body in [
        &b""[..],
        b"null",
        b"[]",
        b"{",
        b"{\"model\":\"\xff\"}",
        b"{}",
    ] {
        let (reply, host) = refused(host(), body);
        assert_eq!(reply.status(), 400);
        assert_eq!(
            host.fact_text("ai.refused").as_deref(),
            Some("malformed_body")
        );
        assert!(host.shared.is_empty());
    }
}

#[test]
fn a_request_with_trailers_is_refused() {
    let mut played = Played::new(counter().open(), host(), START);
    played.request_headers(&mut TestHeaders::default(), false);
    assert_eq!(played.request_body(CHAT, false), Outcome::Held);
    assert_eq!(played.request_trailers().reply().status(), 400);
    assert!(played.end().shared.is_empty());
}

#[test]
fn the_request_may_come_in_pieces() {
    for size in 1..=STREAM.len() {
        let mut played = Played::new(counter().open(), host(), START);
        played.request_headers(&mut TestHeaders::default(), false);
        for piece in STREAM.chunks(size) {
            assert_eq!(played.request_body(piece, false), Outcome::Held);
        }
        let whole = asked(host(), STREAM).1;
        assert_eq!(played.request_body(b"", true), whole);
        assert_eq!(window(&played.host), (1, 57));
    }
}

#[test]
fn its_own_refusal_passes_back_through_it_untouched() {
    let (mut played, outcome) = asked(host().with_fact("ai.plan", "gold"), STREAM);
    let reply = outcome.reply();
    let mut headers = headers("503", JSON);
    let before = headers.clone();
    played.response_headers(&mut headers, false);
    assert_eq!(headers, before);
    assert_eq!(played.response_body(reply.body(), true), reply.body());
    let host = played.end();
    assert!(host.histograms.is_empty());
    assert_eq!(host.counters.len(), 1, "only the refusal is counted");
}

#[test]
fn the_length_of_a_request_that_may_be_edited_goes_no_further() {
    for (facts, length) in [
        (host(), None),
        (host().with_fact("ai.traffic", "passed"), Some("9")),
    ] {
        let mut played = Played::new(counter().open(), facts, START);
        let mut headers = TestHeaders::new(&[("content-length", "9")]);
        played.request_headers(&mut headers, false);
        assert_eq!(headers.text("content-length").as_deref(), length);
    }
}

#[test]
fn traffic_that_is_not_governed_or_has_no_body_passes() {
    for facts in [
        host().with_fact("ai.traffic", "passed"),
        host().with_fact("ai.traffic", "?"),
        host().with_fact("ai.traffic", "openai.models"),
    ] {
        let mut played = Played::new(counter().open(), facts, START);
        played.request_headers(&mut TestHeaders::default(), false);
        assert_eq!(played.request_body(b"x", false).passed(), b"x");
        assert_eq!(played.request_trailers(), Outcome::Passed(Vec::new()));
        played.response_headers(&mut headers("200", EVENTS), false);
        assert_eq!(
            played.response_body(USAGE_EVENT.as_bytes(), true),
            USAGE_EVENT.as_bytes()
        );
        let host = played.end();
        assert!(host.shared.is_empty() && host.counters.is_empty());
    }
}

#[test]
fn an_answer_that_comes_before_the_request_has_ended_passes() {
    let mut played = Played::new(counter().open(), host(), START);
    played.request_headers(&mut TestHeaders::default(), false);
    assert_eq!(played.request_body(CHAT, false), Outcome::Held);
    answer(&mut played, "413", JSON, b"{}");
    let host = played.end();
    assert!(host.shared.is_empty() && host.counters.is_empty());
}

#[test]
fn a_stream_that_only_ends_leaves_nothing() {
    let host = Played::new(counter().open(), host(), START).end();
    assert!(host.shared.is_empty() && host.counters.is_empty());
}

#[test]
fn a_request_that_the_router_refused_has_labels_all_the_same() {
    let (mut played, _) = asked(host(), CHAT);
    answer(&mut played, "404", JSON, b"{}");
    let series =
        r#"ai_requests_total{tenant="team-a",model="none",provider="none",streaming="false"}"#;
    assert_eq!(played.end().counter(series), 1);
}

#[test]
fn embeddings_without_usage_settle_at_their_input() {
    let body = br#"{"model":"e","input":"the house"}"#;
    let (mut played, outcome) = asked(host().with_fact("ai.traffic", "openai.embeddings"), body);
    assert_eq!(outcome.passed(), body);
    assert_eq!(window(&played.host), (1, 7));
    answer(
        &mut played,
        "200",
        JSON,
        br#"{"data":[{"embedding":[0.1,0.2,0.3]}]}"#,
    );
    assert_eq!(window(&played.end()), (1, 7));
}

#[test]
fn counting_tokens_costs_a_request_and_no_tokens() {
    let body = br#"{"model":"c","messages":[{"role":"user","content":"the house"}]}"#;
    let facts = host().with_fact("ai.traffic", "anthropic.count_tokens");
    let (mut played, outcome) = asked(facts, body);
    assert_eq!(outcome.passed(), body);
    answer(&mut played, "200", JSON, br#"{"input_tokens":12}"#);
    let host = played.end();
    assert_eq!(window(&host), (1, 0));
    assert_eq!(
        host.counter(&format!("ai_estimated_usage_total{{{SERIES}}}")),
        0
    );
}

#[test]
fn a_compressed_answer_passes_and_is_estimated() {
    let mut played = admitted(STREAM);
    let mut headers = headers("200", EVENTS);
    headers
        .0
        .push(("content-encoding".to_owned(), b"gzip".to_vec()));
    played.response_headers(&mut headers, false);
    let body = [0x1f, 0x8b, 8, 0, 200, 201];
    assert_eq!(played.response_body(&body, true), body);
    let host = played.end();
    assert_eq!(window(&host), (1, 7 + crate::estimate::tokens(&body)));
    assert_eq!(estimated(&host), 1);
}

#[test]
fn the_count_is_published_with_the_answers_last_byte() {
    let mut whole = admitted(CHAT);
    answer(&mut whole, "200", JSON, ANSWER);
    assert_eq!(facts::usage(&whole.host).unwrap().total(), 14);

    let mut streamed = admitted(ASKING);
    streamed.response_headers(&mut headers("200", EVENTS), false);
    streamed.response_body([TEXT_EVENT, USAGE_EVENT].concat().as_bytes(), false);
    assert_eq!(facts::usage(&streamed.host), None);
    streamed.response_body(DONE.as_bytes(), true);
    assert_eq!(facts::usage(&streamed.host).unwrap().total(), 14);
}

/// How often requests failed, by reason.
fn failures(host: &TestHost) -> Vec<(&str, u64)> {
    [
        "rate_limited",
        "client_error",
        "server_error",
        "no_answer",
        "incomplete",
    ]
    .into_iter()
    .map(|reason| {
        (
            reason,
            host.counter(&format!(
                r#"ai_request_errors_total{{{SERIES},reason="{reason}"}}"#
            )),
        )
    })
    .filter(|(_, count)| *count > 0)
    .collect()
}

#[test]
fn an_error_is_counted_by_its_kind() {
    for (status, reason) in [
        ("429", "rate_limited"),
        ("400", "client_error"),
        ("500", "server_error"),
        ("529", "server_error"),
        ("301", "server_error"),
    ] {
        let mut played = admitted(CHAT);
        answer(&mut played, status, JSON, b"{}");
        assert_eq!(failures(&played.end()), [(reason, 1)], "{status}");
    }
}

#[test]
fn an_answer_that_never_came_or_never_ended_is_an_error_and_a_whole_one_is_none() {
    assert_eq!(failures(&admitted(CHAT).end()), [("no_answer", 1)]);

    let mut cut = admitted(ASKING);
    cut.response_headers(&mut headers("200", EVENTS), false);
    cut.response_body(TEXT_EVENT.as_bytes(), false);
    assert_eq!(failures(&cut.end()), [("incomplete", 1)]);

    let mut whole = admitted(CHAT);
    answer(&mut whole, "200", JSON, ANSWER);
    assert_eq!(failures(&whole.end()), []);

    let mut streamed = admitted(ASKING);
    let events = [TEXT_EVENT, USAGE_EVENT, DONE].concat();
    answer(&mut streamed, "200", EVENTS, events.as_bytes());
    assert_eq!(failures(&streamed.end()), []);
}

#[test]
fn a_count_of_tokens_and_embeddings_are_whole_answers_too() {
    let counting = host().with_fact("ai.traffic", "anthropic.count_tokens");
    let body = br#"{"model":"c","messages":[{"role":"user","content":"the house"}]}"#;
    let (mut played, _) = asked(counting, body);
    routed(&mut played);
    answer(&mut played, "200", JSON, br#"{"input_tokens":12}"#);
    assert_eq!(failures(&played.end()), []);

    let body = br#"{"model":"e","input":"the house"}"#;
    let (mut played, _) = asked(host().with_fact("ai.traffic", "openai.embeddings"), body);
    routed(&mut played);
    answer(
        &mut played,
        "200",
        JSON,
        br#"{"data":[{"embedding":[0.1]}]}"#,
    );
    assert_eq!(failures(&played.end()), []);
}

/// Allowed and used of a limit.
fn limit(host: &TestHost, limit: &str) -> (u64, u64) {
    let of = |name| host.counter(&format!(r#"{name}{{tenant="team-a",limit="{limit}"}}"#));
    (of("ai_limit_allowed_total"), of("ai_limit_used_total"))
}

#[test]
fn a_minute_is_allowed_once_and_used_as_it_settles() {
    let mut first = admitted(CHAT);
    assert_eq!(limit(&first.host, "requests_per_minute"), (3, 1));
    assert_eq!(limit(&first.host, "tokens_per_minute"), (1000, 0));
    answer(&mut first, "200", JSON, ANSWER);

    let (mut second, _) = asked(first.end(), CHAT);
    answer(&mut second, "200", JSON, ANSWER);
    let host = second.end();
    assert_eq!(limit(&host, "requests_per_minute"), (3, 2));
    assert_eq!(limit(&host, "tokens_per_minute"), (1000, 28));
}

#[test]
fn another_minute_is_allowed_anew_and_a_refusal_uses_nothing() {
    let mut host = host();
    for _ in 0..3 {
        let (played, _) = asked(host, CHAT);
        host = played.end();
    }
    let (_, host) = refused(host, CHAT);
    assert_eq!(limit(&host, "requests_per_minute"), (3, 3));

    let mut later = Played::new(counter().open(), host, START.plus(60 * SECOND));
    later.request_headers(&mut TestHeaders::default(), false);
    later.request_body(CHAT, true);
    assert_eq!(limit(&later.end(), "requests_per_minute"), (6, 4));
}

#[test]
fn a_tenant_without_limits_has_no_share_of_them() {
    let (mut played, _) = asked(host().with_fact("ai.plan", "open"), CHAT);
    answer(&mut played, "200", JSON, ANSWER);
    let host = played.end();
    assert_eq!(limit(&host, "requests_per_minute"), (0, 0));
    assert_eq!(limit(&host, "tokens_per_minute"), (0, 0));
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::{EVENTS, JSON, STREAM, admitted, headers, window};

    proptest! {
        #[test]
        fn any_answer_is_settled_once_and_passes(
            body in prop::collection::vec(any::<u8>(), 0..300),
            events in any::<bool>(),
            size in 1_usize..100,
            ends in any::<bool>(),
        ) {
            let mut played = admitted(STREAM);
            let content_type = if events { EVENTS } else { JSON };
            played.response_headers(&mut headers("200", content_type), false);
            let mut out = Vec::new();
            for piece in body.chunks(size) {
                out.extend(played.response_body(piece, false));
            }
            if ends {
                out.extend(played.response_body(b"", true));
                prop_assert_eq!(&out, &body);
            }
            let host = played.end();
            let (requests, tokens) = window(&host);
            let metric = super::tokens(&host, "input") + super::tokens(&host, "output");
            prop_assert_eq!((requests, tokens), (1, metric));
        }
    }
}
