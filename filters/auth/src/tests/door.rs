//! The door, seen from outside: requests in, outcomes out.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use facts::{Identity, Traffic, key};
use http_filter::Reply;
use llm_api::{Api, Endpoint};
use test_host::{Exchange, Outcome, TestHeaders, TestHost};

use super::{KEY, chat, exchange_of, request};
use crate::AuthStream;

const CONFIG: &str = r#"{
    "hosts": { "gateway": { "authority": "ai.example.com" } },
    "tenants": { "team-a": { "plan": "standard", "models": ["gpt-*"] } },
    "keys": { "team-a-ci": { "tenant": "team-a",
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" } }
}"#;

fn exchange() -> Exchange<AuthStream> {
    exchange_of(CONFIG, TestHost::new())
}

fn refused(headers: &mut TestHeaders, end_of_stream: bool) -> (Reply, TestHost) {
    let mut exchange = exchange();
    let reply = exchange.request_headers(headers, end_of_stream).reply();
    (reply, exchange.end())
}

#[test]
fn a_key_of_ours_gives_the_identity_and_goes_no_further() {
    let mut headers = chat(&[KEY]);
    let mut exchange = exchange();
    let outcome = exchange.request_headers(&mut headers, false);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert_eq!(headers, chat(&[]));
    let identity = Identity::of(&exchange.host).unwrap();
    assert_eq!(identity.tenant.as_str(), "team-a");
    assert_eq!(identity.plan.as_str(), "standard");
    assert_eq!(identity.key.as_str(), "team-a-ci");
    assert!(identity.models.allow("gpt-4.1") && !identity.models.allow("claude-x"));
    let governed = Traffic::Governed {
        api: Api::OpenAi,
        endpoint: Endpoint::ChatCompletions,
    };
    assert_eq!(Traffic::of(&exchange.host), governed);
}

#[test]
fn the_length_that_the_client_gave_stays_for_the_body_does() {
    let mut headers = chat(&[KEY, ("content-length", "12")]);
    let _ = exchange().request_headers(&mut headers, false);
    assert_eq!(headers, chat(&[("content-length", "12")]));
}

#[test]
fn nobody_is_let_in_without_a_key_of_ours() {
    for (credential, reason) in [
        (&[][..], "no_credential"),
        (&[("authorization", "Bearer nope")], "unknown_key"),
    ] {
        let (reply, host) = refused(&mut chat(credential), false);
        assert_eq!(reply.status(), 401);
        assert_eq!(reply.details(), reason);
        assert!(!String::from_utf8_lossy(reply.body()).contains("nope"));
        assert_eq!(host.fact_text(key::REFUSED).as_deref(), Some(reason));
        assert_eq!(Identity::of(&host), None);
        assert_eq!(Traffic::of(&host), Traffic::Unknown);
        let series =
            format!(r#"ai_refusals_total{{ai_filter="auth",reason="{reason}",tenant=""}}"#);
        assert_eq!(host.counter(&series), 1);
        let challenge = reply
            .headers()
            .iter()
            .find(|(name, _)| *name == "www-authenticate");
        let challenge = String::from_utf8_lossy(&challenge.unwrap().1);
        assert_eq!(
            challenge.contains("invalid_token"),
            reason != "no_credential"
        );
    }
}

#[test]
fn a_refusal_has_the_shape_of_the_client_s_api() {
    let (reply, host) = refused(&mut chat(&[]), false);
    assert!(reply.body().starts_with(br#"{"error":{"#));
    assert_eq!(host.fact_text(key::API), None);
    let (reply, host) = refused(&mut request("POST", "/v1/messages", &[]), false);
    assert!(reply.body().starts_with(br#"{"type":"error","error":{"#));
    assert_eq!(host.fact_text(key::API).as_deref(), Some("anthropic"));
}

#[test]
fn other_hosts_pass_untouched() {
    let mut headers = chat(&[KEY]);
    headers.0[2].1 = b"shop.example.com".to_vec();
    let before = headers.clone();
    let mut exchange = exchange();
    let outcome = exchange.request_headers(&mut headers, false);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
    assert_eq!(headers, before);
    assert_eq!(Traffic::of(&exchange.host), Traffic::Passed);
    assert_eq!(exchange.request_body(b"x", false).passed(), b"x");
    assert_eq!(exchange.request_trailers(), Outcome::Passed(Vec::new()));
}

const PREFLIGHT: [(&str, &str); 2] = [
    ("origin", "https://app.example.com"),
    ("access-control-request-method", "POST"),
];

#[test]
fn a_preflight_request_passes_without_a_key_and_says_nothing_of_what_is_served() {
    for path in ["/v1/chat/completions", "/v1/files", "/v1/nothing", "//"] {
        let mut exchange = exchange();
        let mut headers = request("OPTIONS", path, &PREFLIGHT);
        let outcome = exchange.request_headers(&mut headers, true);
        assert_eq!(outcome, Outcome::Passed(Vec::new()), "{path}");
        assert_eq!(Traffic::of(&exchange.host), Traffic::Passed);
    }
}

#[test]
fn only_a_browser_s_preflight_is_one() {
    let [origin, method] = PREFLIGHT;
    for (verb, more, end_of_stream) in [
        ("OPTIONS", &[][..], true),
        ("OPTIONS", &[origin], true),
        ("OPTIONS", &[method], true),
        ("options", &PREFLIGHT, true),
        ("POST", &PREFLIGHT, true),
        // A body would be held.
        ("OPTIONS", &PREFLIGHT, false),
    ] {
        let mut stranger = request(verb, "/v1/chat/completions", more);
        let (reply, host) = refused(&mut stranger, end_of_stream);
        assert_eq!((reply.status(), reply.details()), (401, "no_credential"));
        assert_eq!(Traffic::of(&host), Traffic::Unknown);
    }
    let mut known = request("OPTIONS", "/v1/chat/completions", &[KEY]);
    assert_eq!(refused(&mut known, true).0.status(), 405);
}

#[test]
fn headers_that_pass_for_the_gateway_s_own_word_are_removed_everywhere() {
    for authority in ["ai.example.com", "shop.example.com"] {
        let mut headers = chat(&[KEY, ("x-ai-provider", "openai"), ("x-ai-tenant", "b")]);
        headers.0[2].1 = authority.as_bytes().to_vec();
        let mut exchange = exchange();
        let _ = exchange.request_headers(&mut headers, false);
        assert_eq!(headers.text("x-ai-provider"), None);
        assert_eq!(headers.text("x-ai-tenant"), None);
        assert_eq!(exchange.host.routes_chosen, 1);
    }
}

#[test]
fn what_no_filter_can_read_is_refused_after_the_key() {
    for (headers, end_of_stream, status, reason) in [
        (
            chat(&[KEY, ("content-encoding", "gzip")]),
            false,
            415,
            "content_encoding",
        ),
        (
            chat(&[KEY, ("upgrade", "websocket")]),
            false,
            400,
            "upgrade",
        ),
        (chat(&[KEY]), true, 400, "empty_body"),
        (
            request("GET", "/v1/chat/completions", &[KEY]),
            true,
            405,
            "wrong_method",
        ),
        (
            request("POST", "/v1/nothing", &[KEY]),
            false,
            404,
            "unknown_path",
        ),
        (
            request("POST", "/v1/files", &[KEY]),
            false,
            403,
            "stateful_endpoint",
        ),
    ] {
        let mut with_key = headers.clone();
        let (reply, host) = refused(&mut with_key, end_of_stream);
        assert_eq!((reply.status(), reply.details()), (status, reason));
        assert_eq!(Traffic::of(&host), Traffic::Unknown);
        let mut without_key = headers;
        without_key.0.retain(|(name, _)| name != KEY.0);
        let (reply, _) = refused(&mut without_key, end_of_stream);
        assert_eq!(reply.status(), 401);
    }
}

#[test]
fn identity_is_no_encoding() {
    let mut exchange = exchange();
    let mut headers = chat(&[KEY, ("content-encoding", "identity")]);
    let outcome = exchange.request_headers(&mut headers, false);
    assert_eq!(outcome, Outcome::Passed(Vec::new()));
}

#[test]
fn trailers_of_a_governed_request_are_refused() {
    let mut exchange = exchange();
    let _ = exchange.request_headers(&mut chat(&[KEY]), false);
    let _ = exchange.request_body(b"{}", false);
    assert_eq!(exchange.request_trailers().reply().status(), 400);
}

#[test]
fn the_key_in_the_query_is_taken_out_of_the_path() {
    let mut headers = request("GET", "/v1/models?key=foo&limit=2", &[KEY]);
    let _ = exchange().request_headers(&mut headers, true);
    assert_eq!(headers.text(":path").as_deref(), Some("/v1/models?limit=2"));
}

#[test]
fn a_stream_that_ends_before_its_headers_leaves_nothing() {
    let host = exchange().end();
    assert!(host.facts.is_empty() && host.counters.is_empty());
}
