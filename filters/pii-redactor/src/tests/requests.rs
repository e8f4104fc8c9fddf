//! What leaves.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use http_filter::{Filter, Time};
use llm_api::{Api, Endpoint};
use test_host::{Exchange, Outcome, TestEnvironment, TestHeaders, TestHost};

use super::{MASKING, chat, exchange, exchange_of, masked};
use crate::PiiRedactor;

const REDACTIONS: &str = r#"ai_redactions_total{rule="email",tenant="team-a"}"#;

#[test]
fn addresses_in_a_chat_are_masked_and_all_else_leaves_as_it_came() {
    let body = r#" {"model" : "m","user":"ann@example.com","temperature":1.0,
      "messages":[ {"role":"system","content":"Write to \"bob@example.org\"\n"},
        {"role":"user","content":[{"type":"text","text":"\u003cann@example.com\u003e, carl\u0040example.net"},
          {"type":"image_url","image_url":{"url":"https://x.example/dan.png"}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":
          {"name":"send","arguments":"{\"to\":\"bob@example.org\",\"text\":\"\\nann@example.com\"}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"{\"sent\":\"bob@example.org\"}"},
        {"role":"user","content":"\ud83e ann@example.com"} ]}"#;
    let expected = body
        .replace("ann@example.com", "[EMAIL_1]")
        .replace("bob@example.org", "[EMAIL_2]")
        .replace(r"carl\u0040example.net", "[EMAIL_3]");
    assert_eq!(masked(Endpoint::ChatCompletions, body), expected);
}

#[test]
fn addresses_in_texts_of_messages_are_masked() {
    let body = r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"I am ann@example.com"}],
      "messages":[{"role":"user","content":"Mail bob@example.org"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"bob@example.org?","signature":"s"},
          {"type":"text","text":"To ann@example.com"},
          {"type":"tool_use","id":"t","name":"send","input":{"to":["bob@example.org"],"n":{"cc":"ann@example.com"}}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"bob@example.org"}]},
          {"type":"document","source":{"type":"text","media_type":"text/plain","data":"carl@example.net"}}]}]}"#;
    let expected = body
        .replace("ann@example.com", "[EMAIL_1]")
        .replace("bob@example.org", "[EMAIL_2]")
        .replace("carl@example.net", "[EMAIL_3]");
    for endpoint in [Endpoint::Messages, Endpoint::CountTokens] {
        assert_eq!(masked(endpoint, body), expected);
    }
}

#[test]
fn numbers_follow_the_order_of_the_body() {
    let body = r#"{"model":"m","messages":[{"role":"assistant","content":[
        {"type":"tool_use","id":"t","name":"f","input":{"to":"ann@example.com"}}]},
        {"role":"user","content":"bob@example.org"}],"system":"carl@example.net"}"#;
    let expected = body
        .replace("ann@example.com", "[EMAIL_1]")
        .replace("bob@example.org", "[EMAIL_2]")
        .replace("carl@example.net", "[EMAIL_3]");
    assert_eq!(masked(Endpoint::Messages, body), expected);
}

#[test]
fn addresses_in_other_inputs_are_masked() {
    for (endpoint, body) in [
        (
            Endpoint::Completions,
            r#"{"model":"m","prompt":["ann@example.com","x"],"suffix":"ann@example.com"}"#,
        ),
        (
            Endpoint::Embeddings,
            r#"{"model":"m","input":["x","ann@example.com"]}"#,
        ),
        (
            Endpoint::Responses,
            r#"{"model":"m","instructions":"ann@example.com","input":[{"role":"user","content":[
              {"type":"input_text","text":"ann@example.com"}]},
              {"type":"function_call_output","call_id":"c","output":"ann@example.com"}]}"#,
        ),
    ] {
        assert_eq!(
            masked(endpoint, body),
            body.replace("ann@example.com", "[EMAIL_1]")
        );
    }
}

