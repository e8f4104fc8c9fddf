//! OpenAI's chat completions: requests, answers, chunks.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

use llm_api::openai::{ChatChunk, ChatRequest, ChatResponse, is_done};
use llm_api::{BodyError, ErrorObject, Splices, Text, TextKind, Usage};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn request(body: &str) -> ChatRequest<'_> {
    ChatRequest::parse(body.as_bytes()).unwrap()
}

fn fault(body: &str) -> BodyError {
    let request = ChatRequest::parse(body.as_bytes());
    request.and_then(|request| request.texts()).unwrap_err()
}

fn said(texts: &[Text<'_>]) -> Vec<(TextKind, u64, u64, String)> {
    texts
        .iter()
        .map(|text| {
            let channel = text.channel;
            let says = text.text.decode().into_owned();
            (channel.kind, channel.index, channel.part, says)
        })
        .collect()
}

fn edited(body: &str, edits: &Splices) -> String {
    String::from_utf8(edits.apply(body.as_bytes())).unwrap()
}

#[test]
fn the_top_level_is_read() {
    let request = request(
        r#" { "model" : "gpt\u002d5", "stream":true, "stream_options":{"include_usage":true},
            "max_tokens": 5, "max_completion_tokens": 7, "n": 2, "store": true, "messages":[] } "#,
    );
    assert!(request.model().is("gpt-5"));
    assert!(request.stream() && request.asks_usage() && request.store());
    assert_eq!(request.max_output_tokens(), Some(7));
    assert_eq!(request.choices(), 2);
}

#[test]
fn what_is_not_given_has_the_apis_default() {
    for body in [
        r#"{"model":"m","messages":[]}"#,
        r#"{"model":"m","messages":[],"stream":null,"stream_options":null,"n":null,
            "max_tokens":null,"max_completion_tokens":null,"store":null,"user":null}"#,
    ] {
        let request = request(body);
        assert!(!request.stream() && !request.asks_usage() && !request.store());
        assert_eq!((request.max_output_tokens(), request.choices()), (None, 1));
        assert_eq!(request.texts(), Ok(Vec::new()));
        assert_eq!(request.stored_objects(), Ok(Vec::new()));
    }
    let older = request(r#"{"model":"m","max_tokens":5,"max_completion_tokens":null}"#);
    assert_eq!(older.max_output_tokens(), Some(5));
}

#[test]
fn texts_of_all_roles_and_forms_are_found() {
    let body = r#"{"model":"m","user":"jane","safety_identifier":"s1","messages":[
        {"role":"system","content":"a"},
        {"role":"developer","content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]},
        {"role":"user","name":"Jane","content":[
            {"type":"image_url","image_url":{"url":"https://x/y.png"}},
            {"type":"text","text":"d"},"e",
            {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]},
        {"role":"assistant","content":null,"refusal":"f","reasoning_content":"g","tool_calls":[
            {"id":"1","type":"function","function":{"name":"x","arguments":"{\"h\":1}"}},
            {"id":"2","type":"custom","custom":{"name":"y","input":"i"}}]},
        {"role":"assistant","tool_calls":null,"content":[{"type":"refusal","refusal":"j"}]},
        {"role":"assistant","function_call":{"name":"z","arguments":"{}"}},
        {"role":"tool","tool_call_id":"1","content":"k"},
        {"role":"user","content":""}],
        "prediction":{"type":"content","content":[{"type":"text","text":"l"}]}}"#;
    use TextKind::{Content, Identifier, Reasoning, Refusal, ToolArguments, ToolInput};
    let expected = [
        (Identifier, 0, 0, "jane"),
        (Identifier, 0, 0, "s1"),
        (Content, 0, 0, "a"),
        (Content, 1, 0, "b"),
        (Content, 1, 1, "c"),
        (Identifier, 2, 0, "Jane"),
        (Content, 2, 1, "d"),
        (Content, 2, 2, "e"),
        (Reasoning, 3, 0, "g"),
        (Refusal, 3, 0, "f"),
        (ToolArguments, 3, 0, "{\"h\":1}"),
        (ToolInput, 3, 1, "i"),
        (Refusal, 4, 0, "j"),
        (ToolArguments, 5, 0, "{}"),
        (Content, 6, 0, "k"),
        (Content, 7, 0, ""),
        (Content, 0, 0, "l"),
    ]
    .map(|(kind, index, part, says)| (kind, index, part, says.to_owned()));
    let texts = request(body).texts().unwrap();
    assert_eq!(said(&texts), expected);
    for text in texts {
        let span = text.text.span();
        assert_eq!(
            body.get(span.range()),
            Some(text.text.raw()),
            "the span is the token"
        );
    }
}

