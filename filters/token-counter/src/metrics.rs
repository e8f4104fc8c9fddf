//! The metrics of a request that was admitted.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ai_requests_total` | tenant, model, provider, streaming | requests that were admitted here, whatever came of them |
//! | `ai_tokens_total` | tenant, model, provider, token_type | tokens; see below |
//! | `ai_cost_microdollars_total` | tenant, model, provider | millionths of a US dollar, where the model has a price |
//! | `ai_estimated_usage_total` | tenant, model, provider | requests whose tokens were estimated, since the provider didn't count them |
//! | `ai_request_errors_total` | tenant, model, provider, reason | requests that failed; see [`Failure`] |
//! | `ai_limit_allowed_total` | tenant, limit | what a limit allowed, in the minutes that had a request (`limit_use.rs`) |
//! | `ai_limit_used_total` | tenant, limit | what was used of it |
//! | `ai_request_duration_milliseconds` | tenant, model, provider, streaming | from the request's headers to the stream's end |
//! | `ai_time_to_first_token_milliseconds` | tenant, model, provider | of streams: from the request's headers to the first event with text; not of cache hits |
//!
//! `token_type` `input` and `output` are totals, and their sum is what counts against a budget.
//! `cached_input` and `cache_write` are parts of `input`, `reasoning` is a part of `output`: they
//! are not to be added to them. `model` is the name that the client and the configuration know,
//! `provider` the one that answered; both are `none` where the router had not decided.

use std::cell::RefCell;

use facts::key;
use http_filter::{Change, Host, Metric, Time};
use llm_api::Usage;

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::price::{Price, Remainders};

/// What the metrics say about a request that has ended.
pub(crate) struct Ended<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) is_streaming: bool,
    pub(crate) arrived: Time,
    pub(crate) first_text: Option<Time>,
    pub(crate) ended: Time,
    pub(crate) outcome: Outcome,
    pub(crate) failure: Option<Failure>,
    pub(crate) price: Option<Price>,
}

impl Ended<'_> {
    pub(crate) fn record(&self, remainders: &RefCell<Remainders>, host: &mut dyn Host) {
        let model = label(host, key::REQUESTED_MODEL);
        let provider = label(host, key::PROVIDER);
        let series = [
            ("tenant", self.tenant),
            ("model", model.as_str()),
            ("provider", provider.as_str()),
        ];
        self.record_request(series, host);
        if let Some(failure) = self.failure {
            let [tenant, model, provider] = series;
            let labels = [tenant, model, provider, ("reason", failure.reason())];
            add("ai_request_errors_total", &labels, 1, host);
        }
        record_tokens(self.outcome.usage(), series, host);
        if matches!(self.outcome, Outcome::Estimated(_)) {
            add("ai_estimated_usage_total", &series, 1, host);
        }
        if let Some(price) = self.price {
            let name = series.map(|(_, value)| value).join("\n");
            let usage = self.outcome.usage();
            let cost = remainders.borrow_mut().add(name, price, usage);
            add("ai_cost_microdollars_total", &series, cost, host);
        }
        if let Some(first_text) = self.first_text
            && self.outcome != Outcome::CacheHit
        {
            host.record(Metric {
                name: "ai_time_to_first_token_milliseconds",
                labels: &series,
                change: Change::Observe(first_text.milliseconds_since(self.arrived)),
            });
        }
    }

    fn record_request(&self, [tenant, model, provider]: Series<'_>, host: &mut dyn Host) {
        let streaming = if self.is_streaming { "true" } else { "false" };
        let labels = [tenant, model, provider, ("streaming", streaming)];
        add("ai_requests_total", &labels, 1, host);
        host.record(Metric {
            name: "ai_request_duration_milliseconds",
            labels: &labels,
            change: Change::Observe(self.ended.milliseconds_since(self.arrived)),
        });
    }
}

type Series<'a> = [(&'static str, &'a str); 3];

fn record_tokens(usage: Usage, [tenant, model, provider]: Series<'_>, host: &mut dyn Host) {
    let Usage {
        input,
        cached_input,
        cache_write,
        output,
        reasoning,
    } = usage;
    for (token_type, tokens) in [
        ("input", input),
        ("cached_input", cached_input),
        ("cache_write", cache_write),
        ("output", output),
        ("reasoning", reasoning),
    ] {
        let labels = [tenant, model, provider, ("token_type", token_type)];
        add("ai_tokens_total", &labels, tokens, host);
    }
}

/// A counter of zero makes no series.
fn add(name: &'static str, labels: &[(&'static str, &str)], by: u64, host: &mut dyn Host) {
    if by > 0 {
        host.record(Metric {
            name,
            labels,
            change: Change::Add(by),
        });
    }
}

fn label(host: &dyn Host, key: &str) -> String {
    let name = host.fact(key).and_then(|name| String::from_utf8(name).ok());
    let name = name.filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "none".to_owned())
}
