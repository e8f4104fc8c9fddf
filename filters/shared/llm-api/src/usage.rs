//! What an answer cost, in tokens, with one meaning for all providers.

use crate::body_error::BodyError;
use crate::value::{Value, present};

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// All input tokens, those read from and written to a cache included.
    pub input: u64,
    /// Input tokens that the provider had cached.
    pub cached_input: u64,
    /// Input tokens that it wrote to its cache.
    pub cache_write: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// Input and output, saturating.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// The sum of both, saturating: of several answers to one request, say.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }

    /// OpenAI's `usage`, of chat completions, completions, embeddings (`prompt_tokens`…) and
    /// responses (`input_tokens`…). A member that is no count is as good as absent.
    pub(crate) fn of_openai(value: Option<Value<'_>>) -> Result<Option<Self>, BodyError> {
        let Some(value) = present(value).filter(|value| value.is_object()) else {
            return Ok(None);
        };
        let [
            prompt,
            input,
            completion,
            output,
            total,
            prompt_details,
            input_details,
            completion_details,
            output_details,
        ] = value.members(
            "usage",
            [
                "prompt_tokens",
                "input_tokens",
                "completion_tokens",
                "output_tokens",
                "total_tokens",
                "prompt_tokens_details",
                "input_tokens_details",
                "completion_tokens_details",
                "output_tokens_details",
            ],
        )?;
        let output = count(completion).or(count(output)).unwrap_or(0);
        let input = count(prompt)
            .or(count(input))
            .or_else(|| Some(count(total)?.saturating_sub(output)))
            .unwrap_or(0);
        let [cached_input, cache_write, cache_creation] = details(
            present(prompt_details).or(input_details),
            // The last one is what gateways in front of Anthropic write.
            [
                "cached_tokens",
                "cache_write_tokens",
                "cache_creation_input_tokens",
            ],
        )?;
        let [reasoning] = details(
            present(completion_details).or(output_details),
            ["reasoning_tokens"],
        )?;
        Ok(Some(Self {
            input,
            cached_input,
            cache_write: cache_write.max(cache_creation),
            output,
            reasoning,
        }))
    }
}

/// One report of an Anthropic answer's usage. A stream makes several, each cumulative, and none
/// need be complete: `message_start` has the input, `message_delta` the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnthropicUsage {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl AnthropicUsage {
    pub(crate) fn read(value: Option<Value<'_>>) -> Result<Option<Self>, BodyError> {
        let Some(value) = present(value).filter(|value| value.is_object()) else {
            return Ok(None);
        };
        let [input, cache_read, cache_write, output, output_details] = value.members(
            "usage",
            [
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens",
                "output_tokens_details",
            ],
        )?;
        let thinking = match present(output_details).filter(|details| details.is_object()) {
            Some(details) => {
                let [thinking] = details.members("output_tokens_details", ["thinking_tokens"])?;
                count(thinking)
            }
            None => None,
        };
        Ok(Some(Self {
            input: count(input),
            cache_read: count(cache_read),
            cache_write: count(cache_write),
            output: count(output),
            thinking,
        }))
    }

    /// What both say; where both say something, the later one is right.
    #[must_use]
    pub fn merge(self, later: Self) -> Self {
        Self {
            input: later.input.or(self.input),
            cache_read: later.cache_read.or(self.cache_read),
            cache_write: later.cache_write.or(self.cache_write),
            output: later.output.or(self.output),
            thinking: later.thinking.or(self.thinking),
        }
    }

    /// In the meaning that all providers share: Anthropic counts cached input apart.
    #[must_use]
    pub fn usage(self) -> Usage {
        let cached_input = self.cache_read.unwrap_or(0);
        let cache_write = self.cache_write.unwrap_or(0);
        Usage {
            input: self
                .input
                .unwrap_or(0)
                .saturating_add(cached_input)
                .saturating_add(cache_write),
            cached_input,
            cache_write,
            output: self.output.unwrap_or(0),
            reasoning: self.thinking.unwrap_or(0),
        }
    }
}

/// What one event of a stream reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageReport {
    /// Everything so far.
    Whole(Usage),
    /// A part of it.
    Anthropic(AnthropicUsage),
}

/// Gathers the reports of one stream. Reports are cumulative: later ones win, nothing is summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageTally(Option<UsageReport>);

impl UsageTally {
    /// Nothing reported yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one more report.
    pub fn add(&mut self, report: UsageReport) {
        self.0 = Some(match (self.0, report) {
            (Some(UsageReport::Anthropic(so_far)), UsageReport::Anthropic(later)) => {
                UsageReport::Anthropic(so_far.merge(later))
            }
            (_, report) => report,
        });
    }

