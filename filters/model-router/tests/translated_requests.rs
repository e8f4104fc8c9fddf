//! Chat requests on their way to an Anthropic provider.

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
use test_host::Outcome;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use support::{JSON, exchange, host, json as read, response_headers, send, sent};

/// A chat request with one more member.
fn chat(member: &str, value: &Value) -> Value {
    let mut request = json!({
        "model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hi"}],
    });
    request[member] = value.clone();
    request
}

fn with_messages(messages: &Value) -> Value {
    chat("messages", messages)
}

/// What goes to the provider, and what the client is told was dropped.
fn translated(request: &Value) -> (Value, Option<String>) {
    let (mut exchange, body) = sent(Endpoint::ChatCompletions, &request.to_string());
    let mut headers = response_headers(200, JSON);
    let _ = exchange.response_headers(&mut headers, false);
    (read(&body), headers.text("x-ai-dropped-params"))
}

/// The status and the error of a request that is refused.
fn refused(request: &Value) -> Value {
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    let reply = send(&mut exchange, request.to_string().as_bytes()).reply();
    assert_eq!(reply.status(), 400);
    read(reply.body())["error"].clone()
}

/// JSON text without white space, its members in their order and its numbers as they are written.
fn compact(json: &str) -> String {
    let mut inside = false;
    let mut escaped = false;
    let mut out = String::new();
    for char in json.chars() {
        if inside || !char.is_whitespace() {
            out.push(char);
        }
        match char {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && char == '\\' && !escaped;
    }
    out
}

#[test]
fn a_whole_request_becomes_the_expected_one() {
    let request = include_str!("golden/chat.openai.json");
    let (mut exchange, body) = sent(Endpoint::ChatCompletions, request);
    let body = String::from_utf8(body).unwrap();
    assert_eq!(
        compact(&body),
        compact(include_str!("golden/chat.anthropic.json"))
    );

    let mut headers = response_headers(200, JSON);
    let _ = exchange.response_headers(&mut headers, false);
    assert_eq!(
        headers.text("x-ai-dropped-params").unwrap(),
        "seed, frequency_penalty, metadata, top_k"
    );
}

#[test]
fn nothing_is_made_of_a_request_that_says_little() {
    let (body, dropped) = translated(&chat("stream", &json!(false)));
    assert_eq!(
        body,
        json!({"model": "claude-sonnet-4-5", "max_tokens": 4096,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]})
    );
    assert_eq!(dropped, None);
}

#[test]
fn what_would_change_the_answer_is_refused_by_name() {
    for (member, value) in [
        ("n", json!(2)),
        ("logprobs", json!(true)),
        ("top_logprobs", json!(2)),
        ("logit_bias", json!({"50256": -100})),
        ("modalities", json!(["text", "audio"])),
        ("audio", json!({"voice": "alloy", "format": "mp3"})),
        ("web_search_options", json!({})),
        ("functions", json!([{"name": "f"}])),
        ("function_call", json!({"name": "f"})),
        (
            "tools",
            json!([{"type": "custom", "custom": {"name": "f"}}]),
        ),
        (
            "tool_choice",
            json!({"type": "allowed_tools", "allowed_tools": {}}),
        ),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
        ),
        (
            "messages",
            json!([{"role": "function", "name": "f", "content": "x"}]),
        ),
        (
            "messages",
            json!([{"role": "assistant", "tool_calls": [{"id": "a", "type": "custom"}]}]),
        ),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "image_url",
            "image_url": {"url": "data:image/tiff;base64,AA=="}}]}]),
        ),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "image_url",
            "image_url": {"url": "file:///etc/passwd"}}]}]),
        ),
        (
            "messages",
            json!([{"role": "assistant", "tool_calls": [{"id": "a", "type": "function",
            "function": {"name": "f", "arguments": "{\"a\":"}}]}]),
        ),
        (
            "messages",
            json!([{"role": "assistant", "tool_calls": [{"id": "a", "type": "function",
            "function": {"name": "f", "arguments": "[1]"}}]}]),
        ),
    ] {
        let error = refused(&chat(member, &value));
        assert_eq!(error["param"], member, "{value}");
        assert_eq!(error["code"], "unsupported_parameter", "{value}");
    }
}

