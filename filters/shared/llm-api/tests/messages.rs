//! Anthropic's Messages: requests, answers, events.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

use llm_api::anthropic::{MessagesRequest, MessagesResponse, StreamEvent};
use llm_api::{BodyError, Endpoint, StreamData, Text, TextKind, Usage, UsageReport, UsageTally};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

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

const REQUEST: &str = r#"{"model":"claude-x","max_tokens":1024,"stream":true,
    "metadata":{"user_id":"u-1"},
    "system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}],
    "messages":[
      {"role":"user","content":"b"},
      {"role":"assistant","content":[
        {"type":"thinking","thinking":"c","signature":"sig"},
        {"type":"text","text":"d"},
        {"type":"tool_use","id":"t1","name":"f","input":{"q":"in \"x\"","deep":[{"text":"in2"}],"file_id":"no"}}]},
      {"role":"user","content":[
        {"type":"tool_result","tool_use_id":"t1","content":"e"},
        {"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"f"},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
            {"type":"search_result","source":"https://x","title":"g","content":[{"type":"text","text":"h"}]}]},
        {"type":"document","source":{"type":"text","media_type":"text/plain","data":"i"},"title":null,"context":"j"},
        {"type":"document","source":{"type":"content","content":[{"type":"text","text":"k"}]}},
        {"type":"document","source":{"type":"file","file_id":"file_1"}},
        {"type":"text","text":"l"}]}]}"#;

#[test]
fn a_request_is_read() {
    let request = MessagesRequest::parse(REQUEST.as_bytes()).unwrap();
    assert!(request.model().is("claude-x"));
    assert!(request.stream());
    assert_eq!(request.max_output_tokens(), Some(1024));
    use TextKind::{Content, Identifier, Reasoning};
    let expected = [
        (Identifier, 0, 0, "u-1"),
        (Content, 0, 0, "a"),
        (Content, 0, 0, "b"),
        (Reasoning, 1, 0, "c"),
        (Content, 1, 1, "d"),
        (Content, 2, 0, "e"),
        (Content, 2, 1, "f"),
        (Content, 2, 1, "g"),
        (Content, 2, 1, "h"),
        (Content, 2, 2, "j"),
        (Content, 2, 2, "i"),
        (Content, 2, 3, "k"),
        (Content, 2, 5, "l"),
    ]
    .map(|(kind, index, part, says)| (kind, index, part, says.to_owned()));
    let texts = request.texts().unwrap();
    assert_eq!(said(&texts), expected);
    for text in texts {
        assert_eq!(REQUEST.get(text.text.span().range()), Some(text.text.raw()));
    }
}

#[test]
fn a_tools_input_is_left_alone_unless_asked_for() {
    let request = MessagesRequest::parse(REQUEST.as_bytes()).unwrap();
    let inputs = request.tool_inputs().unwrap();
    assert_eq!(
        said(&inputs),
        ["in \"x\"", "in2", "no"].map(|says| (TextKind::ToolInput, 1, 2, says.to_owned()))
    );
    for text in inputs {
        assert_eq!(REQUEST.get(text.text.span().range()), Some(text.text.raw()));
    }
}

