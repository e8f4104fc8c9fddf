//! Replays recorded cases of two other gateways: what they sent to Anthropic for a chat request,
//! and what they made of Anthropic's answers. The recordings lie beside the repository, in
//! `../shared/fixtures`; without that folder the test says so and passes.
//!
//! A case passes when it agrees after [`same`] has put aside what means the same in both
//! spellings. Where this router differs on purpose, [`EXPLAINED`] says why.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a native test fails by panicking, and reports its numbers"
)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use llm_api::Endpoint;
use serde_json::{Map, Value, json};
use test_host::Outcome;

use support::{exchange_with, host_for, response_headers, send};

/// Cases in which this router differs on purpose: a part of the case's id, and the reason.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "completions-missing-max-tokens",
        "without `max_tokens` the configured default is sent, not 0",
    ),
    ("streaming-request-validation", NOTHING_SAID),
    ("missing-maxtokens-passes-with-zero", NOTHING_SAID),
    ("testresponsemodel-awsanthropicstreaming", NOTHING_SAID),
    ("handles-simple-text-stream", NOTHING_SAID),
    ("request-request-with-thinking-", NOTHING_SAID),
    ("developer-message-caching", NOTHING_SAID),
    (
        "returns-event-stream-content-type-for-streaming",
        NOTHING_SAID,
    ),
    ("returns-no-headers-for-non-streaming", NOTHING_SAID),
    ("test-message-param", NOTHING_SAID),
    ("test-single-stop", NOTHING_SAID),
    ("litellm-anthropic-empty-content", NOTHING_SAID),
    ("assistant-message-with-thinking-content", THOUGHTS),
    (
        "assistant-message-with-redacted-thinking-content-string",
        THOUGHTS,
    ),
    ("assistant-tool-call-caching", USER_BEGINS),
    ("assistant-text-content-caching", USER_BEGINS),
    ("request-assistant-message-with-text", USER_BEGINS),
    ("request-assistant-message-with-tool-call", USER_BEGINS),
    ("request-assistant-message-with-refusal", USER_BEGINS),
    (
        "full-request-with-mixed-caching",
        "a user's words after a tool's result are one turn with it",
    ),
    (
        "image-content-request",
        "a content part without a type is malformed",
    ),
    (
        "any-tool-choice",
        "`any` is Anthropic's word; OpenAI's is `required`",
    ),
    (
        "function-tool-choice",
        "a function is named by an object, not by its bare name",
    ),
    ("response-testresponsemodel-", REQUESTED_MODEL),
    ("response-response-without-model-field", REQUESTED_MODEL),
    (
        "response-with-thinking-content",
        "an answer of thoughts alone has an empty content",
    ),
    (
        "response-with-redacted-thinking-content",
        "an answer of thoughts alone has an empty content",
    ),
    (
        "error-non-json-error-response",
        "a body that is no error of the API is left behind",
    ),
    (
        "chat-error-json-error-response",
        "the type goes by the status, as OpenAI has it",
    ),
    ("chat-response-basic-text-response-2", CACHE_WRITES),
    ("chat-response-response-with-tool-use-2", CACHE_WRITES),
    (
        "litellm-anthropic-system-mid",
        "a later instruction joins the others in `system`",
    ),
    (
        "litellm-anthropic-tool-strict",
        "`strict` is passed on to models that know it",
    ),
    (
        "litellm-anthropic-json-object",
        "`json_object` becomes an instruction",
    ),
    (
        "litellm-anthropic-json-schema",
        "`output_format` is the superseded spelling",
    ),
    (
        "litellm-anthropic-sampling",
        "some models refuse both; the temperature is kept",
    ),
    (
        "litellm-anthropic-temperature-2",
        "a temperature above 1 is clamped",
    ),
    (
        "litellm-anthropic-seed",
        "a hint is dropped, and named in a response header",
    ),
    (
        "litellm-anthropic-penalties",
        "a hint is dropped, and named in a response header",
    ),
];

const NOTHING_SAID: &str = "a request without a turn that says something is refused";
const THOUGHTS: &str = "a chat's thoughts aren't sent back; nothing else is said";
const USER_BEGINS: &str = "the API demands that the user begins, so a turn is put before";
const CACHE_WRITES: &str = "tokens written to the cache are told too";
const REQUESTED_MODEL: &str = "an answer that names no model gets the one that was asked for";

fn reason(id: &str) -> Option<&'static str> {
    let explained = EXPLAINED.iter().find(|(part, _)| id.contains(part));
    explained.map(|(_, reason)| *reason)
}

