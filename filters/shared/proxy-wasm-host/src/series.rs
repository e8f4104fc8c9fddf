//! Metrics with labels, in a host that knows only names.
//!
//! A label is written into the name as `label=.=value;.;`; the proxy's tag extraction takes it
//! out again, by the regular expression `(label=\.=(.*?);\.;)` in its `stats_tags`.

use std::cell::RefCell;

use hashbrown::HashMap;
use http_filter::{Change, Metric};

use crate::abi::{self, MetricKind};

/// How many time series one VM defines; what comes after is counted under the value `other`.
const MOST_SERIES: usize = 4096;

/// How many bytes a label's value keeps.
const MOST_VALUE_BYTES: usize = 128;

thread_local! {
    /// The proxy's number for each name. A VM has one thread, and the numbers are the VM's own.
    static NUMBERS: RefCell<HashMap<String, u32>> = RefCell::new(HashMap::new());
}

/// Changes a metric. A metric that can't be defined is dropped: no request fails for it.
pub(crate) fn record(metric: Metric<'_>) {
    let kind = match metric.change {
        Change::Add(_) => MetricKind::Counter,
        Change::Observe(_) => MetricKind::Histogram,
    };
    let number = NUMBERS.with_borrow_mut(|numbers| number(numbers, kind, metric));
    let done = number.and_then(|number| match metric.change {
        Change::Add(by) => abi::increment_metric(number, i64::try_from(by).unwrap_or(i64::MAX)),
        Change::Observe(value) => abi::record_metric(number, value),
    });
    if let Err(failed) = done {
        log::error!("metric {} can't be recorded: {failed:?}", metric.name);
    }
}

fn number(
    numbers: &mut HashMap<String, u32>,
    kind: MetricKind,
    metric: Metric<'_>,
) -> Result<u32, abi::Failed> {
    let mut name = name_with_labels(metric, |value| value);
    if let Some(number) = numbers.get(&name) {
        return Ok(*number);
    }
    if numbers.len() >= MOST_SERIES {
        name = name_with_labels(metric, |_| "other");
        if let Some(number) = numbers.get(&name) {
            return Ok(*number);
        }
    }
    let number = abi::define_metric(kind, &name)?;
    numbers.insert(name, number);
    Ok(number)
}

fn name_with_labels<'a>(metric: Metric<'a>, shown: impl Fn(&'a str) -> &'a str) -> String {
    let mut name = String::with_capacity(96);
    for (label, value) in metric.labels {
        name.push_str(label);
        name.push_str("=.=");
        push_value(&mut name, shown(value));
        name.push_str(";.;");
    }
    name.push_str(metric.name);
    name
}

/// A value keeps no character that could end it in the name, in Prometheus' text or in a tag's
/// regular expression.
fn push_value(name: &mut String, value: &str) {
    let start = name.len();
    for character in value.chars() {
        if name.len() - start + character.len_utf8() > MOST_VALUE_BYTES {
            break;
        }
        let plain = character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | '/' | ':');
        name.push(if plain { character } else { '_' });
    }
    if name.len() == start {
        name.push_str("none");
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_SERIES, name_with_labels, number};
    use crate::abi::MetricKind;
    use hashbrown::HashMap;
    use http_filter::{Change, Metric};

    fn metric<'a>(labels: &'a [(&'static str, &'a str)]) -> Metric<'a> {
        Metric {
            name: "ai_tokens_total",
            labels,
            change: Change::Add(1),
        }
    }

    #[test]
    fn labels_stand_in_the_name_as_the_tag_extraction_expects() {
        let labels = [("tenant", "acme"), ("model", "gpt-4.1")];
        let name = name_with_labels(metric(&labels), |value| value);
        assert_eq!(name, "tenant=.=acme;.;model=.=gpt-4.1;.;ai_tokens_total");
    }

    #[test]
    fn a_value_can_not_end_its_label_nor_the_line() {
        let labels = [("tenant", "a;.;b=\"c\"\n\\")];
        let name = name_with_labels(metric(&labels), |value| value);
        assert_eq!(name, "tenant=.=a_._b__c___;.;ai_tokens_total");
    }

    #[test]
    fn an_empty_value_is_said_to_be_none() {
        let name = name_with_labels(metric(&[("tenant", "")]), |value| value);
        assert_eq!(name, "tenant=.=none;.;ai_tokens_total");
    }

    #[test]
    fn a_value_is_cut_at_its_bound() {
        let long = "é".repeat(1000);
        let name = name_with_labels(metric(&[("tenant", &long)]), |value| value);
        assert!(name.len() < 200);
    }

    #[test]
    fn beyond_the_bound_new_series_count_as_other() {
        let mut numbers = HashMap::new();
        for index in 0..MOST_SERIES + 100 {
            let value = index.to_string();
            number(
                &mut numbers,
                MetricKind::Counter,
                metric(&[("tenant", &value)]),
            )
            .unwrap();
        }
        assert_eq!(numbers.len(), MOST_SERIES + 1);
        assert!(numbers.contains_key("tenant=.=other;.;ai_tokens_total"));
    }
}