#[test]
fn addresses_are_masked_wherever_they_stand() {
    use Endpoint::{ChatCompletions, Completions, CountTokens, Embeddings, Messages, Responses};
    for (endpoint, body) in [
        (
            Responses,
            r#"{"model":"m","input":[
              {"type":"local_shell_call","action":{"command":["mail","ann@example.com"],"env":{"TO":"ann@example.com"}}},
              {"type":"shell_call_output","output":[{"stdout":"ann@example.com","stderr":""}]},
              {"type":"computer_call","action":{"type":"type","text":"ann@example.com"}},
              {"type":"mcp_list_tools","tools":[{"description":"ann@example.com"}]},
              {"type":"later","deep":[[{"er":["ann@example.com"]}]]}],
              "text":{"format":{"schema":{"description":"ann@example.com"}}},
              "prompt_cache_key":"ann@example.com","metadata":{"who":"ann@example.com"}}"#,
        ),
        (
            Messages,
            r#"{"model":"m","mcp_servers":[{"name":"ann@example.com"}],"messages":[{"role":"assistant","content":[
              {"type":"text","text":"x","citations":[{"cited_text":"ann@example.com"}]},
              {"type":"code_execution_tool_result","content":{"stdout":"ann@example.com"}},
              {"type":"search_result","source":"mailto:ann@example.com","content":[]},
              {"type":"later_use","input":{"to":"ann@example.com"}},
              {"type":"thinking","thinking":"x","signature":"c2ln"}]}]}"#,
        ),
        (
            CountTokens,
            r#"{"model":"m","messages":[],"tools":[{"name":"f","input_schema":{"default":"ann@example.com"}}]}"#,
        ),
        (
            ChatCompletions,
            r#"{"model":"m","messages":[{"role":"assistant","content":"x",
              "annotations":[{"url_citation":{"title":"ann@example.com"}}],
              "reasoning_details":[{"text":"ann@example.com"}],"thinking_blocks":[{"thinking":"ann@example.com"}]},
              {"role":"user","content":[{"type":"file","file":{"filename":"ann@example.com.pdf"}}]}],
              "tools":[{"type":"function","function":{"name":"f","description":"Mails ann@example.com",
                "parameters":{"properties":{"to":{"default":"ann@example.com"}}}}}],
              "functions":[{"description":"ann@example.com"}],"stop":["ann@example.com"],
              "response_format":{"json_schema":{"description":"ann@example.com"}},
              "web_search_options":{"user_location":{"x":"ann@example.com"}},
              "documents":[{"title":"ann@example.com"}],"chat_template_kwargs":{"x":"ann@example.com"}}"#,
        ),
        (
            Completions,
            r#"{"model":"m","prompt":"x","stop":"ann@example.com"}"#,
        ),
        (
            Embeddings,
            r#"{"model":"m","input":"x","x":{"model":"ann@example.com"}}"#,
        ),
    ] {
        let expected = body.replace("ann@example.com.pdf", "[EMAIL_2]");
        let expected = expected.replace("ann@example.com", "[EMAIL_1]");
        let sent = masked(endpoint, body);
        assert!(!sent.contains('@'), "{sent}");
        // The file's name is read as an address of another domain.
        assert_eq!(sent, expected);
    }
}

#[test]
fn the_name_of_the_model_and_names_of_members_stay() {
    let body = r#"{"messages":[],"x":{"ann@example.com":1,"model":"ann@example.com"},"model":"ann@example.com"}"#;
    let expected = body.replacen(
        r#""model":"ann@example.com"}"#,
        r#""model":"[EMAIL_1]"}"#,
        1,
    );
    assert_eq!(masked(Endpoint::ChatCompletions, body), expected);
}

#[test]
fn an_address_that_is_escaped_in_json_text_in_a_string_is_masked() {
    let body = r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":
        "{\"to\":\"ann\\u0040bank.example\",\"cc\":\"{\\\"x\\\":\\\"\u00e9 bob\\\\u0040bank.example\\\"}\"}"}}]},
        {"role":"user","content":"ann@bank.example, ann\u0040bank.example."}]}"#;
    let expected = body
        .replace(r"ann\\u0040bank.example", "[EMAIL_1]")
        .replace(r"ann\u0040bank.example", "[EMAIL_1]")
        .replace("ann@bank.example", "[EMAIL_1]")
        .replace(r"bob\\\\u0040bank.example", "[EMAIL_2]");
    assert_eq!(masked(Endpoint::ChatCompletions, body), expected);
}