fn cases(file: &str) -> Option<Vec<Value>> {
    // Through a symbolic link the way up is another one.
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .canonicalize()
        .unwrap();
    let path = here.join("../../../shared/fixtures").join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            // Straight to stderr: the test harness keeps what a passing test prints by macro.
            let said = format!("SKIPPED: {file} of the shared fixtures is not there\n");
            let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
            None
        }
    }
}

/// A router whose one model is the case's, served by Anthropic.
fn config(case: &Value) -> String {
    let client_model = model(case);
    let overridden = case["config"]["modelNameOverride"].as_str();
    let wanted = case["expected_provider_request"]["body"]["model"].as_str();
    let provider_model = overridden.or(wanted).unwrap_or(&client_model).to_owned();
    json!({
        "role": "route",
        "providers": {"anthropic": {"api": "anthropic", "host": "api.anthropic.com",
            "cluster": "anthropic", "pathPrefix": "/v1", "version": "2023-06-01",
            "defaultMaxTokens": 64000}},
        "models": {client_model: {
            "provider": "anthropic", "model": provider_model, "reasoning": reasoning(case),
        }},
    })
    .to_string()
}

fn model(case: &Value) -> String {
    case["openai_request"]["model"]
        .as_str()
        .unwrap_or("m")
        .to_owned()
}

/// The recorded gateways know which model thinks in which way; here the operator says so.
fn reasoning(case: &Value) -> &'static str {
    let body = &case["expected_provider_request"]["body"];
    match () {
        () if body.get("thinking").is_some() => "budget",
        () if case["openai_request"].get("reasoning_effort").is_some()
            && body["output_config"].get("effort").is_none()
            && case["kind"] == "request" =>
        {
            "drop"
        }
        () => "effort",
    }
}

/// What the router makes of the case's request.
fn request(case: &Value) -> Outcome {
    let body = serde_json::to_vec(&case["openai_request"]).unwrap();
    let host = host_for(Endpoint::ChatCompletions, &["*"]);
    send(&mut exchange_with(&config(case), host), &body)
}

/// What the router makes of the case's answer: the status, and the body.
fn answer(case: &Value) -> (u16, Vec<u8>) {
    let asked = case.get("openai_request").cloned();
    let stream = case["kind"] == "stream";
    let mut body = json!({"model": model(case), "messages": [{"role": "user", "content": "hi"}]});
    if let Some(Value::Object(asked)) = asked {
        body["stream"] = asked.get("stream").cloned().unwrap_or(stream.into());
    }
    body["stream"] = stream.into();
    if stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    let host = host_for(Endpoint::ChatCompletions, &["*"]);
    let mut exchange = exchange_with(&config(case), host);
    assert!(matches!(
        send(&mut exchange, body.to_string().as_bytes()),
        Outcome::Passed(_)
    ));

    let provider = &case["provider_response"];
    let (content_type, bytes) = provider_body(provider);
    let status = u16::try_from(provider["status"].as_u64().unwrap()).unwrap();
    let mut headers = response_headers(status, content_type);
    let passed = exchange.response_headers(&mut headers, false);
    assert_eq!(passed, Outcome::Passed(Vec::new()));
    let out = exchange.response_in_pieces(&bytes, 7);
    (headers.text(":status").unwrap().parse().unwrap(), out)
}

fn provider_body(provider: &Value) -> (&'static str, Vec<u8>) {
    if let Some(lines) = provider["sse_lines"].as_array() {
        let mut text = String::new();
        for line in lines {
            let line = line.as_str().unwrap();
            text.push_str(line);
            text.push_str(if line.starts_with("data:") {
                "\n\n"
            } else {
                "\n"
            });
        }
        return ("text/event-stream", text.into_bytes());
    }
    if let Some(text) = provider["text"].as_str() {
        return ("text/plain", text.as_bytes().to_vec());
    }
    (
        "application/json",
        serde_json::to_vec(&provider["body"]).unwrap(),
    )
}

