//! Bodies made to hurt: nesting, floods of elements, arbitrary bytes.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

use llm_api::{
    Answer, BodyError, Endpoint, ErrorObject, Plenty, Request, StreamData, classify, model_id,
    string_values,
};
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Reads a body in every way there is. Nothing may panic.
fn read_in_every_way(body: &[u8]) {
    for endpoint in Endpoint::ALL {
        if let Ok(request) = Request::parse(endpoint, body) {
            let texts = request.texts().unwrap_or_default();
            for text in texts {
                assert_eq!(
                    body.get(text.text.span().range()),
                    Some(text.text.raw().as_bytes())
                );
                let _ = text.text.decode();
            }
            for stored in request.stored_objects().unwrap_or_default() {
                assert!(body.get(stored.span.range()).is_some());
            }
            let edits = request
                .set_model("m")
                .merge(request.request_usage())
                .unwrap();
            let edited = edits.apply(body);
            let again = Request::parse(endpoint, &edited).unwrap();
            assert!(again.model().is("m"));
            assert!(!again.stream() || again.asks_usage());
            if let Request::Messages(request) = request {
                let _ = request.tool_inputs();
            }
        }
        let _ = Answer::parse(endpoint, body);
        let _ = StreamData::parse(endpoint, body);
    }
    if let Ok(error) = ErrorObject::parse(body) {
        let _ = error.code();
    }
    for text in string_values(body).into_iter().flatten() {
        let raw = text.raw().as_bytes();
        assert_eq!(body.get(text.span().range()), Some(raw));
    }
}

