//! How many tokens a text may have, before or without the provider's own count.
//!
//! The tokenizers of today cut a text at changes of class (letters, digits, punctuation, white
//! space), never join digits beyond three, and know most words of English whole. So the estimate
//! takes:
//!
//! - one token for every four letters of a run, begun ones counted whole; an upper-case letter
//!   after a lower-case one begins a new run, as in `camelCase` and base64;
//! - one for every two digits of a run, begun ones counted whole;
//! - one for every other ASCII character (signs, line ends), or for every four that repeat it;
//! - one for every two bytes beyond ASCII: 1 for a letter with an accent or of Cyrillic, 1.5 for
//!   a Chinese character, 2 for an emoji;
//! - nothing for a space, which belongs to the word behind it, and one for every four more.
//!
//! Measured against OpenAI's `o200k_base` and `cl100k_base`, that is 1.35 to 1.5 times the true
//! count for English, 1.6 for Rust and the JSON of chats, 0.95 to 3.4 for other languages; but 0.7
//! for base64 and for families of emoji. So it is no proof against texts made to be counted
//! badly. A reservation may be too high for a moment: the provider's own count settles it.
//! Images, audio and files are not estimated at all: only the provider's count knows them.

use llm_api::{BodyError, Endpoint, Request};

/// What a request is expected to cost at most, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Estimate {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

impl Estimate {
    pub(crate) fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Around each text stand a role and separators.
const TOKENS_PER_TEXT: u64 = 4;

/// Estimates a request. `default_output` stands for the answer's length where the client gives
/// no bound.
///
/// Besides the texts it counts what stands in `tools` and its like, and one token for each
/// number of an input that is given as tokens. Counting tokens costs none.
pub(crate) fn of_request(
    endpoint: Endpoint,
    request: &Request<'_>,
    body: &[u8],
    default_output: u64,
) -> Result<Estimate, BodyError> {
    if endpoint == Endpoint::CountTokens {
        return Ok(Estimate::default());
    }
    let mut texts = request.texts()?;
    if let Request::Messages(request) = request {
        texts.extend(request.tool_inputs()?);
    }
    let mut input: u64 = 0;
    for text in texts {
        input = input
            .saturating_add(tokens(text.text.decode().as_bytes()))
            .saturating_add(TOKENS_PER_TEXT);
    }
    input = input.saturating_add(of_schemas(body, request.has_token_input()));
    let output = match has_output(endpoint) {
        true => request.max_output_tokens().unwrap_or(default_output),
        false => 0,
    };
    Ok(Estimate {
        input,
        output: output.saturating_mul(answers(endpoint, request, body)),
    })
}

/// How many answers the model writes: `n`, at least 1. Completions write one for each prompt, and
/// `best_of` of them where that is more than they give back (OpenAI API reference, completions).
fn answers(endpoint: Endpoint, request: &Request<'_>, body: &[u8]) -> u64 {
    let choices = request.choices().max(1);
    if endpoint != Endpoint::Completions {
        return choices;
    }
    let Ok(Completion { prompt, best_of }) = serde_json::from_slice(body) else {
        return choices;
    };
    let best_of = best_of.and_then(|json| json.get().parse().ok());
    let prompts = prompt.map_or(1, |json| prompts_in(json.get()));
    choices.max(best_of.unwrap_or(1)).saturating_mul(prompts)
}

/// Members of a completion that multiply its answers.
#[derive(serde::Deserialize)]
struct Completion<'a> {
    #[serde(borrow)]
    prompt: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    best_of: Option<&'a serde_json::value::RawValue>,
}

/// A text is one prompt, and so is an array of token numbers; any other array is one for each
/// of its elements.
fn prompts_in(json: &str) -> u64 {
    let inside = json.strip_prefix('[').map(str::trim_start);
    let of_numbers = |inside: &str| inside.starts_with(|first: char| first.is_ascii_digit());
    match inside {
        Some(inside) if !of_numbers(inside) => {
            serde_json::from_str(json).map_or(1, |Elements(count)| count.max(1))
        }
        _ => 1,
    }
}

/// Counts an array's elements without keeping them.
struct Elements(u64);

impl<'de> serde::Deserialize<'de> for Elements {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counter;

        impl<'de> serde::de::Visitor<'de> for Counter {
            type Value = Elements;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut elements: A,
            ) -> Result<Elements, A::Error> {
                let mut count = 0;
                while elements.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Elements(count))
            }
        }

        deserializer.deserialize_seq(Counter)
    }
}

