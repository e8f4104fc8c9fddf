//! Streams of every API, torn at every place: between deltas and between chunks of bytes.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::collections::{BTreeMap, BTreeSet};

use event_stream::Decoder;
use llm_api::{Api, Endpoint, encode_text};
use serde_json::Value;

use super::stream::EventStream;
use crate::originals::{Numbering, Originals};
use crate::rule::Rule;

/// What the model says: placeholders side by side, look-alikes, and one that stays torn.
const SAID: &str = "Hi [EMAIL_1],\n\"[EMAIL_2][EMAIL_1]\" [EMAIL_9] [[EMAIL_2] \\[é [EMA";

fn restored(text: &str) -> String {
    text.replace("[EMAIL_1]", "jörg@example.com")
        .replace("[EMAIL_2]", "o'brien@example.ie")
}

fn originals() -> Originals {
    let mut numbering = Numbering::skipping(BTreeSet::new());
    for original in ["jörg@example.com", "o'brien@example.ie"] {
        assert!(
            numbering
                .placeholder(Rule::Email, original.to_owned())
                .is_ok()
        );
    }
    numbering.into_originals()
}

fn answer(endpoint: Endpoint) -> EventStream {
    let api = match endpoint {
        Endpoint::Messages => Api::Anthropic,
        _ => Api::OpenAi,
    };
    EventStream::new((api, endpoint), originals(), 1 << 20)
}

/// The stream in chunks of a size, restored.
fn restore(endpoint: Endpoint, stream: &str, size: usize) -> String {
    let mut answer = answer(endpoint);
    let mut out = Vec::new();
    for chunk in stream.as_bytes().chunks(size) {
        out.extend(answer.restore(chunk, false));
    }
    out.extend(answer.restore(b"", true));
    String::from_utf8(out).unwrap()
}

/// `text` in deltas of so many characters.
fn deltas(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let pieces = characters.chunks(size);
    pieces.map(|piece| piece.iter().collect()).collect()
}

/// The data of all events, with `[DONE]` as a string.
fn data(stream: &str) -> Vec<Value> {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(stream.as_bytes());
    let mut data = Vec::new();
    while let Some(event) = decoder.next_event().unwrap() {
        let done = || Value::String("[DONE]".to_owned());
        data.push(serde_json::from_slice(event.data()).unwrap_or_else(|_| done()));
    }
    assert!(decoder.finish().into_bytes().is_empty());
    data
}

/// Runs a stream with every size of deltas and many sizes of chunks.
fn in_every_cut(endpoint: Endpoint, write: impl Fn(usize) -> String, check: impl Fn(&str)) {
    for delta in 1..=SAID.chars().count() {
        let stream = write(delta);
        for chunk in [1, 2, 3, 7, 64, stream.len()] {
            check(&restore(endpoint, &stream, chunk));
        }
    }
    let stream = write(4);
    for chunk in 1..=stream.len().min(400) {
        check(&restore(endpoint, &stream, chunk));
    }
}

/// Interleaves the events of several channels, one of each in turn.
fn interleaved(channels: &[Vec<String>]) -> String {
    let longest = channels.iter().map(Vec::len).max().unwrap_or_default();
    let rounds =
        (0..longest).flat_map(|round| channels.iter().filter_map(move |all| all.get(round)));
    rounds.map(String::as_str).collect()
}

/// Three texts of two choices and a tool call, one ended by an event of its own, one together
/// with its last piece.
fn chat_stream(size: usize) -> String {
    let choice = |index: u64, delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":{index},\"delta\":{delta},\
             \"finish_reason\":{finish}}}],\"usage\":null}}\n\n"
        )
    };
    let content = |text: &String| format!("{{\"content\":{}}}", encode_text(text));
    let pieces = deltas(SAID, size);
    let mut first: Vec<String> = vec![choice(0, r#"{"role":"assistant","content":""}"#, "null")];
    first.extend(
        pieces
            .iter()
            .map(|piece| choice(0, &content(piece), "null")),
    );
    first.push(choice(0, "{}", "\"stop\""));
    let mut second = vec![choice(
        1,
        r#"{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"send","arguments":""}}]}"#,
        "null",
    )];
    let arguments = serde_json::json!({ "text": SAID }).to_string();
    second.extend(deltas(&arguments, size).iter().map(|piece| {
        let call = format!(
            r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{}}}}}]}}"#,
            encode_text(piece)
        );
        choice(1, &call, "null")
    }));
    second.push(choice(1, "{}", "\"tool_calls\""));
    let mut third: Vec<String> = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let finish = if number + 1 == pieces.len() {
            "\"length\""
        } else {
            "null"
        };
        third.push(choice(2, &content(piece), finish));
    }
    interleaved(&[first, second, third])
        + "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\ndata: [DONE]\n\n"
}