#[test]
fn nesting_costs_no_stack() {
    const DEPTH: usize = 100_000;
    let arrays = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let objects = r#"{"content":"#.repeat(DEPTH / 10) + "1" + &"}".repeat(DEPTH / 10);
    for deep in [&arrays, &objects] {
        for body in [
            format!(r#"{{"model":"m","messages":{deep},"input":{deep}}}"#),
            format!(r#"{{"model":"m","messages":[{{"content":{deep}}}]}}"#),
            format!(
                r#"{{"model":"m","messages":[{{"content":[{{"type":"tool_use","input":{deep}}},{{"x":{deep}}}]}}]}}"#
            ),
            format!(r#"{{"choices":{deep},"usage":{deep},"response":{deep}}}"#),
            deep.clone(),
        ] {
            read_in_every_way(body.as_bytes());
        }
    }
    read_in_every_way("[".repeat(DEPTH).as_bytes());
    let body = format!(r#"{{"model":"m","messages":[],"x":{arrays}}}"#);
    let request = Request::parse(Endpoint::ChatCompletions, body.as_bytes()).unwrap();
    assert_eq!(request.texts(), Ok(Vec::new()));
}

#[test]
fn many_small_things_take_linear_time() {
    const MANY: usize = 10_000;
    let quotes = r#"{"type":"x","file_id":null,"a":"\\\""},"#.repeat(MANY);
    for body in [
        format!(r#"{{"model":"m","messages":[{{"content":[{quotes}""]}}]}}"#),
        format!(
            r#"{{"model":"m","messages":[{}{{}}]}}"#,
            r#"{"content":"a"},"#.repeat(MANY)
        ),
        format!(r#"{{{}"model":"m"}}"#, r#""x":1,"#.repeat(MANY)),
        format!(r#"{{"model":"{}"}}"#, r"\u0061".repeat(MANY)),
    ] {
        read_in_every_way(body.as_bytes());
    }
}

/// `before`, so many elements with commas between them, `after`.
fn flood(before: &str, element: &str, count: usize, after: &str) -> String {
    let elements = format!("{element},").repeat(count);
    format!("{before}{}{after}", elements.trim_end_matches(','))
}

#[test]
fn more_texts_than_the_bound_are_refused() {
    use Endpoint::{ChatCompletions, Completions, Embeddings, Messages, Responses};
    for (endpoint, before, element, after) in [
        (
            ChatCompletions,
            r#"{"model":"m","messages":[{"content":["#,
            "\"\"",
            "]}]}",
        ),
        (
            ChatCompletions,
            r#"{"model":"m","messages":["#,
            r#"{"content":""}"#,
            "]}",
        ),
        (Completions, r#"{"model":"m","prompt":["#, "\"\"", "]}"),
        (Embeddings, r#"{"model":"m","input":["#, "\"\"", "]}"),
        (
            Responses,
            r#"{"model":"m","input":["#,
            r#"{"text":""}"#,
            "]}",
        ),
        (
            Responses,
            r#"{"model":"m","prompt":{"variables":["#,
            "\"\"",
            "]}}",
        ),
        (
            Messages,
            r#"{"model":"m","system":["#,
            "\"\"",
            r#"],"messages":[]}"#,
        ),
    ] {
        let most = flood(before, element, Plenty::MOST, after);
        let request = Request::parse(endpoint, most.as_bytes()).unwrap();
        assert_eq!(request.texts().map(|texts| texts.len()), Ok(Plenty::MOST));
        let more = flood(before, element, Plenty::MOST + 1, after);
        let request = Request::parse(endpoint, more.as_bytes()).unwrap();
        let fault = BodyError::TooMany(Plenty::Texts);
        assert_eq!(request.texts(), Err(fault));
        assert_eq!(fault.to_string(), "the body holds more than 100000 texts");
    }
}

#[test]
fn more_of_other_things_than_the_bound_are_refused() {
    const MORE: usize = Plenty::MOST + 1;
    let inputs = flood(
        r#"{"model":"m","messages":[{"content":[{"type":"tool_use","input":["#,
        "\"\"",
        MORE,
        "]}]}]}",
    );
    let Ok(Request::Messages(request)) = Request::parse(Endpoint::Messages, inputs.as_bytes())
    else {
        panic!("it is a request");
    };
    let texts = BodyError::TooMany(Plenty::Texts);
    assert_eq!(request.tool_inputs(), Err(texts));

    let before = r#"{"model":"m","messages":[{"content":[{"x":["#;
    let files = flood(before, r#"{"file_id":1}"#, MORE, "]}]}]}");
    let request = Request::parse(Endpoint::ChatCompletions, files.as_bytes()).unwrap();
    let stored = BodyError::TooMany(Plenty::StoredObjects);
    assert_eq!(request.stored_objects(), Err(stored));

    let choices = flood(r#"{"choices":["#, "{}", MORE, "]}");
    let fault = BodyError::TooMany(Plenty::Choices);
    let answer = Answer::parse(Endpoint::ChatCompletions, choices.as_bytes());
    assert_eq!(answer.unwrap_err(), fault);
    let event = StreamData::parse(Endpoint::Completions, choices.as_bytes());
    assert_eq!(event.unwrap_err(), fault);

    let said = flood(r#"{"output":[{"content":["#, "\"\"", MORE, "]}]}");
    let answer = Answer::parse(Endpoint::Responses, said.as_bytes());
    assert_eq!(answer.unwrap_err(), texts);
}

#[test]
fn string_values_are_found_at_any_depth_and_names_are_not() {
    let deep = "[".repeat(100_000) + "\"c\"" + &"]".repeat(100_000);
    let body =
        format!(r#" {{"a" : "\u0062", "x":[{{"y\"":{{}}, "z":{deep}}}, "", "d:" ],"":":"}}"#);
    let texts = string_values(body.as_bytes()).unwrap();
    let says: Vec<_> = texts.map(|text| text.decode()).collect();
    assert_eq!(says, ["b", "c", "", "d:", ":"]);
    let fault = string_values(b"\xff").err();
    assert_eq!(fault, Some(BodyError::NotUtf8));
}

#[test]
fn a_faulty_body_is_refused_in_linear_time() {
    let lines = "\n".repeat(1 << 20);
    let body = format!("{{\"model\":{lines}?}}");
    let fault = Request::parse(Endpoint::ChatCompletions, body.as_bytes()).unwrap_err();
    assert!(matches!(fault, BodyError::NotJson { offset } if offset > 1 << 20));
}

/// JSON and near-JSON with the members that matter.
fn body() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e400",
        "\"\"",
        "\"a\"",
        "\"\\ud83e\"",
        "\"\\\"\"",
        "\"\\u0061é\"",
        "\"error\"",
        "\"tool_use\"",
        "\"text\"",
        "[]",
        "{}",
        "{",
        "",
        "\"",
        "?",
    ])
    .prop_map(str::to_owned);
    let name = prop::sample::select(vec![
        "model",
        "messages",
        "content",
        "text",
        "stream",
        "stream_options",
        "include_usage",
        "type",
        "choices",
        "delta",
        "message",
        "tool_calls",
        "function",
        "arguments",
        "usage",
        "index",
        "prompt_tokens",
        "source",
        "file_id",
        "input",
        "output",
        "response",
        "error",
        "system",
        "\\u006dodel",
    ]);
    leaf.prop_recursive(6, 60, 5, move |inner| {
        let member =
            (name.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(member, 0..5).prop_map(|all| format!("{{{}}}", all.join(" , "))),
        ]
    })
}

fn run<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig {
        cases: if cfg!(target_arch = "wasm32") {
            128
        } else {
            4096
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    runner.run(&strategy, property).unwrap();
}

#[test]
fn any_bytes_are_read_or_refused() {
    run(prop::collection::vec(any::<u8>(), 0..64), |bytes| {
        read_in_every_way(&bytes);
        let _ = classify(b"GET", &bytes, false);
        let _ = model_id(&bytes);
        Ok(())
    });
}

#[test]
fn anything_like_a_body_is_read_or_refused() {
    run(body(), |body| {
        read_in_every_way(body.as_bytes());
        let request = format!(
            r#"{{"model":"a","stream":true,"messages":[{{"content":{body}}}],"x":{body}}}"#
        );
        read_in_every_way(request.as_bytes());
        Ok(())
    });
}

#[test]
fn every_prefix_of_a_body_is_refused() {
    let body = br#"{"model":"m","stream":true,"stream_options":{"include_usage":false},"messages":[{"role":"user","content":[{"type":"text","text":"a\n\u00e9"}]}]} "#;
    for end in 0..body.len() - 1 {
        assert!(
            Request::parse(Endpoint::ChatCompletions, &body[..end]).is_err(),
            "{end}"
        );
        read_in_every_way(&body[..end]);
    }
    read_in_every_way(body);
}

#[test]
fn a_path_with_a_forbidden_byte_is_never_governed() {
    let path = "/v1/[a-z/.%?#]{0,12}";
    run(
        (path, 0u8..=255, any::<prop::sample::Index>()),
        |(path, byte, at)| {
            let mut bytes = path.into_bytes();
            bytes.insert(at.index(bytes.len()), byte);
            let governed = !matches!(
                classify(b"GET", &bytes, false),
                llm_api::Traffic::Refused { .. }
            );
            let before_query = bytes.split(|byte| *byte == b'?').next().unwrap_or_default();
            if governed {
                prop_assert!(before_query.starts_with(b"/v1/models"));
                prop_assert!(
                    !before_query
                        .windows(2)
                        .any(|pair| pair == b"//" || pair == b"..")
                );
            }
            Ok(())
        },
    );
}