/// The redactor has passed base64 by: decoded behind it, an address would go out in clear.
#[test]
fn a_text_file_is_refused_and_not_decoded() {
    for media_type in [
        "text/plain",
        "text/plain;charset=utf-8",
        "text/html",
        "application/zip",
    ] {
        let uri = format!("data:{media_type};base64,YW5uQGJhbmsuZXhhbXBsZQ==");
        let error = refused(&with_messages(&json!([{"role": "user", "content": [
            {"type": "file", "file": {"filename": "a.txt", "file_data": uri}}]}])));
        assert_eq!(error["code"], "unsupported_parameter", "{media_type}");
        assert_eq!(error["param"], "file", "{media_type}");
    }
}

#[test]
fn what_is_malformed_is_refused_by_name() {
    for (member, value) in [
        ("messages", json!([])),
        ("messages", json!([{"role": "user", "content": " \n"}])),
        ("messages", json!([{"role": "king", "content": "hi"}])),
        ("tools", json!([["function", {"name": "f"}]])),
        ("messages", json!([{"content": "hi"}])),
        ("messages", json!([{"role": "tool", "content": "x"}])),
        (
            "messages",
            json!([{"role": "user", "content": [{"text": "no type"}]}]),
        ),
        ("tools", json!([{"type": "function"}])),
        (
            "tools",
            json!([{"type": "function", "function": {"name": "f", "parameters": [1]}}]),
        ),
        ("tool_choice", json!("any")),
        ("tool_choice", json!(7)),
        ("tool_choice", json!("required")),
        ("temperature", json!(2.1)),
        ("temperature", json!(-0.1)),
        ("temperature", json!("hot")),
        ("top_p", json!(1.1)),
        ("stop", json!([1])),
        ("max_tokens", json!(0)),
        ("reasoning_effort", json!("a bit")),
        ("response_format", json!({"type": "xml"})),
        ("response_format", json!({"type": "json_schema"})),
        ("parallel_tool_calls", json!("no")),
        ("n", json!(0)),
        ("user", json!(7)),
    ] {
        let error = refused(&chat(member, &value));
        assert_eq!(error["param"], member, "{value}");
        assert_eq!(error["type"], "invalid_request_error", "{value}");
    }
}

#[test]
fn content_of_no_known_form_is_refused() {
    let error = refused(&with_messages(&json!([{"role": "user", "content": 7}])));
    assert_eq!(error["param"], "content");
}

#[test]
fn a_member_that_is_given_twice_is_refused() {
    let body = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}],"top_p":1,"top_p":0}"#;
    let mut exchange = exchange(host(Endpoint::ChatCompletions));
    let reply = send(&mut exchange, body.as_bytes()).reply();
    assert_eq!(reply.status(), 400);
    let body = body.replace(
        "\"top_p\":1,\"top_p\":0",
        "\"user\":\"a\",\"\\u0075ser\":\"b\"",
    );
    let mut exchange = support::exchange(host(Endpoint::ChatCompletions));
    assert_eq!(send(&mut exchange, body.as_bytes()).reply().status(), 400);
}

#[test]
fn hints_are_dropped_and_named() {
    for (member, value) in [
        ("seed", json!(7)),
        ("presence_penalty", json!(0.5)),
        ("frequency_penalty", json!(-1)),
        ("metadata", json!({"a": "b"})),
        ("prompt_cache_key", json!("k")),
        ("verbosity", json!("low")),
        ("service_tier", json!("flex")),
        ("prediction", json!({"type": "content", "content": "x"})),
        ("user", json!("someone@example.com")),
        ("user", json!("+49 89 1234567")),
        ("safety_identifier", json!("x".repeat(300))),
        ("temperature", json!(1.5)),
    ] {
        let (body, dropped) = translated(&chat(member, &value));
        assert_eq!(dropped.as_deref(), Some(member), "{value}");
        let kept = if member == "temperature" {
            json!(1)
        } else {
            json!(null)
        };
        assert_eq!(body[member], kept, "{member}");
        assert_eq!(body["metadata"], json!(null), "{member}");
    }
}

#[test]
fn what_says_nothing_is_left_out_without_a_word() {
    for (member, value) in [
        ("presence_penalty", json!(0)),
        ("frequency_penalty", json!(0.0)),
        ("logprobs", json!(false)),
        ("top_logprobs", json!(0)),
        ("logit_bias", json!({})),
        ("metadata", json!(null)),
        ("store", json!(false)),
        ("modalities", json!(["text"])),
        ("tools", json!([])),
        ("tool_choice", json!("none")),
        ("parallel_tool_calls", json!(true)),
        ("response_format", json!({"type": "text"})),
        ("n", json!(null)),
        ("stop", json!(null)),
    ] {
        let (body, dropped) = translated(&chat(member, &value));
        assert_eq!(dropped, None, "{member}");
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["max_tokens", "messages", "model"], "{member}");
    }
}

