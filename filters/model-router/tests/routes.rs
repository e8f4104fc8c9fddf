//! Requests on their way to a provider: refusals, aliases, bytes that stay as they are.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use facts::{Decision, Traffic};
use llm_api::{Api, Endpoint};
use serde_json::{Value, json};
use test_host::{Outcome, TestHeaders, TestHost};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use support::{
    JSON, SSE, exchange, host, host_for, json as read, request_headers, response_headers, send,
    sent,
};

/// A body with spellings that a parser would change.
const ODD: &str = "{ \"messages\":[{\"role\":\"user\",\"content\":\"Gr\\u00fc\\u00dfe\"}],\
    \"temperature\":0.70,\"x\":1e400, \"model\" : \"MODEL\" }\n";

fn odd(model: &str) -> String {
    ODD.replace("MODEL", model)
}

/// The status, the reason, and the error of a refused request.
fn refusal(host: TestHost, body: &str) -> (u16, &'static str, Value) {
    let mut exchange = exchange(host);
    let reply = send(&mut exchange, body.as_bytes()).reply();
    // The answer comes back through this filter, and passes as it is.
    let mut headers = response_headers(reply.status(), JSON);
    let before = headers.clone();
    let passed = exchange.response_headers(&mut headers, false);
    assert_eq!(passed, Outcome::Passed(Vec::new()));
    assert_eq!(headers, before);
    assert_eq!(exchange.response_body(reply.body(), true), reply.body());
    let host = exchange.end();
    assert_eq!(host.fact_text("ai.refused").unwrap(), reply.details());
    let series = format!(
        "ai_refusals_total{{ai_filter=\"model-router\",reason=\"{}\",tenant={:?}}}",
        reply.details(),
        host.fact_text("ai.tenant").unwrap_or_default()
    );
    assert_eq!(host.counter(&series), 1, "{:?}", host.counters);
    assert_eq!(host.fact_text("ai.decision"), None);
    (reply.status(), reply.details(), read(reply.body()))
}

#[test]
fn bytes_that_no_rule_touches_stay_as_the_client_wrote_them() {
    let (exchange, body) = sent(Endpoint::ChatCompletions, &odd("gpt-4.1"));
    assert_eq!(body, odd("gpt-4.1").as_bytes());
    let host = exchange.end();
    assert_eq!(host.fact_text("ai.provider").unwrap(), "openai");
    assert_eq!(host.fact_text("ai.model").unwrap(), "gpt-4.1");
    assert_eq!(host.fact_text("ai.requested_model").unwrap(), "gpt-4.1");
    assert_eq!(host.fact_text("ai.fallback"), None);
    let decision = Decision::of(&host).unwrap();
    assert_eq!(decision.path, "/v1/chat/completions");
    assert_eq!(decision.credential_header, "authorization");
}

#[test]
fn an_alias_changes_the_models_name_and_nothing_else() {
    let (exchange, body) = sent(Endpoint::ChatCompletions, &odd("fast"));
    assert_eq!(body, odd("gpt-4.1-mini").as_bytes());
    let host = exchange.end();
    assert_eq!(host.fact_text("ai.model").unwrap(), "gpt-4.1-mini");
    assert_eq!(host.fact_text("ai.requested_model").unwrap(), "fast");
}

#[test]
fn a_name_with_escapes_is_the_same_name() {
    let (_, body) = sent(Endpoint::ChatCompletions, &odd("g\\u0070t-4.1"));
    assert_eq!(body, odd("g\\u0070t-4.1").as_bytes());
}

#[test]
fn every_endpoint_has_its_path_at_the_provider() {
    for (endpoint, body, path) in [
        (
            Endpoint::Completions,
            json!({"model": "fast", "prompt": "a"}),
            "/v1/completions",
        ),
        (
            Endpoint::Responses,
            json!({"model": "fast", "input": "a"}),
            "/v1/responses",
        ),
        (
            Endpoint::Embeddings,
            json!({"model": "fast", "input": "a"}),
            "/v1/embeddings",
        ),
        (
            Endpoint::Messages,
            json!({"model": "claude-sonnet-4-5", "max_tokens": 1,
            "messages": [{"role": "user", "content": "a"}]}),
            "/v1/messages",
        ),
        (
            Endpoint::CountTokens,
            json!({"model": "claude-sonnet-4-5",
            "messages": [{"role": "user", "content": "a"}]}),
            "/v1/messages/count_tokens",
        ),
    ] {
        let (exchange, _) = sent(endpoint, &body.to_string());
        let decision = Decision::of(&exchange.end()).unwrap();
        assert_eq!(decision.path, path);
    }
}

