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
    /// A VM has one thread, and the numbers are the VM's own.
    static SERIES: RefCell<Series> = RefCell::default();
}

/// The time series that this VM has defined.
#[derive(Default)]
struct Series {
    /// The proxy's number for each name.
    numbers: HashMap<String, u32>,
    /// The name that is looked for; its memory serves the next one too.
    name: String,
}

/// Changes a metric. A metric that can't be defined is dropped: no request fails for it.
pub(crate) fn record(metric: Metric<'_>) {
    let kind = match metric.change {
        Change::Add(_) => MetricKind::Counter,
        Change::Observe(_) => MetricKind::Histogram,
    };
    let number = SERIES.with_borrow_mut(|series| series.number(kind, metric));
    let done = number.and_then(|number| match metric.change {
        Change::Add(by) => abi::increment_metric(number, i64::try_from(by).unwrap_or(i64::MAX)),
        Change::Observe(value) => abi::record_metric(number, value),
    });
    if let Err(failed) = done {
        log::error!("metric {} can't be recorded: {failed:?}", metric.name);
    }
}

impl Series {
    fn number(&mut self, kind: MetricKind, metric: Metric<'_>) -> Result<u32, abi::Failed> {
        self.write_name(metric, |value| value);
        if let Some(number) = self.numbers.get(&self.name) {
            return Ok(*number);
        }
        if self.numbers.len() >= MOST_SERIES {
            self.write_name(metric, |_| "other");
            if let Some(number) = self.numbers.get(&self.name) {
                return Ok(*number);
            }
        }
        let number = abi::define_metric(kind, &self.name)?;
        self.numbers.insert(self.name.clone(), number);
        Ok(number)
    }

    fn write_name<'a>(&mut self, metric: Metric<'a>, shown: impl Fn(&'a str) -> &'a str) {
        let name = &mut self.name;
        name.clear();
        for (label, value) in metric.labels {
            name.push_str(label);
            name.push_str("=.=");
            push_value(name, shown(value));
            name.push_str(";.;");
        }
        name.push_str(metric.name);
    }
}

/// A value keeps no character that could end it in the name, in Prometheus' text or in a tag's
/// regular expression.
fn push_value(name: &mut String, value: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/:".contains(&byte);
    if (1..=MOST_VALUE_BYTES).contains(&value.len()) && value.bytes().all(plain) {
        return name.push_str(value);
    }
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
    use super::{MOST_SERIES, Series};
    use crate::abi::MetricKind;
    use http_filter::{Change, Metric};

    fn metric<'a>(labels: &'a [(&'static str, &'a str)]) -> Metric<'a> {
        Metric {
            name: "ai_tokens_total",
            labels,
            change: Change::Add(1),
        }
    }

    fn name_of(metric: Metric<'_>) -> String {
        let mut series = Series::default();
        series.write_name(metric, |value| value);
        series.name
    }

    #[test]
    fn labels_stand_in_the_name_as_the_tag_extraction_expects() {
        let labels = [("tenant", "acme"), ("model", "gpt-4.1")];
        let name = name_of(metric(&labels));
        assert_eq!(name, "tenant=.=acme;.;model=.=gpt-4.1;.;ai_tokens_total");
    }

    #[test]
    fn a_value_can_not_end_its_label_nor_the_line() {
        let labels = [("tenant", "a;.;b=\"c\"\n\\")];
        let name = name_of(metric(&labels));
        assert_eq!(name, "tenant=.=a_._b__c___;.;ai_tokens_total");
    }

    #[test]
    fn an_empty_value_is_said_to_be_none() {
        let name = name_of(metric(&[("tenant", "")]));
        assert_eq!(name, "tenant=.=none;.;ai_tokens_total");
    }

    #[test]
    fn a_value_is_cut_at_its_bound() {
        let long = "é".repeat(1000);
        let name = name_of(metric(&[("tenant", &long)]));
        assert!(name.len() < 200);
    }

    #[test]
    fn beyond_the_bound_new_series_count_as_other() {
        let mut series = Series::default();
        for index in 0..MOST_SERIES + 100 {
            let value = index.to_string();
            let labels = [("tenant", value.as_str())];
            series.number(MetricKind::Counter, metric(&labels)).unwrap();
        }
        assert_eq!(series.numbers.len(), MOST_SERIES + 1);
        let other = "tenant=.=other;.;ai_tokens_total";
        assert!(series.numbers.contains_key(other));
    }
}