/// A value without what says nothing: the two spellings of one thing become one.
fn same(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, value) in members {
                let value = same(value);
                let says_nothing = match (name.as_str(), &value) {
                    (_, Value::Null) => true,
                    ("is_error" | "disable_parallel_tool_use", Value::Bool(false)) => true,
                    ("description" | "refusal", Value::String(text)) => text.is_empty(),
                    // A tool's default type.
                    ("type", Value::String(text)) => text == "custom",
                    ("prompt_tokens_details" | "completion_tokens_details", Value::Object(o)) => {
                        o.is_empty()
                    }
                    (name, Value::Number(n)) if name.ends_with("_tokens") => {
                        n.as_f64() == Some(0.0) && name != "max_tokens"
                    }
                    ("input_schema", Value::Object(schema)) => {
                        schema.len() == 1 && schema["type"] == "object"
                    }
                    _ => false,
                };
                if says_nothing {
                    continue;
                }
                // An empty list of properties is none.
                if name == "properties" && value == json!({}) {
                    continue;
                }
                let value = match (name.as_str(), value) {
                    ("input_schema", Value::Object(schema)) if schema.is_empty() => continue,
                    // Text is short for one block of text.
                    ("content", Value::String(text)) if members.contains_key("tool_use_id") => {
                        json!([{"type": "text", "text": text}])
                    }
                    (_, value) => value,
                };
                kept.insert(name.clone(), value);
            }
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(same).collect()),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// Where `wanted` isn't in `found`; in a subset `found` may have more.
fn difference(wanted: &Value, found: &Value, subset: bool, path: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let extra = found.keys().find(|name| !wanted.contains_key(*name));
            if let (Some(name), false) = (extra, subset) {
                return Some(format!("{path}.{name}: only here: {}", found[name]));
            }
            wanted.iter().find_map(|(name, wanted)| {
                let path = format!("{path}.{name}");
                let found = found.get(name).unwrap_or(&Value::Null);
                difference(wanted, found, subset, &path)
            })
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let mut pairs = wanted.iter().zip(found).enumerate();
            pairs.find_map(|(n, (wanted, found))| {
                difference(wanted, found, subset, &format!("{path}[{n}]"))
            })
        }
        _ if wanted == found => None,
        _ => Some(format!("{path}: {wanted} became {found}")),
    }
}

/// A stream's answer put together, and its usage.
fn assembled<'a>(chunks: impl IntoIterator<Item = &'a Value>) -> Value {
    let mut text = String::new();
    let mut reasoning = String::new();
    let mut calls: BTreeMap<u64, Value> = BTreeMap::new();
    let mut whole = json!({});
    for chunk in chunks {
        for member in ["id", "model", "usage"] {
            if !chunk[member].is_null() {
                whole[member] = chunk[member].clone();
            }
        }
        let choice = &chunk["choices"][0];
        if !choice["finish_reason"].is_null() {
            assert!(whole["finish_reason"].is_null(), "two finish reasons");
            whole["finish_reason"] = choice["finish_reason"].clone();
        }
        let delta = &choice["delta"];
        text.push_str(delta["content"].as_str().unwrap_or_default());
        reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let known = calls
                .entry(call["index"].as_u64().unwrap())
                .or_insert(json!({
                    "id": call["id"], "name": call["function"]["name"], "arguments": "",
                }));
            let piece = call["function"]["arguments"].as_str().unwrap_or_default();
            let arguments = known["arguments"].as_str().unwrap().to_owned() + piece;
            known["arguments"] = arguments.into();
        }
    }
    whole["text"] = text.into();
    whole["reasoning"] = reasoning.into();
    whole["calls"] = calls.into_values().collect();
    whole
}