#[test]
fn a_messages_request_to_anthropic_stays_as_it_is() {
    let body = "{\"model\":\"claude-sonnet-4-5\", \"max_tokens\":1,\"messages\":[],\"top_k\":1.0}";
    let (mut exchange, passed) = sent(Endpoint::Messages, body);
    assert_eq!(passed, body.as_bytes());
    let mut headers = response_headers(529, JSON);
    let _ = exchange.response_headers(&mut headers, false);
    assert_eq!(headers.text(":status").unwrap(), "529");
    assert_eq!(
        exchange.response_in_pieces(b"{\"any\":1}", 2),
        b"{\"any\":1}"
    );
    let decision = Decision::of(&exchange.end()).unwrap();
    assert_eq!(decision.keep, ["anthropic-version", "anthropic-beta"]);
}

#[test]
fn a_model_that_is_not_served_is_a_404() {
    let (status, reason, body) = refusal(host(Endpoint::ChatCompletions), &odd("gpt-5"));
    assert_eq!((status, reason), (404, "unknown_model"));
    assert_eq!(body["error"]["code"], "model_not_found");
    assert_eq!(body["error"]["param"], "model");
}

#[test]
fn a_model_that_the_caller_may_not_use_is_a_403_that_names_no_other() {
    let (status, reason, body) = refusal(host(Endpoint::ChatCompletions), &odd("secret-model"));
    assert_eq!((status, reason), (403, "model_not_allowed"));
    let message = body["error"]["message"].as_str().unwrap();
    assert_eq!(message, "You may not use this model.");
    // Patterns allow by the client's name, not by the provider's.
    let only_provider_name = host_for(Endpoint::ChatCompletions, &["gpt-*"]);
    assert_eq!(refusal(only_provider_name, &odd("fast")).0, 403);
    let nothing = host_for(Endpoint::ChatCompletions, &[]);
    assert_eq!(refusal(nothing, &odd("gpt-4.1")).0, 403);
}

#[test]
fn the_length_of_a_request_that_may_be_edited_goes_no_further() {
    for (host, length) in [
        (host(Endpoint::ChatCompletions), None),
        (TestHost::new().with_fact("ai.traffic", "passed"), Some("9")),
    ] {
        let mut headers = TestHeaders::new(&[("content-length", "9")]);
        let _ = exchange(host).request_headers(&mut headers, false);
        assert_eq!(headers.text("content-length").as_deref(), length);
    }
}

#[test]
fn without_an_identity_nothing_goes_on() {
    let mut host = host(Endpoint::ChatCompletions);
    host.facts.remove("ai.models");
    let (status, reason, _) = refusal(host, &odd("gpt-4.1"));
    assert_eq!((status, reason), (503, "no_identity"));
}

#[test]
fn bodies_that_cannot_be_read_are_refused() {
    for body in [
        "",
        "null",
        "[]",
        "{",
        "\u{1}",
        "{}",
        r#"{"model":null}"#,
        r#"{"model":["gpt-4.1"]}"#,
        r#"{"model":"gpt-4.1","model":"fast"}"#,
        r#"{"model":"gpt-4.1","m\u006fdel":"fast"}"#,
    ] {
        let (status, reason, _) = refusal(host(Endpoint::ChatCompletions), body);
        assert_eq!((status, reason), (400, "malformed_body"), "{body}");
    }
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    assert_eq!(
        send(&mut exchange, b"{\"model\":\"\xff\"}")
            .reply()
            .status(),
        400
    );
}