    /// What the reports amount to; `None` when there was none.
    #[must_use]
    pub fn usage(self) -> Option<Usage> {
        Some(match self.0? {
            UsageReport::Whole(usage) => usage,
            UsageReport::Anthropic(usage) => usage.usage(),
        })
    }
}

fn count(value: Option<Value<'_>>) -> Option<u64> {
    value.and_then(Value::as_count)
}

/// Counts of a details object, 0 where there is none.
fn details<const N: usize>(
    value: Option<Value<'_>>,
    names: [&'static str; N],
) -> Result<[u64; N], BodyError> {
    match value.filter(|value| value.is_object()) {
        Some(value) => {
            let members = value.members("usage", names)?;
            Ok(members.map(|member| count(member).unwrap_or(0)))
        }
        None => Ok([0; N]),
    }
}

#[cfg(test)]
mod tests {
    use super::{AnthropicUsage, Usage, UsageReport, UsageTally};
    use crate::value::Value;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn openai(json: &str) -> Option<Usage> {
        Usage::of_openai(Value::of_body(json.as_bytes()).ok()).unwrap()
    }

    fn anthropic(json: &str) -> AnthropicUsage {
        let usage = AnthropicUsage::read(Value::of_body(json.as_bytes()).ok());
        usage.unwrap().unwrap()
    }

    #[test]
    fn openais_input_includes_cached_tokens_already() {
        let usage = openai(
            r#"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,
                "prompt_tokens_details":{"cached_tokens":64,"cache_write_tokens":8,"audio_tokens":0},
                "completion_tokens_details":{"reasoning_tokens":7}}"#,
        );
        let expected = Usage {
            input: 100,
            cached_input: 64,
            cache_write: 8,
            output: 20,
            reasoning: 7,
        };
        assert_eq!(usage, Some(expected));
    }

    #[test]
    fn responses_name_the_same_counts_differently() {
        let usage = openai(
            r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,
                "output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}"#,
        );
        let expected = Usage {
            input: 10,
            cached_input: 4,
            cache_write: 0,
            output: 5,
            reasoning: 2,
        };
        assert_eq!(usage, Some(expected));
    }

    #[test]
    fn odd_numbers_and_types_are_no_reason_to_fail() {
        let usage = openai(
            r#"{"prompt_tokens":1.0,"completion_tokens":2e1,"prompt_tokens_details":null,
                "completion_tokens_details":{"reasoning_tokens":"3"}}"#,
        );
        assert_eq!(
            usage.map(|usage| (usage.input, usage.output)),
            Some((1, 20))
        );
        for (number, read) in [
            ("-1", 0),
            ("-1.5", 0),
            ("1e400", 0),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", 0),
            ("0.2", 1),
            ("null", 0),
            ("\"7\"", 0),
            ("[1]", 0),
            ("-0.0", 0),
        ] {
            let usage = openai(&format!(r#"{{"prompt_tokens":{number}}}"#)).unwrap();
            assert_eq!(usage.input, read, "{number}");
        }
        assert_eq!(openai("null"), None);
        assert_eq!(openai("[1]"), None);
        assert_eq!(openai("{}"), Some(Usage::default()));
    }

    #[test]
    fn input_is_what_the_total_leaves_when_it_is_not_named() {
        let usage = openai(r#"{"total_tokens":9,"completion_tokens":2}"#).unwrap();
        assert_eq!(usage.input, 7);
    }

    #[test]
    fn anthropics_split_usage_is_merged_and_not_summed() {
        let mut tally = UsageTally::new();
        assert_eq!(tally.usage(), None);
        for report in [
            r#"{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":null,"output_tokens":1}"#,
            r#"{"output_tokens":30}"#,
            r#"{"output_tokens":42,"cache_creation_input_tokens":3,"output_tokens_details":{"thinking_tokens":6}}"#,
        ] {
            tally.add(UsageReport::Anthropic(anthropic(report)));
        }
        let expected = Usage {
            input: 18,
            cached_input: 5,
            cache_write: 3,
            output: 42,
            reasoning: 6,
        };
        assert_eq!(tally.usage(), Some(expected));
    }

    #[test]
    fn sums_saturate() {
        let usage = anthropic(
            r#"{"input_tokens":18446744073709551615,"cache_read_input_tokens":1,"output_tokens":1}"#,
        )
        .usage();
        assert_eq!(usage.input, u64::MAX);
        assert_eq!(usage.total(), u64::MAX);
        assert_eq!(usage.plus(usage).input, u64::MAX);
    }
}