#[test]
fn a_body_of_more_texts_than_are_read_is_refused() {
    for says in ["", "ann@example.com"] {
        let flood = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":[{}"{says}"]}}]}}"#,
            "\"\",".repeat(100_000)
        );
        let mut exchange = exchange(Endpoint::ChatCompletions);
        let reply = exchange.request_body(flood.as_bytes(), true).reply();
        assert_eq!((reply.status(), reply.details()), (400, "malformed_body"));
    }
}

#[test]
fn the_same_question_of_two_people_is_the_same_text() {
    let ask = |who| {
        masked(
            Endpoint::ChatCompletions,
            &chat(&format!("I am {who}. Who is {who}?")),
        )
    };
    assert_eq!(ask("ann@example.com"), ask("bob@example.org"));
}

#[test]
fn a_body_in_which_nothing_is_found_leaves_byte_for_byte() {
    let body = r#"{ "model":"m","messages":[{"role":"user","content":"5 @ 3, \u0041 \ud83e","n":[1.0]}] }"#;
    let mut exchange = exchange(Endpoint::ChatCompletions);
    for piece in body.as_bytes().chunks(7) {
        assert_eq!(exchange.request_body(piece, false), Outcome::Held);
    }
    assert_eq!(exchange.request_body(b"", true).passed(), body.as_bytes());
    let mut headers = TestHeaders::new(&[
        ("content-type", "application/json"),
        ("content-length", "11"),
    ]);
    let _ = exchange.response_headers(&mut headers, false);
    assert_eq!(headers.text("content-length").as_deref(), Some("11"));
    assert_eq!(exchange.response_body(b"[EMAIL_1]", true), b"[EMAIL_1]");
    assert!(exchange.end().counters.is_empty());
}

#[test]
fn placeholders_that_the_client_wrote_are_never_given_out() {
    let sent = masked(
        Endpoint::ChatCompletions,
        r#"{"model":"m","messages":[{"role":"user","content":"\u005bEMAIL_1] and ann@example.com [EMAIL_02]"}],
           "tools":[{"type":"function","function":{"name":"f","description":"Replaces [EMAIL_2]"}}]}"#,
    );
    assert!(
        sent.contains(r"\u005bEMAIL_1] and [EMAIL_3] [EMAIL_02]"),
        "{sent}"
    );
}

#[test]
fn each_match_is_counted_by_rule() {
    let mut exchange = exchange(Endpoint::ChatCompletions);
    let _ = exchange.request_body(chat("a@b.co a@b.co c@d.co").as_bytes(), true);
    assert_eq!(exchange.end().counter(REDACTIONS), 3);
}

#[test]
fn more_matches_than_can_be_kept_are_refused() {
    let values = |count: u32| (0..count).map(|number| format!("{number}@example.com "));
    for (says, masked) in [
        (values(10_000).collect::<String>(), 10_000),
        (values(10_001).collect(), 0),
        ("a@b.co ".repeat(100_000), 100_000),
        ("a@b.co ".repeat(100_001), 0),
    ] {
        let mut exchange = exchange(Endpoint::ChatCompletions);
        let outcome = exchange.request_body(chat(&says).as_bytes(), true);
        assert_eq!(exchange.end().counter(REDACTIONS), masked);
        if masked == 0 {
            let reply = outcome.reply();
            assert_eq!((reply.status(), reply.details()), (400, "too_many_matches"));
            assert!(!String::from_utf8_lossy(reply.body()).contains("example"));
        }
    }
}

#[test]
fn a_body_that_can_not_be_read_is_refused_in_the_shape_of_the_api() {
    for body in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "\u{feff}{}",
        r#"{"model":"m"}"#,
        r#"{"model":"m","messages":7}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"a"}],"messages":[]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":7}]}"#,
    ] {
        for (api, endpoint) in [
            (Api::OpenAi, Endpoint::ChatCompletions),
            (Api::Anthropic, Endpoint::Messages),
        ] {
            let mut exchange = exchange_of(MASKING, (api, endpoint));
            let reply = exchange.request_body(body.as_bytes(), true).reply();
            assert_eq!(reply.status(), 400, "{body}");
            let is_anthropic = reply.body().starts_with(br#"{"type":"error""#);
            assert_eq!(is_anthropic, api == Api::Anthropic);
            assert_eq!(
                exchange.host.fact_text("ai.refused").as_deref(),
                Some("malformed_body")
            );
        }
    }
    let reply = exchange(Endpoint::ChatCompletions).request_body(b"{\"model\":\"\xff\"}", true);
    assert_eq!(reply.reply().status(), 400);
}