#[test]
fn a_body_that_is_no_request_says_why() {
    assert_eq!(
        ChatRequest::parse(b"{\"model\":\"\xFF\"}").unwrap_err(),
        BodyError::NotUtf8
    );
    for (body, expected) in [
        ("", BodyError::NotJson { offset: 0 }),
        ("\u{FEFF}{}", BodyError::NotJson { offset: 1 }),
        ("[]", BodyError::NotAnObject),
        ("null", BodyError::NotAnObject),
        ("\"x\"", BodyError::NotAnObject),
        ("{}", BodyError::Missing("model")),
        (r#"{"model":null}"#, BodyError::WrongType("model")),
        (r#"{"model":1}"#, BodyError::WrongType("model")),
        (r#"{"model":"m"}"#, BodyError::Missing("messages")),
        (
            r#"{"model":"m","messages":{}}"#,
            BodyError::WrongType("messages"),
        ),
        (
            r#"{"model":"m","messages":["x"]}"#,
            BodyError::WrongType("messages"),
        ),
        (
            r#"{"model":"m","messages":[null]}"#,
            BodyError::WrongType("messages"),
        ),
        (
            r#"{"model":"m","messages":[{"content":5}]}"#,
            BodyError::WrongType("content"),
        ),
        (
            r#"{"model":"m","messages":[{"content":[5]}]}"#,
            BodyError::WrongType("content"),
        ),
        (
            r#"{"model":"m","messages":[{"content":[{"text":5}]}]}"#,
            BodyError::WrongType("text"),
        ),
        (
            r#"{"model":"m","messages":[{"tool_calls":[{"function":{"arguments":{}}}]}]}"#,
            BodyError::WrongType("arguments"),
        ),
        (
            r#"{"model":"m","stream":"true"}"#,
            BodyError::WrongType("stream"),
        ),
        (
            r#"{"model":"m","stream":1}"#,
            BodyError::WrongType("stream"),
        ),
        (
            r#"{"model":"m","stream_options":[]}"#,
            BodyError::WrongType("stream_options"),
        ),
        (
            r#"{"model":"m","stream_options":{"include_usage":1}}"#,
            BodyError::WrongType("include_usage"),
        ),
        (
            r#"{"model":"m","max_tokens":"5"}"#,
            BodyError::WrongType("max_tokens"),
        ),
        (r#"{"model":"m","n":[]}"#, BodyError::WrongType("n")),
        (
            r#"{"model":"m","user":1,"messages":[]}"#,
            BodyError::WrongType("user"),
        ),
    ] {
        assert_eq!(fault(body), expected, "{body}");
    }
    for cut in [
        r#"{"model":"m""#,
        r#"{"model":"m"}x"#,
        r#"{"model":"m"}{}"#,
        r#"{"model":"m","x":01}"#,
        r#"{"model":"m","x":tru}"#,
        r#"{"model":"m","x":"\q"}"#,
        r#"{"model":"m","x":[1,]}"#,
        r#"{"model":"m",}"#,
        "{\"model\":\"m\",\"x\":\"\n\"}",
        r#"{'model':'m'}"#,
        r#"{"model":"m","x":NaN}"#,
    ] {
        assert!(matches!(fault(cut), BodyError::NotJson { .. }), "{cut}");
    }
}

#[test]
fn an_offset_points_to_the_fault() {
    let body = "{\"model\":\"m\",\n\"x\":\n  [1,?]}";
    let BodyError::NotJson { offset } = fault(body) else {
        panic!("it is no JSON")
    };
    let fault = body.find('?').unwrap();
    assert!(offset.abs_diff(fault) <= 1, "{offset} is not near {fault}");
}

#[test]
fn a_member_that_is_read_may_not_stand_twice() {
    for (body, member) in [
        (r#"{"model":"a","model":"b","messages":[]}"#, "model"),
        (r#"{"model":"a","\u006dodel":"b","messages":[]}"#, "model"),
        (
            r#"{"model":"a","stream":true,"stream":false,"messages":[]}"#,
            "stream",
        ),
        (r#"{"model":"a","messages":[],"messages":[]}"#, "messages"),
        (
            r#"{"model":"a","messages":[{"content":"x","content":null}]}"#,
            "content",
        ),
        (
            r#"{"model":"a","messages":[{"content":[{"text":"x","text":"y"}]}]}"#,
            "text",
        ),
        (
            r#"{"model":"a","stream_options":{"include_usage":true,"include_usage":false}}"#,
            "include_usage",
        ),
    ] {
        assert_eq!(fault(body), BodyError::Duplicate(member), "{body}");
    }
    assert!(
        request(r#"{"model":"a","x":1,"x":2,"messages":[]}"#)
            .texts()
            .is_ok()
    );
}

#[test]
fn a_member_in_other_letter_case_is_refused() {
    // A server in Go reads the last of `model` and `Model`.
    for (body, member) in [
        (r#"{"model":"a","Model":"b","messages":[]}"#, "model"),
        (
            r#"{"model":"a","MESSAGES":[{"content":"x"}],"messages":[]}"#,
            "messages",
        ),
        (
            r#"{"model":"a","messages":[],"me\u017fsages":[]}"#,
            "messages",
        ),
        (
            r#"{"model":"a","messages":[{"content":"x","Content":"y"}]}"#,
            "content",
        ),
        (
            r#"{"model":"a","messages":[{"content":[{"toolK":1,"Text":"y"}]}]}"#,
            "text",
        ),
    ] {
        assert_eq!(fault(body), BodyError::Duplicate(member), "{body}");
    }
}

#[test]
fn null_messages_and_odd_limits_are_for_the_server_to_refuse() {
    for limit in ["-1", "1e400", "18446744073709551616"] {
        let body = format!(r#"{{"model":"m","max_tokens":{limit},"n":{limit},"messages":null}}"#);
        let request = request(&body);
        assert_eq!((request.max_output_tokens(), request.choices()), (None, 1));
        assert_eq!(request.texts(), Ok(Vec::new()));
    }
}

#[test]
fn the_model_is_replaced_and_nothing_else() {
    let body = "{ \"temperature\":1.0 ,\"model\" :\t\"a\\\"b\",\"messages\":[],\"big\":123456789012345678901234567890}";
    assert_eq!(
        edited(body, &request(body).set_model("c\"d\\")),
        "{ \"temperature\":1.0 ,\"model\" :\t\"c\\\"d\\\\\",\"messages\":[],\"big\":123456789012345678901234567890}"
    );
}

#[test]
fn usage_is_asked_for_in_every_form_of_the_options() {
    for (before, after) in [
        (
            r#" {"model":"m","stream":true}"#,
            r#" {"stream_options":{"include_usage":true},"model":"m","stream":true}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":null}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{ }}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true }}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options": {"include_obfuscation":false}}"#,
            r#"{"model":"m","stream":true,"stream_options": {"include_usage":true,"include_obfuscation":false}}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include_usage" : false}}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage" : true}}"#,
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":null}}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
    ] {
        let edits = request(before).request_usage();
        assert!(!edits.is_empty());
        let edited = edited(before, &edits);
        assert_eq!(edited, after);
        assert!(request(&edited).asks_usage());
        assert!(request(&edited).request_usage().is_empty());
    }
}

#[test]
fn usage_is_not_asked_for_without_a_stream() {
    for body in [
        r#"{"model":"m"}"#,
        r#"{"model":"m","stream":false,"stream_options":{}}"#,
        r#"{"model":"m","stream":null}"#,
    ] {
        assert!(request(body).request_usage().is_empty(), "{body}");
    }
}

#[test]
fn stored_objects_are_found_and_functions_may_name_what_they_like() {
    let body = r#"{"model":"m","previous_response_id":"r1","conversation":{"id":"c"},"messages":[
        {"role":"user","content":[
            {"type":"file","file":{"file_id":"file-1"}},
            {"type":"file","file":{"file_id":null,"file_data":"…"}},
            {"type":"text","text":"\"file_id\": 1"},
            {"type":"new","deep":[[{"fil\u0065_id" : "file-2"}]]}]},
        {"role":"assistant","audio":{"id":"audio-1"}},
        {"role":"assistant","tool_calls":[{"function":{"arguments":"{\"file_id\":1}"}}]}],
        "tools":[{"type":"function","function":{"parameters":{"properties":{"file_id":{}}}}}],
        "metadata":{"file_id":"x"}}"#;
    let stored = request(body).stored_objects().unwrap();
    let found: Vec<_> = stored
        .iter()
        .map(|object| (object.member, body.get(object.span.range()).unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("previous_response_id", "\"r1\""),
            ("conversation", "{\"id\":\"c\"}"),
            ("file_id", "\"file-1\""),
            ("file_id", "\"file-2\""),
            ("audio", "\"audio-1\""),
        ]
    );
}

#[test]
fn an_answer_gives_texts_reasons_and_usage() {
    let body = r#"{"id":"c","object":"chat.completion","created":1,"model":"gpt-x","choices":[
        {"index":1,"message":{"role":"assistant","content":"Hi \ud83e","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"},
        {"index":0,"message":{"role":"assistant","content":null,"reasoning":"hm","tool_calls":[
            {"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;
    let answer = ChatResponse::parse(body.as_bytes()).unwrap();
    assert!(answer.model.unwrap().is("gpt-x"));
    assert_eq!(
        said(&answer.texts),
        [
            (TextKind::Content, 1, 0, "Hi \u{FFFD}".to_owned()),
            (TextKind::Reasoning, 0, 0, "hm".to_owned()),
            (TextKind::ToolArguments, 0, 0, "{}".to_owned()),
        ]
    );
    let ends: Vec<_> = answer
        .choices
        .iter()
        .map(|choice| {
            (
                choice.index,
                choice.finish_reason.unwrap().decode().into_owned(),
            )
        })
        .collect();
    assert_eq!(ends, [(1, "stop".to_owned()), (0, "tool_calls".to_owned())]);
    assert_eq!(
        answer.usage,
        Some(Usage {
            input: 9,
            output: 3,
            ..Usage::default()
        })
    );
}

#[test]
fn an_answer_with_odd_members_is_read_as_far_as_it_goes() {
    let body = r#"{"model":5,"choices":[7,{"index":-1,"message":{"content":{"x":1},"tool_calls":[3]},"finish_reason":4},
        {"message":{"content":[{"type":"text","text":"a"},9,{"type":"thinking","thinking":[{"type":"text","text":"b"}]}]}}],"usage":[]}"#;
    let answer = ChatResponse::parse(body.as_bytes()).unwrap();
    assert_eq!(answer.choices.len(), 2);
    assert_eq!(
        said(&answer.texts),
        [
            (TextKind::Content, 2, 0, "a".to_owned()),
            (TextKind::Reasoning, 2, 2, "b".to_owned()),
        ]
    );
    for body in ["{}", r#"{"choices":null}"#, r#"{"choices":{}}"#] {
        assert!(
            ChatResponse::parse(body.as_bytes())
                .unwrap()
                .texts
                .is_empty()
        );
    }
    let twice = br#"{"choices":[{"message":{"content":"a","content":"b"}}]}"#;
    assert_eq!(
        ChatResponse::parse(twice).unwrap_err(),
        BodyError::Duplicate("content")
    );
}

fn chunk(data: &str) -> ChatChunk<'_> {
    ChatChunk::parse(data.as_bytes()).unwrap()
}

#[test]
fn chunks_continue_texts_of_choices_and_tool_calls() {
    let chunk = chunk(
        r#"{"id":"c","choices":[{"index":1,"delta":{"role":"assistant","content":"x"},"finish_reason":null},
            {"index":0,"delta":{"tool_calls":[{"index":3,"function":{"arguments":"{\"a"}}]}}],"usage":null}"#,
    );
    assert_eq!(
        said(&chunk.texts),
        [
            (TextKind::Content, 1, 0, "x".to_owned()),
            (TextKind::ToolArguments, 0, 3, "{\"a".to_owned()),
        ]
    );
    assert_eq!(chunk.usage, None);
    assert!(!chunk.is_usage_only());
}

#[test]
fn only_the_extra_chunk_is_usage_only() {
    let usage = r#""usage":{"prompt_tokens":1,"completion_tokens":2}"#;
    assert!(chunk(&format!(r#"{{"choices":[ ],{usage}}}"#)).is_usage_only());
    assert!(!chunk(&format!(r#"{{"choices":[{{"delta":{{}}}}],{usage}}}"#)).is_usage_only());
    assert!(!chunk(&format!("{{{usage}}}")).is_usage_only());
    assert!(!chunk(r#"{"choices":[],"prompt_filter_results":[]}"#).is_usage_only());
    assert!(!chunk(r#"{"choices":[],"usage":null}"#).is_usage_only());
}

#[test]
fn an_error_in_a_stream_is_seen() {
    let chunk = chunk(r#"{"error":{"message":"m","type":"t","code":500}}"#);
    let ErrorObject { message, .. } = chunk.error.unwrap();
    assert!(message.unwrap().is("m"));
}

#[test]
fn done_is_the_whole_data() {
    assert!(is_done(b"[DONE]"));
    assert!(!is_done(br#"{"choices":[{"delta":{"content":"[DONE]"}}]}"#));
    assert!(!is_done(b"[DONE] more"));
}
