//! An answer that comes whole.

use llm_api::{Answer, Endpoint};

use super::Reading;
use crate::estimate;

/// Reads an answer that comes whole: a bounded copy of it, parsed at its end.
#[derive(Debug)]
pub(crate) struct WholeReader {
    endpoint: Endpoint,
    copy: Copy,
    ended: bool,
}

#[derive(Debug)]
enum Copy {
    Bytes(Vec<u8>),
    /// The answer is too long, or compressed: it counts by its bytes.
    Unreadable {
        tokens: u64,
    },
}

/// A long text has some 100 KB; a thousand embeddings in base64 have 8 MB. What is longer is
/// settled by its estimate, rather than that many answers at once fill the VM's memory.
const MOST_BYTES: usize = 8 * 1024 * 1024;

impl WholeReader {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            copy: Copy::Bytes(Vec::new()),
            ended: false,
        }
    }

    /// For an answer in a content coding.
    pub(crate) fn unreadable(endpoint: Endpoint) -> Self {
        Self {
            copy: Copy::Unreadable { tokens: 0 },
            ..Self::new(endpoint)
        }
    }

    /// Takes the next piece.
    pub(crate) fn take(&mut self, piece: &[u8], end_of_stream: bool) {
        self.ended = end_of_stream;
        match &mut self.copy {
            Copy::Bytes(bytes) if bytes.len().saturating_add(piece.len()) <= MOST_BYTES => {
                bytes.extend_from_slice(piece);
            }
            Copy::Bytes(bytes) => {
                let tokens = estimate::tokens(bytes).saturating_add(estimate::tokens(piece));
                self.copy = Copy::Unreadable { tokens };
            }
            Copy::Unreadable { tokens } => {
                *tokens = tokens.saturating_add(estimate::tokens(piece));
            }
        }
    }

    pub(crate) fn finish(self) -> Reading {
        let bytes = match self.copy {
            Copy::Bytes(bytes) => bytes,
            Copy::Unreadable { tokens } => {
                return Reading {
                    is_complete: self.ended,
                    output_seen: tokens,
                    ..Reading::default()
                };
            }
        };
        let answer = Answer::parse(self.endpoint, &bytes).ok();
        let reported = answer.as_ref().and_then(Answer::usage);
        Reading {
            reported,
            is_complete: self.ended && answer.is_some(),
            output_seen: match reported {
                Some(_) => 0,
                None => estimate::tokens(&bytes),
            },
            first_text: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use llm_api::{Endpoint, Usage};

    use super::{MOST_BYTES, Reading, WholeReader};
    use crate::estimate::tokens;

    const CHAT: &str = r#"{"choices":[{"index":0,"message":{"content":"hé"}}],"usage":{
        "prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3}}}"#;
    const MESSAGE: &str = r#"{"type":"message","content":[{"type":"text","text":"hi"}],
        "usage":{"input_tokens":5,"cache_read_input_tokens":3,"output_tokens":4}}"#;
    const EMBEDDING: &str =
        r#"{"data":[{"embedding":[0.1,0.2]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;

    fn read(endpoint: Endpoint, body: &[u8], size: usize) -> Reading {
        let mut reader = WholeReader::new(endpoint);
        for piece in body.chunks(size) {
            reader.take(piece, false);
        }
        reader.take(b"", true);
        reader.finish()
    }

    #[test]
    fn usage_is_read_at_every_split() {
        for (endpoint, body, input, cached_input, output) in [
            (Endpoint::ChatCompletions, CHAT, 10, 3, 4),
            (Endpoint::Messages, MESSAGE, 8, 3, 4),
            (Endpoint::Embeddings, EMBEDDING, 8, 0, 0),
        ] {
            let expected = Usage {
                input,
                cached_input,
                output,
                ..Usage::default()
            };
            for size in 1..=body.len() {
                let reading = read(endpoint, body.as_bytes(), size);
                assert_eq!(reading.reported, Some(expected), "{size}");
                assert!(reading.is_complete);
            }
        }
    }

    #[test]
    fn a_cut_answer_is_estimated_by_its_bytes() {
        let cut = &CHAT.as_bytes()[..CHAT.len() - 1];
        let mut reader = WholeReader::new(Endpoint::ChatCompletions);
        reader.take(cut, false);
        let reading = reader.finish();
        assert_eq!((reading.reported, reading.is_complete), (None, false));
        assert_eq!(reading.output_seen, tokens(cut));
    }

    #[test]
    fn an_answer_that_is_not_json_reports_nothing() {
        for body in [
            "",
            "null",
            "[]",
            "<html>",
            r#"{"usage":7}"#,
            r#"{"usage":null}"#,
        ] {
            let reading = read(Endpoint::ChatCompletions, body.as_bytes(), 5);
            assert_eq!(reading.reported, None, "{body}");
        }
    }

    #[test]
    fn an_answer_that_is_too_long_is_not_kept() {
        let mut reader = WholeReader::new(Endpoint::ChatCompletions);
        let piece = vec![b'x'; MOST_BYTES / 2];
        for _ in 0..3 {
            reader.take(&piece, false);
        }
        reader.take(b"", true);
        let reading = reader.finish();
        assert_eq!((reading.reported, reading.is_complete), (None, true));
        assert!(reading.output_seen > 0);
    }

    #[test]
    fn a_compressed_answer_is_counted_by_its_length() {
        let mut reader = WholeReader::unreadable(Endpoint::ChatCompletions);
        reader.take(CHAT.as_bytes(), true);
        let reading = reader.finish();
        assert_eq!((reading.reported, reading.is_complete), (None, true));
    }
}