#[test]
fn token_numbers_are_refused_because_nothing_can_be_found_in_them() {
    for (endpoint, body) in [
        (Endpoint::Embeddings, r#"{"model":"m","input":[1,2]}"#),
        (Endpoint::Completions, r#"{"model":"m","prompt":[[1,2]]}"#),
    ] {
        let reply = exchange(endpoint)
            .request_body(body.as_bytes(), true)
            .reply();
        assert_eq!((reply.status(), reply.details()), (400, "token_input"));
    }
}

#[test]
fn trailers_and_bodies_above_the_bound_are_refused() {
    let mut exchange = exchange(Endpoint::ChatCompletions);
    assert_eq!(exchange.request_body(b"{", false), Outcome::Held);
    let reply = exchange.request_trailers().reply();
    assert_eq!((reply.status(), reply.details()), (400, "request_trailers"));

    let config = r#"{"rules":{"email":{"action":"mask"}},"maxBodyBytes":4096}"#;
    let mut exchange = exchange_of(config, (Api::OpenAi, Endpoint::ChatCompletions));
    assert_eq!(exchange.request_body(&[b' '; 4096], false), Outcome::Held);
    let reply = exchange.request_body(b" ", false).reply();
    assert_eq!((reply.status(), reply.details()), (413, "body_too_large"));
}

#[test]
fn an_own_refusal_comes_back_untouched() {
    let mut exchange = exchange(Endpoint::ChatCompletions);
    let reply = exchange.request_body(b"null", true).reply();
    let mut headers = TestHeaders::new(&[
        ("content-type", "application/json"),
        ("content-length", "7"),
    ]);
    let _ = exchange.response_headers(&mut headers, false);
    assert_eq!(headers.text("content-length").as_deref(), Some("7"));
    assert_eq!(exchange.response_body(reply.body(), true), reply.body());
}

#[test]
fn the_length_of_a_request_that_may_be_edited_goes_no_further() {
    for (config, length) in [
        (MASKING, None),
        (r#"{"rules":{"email":{"action":"off"}}}"#, Some("9")),
    ] {
        let environment = TestEnvironment::default();
        let filter = PiiRedactor::configure(config.as_bytes(), &environment).unwrap();
        let mut host = TestHost::new();
        let (api, endpoint) = (Api::OpenAi, Endpoint::ChatCompletions);
        facts::Traffic::Governed { api, endpoint }.publish(&mut host);
        let mut exchange = Exchange::new(filter.open(), host, Time::from_nanoseconds(0));
        let mut headers = TestHeaders::new(&[("content-length", "9")]);
        let _ = exchange.request_headers(&mut headers, false);
        assert_eq!(headers.text("content-length").as_deref(), length);
    }
}

#[test]
fn traffic_that_is_none_of_ours_passes() {
    let governed = |endpoint| {
        Some(facts::Traffic::Governed {
            api: Api::OpenAi,
            endpoint,
        })
    };
    for (traffic, config) in [
        (None, MASKING),
        (Some(facts::Traffic::Passed), MASKING),
        (governed(Endpoint::Models), MASKING),
        (
            governed(Endpoint::ChatCompletions),
            r#"{"rules":{"email":{"action":"off"}}}"#,
        ),
    ] {
        let filter =
            PiiRedactor::configure(config.as_bytes(), &TestEnvironment::default()).unwrap();
        let mut host = TestHost::new();
        if let Some(traffic) = traffic {
            traffic.publish(&mut host);
        }
        let mut exchange = Exchange::new(filter.open(), host, Time::from_nanoseconds(0));
        let mut headers = TestHeaders::new(&[("content-length", "25")]);
        let _ = exchange.request_headers(&mut headers, false);
        assert_eq!(headers.text("content-length").as_deref(), Some("25"));
        let body = b"not JSON, ann@example.com";
        assert_eq!(exchange.request_body(body, false).passed(), body);
        assert_eq!(exchange.request_trailers().passed(), b"");
    }
}