#[test]
fn choices_and_tool_calls_of_a_chat_are_restored_in_every_cut() {
    in_every_cut(Endpoint::ChatCompletions, chat_stream, |out| {
        let mut texts: BTreeMap<u64, String> = BTreeMap::new();
        let mut finished = BTreeSet::new();
        let mut names = String::new();
        for chunk in data(out) {
            for choice in chunk["choices"].as_array().into_iter().flatten() {
                let index = choice["index"].as_u64().unwrap();
                assert!(!finished.contains(&index), "text after the end: {out}");
                let delta = &choice["delta"];
                let function = &delta["tool_calls"][0]["function"];
                names += function["name"].as_str().unwrap_or_default();
                let text = delta["content"].as_str().or(function["arguments"].as_str());
                *texts.entry(index).or_default() += text.unwrap_or_default();
                if !choice["finish_reason"].is_null() {
                    finished.insert(index);
                }
            }
        }
        assert_eq!(
            (texts[&0].clone(), texts[&2].clone()),
            (restored(SAID), restored(SAID))
        );
        let arguments: Value = serde_json::from_str(&texts[&1]).unwrap();
        assert_eq!(arguments["text"], restored(SAID));
        assert_eq!(names, "send");
        assert_eq!(finished.len(), 3);
        assert!(out.ends_with("data: [DONE]\n\n"));
    });
}