#[test]
fn an_anthropic_client_is_refused_in_its_own_shape() {
    let body = json!({"model": "no-such", "max_tokens": 1, "messages": []}).to_string();
    let (status, _, body) = refusal(host(Endpoint::Messages), &body);
    assert_eq!(status, 404);
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["type"], "not_found_error");
}

#[test]
fn objects_that_the_provider_stores_are_refused() {
    for (member, value) in [
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
    ] {
        let mut body = json!({"model": "gpt-4.1", "input": "a"});
        body[member] = value;
        let (status, reason, body) = refusal(host(Endpoint::Responses), &body.to_string());
        assert_eq!((status, reason), (400, "stored_object"));
        assert_eq!(body["error"]["param"], member);
    }
    let body = json!({"model": "gpt-4.1", "messages": [{"role": "user", "content":
        [{"type": "file", "file": {"file_id": "file-1"}}]}]});
    let (status, reason, body) = refusal(host(Endpoint::ChatCompletions), &body.to_string());
    assert_eq!((status, reason), (400, "stored_object"));
    assert_eq!(body["error"]["param"], "file_id");
}

#[test]
fn models_are_chosen_by_the_member_model_alone() {
    let chat = json!({"model": "gpt-4.1", "messages": [{"role": "user", "content": "a"}]});
    let of = |endpoint| match endpoint {
        Endpoint::Responses | Endpoint::Embeddings => json!({"model": "gpt-4.1", "input": "a"}),
        Endpoint::Completions => json!({"model": "gpt-4.1", "prompt": "a"}),
        _ => chat.clone(),
    };
    for endpoint in [
        Endpoint::ChatCompletions,
        Endpoint::Completions,
        Endpoint::Responses,
        Endpoint::Embeddings,
        Endpoint::Messages,
        Endpoint::CountTokens,
    ] {
        for (member, value) in [
            ("models", json!(["gpt-5"])),
            ("fallbacks", json!([{"model": "claude-opus-4-1"}])),
            ("route", json!("fallback")),
            ("provider", json!({"order": ["x"]})),
            ("plugins", json!([])),
            ("preset", json!("p")),
            ("extra_body", json!({})),
            ("user_config", json!({})),
            ("model_list", json!([])),
            ("api_base", json!("https://evil.test")),
            ("context_window_fallback_dict", json!({})),
            ("providerOptions", json!({})),
        ] {
            for name in [member.to_owned(), member.to_uppercase()] {
                let mut body = of(endpoint);
                body[&name] = value.clone();
                let (status, reason, _) = refusal(host(endpoint), &body.to_string());
                assert_eq!((status, reason), (400, "unsupported_parameter"), "{name}");
            }
        }
    }
    let mut body = chat.clone();
    body["models"] = json!(["gpt-5"]);
    let (_, _, answer) = refusal(host(Endpoint::ChatCompletions), &body.to_string());
    assert_eq!(answer["error"]["param"], "models");
    // What is `null` chooses nothing, and neither does what stands further in.
    body["models"] = json!(null);
    body["metadata"] = json!({"models": "x", "route": "y"});
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    assert!(!matches!(
        send(&mut exchange, body.to_string().as_bytes()),
        Outcome::Replied(_)
    ));
}

#[test]
fn a_tool_of_the_provider_s_chooses_no_model_and_a_client_s_own_names_what_it_likes() {
    let messages = json!([{"role": "user", "content": "a"}]);
    for (endpoint, tool) in [
        (
            Endpoint::Messages,
            json!({"type": "advisor_20260301", "name": "advisor", "model": "m"}),
        ),
        (
            Endpoint::ChatCompletions,
            json!({"type": "openrouter:advisor", "parameters": {"model": "m"}}),
        ),
        (
            Endpoint::Responses,
            json!({"type": "image_generation", "model": "m"}),
        ),
    ] {
        let mut body = json!({"model": "gpt-4.1", "messages": messages, "input": "a", "max_tokens": 1, "tools": [tool]});
        let (status, reason, _) = refusal(host(endpoint), &body.to_string());
        assert_eq!((status, reason), (400, "unsupported_parameter"), "{tool}");
        for own in [
            json!({"type": "function", "name": "f", "parameters": {"properties": {"model": {"type": "string"}}}}),
            json!({"name": "f", "input_schema": {"properties": {"model": {"type": "string"}}}}),
        ] {
            body["tools"] = json!([own]);
            let request =
                llm_api::Request::parse(endpoint, body.to_string().leak().as_bytes()).unwrap();
            assert!(request.stored_objects().is_ok(), "{own}");
        }
    }
}