#[test]
fn a_name_that_is_no_word_is_not_repeated_in_a_header() {
    let mut request = chat("x\r\ny: z", &json!(1));
    request["ok_1"] = json!(1);
    let (_, dropped) = translated(&request);
    assert_eq!(dropped.as_deref(), Some("ok_1"));
    for number in 0..100 {
        request[format!("m{number:03}")] = json!(1);
    }
    let (_, dropped) = translated(&request);
    assert_eq!(dropped.unwrap().split(", ").count(), 32);
}

#[test]
fn one_of_two_ways_of_sampling_is_kept() {
    let mut request = chat("temperature", &json!(0.5));
    request["top_p"] = json!(0.9);
    let (body, dropped) = translated(&request);
    assert_eq!(body["temperature"], 0.5);
    assert_eq!(body["top_p"], json!(null));
    assert_eq!(dropped.as_deref(), Some("top_p"));
    let (body, dropped) = translated(&chat("top_p", &json!(0.9)));
    assert_eq!((body["top_p"].clone(), dropped), (json!(0.9), None));
}

#[test]
fn a_version_without_sampling_gets_none() {
    let config = support::CONFIG.replace("2023-06-01", "2026-10-21");
    let mut exchange = support::exchange_with(&config, host(Endpoint::ChatCompletions));
    let mut request = chat("temperature", &json!(0.5));
    request["top_p"] = json!(0.9);
    let body = read(&send(&mut exchange, request.to_string().as_bytes()).passed());
    assert_eq!(body["temperature"], json!(null));
    assert_eq!(body["top_p"], json!(null));
}

#[test]
fn the_choice_of_tools_is_said_in_the_other_apis_words() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    for (choice, expected) in [
        (json!("auto"), json!({"type": "auto"})),
        (json!("none"), json!({"type": "none"})),
        (json!("required"), json!({"type": "any"})),
        (
            json!({"type": "function", "function": {"name": "f"}}),
            json!({"type": "tool", "name": "f"}),
        ),
    ] {
        let mut request = chat("tools", &tools);
        request["tool_choice"] = choice;
        assert_eq!(translated(&request).0["tool_choice"], expected);
        request["parallel_tool_calls"] = json!(false);
        let mut single = expected.clone();
        if expected["type"] != "none" {
            single["disable_parallel_tool_use"] = json!(true);
        }
        assert_eq!(translated(&request).0["tool_choice"], single);
    }
    let mut request = chat("tools", &tools);
    request["parallel_tool_calls"] = json!(false);
    let expected = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(translated(&request).0["tool_choice"], expected);
}

#[test]
fn results_stand_before_what_the_user_says() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let (body, _) = translated(&with_messages(&json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call("1"), call("2")]},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "user", "content": "b"},
        {"role": "tool", "tool_call_id": "2", "content": ""},
    ])));
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "1", "content": "one"},
            {"type": "tool_result", "tool_use_id": "2", "content": ""},
            {"type": "text", "text": "b"},
        ])
    );
}

#[test]
fn results_of_several_turns_stay_in_their_own_turn_and_order() {
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
    let call = |id: &str| {
        json!({"role": "assistant", "tool_calls": [{"id": id, "type": "function",
        "function": {"name": "f", "arguments": "{}"}}]})
    };
    let (body, _) = translated(&with_messages(&json!([
        result("1"), {"role": "user", "content": "a"}, result("2"),
        // Says nothing, and so ends no turn.
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "b"}, result("3"),
        call("4"), call("5"),
        {"role": "user", "content": "c"}, result("5"), {"role": "user", "content": "d"}, result("4"),
    ])));
    let turns: Vec<Vec<&str>> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| {
            let blocks = turn["content"].as_array().unwrap().iter();
            blocks
                .map(|block| {
                    ["tool_use_id", "id", "text"]
                        .iter()
                        .find_map(|member| block[*member].as_str())
                        .unwrap()
                })
                .collect()
        })
        .collect();
    assert_eq!(
        turns,
        [
            vec!["1", "2", "3", "a", "b"],
            vec!["4", "5"],
            vec!["5", "4", "c", "d"],
        ]
    );
}