#[test]
fn stored_objects_are_found_but_not_in_a_tools_input() {
    let request = MessagesRequest::parse(REQUEST.as_bytes()).unwrap();
    let stored = request.stored_objects().unwrap();
    let members: Vec<_> = stored.iter().map(|object| object.member).collect();
    assert_eq!(members, ["file_id"]);
    assert_eq!(REQUEST.get(stored[0].span.range()), Some("\"file_1\""));
    let container = br#"{"model":"m","container":"c1","messages":[]}"#;
    let request = MessagesRequest::parse(container).unwrap();
    assert_eq!(request.stored_objects().unwrap()[0].member, "container");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let fault = |body: &str| {
        let request = MessagesRequest::parse(body.as_bytes());
        request.and_then(|request| request.texts()).unwrap_err()
    };
    for (body, expected) in [
        (r#"{"messages":[]}"#, BodyError::Missing("model")),
        (r#"{"model":"m"}"#, BodyError::Missing("messages")),
        (
            r#"{"model":"m","messages":"x"}"#,
            BodyError::WrongType("messages"),
        ),
        (
            r#"{"model":"m","messages":[1]}"#,
            BodyError::WrongType("messages"),
        ),
        (
            r#"{"model":"m","messages":[],"system":1}"#,
            BodyError::WrongType("system"),
        ),
        (
            r#"{"model":"m","messages":[{"content":7}]}"#,
            BodyError::WrongType("content"),
        ),
        (
            r#"{"model":"m","messages":[{"content":[{"type":"text","text":7}]}]}"#,
            BodyError::WrongType("text"),
        ),
        (
            r#"{"model":"m","messages":[{"content":"a","content":"b"}]}"#,
            BodyError::Duplicate("content"),
        ),
        (
            r#"{"model":"m","max_tokens":"9","messages":[]}"#,
            BodyError::WrongType("max_tokens"),
        ),
    ] {
        assert_eq!(fault(body), expected, "{body}");
    }
    let nested = r#"{"content":["#.repeat(9) + &"]}".repeat(9);
    let body = format!(r#"{{"model":"m","messages":[{nested}]}}"#);
    assert_eq!(fault(&body), BodyError::TooDeep("content"));
    for absent in ["{}", r#"{"content":null}"#, r#"{"content":[]}"#] {
        let body = format!(r#"{{"model":"m","messages":[{absent}]}}"#);
        let request = MessagesRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(request.texts(), Ok(Vec::new()));
    }
}

#[test]
fn an_answer_gives_texts_reason_and_usage() {
    let body = br#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[
        {"type":"thinking","thinking":"a","signature":"s"},{"type":"text","text":"b"},
        {"type":"tool_use","id":"t","name":"f","input":{"text":"no"}}],
        "stop_reason":"tool_use","stop_sequence":null,
        "usage":{"input_tokens":3,"cache_creation_input_tokens":2,"cache_read_input_tokens":1,"output_tokens":9}}"#;
    let answer = MessagesResponse::parse(body).unwrap();
    assert_eq!(
        said(&answer.texts),
        [
            (TextKind::Reasoning, 0, 0, "a".to_owned()),
            (TextKind::Content, 1, 0, "b".to_owned()),
        ]
    );
    assert!(answer.stop_reason.unwrap().is("tool_use"));
    let usage = Usage {
        input: 6,
        cached_input: 1,
        cache_write: 2,
        output: 9,
        reasoning: 0,
    };
    assert_eq!(answer.usage, Some(usage));
}

const STREAM: [&str; 12] = [
    r#"{"type":"message_start","message":{"id":"m","model":"claude-x","content":[],"usage":{"input_tokens":11,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}"#,
    r#"{"type":"of_a_later_day","index":[],"delta":5}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":20,"cache_read_input_tokens":4}}"#,
    r#"{"type":"message_delta","delta":null,"usage":{"output_tokens":21}}"#,
    r#"{"type":"message_stop"}"#,
];

#[test]
fn a_stream_gives_pieces_ends_and_usage() {
    let mut texts = Vec::new();
    let mut ended = Vec::new();
    let mut tally = UsageTally::new();
    let mut ends = 0;
    for data in STREAM {
        match StreamData::parse(Endpoint::Messages, data.as_bytes()).unwrap() {
            StreamData::Part(part) => {
                texts.extend(said(part.texts()));
                ended.extend_from_slice(part.ended());
                part.usage()
                    .into_iter()
                    .for_each(|report| tally.add(report));
                ends += u64::from(part.is_end());
            }
            other => panic!("{other:?}"),
        }
    }
    use TextKind::{Content, Reasoning, ToolArguments};
    let expected = [
        (Reasoning, 0, 0, ""),
        (Reasoning, 0, 0, "hm"),
        (Content, 1, 0, "Hi"),
        (ToolArguments, 2, 0, "{\"a"),
    ]
    .map(|(kind, index, part, says)| (kind, index, part, says.to_owned()));
    assert_eq!(texts, expected);
    assert_eq!((ended, ends), (vec![0], 1));
    let usage = Usage {
        input: 15,
        cached_input: 4,
        cache_write: 0,
        output: 21,
        reasoning: 0,
    };
    assert_eq!(tally.usage(), Some(usage));
}

#[test]
fn an_error_event_is_seen_with_or_without_its_object() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#;
    let StreamData::Error(error) = StreamData::parse(Endpoint::Messages, error.as_bytes()).unwrap()
    else {
        panic!("it is an error")
    };
    assert!(error.kind.unwrap().is("overloaded_error"));
    assert!(matches!(
        StreamEvent::parse(br#"{"type":"error"}"#),
        Ok(StreamEvent::Error(_))
    ));
}

#[test]
fn events_without_their_members_are_no_reason_to_fail() {
    for data in [
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"message_start"}"#,
        r#"{"type":"message_start","message":[]}"#,
        r#"{"type":"message_start","message":{"usage":7}}"#,
        r#"{"type":"content_block_delta"}"#,
        r#"{"type":"content_block_delta","index":-1,"delta":{"text":null}}"#,
        r#"{"type":"message_delta","usage":null}"#,
    ] {
        assert!(StreamEvent::parse(data.as_bytes()).is_ok(), "{data}");
    }
    let report = StreamEvent::parse(br#"{"type":"message_delta","usage":{"output_tokens":2.0}}"#);
    let Ok(StreamEvent::MessageDelta {
        usage: Some(usage), ..
    }) = report
    else {
        panic!("{report:?}")
    };
    let mut tally = UsageTally::new();
    tally.add(UsageReport::Anthropic(usage));
    assert_eq!(tally.usage().unwrap().output, 2);
}
