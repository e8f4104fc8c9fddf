//! Completions, embeddings and responses, through the views that all endpoints share.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

use llm_api::{
    Answer, BodyError, Endpoint, Request, StreamData, StreamPart, Text, TextKind, Usage,
};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn request(endpoint: Endpoint, body: &str) -> Request<'_> {
    Request::parse(endpoint, body.as_bytes()).unwrap()
}

fn said(texts: &[Text<'_>]) -> Vec<String> {
    texts
        .iter()
        .map(|text| text.text.decode().into_owned())
        .collect()
}

fn part(endpoint: Endpoint, data: &str) -> StreamPart<'_> {
    match StreamData::parse(endpoint, data.as_bytes()).unwrap() {
        StreamData::Part(part) => part,
        other => panic!("{other:?}"),
    }
}

#[test]
fn completions_are_read() {
    let body =
        r#"{"model":"m","prompt":["a","b"],"suffix":"c","stream":true,"max_tokens":4,"n":3}"#;
    let request = request(Endpoint::Completions, body);
    assert_eq!(said(&request.texts().unwrap()), ["a", "b", "c"]);
    assert_eq!(
        (request.max_output_tokens(), request.choices()),
        (Some(4), 3)
    );
    assert!(request.stream() && !request.asks_usage() && !request.has_token_input());
    assert_eq!(
        request.request_usage().apply(body.as_bytes()),
        br#"{"stream_options":{"include_usage":true},"model":"m","prompt":["a","b"],"suffix":"c","stream":true,"max_tokens":4,"n":3}"#
    );
    let chunk = part(
        Endpoint::Completions,
        r#"{"choices":[{"text":"x","index":1,"finish_reason":"length"}]}"#,
    );
    assert_eq!(said(chunk.texts()), ["x"]);
    assert_eq!(
        (chunk.texts()[0].channel.index, chunk.ended()),
        (1, &[1][..])
    );
    assert!(matches!(
        StreamData::parse(Endpoint::Completions, b"[DONE]"),
        Ok(StreamData::Done)
    ));
}

#[test]
fn embeddings_are_read() {
    for (body, texts, tokens) in [
        (r#"{"model":"m","input":"a"}"#, &["a"][..], false),
        (r#"{"model":"m","input":["a","b"]}"#, &["a", "b"], false),
        (r#"{"model":"m","input":[1,2]}"#, &[], true),
        (r#"{"model":"m","input":[[1],[2]]}"#, &[], true),
        (r#"{"model":"m","input":["a",[2]]}"#, &["a"], true),
        (
            r#"{"model":"m","messages":[{"content":"c"}]}"#,
            &["c"],
            false,
        ),
    ] {
        let request = request(Endpoint::Embeddings, body);
        assert_eq!(said(&request.texts().unwrap()), texts, "{body}");
        assert_eq!(request.has_token_input(), tokens, "{body}");
        assert!(!request.stream());
    }
    for wrong in [
        r#"{"model":"m","input":{}}"#,
        r#"{"model":"m","input":[{}]}"#,
    ] {
        let fault = request(Endpoint::Embeddings, wrong).texts().unwrap_err();
        assert_eq!(fault, BodyError::WrongType("input"));
    }
    let answer = br#"{"object":"list","data":[{"embedding":"AAAA"}],"model":"e","usage":{"prompt_tokens":5,"total_tokens":5}}"#;
    let answer = Answer::parse(Endpoint::Embeddings, answer).unwrap();
    assert_eq!(
        answer.usage(),
        Some(Usage {
            input: 5,
            ..Usage::default()
        })
    );
}

#[test]
fn a_responses_request_is_read() {
    let body = r#"{"model":"m","instructions":"a","max_output_tokens":8,"stream":true,"input":[
        {"role":"user","content":"b"},
        {"type":"message","role":"user","content":[{"type":"input_text","text":"c"},{"type":"input_image","image_url":"x"}]},
        {"type":"function_call","call_id":"1","name":"f","arguments":"d"},
        {"type":"function_call_output","call_id":"1","output":"e"},
        {"type":"function_call_output","call_id":"1","output":[{"type":"input_text","text":"f"}]},
        {"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"g"}],"encrypted_content":"…"},
        {"type":"custom_tool_call","input":"h"},
        {"type":"computer_call_output","output":{"type":"computer_screenshot","image_url":"x"}}]}"#;
    let request = request(Endpoint::Responses, body);
    let texts = request.texts().unwrap();
    assert_eq!(said(&texts), ["a", "b", "c", "d", "e", "f", "g", "h"]);
    let kinds: Vec<_> = texts.iter().map(|text| text.channel.kind).collect();
    use TextKind::{Content, Reasoning, ToolArguments, ToolInput};
    assert_eq!(
        kinds,
        [
            Content,
            Content,
            Content,
            ToolArguments,
            Content,
            Content,
            Reasoning,
            ToolInput
        ]
    );
    assert!(request.stream() && request.asks_usage());
    assert_eq!(request.max_output_tokens(), Some(8));
    assert!(request.request_usage().is_empty());
    assert_eq!(request.stored_objects(), Ok(Vec::new()));
    let plain = r#"{"model":"m","input":"x"}"#;
    assert_eq!(
        said(&self::request(Endpoint::Responses, plain).texts().unwrap()),
        ["x"]
    );
}

#[test]
fn a_responses_request_names_stored_objects_in_many_ways() {
    let body = r#"{"model":"m","previous_response_id":"r","conversation":"c","prompt":{"id":"p"},"background":true,
        "input":[{"type":"item_reference","id":"i1"},{"id":"i2"},
            {"role":"user","content":[{"type":"input_file","file_id":"f1"}]}],
        "tools":[{"type":"file_search","vector_store_ids":["v"]},
            {"type":"code_interpreter","container":"k"},
            {"type":"code_interpreter","container":{"type":"auto","file_ids":["f2"]}},
            {"type":"code_interpreter","container":{"type":"auto","file_ids":[ ]}},
            {"type":"function","name":"f","parameters":{"properties":{"file_id":{"type":"string"}}}}]}"#;
    let stored = request(Endpoint::Responses, body).stored_objects().unwrap();
    let members: Vec<_> = stored.iter().map(|object| object.member).collect();
    assert_eq!(
        members,
        [
            "previous_response_id",
            "conversation",
            "prompt",
            "background",
            "item_reference",
            "item_reference",
            "file_id",
            "vector_store_ids",
            "container",
            "file_ids",
        ]
    );
    let none =
        r#"{"model":"m","background":false,"previous_response_id":null,"tools":null,"input":"x"}"#;
    assert_eq!(
        request(Endpoint::Responses, none).stored_objects(),
        Ok(Vec::new())
    );
}

#[test]
fn what_is_filled_into_a_stored_prompt_is_text() {
    let body = r#"{"model":"m","prompt":{"id":"p","variables":{"name":"a","more":{"text":"b"}}}}"#;
    let request = request(Endpoint::Responses, body);
    assert_eq!(said(&request.texts().unwrap()), ["a", "b"]);
    assert_eq!(request.stored_objects().unwrap().len(), 1);
}

#[test]
fn a_responses_answer_is_read() {
    let body = br#"{"id":"r","model":"m","status":"completed","output":[
        {"type":"reasoning","summary":[]},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"refusal","refusal":"b"}]},
        {"type":"function_call","arguments":"{}"}],
        "usage":{"input_tokens":2,"output_tokens":3,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":5}}"#;
    let answer = Answer::parse(Endpoint::Responses, body).unwrap();
    assert_eq!(said(answer.texts()), ["a", "b", "{}"]);
    assert!(answer.finish_reasons()[0].is("completed"));
    assert_eq!(
        answer.usage().map(|usage| (usage.total(), usage.reasoning)),
        Some((5, 1))
    );
}

