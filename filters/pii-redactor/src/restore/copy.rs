//! A copy of a delta event with nothing in it but one text: the shape in which held text leaves
//! when no delta of its channel follows.

use std::collections::BTreeMap;

use llm_api::{Span, encode_text};
use serde_json::value::RawValue;

/// A delta event that carries any text for one channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DeltaCopy {
    name: Option<Vec<u8>>,
    before: String,
    after: String,
}

/// The longest data of a copy, in bytes: a delta with no more than one text is short.
const MOST_BYTES: usize = 16 << 10;

/// How deep in an event its texts stand at most.
const MOST_DEPTH: usize = 16;

/// What stays below the top beside the text: what says which text it is. A repeated `name` or
/// `id` of a tool call would be joined to the first one by the SDKs.
const KEPT: [&str; 3] = ["index", "type", "finish_reason"];

/// What doesn't stay at the top: the tokens were counted once.
const DROPPED: [&str; 2] = ["usage", "logprobs"];

impl DeltaCopy {
    /// A copy of an event for the text at `text` in its data; `None` where there is no string
    /// in JSON, or the copy is too long.
    pub(super) fn of(name: Option<&[u8]>, data: &[u8], text: Span) -> Option<Self> {
        let json = std::str::from_utf8(data).ok()?;
        let mut path = Path {
            json,
            text,
            out: String::new(),
            before: None,
        };
        path.follow(json, 0)?;
        let after = path.out;
        let before = path.before?;
        (before.len() + after.len() <= MOST_BYTES).then(|| Self {
            name: name.map(<[u8]>::to_vec),
            before,
            after,
        })
    }

    /// Appends the event with `text` as its text, escaped as it has to be in JSON.
    pub(super) fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        let data = [
            self.before.as_bytes(),
            b"\"",
            text,
            b"\"",
            self.after.as_bytes(),
        ]
        .concat();
        match &self.name {
            Some(name) => event_stream::write_event(out, name, &data),
            None => event_stream::write_data(out, &data),
        }
    }
}

/// Walks from the top of the data to the text and writes what stays.
struct Path<'a> {
    json: &'a str,
    text: Span,
    out: String,
    /// What was written before the text.
    before: Option<String>,
}

impl<'a> Path<'a> {
    fn follow(&mut self, value: &'a str, depth: usize) -> Option<()> {
        match value.trim_ascii_start().as_bytes().first()? {
            _ if depth > MOST_DEPTH => None,
            b'{' => self.object(value, depth),
            b'[' => self.array(value, depth),
            b'"' if self.place_of(value)? == self.text => {
                self.before = Some(std::mem::take(&mut self.out));
                Some(())
            }
            _ => None,
        }
    }

    fn object(&mut self, value: &'a str, depth: usize) -> Option<()> {
        let members: BTreeMap<String, &'a RawValue> = serde_json::from_str(value).ok()?;
        let mut separator = '{';
        for (name, member) in members {
            let on_the_way = self.is_on_the_way(member.get());
            let kept = if depth == 0 {
                !DROPPED.contains(&name.as_str())
            } else {
                KEPT.contains(&name.as_str())
            };
            if !on_the_way && !kept {
                continue;
            }
            self.out.push(separator);
            separator = ',';
            self.out.push_str(&encode_text(&name));
            self.out.push(':');
            if on_the_way {
                self.follow(member.get(), depth + 1)?;
            } else {
                self.out.push_str(member.get());
            }
        }
        self.out.push('}');
        Some(())
    }

    fn array(&mut self, value: &'a str, depth: usize) -> Option<()> {
        let elements: Vec<&'a RawValue> = serde_json::from_str(value).ok()?;
        let mut elements = elements.into_iter().map(RawValue::get);
        let element = elements.find(|element| self.is_on_the_way(element))?;
        self.out.push('[');
        self.follow(element, depth + 1)?;
        self.out.push(']');
        Some(())
    }

    fn is_on_the_way(&self, value: &str) -> bool {
        let place = self.place_of(value);
        place.is_some_and(|place| place.start <= self.text.start && self.text.end <= place.end)
    }

    /// Where a part of the data stands in it.
    fn place_of(&self, part: &str) -> Option<Span> {
        let start = part
            .as_ptr()
            .addr()
            .checked_sub(self.json.as_ptr().addr())?;
        let end = start + part.len();
        Some(Span { start, end })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use llm_api::Span;

    use super::DeltaCopy;

    fn copy(data: &str, text: &str, with: &str) -> Option<String> {
        let start = data.find(text).unwrap();
        let end = start + text.len();
        let copy = DeltaCopy::of(None, data.as_bytes(), Span { start, end })?;
        let mut out = Vec::new();
        copy.write(with.as_bytes(), &mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_copy_of_a_tool_call_says_no_name_again() {
        let data = r#"{"id":"c", "usage":{"total_tokens":9}, "choices":[ {"index":0,"delta":{"content":"x"}},
            {"index":1,"delta":{"role":"assistant","content":"y","tool_calls":[
            {"index":2,"id":"call","type":"function","function":{"name":"send","arguments":"{\"["}}]},
            "finish_reason":null,"logprobs":null}]}"#;
        let expected = r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"["},"index":2,"type":"function"}]},"finish_reason":null,"index":1}],"id":"c"}"#;
        let copied = copy(data, r#""{\"[""#, "[").unwrap();
        assert_eq!(copied, format!("data: {expected}\n\n"));
    }

    #[test]
    fn what_stands_nowhere_in_the_data_is_not_copied() {
        let span = Span { start: 3, end: 4 };
        for data in [
            "",
            "7",
            "[]",
            r#"{"a":"b"}"#,
            r#"{"a":["#,
            "[DONE]",
            "\u{e9}",
        ] {
            assert_eq!(DeltaCopy::of(None, data.as_bytes(), span), None, "{data}");
        }
    }

    #[test]
    fn a_long_event_is_not_copied() {
        let data = format!(
            r#"{{"system_fingerprint":"{}","text":"["}}"#,
            "x".repeat(16 << 10)
        );
        assert_eq!(copy(&data, r#""[""#, "["), None);
    }
}
