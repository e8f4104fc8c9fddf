#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use http_filter::{Filter as _, SECOND, Time};
use test_host::{Exchange as Played, Outcome, TestEnvironment, TestHeaders, TestHost};

use super::Exchange;
use crate::ResponseCache;

const START: Time = Time::from_nanoseconds(1_000 * SECOND);
const QUESTION: &[u8] = br#"{"model":"gpt-4.1","messages":[{"role":"user","content":"hi"}]}"#;
const ANSWER: &[u8] = br#"{"id":"chatcmpl-1","choices":[{"index":0}]}"#;
const STREAM: &[u8] = b"data: {\"id\":\"x\",\"choices\":[]}\n\ndata: [DONE]\n\n";

/// A cache of 100 seconds for answers of up to 200 bytes.
fn cache() -> ResponseCache {
    let json = br#"{"ttlSeconds":100,"maxEntries":8,"maxEntryBytes":200}"#;
    ResponseCache::configure(json, &TestEnvironment::default()).unwrap()
}

fn host() -> TestHost {
    let facts = [
        ("ai.traffic", "openai.chat_completions"),
        ("ai.tenant", "team-a"),
        ("ai.plan", "standard"),
        ("ai.key", "ci"),
        ("ai.provider", "openai"),
        ("ai.model", "gpt-4.1"),
    ];
    facts.iter().fold(TestHost::new(), |host, (fact, value)| {
        host.with_fact(fact, value)
    })
}

/// The next stream of the same proxy: its shared data stay, its facts are those of `facts`.
fn next(mut host: TestHost, facts: TestHost) -> TestHost {
    host.facts = facts.facts;
    host
}

fn asked(host: TestHost, headers: &[(&str, &str)]) -> (Played<Exchange>, Outcome) {
    let mut played = Played::new(cache().open(), host, START);
    let passed = played.request_headers(&mut TestHeaders::new(headers), false);
    assert_eq!(passed, Outcome::Passed(Vec::new()));
    let outcome = played.request_body(QUESTION, true);
    (played, outcome)
}

fn headers(content_type: &str) -> TestHeaders {
    TestHeaders::new(&[(":status", "200"), ("content-type", content_type)])
}

/// A proxy after the provider has answered the question in pieces of a size.
fn answered(host: TestHost, content_type: &str, body: &[u8], size: usize) -> TestHost {
    let (mut played, outcome) = asked(host, &[]);
    assert_eq!(outcome.passed(), QUESTION);
    let mut headers = headers(content_type);
    played.response_headers(&mut headers, false);
    assert_eq!(headers.text("x-ai-cache").as_deref(), Some("miss"));
    assert_eq!(
        played.response_in_pieces(body, size),
        body,
        "it passes as it is"
    );
    played.end()
}

fn is_hit(host: TestHost) -> bool {
    matches!(asked(host, &[]).1, Outcome::Replied(_))
}

fn answered_whole() -> TestHost {
    answered(host(), "application/json", ANSWER, ANSWER.len())
}

const HITS: &str =
    r#"ai_cache_lookups_total{tenant="team-a",provider="openai",cache_result="hit"}"#;
const MISSES: &str =
    r#"ai_cache_lookups_total{tenant="team-a",provider="openai",cache_result="miss"}"#;

#[test]
fn the_second_answer_is_the_first_one_byte_for_byte() {
    for (content_type, body) in [
        ("application/json", ANSWER),
        ("text/event-stream; charset=utf-8", STREAM),
    ] {
        for size in 1..=body.len() {
            let first = answered(host(), content_type, body, size);
            assert_eq!(first.fact_text("ai.cache").as_deref(), Some("miss"));
            assert_eq!((first.counter(HITS), first.counter(MISSES)), (0, 1));

            let mut played = Played::new(cache().open(), next(first, host()), START);
            played.now = START.plus(99 * SECOND);
            played.request_headers(&mut TestHeaders::default(), false);
            let reply = played.request_body(QUESTION, true).reply();
            assert_eq!((reply.status(), reply.body()), (200, body));
            let expected = [
                ("content-type", content_type.as_bytes().to_vec()),
                ("x-ai-cache", b"hit".to_vec()),
                ("age", b"99".to_vec()),
            ];
            assert_eq!(reply.headers(), expected);
            assert_eq!(played.host.fact_text("ai.cache").as_deref(), Some("hit"));
            assert_eq!(played.host.counter(HITS), 1);
        }
    }
}