/// Whether a model writes something at this endpoint.
pub(crate) fn has_output(endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::ChatCompletions
        | Endpoint::Completions
        | Endpoint::Responses
        | Endpoint::Messages => true,
        Endpoint::Embeddings | Endpoint::CountTokens | Endpoint::Models | Endpoint::Model => false,
    }
}

/// Members whose JSON the model reads besides the texts.
#[derive(serde::Deserialize)]
struct Schemas<'a> {
    #[serde(borrow)]
    tools: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    functions: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    input: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    prompt: Option<&'a serde_json::value::RawValue>,
}

/// A body in which one of these members stands twice is estimated without them: no filter edits
/// or judges by them.
fn of_schemas(body: &[u8], has_token_input: bool) -> u64 {
    let Ok(schemas) = serde_json::from_slice::<Schemas<'_>>(body) else {
        return 0;
    };
    let Schemas {
        tools,
        functions,
        response_format,
        input,
        prompt,
    } = schemas;
    let read = [tools, functions, response_format].into_iter().flatten();
    let read = read.map(|json| tokens(json.get().as_bytes()));
    let numbers = [input, prompt].into_iter().flatten();
    let numbers = numbers
        .filter(|_| has_token_input)
        .map(|json| numbers_in(json.get().as_bytes()));
    read.chain(numbers).fold(0, u64::saturating_add)
}

/// Runs of digits.
fn numbers_in(json: &[u8]) -> u64 {
    let mut before = false;
    let mut count = 0;
    for digit in json.iter().map(u8::is_ascii_digit) {
        count += u64::from(digit && !before);
        before = digit;
    }
    count
}

/// The estimate of a text. Bytes that are no text count as those beyond ASCII.
pub(crate) fn tokens(text: &[u8]) -> u64 {
    let mut tokens: u64 = 0;
    let mut run = NO_RUN;
    let mut place: u64 = 0;
    for &byte in text {
        let kind = KINDS.get(usize::from(byte)).copied();
        let kind = kind.unwrap_or_else(|| Kind::of(byte));
        let goes_on = kind.run == run || (run == UPPER && kind.run == LOWER);
        place = if goes_on { place + 1 } else { 0 };
        tokens += u64::from(place & kind.mask == kind.counts_at);
        run = kind.run;
    }
    tokens
}

/// What a byte counts for: one token wherever the masked number of its place in the run is
/// `counts_at`.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// Bytes of one run have the same. Signs are runs of their own: the byte itself.
    run: u8,
    mask: u64,
    counts_at: u64,
}

const BEYOND_ASCII: u8 = 0x80;
const UPPER: u8 = 0x81;
const LOWER: u8 = 0x82;
const DIGIT: u8 = 0x83;
const SPACE: u8 = 0x84;

const NO_RUN: u8 = 0xFF;

const EACH_SECOND: u64 = 1;
const EACH_FOURTH: u64 = 3;

/// One for each byte, so that a text is read at one look-up for each.
static KINDS: [Kind; 256] = kinds();

const fn kinds() -> [Kind; 256] {
    let mut kinds = [Kind::of(0); 256];
    let mut byte: u8 = 0;
    // The rest of the array, without an index that could be out of it.
    let mut rest = kinds.as_mut_slice();
    while let Some((first, others)) = rest.split_first_mut() {
        *first = Kind::of(byte);
        byte = byte.wrapping_add(1);
        rest = others;
    }
    kinds
}