#[test]
fn a_responses_stream_is_read() {
    let event = |data| part(Endpoint::Responses, data);
    let delta = event(
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":2,"delta":"a","sequence_number":4}"#,
    );
    let channel = delta.texts()[0].channel;
    assert_eq!(
        (channel.index, channel.part, channel.kind),
        (1, 2, TextKind::Content)
    );
    let arguments =
        event(r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{"}"#);
    assert_eq!(arguments.texts()[0].channel.kind, TextKind::ToolArguments);
    let done = event(r#"{"type":"response.output_text.done","output_index":1,"text":"ab"}"#);
    assert_eq!(
        (done.texts().len(), said(done.wholes()), done.ended()),
        (0, vec!["ab".to_owned()], &[1][..])
    );
    let item = event(
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"ab"}]}}"#,
    );
    assert_eq!(said(item.wholes()), ["ab"]);
    let sound = event(r#"{"type":"response.audio.delta","delta":"AAAA"}"#);
    assert!(sound.texts().is_empty());
    let end = event(
        r#"{"type":"response.completed","response":{"model":"m","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"ab"}]}],"usage":{"input_tokens":1,"output_tokens":2}}}"#,
    );
    assert!(end.is_end() && end.usage().is_some());
    assert_eq!(said(end.wholes()), ["ab"]);
    let error = br#"{"type":"error","code":"server_error","message":"m","param":null}"#;
    let StreamData::Error(error) = StreamData::parse(Endpoint::Responses, error).unwrap() else {
        panic!("it is an error")
    };
    assert_eq!(error.code().as_deref(), Some("server_error"));
}

#[test]
fn endpoints_without_bodies_have_none() {
    for endpoint in [Endpoint::Models, Endpoint::Model] {
        assert_eq!(
            Request::parse(endpoint, b"{}").unwrap_err(),
            BodyError::NoBody
        );
        assert_eq!(
            Answer::parse(endpoint, b"{}").unwrap_err(),
            BodyError::NoBody
        );
        assert_eq!(
            StreamData::parse(endpoint, b"{}").unwrap_err(),
            BodyError::NoBody
        );
    }
}