fn chunks(sse: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(sse.to_vec()).unwrap();
    let data = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "));
    let data: Vec<&str> = data.collect();
    assert_eq!(data.last(), Some(&"[DONE]"), "{text}");
    let chunks = &data[..data.len() - 1];
    chunks
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn request_difference(case: &Value) -> Option<String> {
    let body = match request(case) {
        Outcome::Passed(body) => body,
        Outcome::Replied(reply) => {
            return Some(format!(
                "refused: {}",
                String::from_utf8_lossy(reply.body())
            ));
        }
        other => panic!("{other:?}"),
    };
    let mut wanted = case["expected_provider_request"]["body"].clone();
    let mut found = support::json(&body);
    let ignore = case["ignore"].as_array().into_iter().flatten();
    for member in ignore.filter_map(Value::as_str) {
        wanted.as_object_mut()?.remove(member);
        found.as_object_mut()?.remove(member);
    }
    // The recordings against other transports of the same API.
    for member in ["anthropic_version", "model"] {
        wanted.as_object_mut()?.remove(member);
        found.as_object_mut()?.remove(member);
    }
    let streamed = case["openai_request"]["stream"] == true;
    if streamed && wanted.get("stream").is_none() {
        found.as_object_mut()?.remove("stream");
    }
    let subset = case["compare"] == "subset";
    difference(&same(&wanted), &same(&found), subset, "request")
}

fn answer_difference(case: &Value) -> Option<String> {
    let wanted = &case["expected_openai_response"];
    let (status, body) = answer(case);
    if wanted["status"] != status {
        return Some(format!("status {} became {status}", wanted["status"]));
    }
    if let Some(events) = wanted["sse"].as_array() {
        let data = events
            .iter()
            .map(|event| &event["data"])
            .filter(|data| data.is_object());
        let (wanted, found) = (assembled(data), assembled(&chunks(&body)));
        return difference(&same(&wanted), &same(&found), false, "stream");
    }
    let mut wanted = wanted["body"].clone();
    let mut found = support::json(&body);
    if !wanted["error"].is_null() {
        // This gateway's own envelope around OpenAI's error object, and its own code.
        for member in ["type", "message"] {
            if wanted["error"][member] != found["error"][member] {
                return Some(format!(
                    "error.{member}: {} became {}",
                    wanted["error"][member], found["error"][member]
                ));
            }
        }
        return None;
    }
    for answer in [&mut wanted, &mut found] {
        answer.as_object_mut()?.remove("created");
    }
    let difference = difference(&same(&wanted), &same(&found), false, "answer");
    difference.or_else(|| usage_difference(case, &found))
}

fn usage_difference(case: &Value, found: &Value) -> Option<String> {
    let wanted = case.get("expected_token_usage")?;
    let usage = &found["usage"];
    let pairs = [
        ("inputTokens", &usage["prompt_tokens"]),
        ("outputTokens", &usage["completion_tokens"]),
        (
            "cachedInputTokens",
            &usage["prompt_tokens_details"]["cached_tokens"],
        ),
        (
            "cacheCreationInputTokens",
            &usage["prompt_tokens_details"]["cache_write_tokens"],
        ),
    ];
    pairs.into_iter().find_map(|(name, found)| {
        let wanted = wanted.get(name).filter(|wanted| wanted.is_number())?;
        (wanted != found).then(|| format!("usage {name}: {wanted} became {found}"))
    })
}

fn rejection_difference(case: &Value) -> Option<String> {
    match request(case) {
        Outcome::Replied(reply) if reply.status() == 400 => None,
        other => Some(format!("not refused: {other:?}")),
    }
}

/// In-band: the status of a whole answer is out before its body is read.
fn malformed_difference(case: &Value) -> Option<String> {
    let (status, body) = answer(case);
    let error = support::json(&body)["error"]["message"].is_string();
    (!error).then(|| format!("no error: {status} {}", String::from_utf8_lossy(&body)))
}

/// What a case's kind is compared by; `None` for kinds that aren't replayed.
fn difference_of(case: &Value) -> Option<Option<String>> {
    let provider = &case["provider_response"];
    let binary = provider.get("b64").is_some() || provider.get("eventstream").is_some();
    Some(match case["kind"].as_str()? {
        // Amazon's framing around the same events.
        _ if binary => return None,
        _ if case["openai_request"].get("go").is_some() => return None,
        "request" => request_difference(case),
        "request-rejected" => rejection_difference(case),
        "response" | "error" => answer_difference(case),
        "response-malformed" => malformed_difference(case),
        "roundtrip" | "stream" => {
            let sends_body = case["expected_provider_request"]["body"].is_object();
            let request = sends_body.then(|| request_difference(case)).flatten();
            request.or_else(|| answer_difference(case))
        }
        _ => return None,
    })
}

#[test]
fn recorded_cases_of_other_gateways_agree_or_differ_for_a_reason() {
    let mut unexplained = Vec::new();
    let mut unneeded: Vec<&str> = EXPLAINED.iter().map(|(part, _)| *part).collect();
    let mut there = false;
    for file in [
        "aigw-openai-chat-to-anthropic.json",
        "litellm-openai-chat-to-anthropic.json",
    ] {
        let Some(cases) = cases(file) else { continue };
        there = true;
        let (mut passed, mut explained, mut skipped) = (0, 0, 0);
        for case in &cases {
            let id = case["id"].as_str().unwrap();
            match (difference_of(case), reason(id)) {
                (None, _) => skipped += 1,
                (Some(None), _) => passed += 1,
                (Some(Some(_)), Some(_)) => {
                    explained += 1;
                    unneeded.retain(|part| !id.contains(part));
                }
                (Some(Some(difference)), None) => unexplained.push(format!("{id}: {difference}")),
            }
        }
        eprintln!(
            "{file}: {passed} agree, {explained} differ for a reason, {skipped} not replayed"
        );
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(
        !there || unneeded.is_empty(),
        "explained, but agreeing: {unneeded:?}"
    );
}