/// Quadratic work would take these minutes, and a worker of the proxy with it.
#[test]
fn two_hundred_thousand_results_in_one_turn_take_linear_time() {
    const RESULTS: usize = 200_000;
    let mut messages = vec![json!({"role": "user", "content": "said"})];
    for number in 0..RESULTS {
        messages.push(json!({"role": "tool", "tool_call_id": number.to_string()}));
    }
    let (body, _) = translated(&with_messages(&Value::Array(messages)));
    let content = body["messages"][0]["content"].as_array().unwrap();
    assert_eq!(content.len(), RESULTS + 1);
    for (number, block) in content.iter().take(RESULTS).enumerate() {
        assert_eq!(block["tool_use_id"], number.to_string());
    }
    assert_eq!(content[RESULTS]["text"], "said");
}

#[test]
fn a_conversation_that_the_assistant_begins_gets_a_turn_before() {
    let (body, _) = translated(&with_messages(&json!([
        {"role": "assistant", "content": "Hello!", "refusal": null},
        {"role": "user", "content": "hi"},
    ])));
    let roles: Vec<&Value> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| &turn["role"])
        .collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[test]
fn null_content_and_thoughts_are_no_blocks() {
    let (body, _) = translated(&with_messages(&json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": null},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x"},
            {"type": "refusal", "refusal": "No."}]},
        {"role": "user", "content": "b"},
    ])));
    assert_eq!(
        body["messages"][1]["content"],
        json!([{"type": "text", "text": "No."}])
    );
}

#[test]
fn a_model_before_efforts_gets_a_budget() {
    let old = |request: &mut Value| {
        request["model"] = json!("claude-old");
        translated(request)
    };
    let mut request = chat("reasoning_effort", &json!("medium"));
    request["temperature"] = json!(0.5);
    let (body, dropped) = old(&mut request);
    assert_eq!(
        body["thinking"],
        json!({"type": "enabled", "budget_tokens": 2048})
    );
    assert_eq!(body["temperature"], json!(null));
    assert_eq!(dropped.as_deref(), Some("temperature"));

    // A forced call rules thinking out.
    request["tools"] = json!([{"type": "function", "function": {"name": "f", "strict": true}}]);
    request["tool_choice"] = json!("required");
    let (body, dropped) = old(&mut request);
    assert_eq!(body["thinking"], json!(null));
    assert_eq!(body["temperature"], 0.5);
    assert_eq!(body["tools"][0]["strict"], json!(null));
    assert_eq!(dropped.as_deref(), Some("reasoning_effort"));
}

#[test]
fn a_model_without_structured_outputs_refuses_a_schema() {
    let mut request = chat(
        "response_format",
        &json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}),
    );
    request["model"] = json!("claude-old");
    assert_eq!(refused(&request)["param"], "response_format");
    request["response_format"] = json!({"type": "json_object"});
    let (body, _) = translated(&request);
    assert_eq!(body["system"].as_array().unwrap().len(), 1);
}

#[test]
fn half_a_surrogate_pair_in_a_message_does_no_harm() {
    let body = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"a\ud83e"}]}"#;
    let (_, body) = sent(Endpoint::ChatCompletions, body);
    assert_eq!(
        read(&body)["messages"][0]["content"][0]["text"],
        "a\u{FFFD}"
    );
}

#[test]
fn only_chats_are_translated() {
    for (endpoint, body) in [
        (
            Endpoint::Completions,
            json!({"model": "claude-sonnet-4-5", "prompt": "hi"}),
        ),
        (
            Endpoint::Responses,
            json!({"model": "claude-sonnet-4-5", "input": "hi"}),
        ),
        (
            Endpoint::Embeddings,
            json!({"model": "claude-sonnet-4-5", "input": "hi"}),
        ),
        (
            Endpoint::Messages,
            json!({"model": "gpt-4.1", "max_tokens": 9, "messages": []}),
        ),
        (
            Endpoint::CountTokens,
            json!({"model": "gpt-4.1", "messages": []}),
        ),
    ] {
        let mut exchange = exchange(host(endpoint));
        match send(&mut exchange, body.to_string().as_bytes()) {
            Outcome::Replied(reply) => {
                assert_eq!(
                    (reply.status(), reply.details()),
                    (400, "unsupported_endpoint")
                );
            }
            other => panic!("{endpoint:?}: {other:?}"),
        }
    }
}