#[test]
fn a_request_without_a_body_is_refused() {
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    let reply = exchange
        .request_headers(&mut request_headers(), true)
        .reply();
    assert_eq!((reply.status(), reply.details()), (400, "empty_body"));
}

#[test]
fn a_request_with_trailers_is_refused() {
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    let _ = exchange.request_headers(&mut request_headers(), false);
    assert_eq!(
        exchange.request_body(odd("gpt-4.1").as_bytes(), false),
        Outcome::Held
    );
    let reply = exchange.request_trailers().reply();
    assert_eq!((reply.status(), reply.details()), (400, "request_trailers"));
}

#[test]
fn a_body_in_pieces_is_read_when_it_is_whole() {
    let body = odd("fast");
    for cut in 0..body.len() {
        let mut exchange = exchange(host(Endpoint::ChatCompletions));
        let _ = exchange.request_headers(&mut request_headers(), false);
        let (first, second) = body.as_bytes().split_at(cut);
        assert_eq!(exchange.request_body(first, false), Outcome::Held);
        let passed = exchange.request_body(second, true).passed();
        assert_eq!(passed, odd("gpt-4.1-mini").as_bytes());
    }
}

#[test]
fn an_answer_that_comes_before_the_body_is_whole_passes() {
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    let _ = exchange.request_headers(&mut request_headers(), false);
    assert_eq!(exchange.request_body(b"{", false), Outcome::Held);
    let mut headers = response_headers(413, "text/plain");
    let before = headers.clone();
    let _ = exchange.response_headers(&mut headers, false);
    assert_eq!(headers, before);
    assert_eq!(exchange.response_body(b"too large", true), b"too large");
    exchange.end();
}

#[test]
fn a_client_that_leaves_leaves_nothing() {
    exchange(host(Endpoint::ChatCompletions)).end();
    let mut reading = exchange(host(Endpoint::ChatCompletions));
    let _ = reading.request_headers(&mut request_headers(), false);
    let _ = reading.request_body(b"{", false);
    reading.end();
    let (sent, _) = sent(Endpoint::ChatCompletions, &odd("gpt-4.1-mini"));
    sent.end();
}

#[test]
fn other_traffic_passes_untouched() {
    for host in [
        TestHost::new(),
        TestHost::new().with_fact("ai.traffic", "passed"),
    ] {
        let mut exchange = exchange(host);
        let mut headers = request_headers();
        assert_eq!(
            exchange.request_headers(&mut headers, false),
            Outcome::Passed(Vec::new())
        );
        assert_eq!(headers, request_headers());
        assert_eq!(exchange.request_body(b"any", true).passed(), b"any");
        let mut headers = response_headers(503, "text/html");
        let before = headers.clone();
        let _ = exchange.response_headers(&mut headers, false);
        assert_eq!(headers, before);
        assert_eq!(exchange.response_body(b"any", true), b"any");
        let facts = exchange.end().facts;
        assert!(facts.keys().all(|key| key == "ai.traffic"), "{facts:?}");
    }
}

#[test]
fn an_answer_in_the_clients_api_passes_byte_for_byte() {
    let body = b"data: {\"choices\":[]}\r\n\r\ndata: torn";
    for size in 1..=body.len() {
        let (mut exchange, _) = sent(Endpoint::ChatCompletions, &odd("gpt-4.1"));
        let mut headers = TestHeaders::new(&[
            (":status", "200"),
            ("content-type", SSE),
            ("x-ratelimit-remaining-requests", "9"),
            ("openai-organization", "org-1"),
            ("set-cookie", "__cf_bm=1"),
        ]);
        let _ = exchange.response_headers(&mut headers, false);
        assert_eq!(headers.0.len(), 3, "the provider's account stays unknown");
        assert_eq!(exchange.response_in_pieces(body, size), body);
        exchange.response_trailers();
        exchange.end();
    }
}