impl Kind {
    const fn of(byte: u8) -> Self {
        let (run, mask, counts_at) = match byte {
            b'a'..=b'z' => (LOWER, EACH_FOURTH, 0),
            b'A'..=b'Z' => (UPPER, EACH_FOURTH, 0),
            b'0'..=b'9' => (DIGIT, EACH_SECOND, 0),
            0x80.. => (BEYOND_ASCII, EACH_SECOND, 0),
            b' ' => (SPACE, EACH_FOURTH, 1),
            sign => (sign, EACH_FOURTH, 0),
        };
        Self {
            run,
            mask,
            counts_at,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use llm_api::{Endpoint, Request};

    use super::{Estimate, of_request, tokens};

    fn estimate(endpoint: Endpoint, body: &str) -> Estimate {
        let request = Request::parse(endpoint, body.as_bytes()).unwrap();
        of_request(endpoint, &request, body.as_bytes(), 1000).unwrap()
    }

    #[test]
    fn what_a_tool_was_asked_counts_as_input() {
        let with = |input: &str| {
            let call =
                format!(r#"{{"type":"tool_use","id":"t","name":"n","input":{{"q":"{input}"}}}}"#);
            let messages = format!(r#"[{{"role":"assistant","content":[{call}]}}]"#);
            let body = format!(r#"{{"model":"m","max_tokens":1,"messages":{messages}}}"#);
            estimate(Endpoint::Messages, &body).input
        };
        assert_eq!(with("the house the house"), with("") + 6);
    }

    #[test]
    fn a_completion_writes_for_each_prompt_and_as_often_as_it_may_choose() {
        for (more, answers) in [
            (r#""prompt":"a""#, 1),
            (r#""prompt":["a","b","c"]"#, 3),
            (r#""prompt":["a","b"],"n":2"#, 4),
            (r#""prompt":["a","b"],"n":2,"best_of":5"#, 10),
            (r#""prompt":[ 1, 2, 3],"best_of":2"#, 2),
            (r#""prompt":[[1,2],[3]]"#, 2),
            (r#""prompt":[]"#, 1),
            (r#""prompt":"a","best_of":"x""#, 1),
        ] {
            let body = format!(r#"{{"model":"m","max_tokens":90,{more}}}"#);
            let output = estimate(Endpoint::Completions, &body).output;
            assert_eq!(output, 90 * answers, "{more}");
        }
    }

    #[test]
    fn texts_are_estimated_by_their_classes() {
        for (text, expected) in [
            ("", 0),
            ("a", 1),
            ("house", 2),
            ("the house", 3),
            ("camelCase", 3),
            ("HTTP", 1),
            ("12345", 3),
            ("a1", 2),
            ("----", 1),
            ("{}", 2),
            ("\n", 1),
            ("x\n\n\n\n\ny", 4),
            ("x     y", 3),
            ("x      y", 4),
            ("ABCdef", 2),
            ("abcDEF", 2),
            ("\0", 1),
            (" ", 0),
            ("é", 1),
            ("中文", 3),
            ("🦀", 2),
        ] {
            assert_eq!(tokens(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(tokens(b"\xff\xfe\xff"), 2);
    }

    #[test]
    fn the_estimate_of_ordinary_texts_is_not_below_their_tokens() {
        // The larger of the counts of OpenAI's o200k_base and cl100k_base.
        for (text, counted) in [
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("fn main() {\n    println!(\"Hello, world!\");\n}\n", 12),
            ("{\"name\":\"Ada\",\"tags\":[\"x\",\"y\"],\"age\":36}", 16),
            ("Приветствую вас, уважаемые коллеги!", 18),
            ("今天天气很好，我们去公园散步吧。", 20),
            ("สวัสดีครับ ยินดีที่ได้รู้จัก", 25),
            ("नमस्ते दुनिया, आप कैसे हैं?", 27),
            ("2026-11-23T20:41:44Z 192.168.17.204 +49 170 1234567", 29),
            ("550e8400-e29b-41d4-a716-446655440000", 18),
        ] {
            assert!(tokens(text.as_bytes()) >= counted, "{text:?}");
        }
    }

    #[test]
    fn a_request_costs_its_texts_and_the_answer_it_allows() {
        let chat = |more: &str| {
            let body = format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":"the \u0068ouse"}}]{more}}}"#
            );
            estimate(Endpoint::ChatCompletions, &body)
        };
        assert_eq!((chat("").input, chat("").output), (3 + 4, 1000));
        assert_eq!(chat(r#","max_tokens":50"#).output, 50);
        assert_eq!(chat(r#","max_completion_tokens":50,"n":3"#).output, 150);
        assert_eq!(chat(r#","n":0,"max_tokens":7"#).output, 7);
        let huge = chat(r#","max_tokens":18446744073709551615,"n":9"#);
        assert_eq!((huge.output, huge.total()), (u64::MAX, u64::MAX));
        let tools = r#","tools":[{"type":"function","function":{"name":"look"}}]"#;
        assert_eq!(chat(tools).input, 7 + tokens(&tools.as_bytes()[9..]));
    }

    #[test]
    fn embeddings_write_nothing_and_their_token_inputs_are_counted() {
        let text = estimate(Endpoint::Embeddings, r#"{"model":"m","input":["a","b"]}"#);
        assert_eq!(
            text,
            Estimate {
                input: 10,
                output: 0
            }
        );
        let numbers = estimate(
            Endpoint::Embeddings,
            r#"{"model":"m","input":[[1,22],[333]]}"#,
        );
        assert_eq!(
            numbers,
            Estimate {
                input: 3,
                output: 0
            }
        );
        let prompt = r#"{"model":"m","prompt":[5,6],"max_tokens":1}"#;
        let prompt = estimate(Endpoint::Completions, prompt);
        assert_eq!(
            prompt,
            Estimate {
                input: 2,
                output: 1
            }
        );
    }

    #[test]
    fn counting_tokens_costs_none() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
        assert_eq!(estimate(Endpoint::CountTokens, body), Estimate::default());
    }
}