#[test]
fn its_own_answer_passes_back_through_it_untouched() {
    let (mut played, _) = asked(next(answered_whole(), host()), &[]);
    let mut headers = TestHeaders::new(&[(":status", "200"), ("x-ai-cache", "hit")]);
    played.response_headers(&mut headers, false);
    assert_eq!(headers.text("x-ai-cache").as_deref(), Some("hit"));
    assert_eq!(played.response_body(ANSWER, true), ANSWER);
    assert_eq!(played.end().fact_text("ai.refused"), None);
}

#[test]
fn the_question_may_come_in_pieces() {
    let mut played = Played::new(cache().open(), next(answered_whole(), host()), START);
    played.request_headers(&mut TestHeaders::default(), false);
    for piece in QUESTION.chunks(1) {
        assert_eq!(played.request_body(piece, false), Outcome::Held);
    }
    assert_eq!(played.request_body(b"", true).reply().body(), ANSWER);
}

#[test]
fn an_expired_answer_is_not_given() {
    let mut played = Played::new(cache().open(), next(answered_whole(), host()), START);
    played.now = START.plus(100 * SECOND);
    played.request_headers(&mut TestHeaders::default(), false);
    assert_eq!(played.request_body(QUESTION, true).passed(), QUESTION);
}

#[test]
fn another_tenant_provider_model_or_endpoint_asks_the_provider() {
    for (fact, value) in [
        ("ai.tenant", "team-b"),
        ("ai.provider", "vllm"),
        ("ai.model", "gpt-4.1-mini"),
        ("ai.traffic", "openai.completions"),
    ] {
        let other = host().with_fact(fact, value);
        assert!(!is_hit(next(answered_whole(), other)), "{fact}");
    }
    assert!(is_hit(next(
        answered_whole(),
        host().with_fact("ai.key", "other")
    )));
    let (_, outcome) = asked(next(answered_whole(), host()), &[("anthropic-beta", "x")]);
    assert_eq!(outcome.passed(), QUESTION);
}

#[test]
fn without_its_facts_the_cache_takes_no_part() {
    for missing in ["ai.traffic", "ai.tenant", "ai.provider", "ai.model"] {
        let mut without = host();
        without.facts.remove(missing);
        let (mut played, outcome) = asked(next(answered_whole(), without), &[]);
        assert_eq!(outcome.passed(), QUESTION, "{missing}");
        let mut headers = headers("application/json");
        played.response_headers(&mut headers, false);
        assert_eq!(headers.text("x-ai-cache"), None, "{missing}");
        assert_eq!(played.host.fact_text("ai.cache"), None, "{missing}");
    }
}

#[test]
fn a_request_that_leaves_something_at_the_provider_is_always_sent_there() {
    let stored = br#"{"model":"gpt-4.1","messages":[],"store":true}"#;
    let mut shared = host();
    for _ in 0..2 {
        let mut played = Played::new(cache().open(), next(shared, host()), START);
        played.request_headers(&mut TestHeaders::default(), false);
        assert_eq!(played.request_body(stored, true).passed(), stored);
        let mut headers = headers("application/json");
        played.response_headers(&mut headers, false);
        assert_eq!(headers.text("x-ai-cache"), None);
        played.response_body(ANSWER, true);
        shared = played.end();
    }
    assert!(shared.shared.is_empty());
}