#[test]
fn what_only_the_gateway_may_say_does_not_pass_from_a_provider() {
    let (mut exchange, _) = sent(Endpoint::ChatCompletions, &odd("gpt-4.1"));
    let mut headers = TestHeaders::new(&[
        (":status", "400"),
        ("content-type", JSON),
        ("x-kept", "yes"),
        ("www-authenticate", "Bearer realm=\"org-1\""),
        ("x-envoy-upstream-service-time", "7"),
        ("x-envoy-overloaded", "true"),
        ("x-ai-cache", "miss"),
        ("x-ai-provider-request-id", "req_1"),
        ("x-ai-dropped-params", "forged"),
        ("x-ai-tenant", "forged"),
    ]);
    let _ = exchange.response_headers(&mut headers, false);
    let left: Vec<_> = headers.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        left,
        [
            ":status",
            "content-type",
            "x-kept",
            "x-ai-cache",
            "x-ai-provider-request-id",
        ]
    );
}

/// The provider's words about a credential tell of the gateway's account.
#[test]
fn a_refused_credential_is_an_error_of_the_gateway_in_the_clients_shape() {
    const SAID: &str = r#"{"error":{"message":"Incorrect API key: sk-op***ai of org-1"}}"#;
    const TOLD: &str = "The model's provider refused the gateway's credential.";
    let messages = r#"{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[]}"#.to_owned();
    let translated =
        r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"a"}]}"#.to_owned();
    let openai = json!({"error": {"message": TOLD, "type": "api_error", "param": null,
        "code": "provider_credential_refused"}});
    let anthropic = json!({"type": "error", "error": {"type": "api_error", "message": TOLD}});
    for (endpoint, body, expected) in [
        (Endpoint::ChatCompletions, odd("gpt-4.1"), &openai),
        (Endpoint::Messages, messages, &anthropic),
        (Endpoint::ChatCompletions, translated, &openai),
    ] {
        for (status, content_type, coding) in [
            (401, JSON, "identity"),
            (403, JSON, "gzip"),
            (401, SSE, "identity"),
            (403, "text/html", "br"),
        ] {
            let (mut exchange, _) = sent(endpoint, &body);
            let mut headers = response_headers(status, content_type);
            for (name, value) in [
                ("content-encoding", coding),
                ("www-authenticate", "Bearer realm=\"org-1\""),
                ("x-organization", "org-1"),
            ] {
                headers.0.push((name.to_owned(), value.as_bytes().to_vec()));
            }
            let _ = exchange.response_headers(&mut headers, false);
            let expected_headers = [
                (":status", "502"),
                ("server", "envoy"),
                ("content-type", JSON),
            ];
            assert_eq!(headers.0.len(), expected_headers.len(), "{:?}", headers.0);
            for (name, value) in expected_headers {
                assert_eq!(headers.text(name).unwrap(), value);
            }
            let out = exchange.response_in_pieces(SAID.as_bytes(), 5);
            assert_eq!(&read(&out), expected);
        }
        // An answer that ends with its head can't be given a body.
        let (mut exchange, _) = sent(endpoint, &body);
        let mut headers = response_headers(401, JSON);
        let _ = exchange.response_headers(&mut headers, true);
        assert_eq!(headers.text(":status").unwrap(), "502");
        assert_eq!(headers.text("content-type"), None);
        exchange.end();
    }
}

#[test]
fn a_compressed_answer_is_an_error_in_the_clients_shape() {
    for (endpoint, body, path) in [
        (Endpoint::ChatCompletions, odd("gpt-4.1"), "/error/type"),
        (
            Endpoint::Messages,
            r#"{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[]}"#.to_owned(),
            "/error/message",
        ),
    ] {
        let (mut exchange, _) = sent(endpoint, &body);
        let mut headers = response_headers(200, SSE);
        headers
            .0
            .push(("content-encoding".to_owned(), b"br".to_vec()));
        let _ = exchange.response_headers(&mut headers, false);
        assert_eq!(headers.text(":status").unwrap(), "502");
        assert_eq!(headers.text("content-encoding"), None);
        assert_eq!(headers.text("content-type").unwrap(), JSON);
        let out = exchange.response_in_pieces(b"\x0b\x02compressed", 3);
        assert!(read(&out).pointer(path).unwrap().is_string());
    }
}