/// A thinking block, a text block and a tool's input, with pings among them.
fn messages_stream(size: usize) -> String {
    let event = |name: &str, data: String| format!("event: {name}\ndata: {data}\n\n");
    let delta = |index: u64, kind: &str, member: &str, piece: &str| {
        let text = encode_text(piece);
        let data = format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{member}":{text}}}}}"#
        );
        event("content_block_delta", data) + &event("ping", r#"{"type": "ping"}"#.to_owned())
    };
    let arguments = serde_json::json!({ "text": SAID }).to_string();
    let blocks = [
        (
            r#"{"type":"thinking","thinking":"","signature":""}"#,
            "thinking_delta",
            "thinking",
            SAID,
        ),
        (r#"{"type":"text","text":""}"#, "text_delta", "text", SAID),
        (
            r#"{"type":"tool_use","id":"t","name":"send","input":{}}"#,
            "input_json_delta",
            "partial_json",
            &arguments,
        ),
    ];
    let start =
        r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":1}}}"#;
    let mut stream = event("message_start", start.to_owned());
    let blocks = (0..)
        .zip(blocks)
        .map(|(index, (block, kind, member, text))| {
            let start = format!(
                r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#
            );
            let mut events = vec![event("content_block_start", start)];
            events.extend(
                deltas(text, size)
                    .iter()
                    .map(|piece| delta(index, kind, member, piece)),
            );
            let stop = format!(r#"{{"type":"content_block_stop","index":{index}}}"#);
            events.push(event("content_block_stop", stop));
            events
        });
    stream += &interleaved(&blocks.collect::<Vec<_>>());
    stream += &event(
        "message_delta",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#.to_owned(),
    );
    stream + &event("message_stop", r#"{"type":"message_stop"}"#.to_owned())
}

#[test]
fn blocks_of_a_message_are_restored_in_every_cut() {
    in_every_cut(Endpoint::Messages, messages_stream, |out| {
        let mut texts: BTreeMap<u64, String> = BTreeMap::new();
        let mut open = BTreeSet::new();
        for event in data(out) {
            let index = event["index"].as_u64().unwrap_or_default();
            match event["type"].as_str().unwrap() {
                "content_block_start" => assert!(open.insert(index)),
                "content_block_stop" => assert!(open.remove(&index)),
                "content_block_delta" => {
                    assert!(open.contains(&index), "a delta after the end: {out}");
                    let delta = &event["delta"];
                    let member = match delta["type"].as_str().unwrap() {
                        "input_json_delta" => "partial_json",
                        "thinking_delta" => "thinking",
                        _ => "text",
                    };
                    *texts.entry(index).or_default() += delta[member].as_str().unwrap();
                }
                _ => {}
            }
        }
        assert_eq!(
            (texts[&0].clone(), texts[&1].clone()),
            (restored(SAID), restored(SAID))
        );
        let input: Value = serde_json::from_str(&texts[&2]).unwrap();
        assert_eq!(input["text"], restored(SAID));
        assert!(open.is_empty());
        assert_eq!(
            out.matches("event: ").count(),
            out.matches("data: ").count()
        );
    });
}

/// Two parts of an item, each said in pieces and then whole.
fn responses_stream(size: usize) -> String {
    let mut stream = String::new();
    let mut event = |data: Value| {
        let kind = data["type"].as_str().unwrap().to_owned();
        stream += &format!("event: {kind}\ndata: {data}\n\n");
    };
    let part = |index: u64, kind: &str, member: &str, text: &str| {
        serde_json::json!({"type": format!("response.output_text.{kind}"), "item_id": "i",
            "output_index": 0, "content_index": index, member: text})
    };
    event(serde_json::json!({"type": "response.created", "response": {"output": []}}));
    for index in 0..2 {
        for piece in deltas(SAID, size) {
            event(part(index, "delta", "delta", &piece));
        }
        event(part(index, "done", "text", SAID));
    }
    let item = serde_json::json!({"type": "message", "role": "assistant",
        "content": [{"type": "output_text", "text": SAID}, {"type": "output_text", "text": SAID}]});
    event(
        serde_json::json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
    );
    event(serde_json::json!({"type": "response.completed", "response": {"output": [item]}}));
    stream
}

#[test]
fn pieces_and_whole_texts_of_a_response_are_restored_in_every_cut() {
    in_every_cut(Endpoint::Responses, responses_stream, |out| {
        let mut texts = [String::new(), String::new()];
        let mut wholes = 0;
        for event in data(out) {
            let part =
                usize::try_from(event["content_index"].as_u64().unwrap_or_default()).unwrap();
            if let Some(piece) = event["delta"].as_str() {
                texts[part] += piece;
            }
            let item = if event["item"].is_null() {
                &event["response"]["output"][0]
            } else {
                &event["item"]
            };
            for whole in [
                &event["text"],
                &item["content"][0]["text"],
                &item["content"][1]["text"],
            ] {
                wholes += u64::from(!whole.is_null());
                assert!(whole.is_null() || *whole == restored(SAID));
            }
            if !event["text"].is_null() {
                assert_eq!(
                    texts[part],
                    restored(SAID),
                    "the whole text came before its pieces"
                );
            }
        }
        assert_eq!(texts, [restored(SAID), restored(SAID)]);
        assert_eq!(wholes, 6);
    });
}

#[test]
fn completions_are_restored_in_every_cut() {
    let write = |size| {
        let pieces = deltas(SAID, size);
        let chunks = pieces.iter().map(|piece| {
            let text = encode_text(piece);
            format!("data: {{\"choices\":[{{\"index\":0,\"text\":{text},\"finish_reason\":null}}]}}\r\n\r\n")
        });
        chunks.collect::<String>() + "data: [DONE]\r\n\r\n"
    };
    in_every_cut(Endpoint::Completions, write, |out| {
        let chunks = data(out);
        let texts = chunks
            .iter()
            .filter_map(|chunk| chunk.get("choices")?[0]["text"].as_str());
        assert_eq!(texts.collect::<String>(), restored(SAID));
        assert!(out.ends_with("data: [DONE]\r\n\r\n"));
    });
}

#[test]
fn events_without_a_placeholder_leave_as_their_exact_bytes() {
    let stream = concat!(
        "\u{feff}: hello\r\n\r\n",
        "id: 7\rretry: 3\rdata: {\"choices\" : [{\"index\":0,\"delta\":{\"content\":\"a [b] \\ud83e\"}}]}\r\r",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[EMAIL_9] [EMAIL_x\"}}]}\n\n",
        "data: not JSON [\"\n\n",
        "data:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"the end [EMAIL_1\"}}\n\n",
        "event: odd\ndata: {\n\n",
        "data: [DONE]\n\n",
        "data: rest [EMA"
    );
    for size in 1..=stream.len() {
        assert_eq!(restore(Endpoint::ChatCompletions, stream, size), stream);
    }
}

#[test]
fn the_other_fields_of_an_edited_event_stay() {
    let stream = "id: 7\r\n: x\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[EMAIL_1]\"}}]}\r\nretry: 1\r\n\r\n";
    for size in 1..=stream.len() {
        assert_eq!(
            restore(Endpoint::ChatCompletions, stream, size),
            restored(stream)
        );
    }
    let lines = "event: x\ndata: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"[EMAIL_1]\"}}]}\n\n";
    assert_eq!(
        restore(Endpoint::ChatCompletions, lines, 5),
        restored(lines)
    );
}

#[test]
fn half_a_character_beside_a_placeholder_stays_half() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\udd80[EMAIL_1]\\ud83e\"}}]}\n\n";
    assert_eq!(
        restore(Endpoint::ChatCompletions, stream, 9),
        restored(stream)
    );
}

#[test]
fn strings_beside_the_texts_are_restored_too() {
    let stream = "data: {\"choices\":[],\"error\":{\"message\":\"no mail to [EMAIL_1]\"}}\n\n";
    assert_eq!(
        restore(Endpoint::ChatCompletions, stream, 9),
        restored(stream)
    );
    let stream = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
        {\"type\":\"citations_delta\",\"citation\":{\"cited_text\":\"[EMAIL_1]\"}}}\n\n";
    assert_eq!(restore(Endpoint::Messages, stream, 9), restored(stream));
}

#[test]
fn an_error_comes_after_the_text_before_it() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a [EMA\"}}]}\n\n\
        data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let out = restore(Endpoint::ChatCompletions, stream, 9);
    let [first, copy, error] = &data(&out)[..] else {
        panic!("{out}");
    };
    assert_eq!(first["choices"][0]["delta"]["content"], "a ");
    assert_eq!(copy["choices"][0]["delta"]["content"], "[EMA");
    assert_eq!(error["error"]["message"], "overloaded");
}

#[test]
fn a_piece_that_is_said_in_two_members_stays_in_both() {
    let chunk = |piece: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"reasoning\":\"{piece}\",\"reasoning_content\":\"{piece}\"}}}}]}}\n\n"
        )
    };
    let stream = ["to [", "EMAIL_", "1]", "!"].map(chunk).concat();
    let out = restore(Endpoint::ChatCompletions, &stream, 9);
    for member in ["reasoning", "reasoning_content"] {
        let chunks = data(&out);
        let pieces = chunks
            .iter()
            .map(|chunk| chunk["choices"][0]["delta"][member].as_str());
        assert_eq!(
            pieces.map(Option::unwrap).collect::<String>(),
            restored("to [EMAIL_1]!")
        );
    }
}

#[test]
fn text_leaves_as_soon_as_it_can_be_no_placeholder() {
    let mut answer = answer(Endpoint::ChatCompletions);
    let mut say = |piece: &str| {
        let chunk = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n"
        );
        let out = answer.restore(chunk.as_bytes(), false);
        let said = &data(std::str::from_utf8(&out).unwrap())[0]["choices"][0]["delta"]["content"];
        said.as_str().unwrap().to_owned()
    };
    for (piece, said) in [
        ("a [", "a "),
        ("b", "[b"),
        ("[EMAIL_", ""),
        ("9999", ""),
        ("9", ""),
        ("9", "[EMAIL_999999"),
        ("[EMAIL_1", ""),
        ("", ""),
        ("]", "jörg@example.com"),
        ("[[", "["),
        ("x", "[x"),
    ] {
        assert_eq!(say(piece), said);
    }
}

#[test]
fn more_texts_than_can_be_held_are_torn_but_whole() {
    let chunk = |index: u64, piece: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n"
        )
    };
    let stream: String = ["[EMAIL_", "1]"]
        .iter()
        .flat_map(|piece| (0..200).map(move |index| chunk(index, piece)))
        .collect();
    let mut texts: BTreeMap<u64, String> = BTreeMap::new();
    for chunk in data(&restore(Endpoint::ChatCompletions, &stream, 999)) {
        let choice = &chunk["choices"][0];
        let text = texts.entry(choice["index"].as_u64().unwrap()).or_default();
        *text += choice["delta"]["content"].as_str().unwrap();
    }
    let right = texts
        .values()
        .filter(|text| *text == "jörg@example.com")
        .count();
    let torn = texts.values().filter(|text| *text == "[EMAIL_1]").count();
    assert_eq!((right, torn), (128, 72));
}

/// A test of time: quadratic work would take minutes.
#[test]
fn an_event_of_many_texts_takes_linear_time() {
    const MANY: usize = 50_000;
    let long = "x".repeat(16 << 10);
    for choice in [
        // One channel: pieces of it are told apart by number.
        r#"{"index":0,"text":"[EMAIL_1] [","finish_reason":null}"#,
        // A channel each, which ends at once.
        r#"{"text":"[EMAIL_1] [","finish_reason":"stop"}"#,
        r#"{"text":"[EMAIL_1] ["}"#,
    ] {
        let choices = format!("{choice},").repeat(MANY);
        for member in ["", &long] {
            let data = format!(r#"{{"x":"{member}","choices":[{choices}{choice}]}}"#);
            let stream = format!("data: {data}\n\n");
            let mut answer = EventStream::new(
                (Api::OpenAi, Endpoint::Completions),
                originals(),
                stream.len(),
            );
            let out = answer.restore(stream.as_bytes(), true);
            let out = String::from_utf8(out).unwrap();
            assert_eq!(out.matches("jörg@example.com").count(), MANY + 1);
            assert_eq!(out.matches("[EMAIL_1]").count(), 0);
        }
    }
}