#[test]
fn endpoints_that_are_not_cached_are_not_even_held() {
    for facts in [
        host().with_fact("ai.traffic", "passed"),
        host().with_fact("ai.traffic", "openai.count_tokens"),
        host().with_fact("ai.traffic", "openai.models"),
    ] {
        let mut played = Played::new(cache().open(), facts, START);
        played.request_headers(&mut TestHeaders::default(), false);
        assert_eq!(played.request_body(b"{", false).passed(), b"{");
    }
}

#[test]
fn no_store_keeps_the_cache_out() {
    let headers_of_request = [("cache-control", "no-store")];
    let (mut played, outcome) = asked(next(answered_whole(), host()), &headers_of_request);
    assert_eq!(outcome.passed(), QUESTION);
    assert_eq!(played.host.fact_text("ai.cache"), None);
    let mut answer_headers = headers("application/json");
    played.response_headers(&mut answer_headers, false);
    played.response_body(br#"{"id":"other"}"#, true);
    assert_eq!(answer_headers.text("x-ai-cache"), None);
    let (_, outcome) = asked(next(played.end(), host()), &[]);
    assert_eq!(outcome.reply().body(), ANSWER);
}

#[test]
fn no_cache_asks_the_provider_and_keeps_its_answer() {
    let (mut played, outcome) = asked(
        next(answered_whole(), host()),
        &[("cache-control", "no-cache")],
    );
    assert_eq!(outcome.passed(), QUESTION);
    assert_eq!(played.host.fact_text("ai.cache").as_deref(), Some("miss"));
    played.response_headers(&mut headers("application/json"), false);
    played.response_body(br#"{"id":"other"}"#, true);
    let after = played.end();
    assert_eq!(after.counter(MISSES), 1, "only the first one looked");
    let (_, outcome) = asked(next(after, host()), &[]);
    assert_eq!(outcome.reply().body(), br#"{"id":"other"}"#);
}

#[test]
fn an_answer_that_says_no_store_is_kept_all_the_same() {
    let (mut played, _) = asked(host(), &[]);
    let mut headers = headers("application/json");
    headers
        .0
        .push(("cache-control".to_owned(), b"no-store, private".to_vec()));
    played.response_headers(&mut headers, false);
    played.response_body(ANSWER, true);
    assert!(is_hit(next(played.end(), host())));
}

#[test]
fn an_answer_that_is_no_success_is_not_kept() {
    for (status, content_type, body) in [
        ("500", "application/json", ANSWER),
        ("429", "application/json", ANSWER),
        ("201", "application/json", ANSWER),
        ("200", "text/html", ANSWER),
        ("200", "application/json", br#"{"error":{"message":"x"}}"#),
        ("200", "application/json", b"<html>"),
        ("200", "application/json", b""),
        ("200", "text/event-stream", b"data: {}\n\n"),
    ] {
        let (mut played, _) = asked(host(), &[]);
        let mut headers = TestHeaders::new(&[(":status", status), ("content-type", content_type)]);
        played.response_headers(&mut headers, false);
        assert_eq!(headers.text("x-ai-cache").as_deref(), Some("miss"));
        played.response_body(body, true);
        assert!(played.end().shared.is_empty(), "{status} {content_type}");
    }
}

#[test]
fn an_answer_whose_end_was_not_seen_is_not_kept() {
    for (content_type, body) in [("application/json", ANSWER), ("text/event-stream", STREAM)] {
        let begun = || {
            let (mut played, _) = asked(host(), &[]);
            played.response_headers(&mut headers(content_type), false);
            assert_eq!(played.response_body(body, false), body);
            played
        };
        assert!(begun().end().shared.is_empty(), "a reset");
        let mut played = begun();
        played.response_trailers();
        assert!(played.end().shared.is_empty(), "trailers");
    }
    let (mut played, _) = asked(host(), &[]);
    played.response_headers(&mut headers("application/json"), true);
    assert!(played.end().shared.is_empty(), "no body at all");
    let (played, _) = asked(host(), &[]);
    assert!(played.end().shared.is_empty(), "no answer at all");
}

#[test]
fn an_answer_longer_than_an_entry_passes_and_is_not_kept() {
    for length in [200, 201] {
        let frame = r#"{"id":""}"#.len();
        let body = format!(r#"{{"id":"{}"}}"#, "x".repeat(length - frame));
        for size in [1, 7, length] {
            let after = answered(host(), "application/json", body.as_bytes(), size);
            assert_eq!(after.shared.is_empty(), length > 200, "{length}");
        }
    }
}

#[test]
fn a_compressed_answer_is_not_kept() {
    let (mut played, _) = asked(host(), &[]);
    let mut headers = headers("application/json");
    headers
        .0
        .push(("content-encoding".to_owned(), b"gzip".to_vec()));
    played.response_headers(&mut headers, false);
    played.response_body(ANSWER, true);
    assert!(played.end().shared.is_empty());
}

#[test]
fn a_malformed_slot_is_a_miss_and_is_written_anew() {
    let mut after = answered_whole();
    for slot in after.shared.values_mut() {
        slot.value.truncate(60);
    }
    let again = answered(next(after, host()), "application/json", ANSWER, 9);
    assert!(is_hit(next(again, host())));
}

#[test]
fn a_request_with_trailers_is_refused() {
    let mut played = Played::new(cache().open(), host(), START);
    played.request_headers(&mut TestHeaders::default(), false);
    assert_eq!(played.request_body(QUESTION, false), Outcome::Held);
    assert_eq!(played.request_trailers().reply().status(), 400);
}

#[test]
fn an_answer_that_comes_before_the_request_has_ended_passes() {
    let mut played = Played::new(cache().open(), host(), START);
    played.request_headers(&mut TestHeaders::default(), false);
    assert_eq!(played.request_body(QUESTION, false), Outcome::Held);
    played.response_headers(&mut headers("application/json"), false);
    assert_eq!(played.response_body(ANSWER, true), ANSWER);
    assert!(played.end().shared.is_empty());
}

#[test]
fn a_stream_that_only_ends_leaves_nothing() {
    let played = Played::new(cache().open(), host(), START);
    assert!(played.end().shared.is_empty());
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use http_filter::Filter as _;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{Outcome, Played, START, TestHeaders, answered, asked, cache, headers, host, next};

    proptest! {
        #[test]
        fn whatever_is_served_was_said_by_the_provider(
            body in prop::collection::vec(any::<u8>(), 0..260),
            events in any::<bool>(),
            size in 1_usize..300,
        ) {
            let content_type = if events { "text/event-stream" } else { "application/json" };
            let after = answered(host(), content_type, &body, size);
            if let (_, Outcome::Replied(reply)) = asked(next(after, host()), &[]) {
                prop_assert_eq!(reply.body(), &body[..]);
            }
        }

        #[test]
        fn nothing_but_the_same_body_is_a_hit(other in "[ -~]{0,8}") {
            let after = answered(host(), "application/json", super::ANSWER, 50);
            let body = format!(r#"{{"model":"gpt-4.1","messages":[],"user":{other:?}}}"#);
            let mut played = Played::new(cache().open(), next(after, host()), START);
            played.request_headers(&mut TestHeaders::default(), false);
            prop_assert_eq!(played.request_body(body.as_bytes(), true).passed(), body.as_bytes());
            played.response_headers(&mut headers("application/json"), false);
            played.response_body(br#"{"id":"2"}"#, true);
            let (_, outcome) = asked(next(played.end(), host()), &[]);
            let own = matches!(outcome, Outcome::Passed(_))
                || outcome.reply().body() == super::ANSWER;
            prop_assert!(own);
        }
    }
}