#[test]
fn an_answer_of_a_filter_behind_passes_untouched() {
    // The role `upstream` has no credential, say, for a provider with a fallback.
    for model in ["gpt-4.1-mini", "claude-sonnet-4-5"] {
        let (mut exchange, _) = sent(Endpoint::ChatCompletions, &odd(model));
        exchange
            .host
            .facts
            .insert("ai.refused".to_owned(), b"no_credential".to_vec());
        let mut headers = response_headers(503, JSON);
        let before = headers.clone();
        let passed = exchange.response_headers(&mut headers, false);
        assert_eq!(passed, Outcome::Passed(Vec::new()));
        assert_eq!(headers, before);
        assert_eq!(
            exchange.response_body(b"{\"error\":1}", true),
            b"{\"error\":1}"
        );
        assert!(exchange.end().calls.is_empty());
    }
}

fn list(host: TestHost, path: &str) -> (u16, Value) {
    let mut exchange = exchange(host);
    let mut headers = TestHeaders::new(&[(":method", "GET"), (":path", path)]);
    let reply = exchange.request_headers(&mut headers, true).reply();
    let mut headers = response_headers(reply.status(), JSON);
    let _ = exchange.response_headers(&mut headers, false);
    assert_eq!(exchange.response_body(reply.body(), true), reply.body());
    exchange.end();
    (reply.status(), read(reply.body()))
}

#[test]
fn the_list_shows_what_the_caller_may_use() {
    let (status, body) = list(
        host_for(Endpoint::Models, &["gpt-4.1*", "secret-*"]),
        "/v1/models",
    );
    assert_eq!(status, 200);
    let model = |id: &str| json!({"id": id, "object": "model", "created": 0, "owned_by": "openai"});
    let models = [
        model("gpt-4.1"),
        model("gpt-4.1-mini"),
        model("secret-model"),
    ];
    assert_eq!(body, json!({"object": "list", "data": models}));
    let (_, body) = list(host_for(Endpoint::Models, &[]), "/v1/models");
    assert_eq!(body, json!({"object": "list", "data": []}));
}

#[test]
fn an_anthropic_client_gets_its_own_list() {
    let anthropic = |endpoint, models: &[&str]| {
        let mut host = host_for(endpoint, models);
        let api = Api::Anthropic;
        Traffic::Governed { api, endpoint }.publish(&mut host);
        host
    };
    let (_, body) = list(anthropic(Endpoint::Models, &["claude-*"]), "/v1/models");
    assert_eq!(body["first_id"], "claude-old");
    assert_eq!(body["last_id"], "claude-sonnet-4-5");
    assert_eq!(body["has_more"], false);
    assert_eq!(body["data"][0]["type"], "model");
    let (_, body) = list(anthropic(Endpoint::Models, &[]), "/v1/models");
    assert_eq!(
        body,
        json!({"data": [], "has_more": false, "first_id": null, "last_id": null})
    );
    let (status, body) = list(anthropic(Endpoint::Model, &["*"]), "/v1/models/no-such");
    assert_eq!((status, body["type"].as_str()), (404, Some("error")));
}

#[test]
fn one_model_is_shown_to_who_may_use_it() {
    let (status, body) = list(host(Endpoint::Model), "/v1/models/gpt-4.1");
    assert_eq!((status, body["id"].as_str()), (200, Some("gpt-4.1")));
    for path in [
        "/v1/models/secret-model",
        "/v1/models/no-such",
        "/v1/models/",
    ] {
        let (status, body) = list(host(Endpoint::Model), path);
        assert_eq!(
            (status, body["error"]["code"].as_str()),
            (404, Some("model_not_found"))
        );
    }
    let mut nobody = host(Endpoint::Models);
    nobody.facts.remove("ai.models");
    assert_eq!(list(nobody, "/v1/models").0, 503);
}
