//! What an answer cost, in exact integers.
//!
//! A price is in US dollars for a million tokens, so a token costs that many micro-dollars; with
//! six decimals that is a whole number of millionths of a micro-dollar. Costs are summed in
//! those. Whole micro-dollars go to the metric, and what is left waits for the next answer of the
//! same series: of many small answers nothing is lost but the last fraction, of less than one
//! micro-dollar for each series and worker.

use std::collections::BTreeMap;

use http_filter::ConfigError;
use llm_api::Usage;
use serde::Deserialize;

/// What the resource says about a model: US dollars for a million tokens.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct WirePrice {
    /// Input that was neither cached nor written to a cache. All prices have six decimals at most.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = MOST_DOLLARS)))]
    input_per_million: f64,
    /// Output, reasoning included.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = MOST_DOLLARS)))]
    output_per_million: f64,
    /// Input that the provider had cached; without it, what other input costs.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = MOST_DOLLARS)))]
    cached_input_per_million: Option<f64>,
    /// Input that the provider wrote to its cache; without it, what other input costs.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = MOST_DOLLARS)))]
    cache_write_per_million: Option<f64>,
}

/// Millionths of a micro-dollar for one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    input: u64,
    cached_input: u64,
    cache_write: u64,
    output: u64,
}

/// Millionths of a micro-dollar in one micro-dollar.
const UNIT: u64 = 1_000_000;

/// Far above any price; it keeps all products within 128 bits, and in doubles exact.
const MOST_DOLLARS: f64 = 1_000_000.0;

impl Price {
    /// Reads a price. Input that was cached, or written to a cache, costs what other input does
    /// where its own price isn't given.
    pub(crate) fn read(wire: &WirePrice, field: &str) -> Result<Self, ConfigError> {
        let WirePrice {
            input_per_million,
            output_per_million,
            cached_input_per_million,
            cache_write_per_million,
        } = wire;
        let read = |value: f64, name: &str| {
            per_token(value).ok_or_else(|| {
                let reason = "a price is 0 to 1000000 US dollars, with at most six decimals";
                ConfigError::new(format!("{field}.{name}"), reason)
            })
        };
        let input = read(*input_per_million, "inputPerMillion")?;
        let optional =
            |value: Option<f64>, name| value.map_or(Ok(input), |value| read(value, name));
        Ok(Self {
            input,
            cached_input: optional(*cached_input_per_million, "cachedInputPerMillion")?,
            cache_write: optional(*cache_write_per_million, "cacheWritePerMillion")?,
            output: read(*output_per_million, "outputPerMillion")?,
        })
    }

    /// In millionths of a micro-dollar.
    fn cost(self, usage: Usage) -> u128 {
        let Usage {
            input,
            cached_input,
            cache_write,
            output,
            reasoning: _,
        } = usage;
        let plain = input
            .saturating_sub(cached_input)
            .saturating_sub(cache_write);
        [
            (plain, self.input),
            (cached_input, self.cached_input),
            (cache_write, self.cache_write),
            (output, self.output),
        ]
        .into_iter()
        .map(|(tokens, price)| u128::from(tokens) * u128::from(price))
        .sum()
    }
}

/// `None` where the value is out of bounds, or has more than six decimals.
fn per_token(dollars: f64) -> Option<u64> {
    if !(0.0..=MOST_DOLLARS).contains(&dollars) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a million is exact in a double")]
    let exact = dollars * UNIT as f64;
    let whole = exact.round();
    // A decimal as a double is off by its last bit, the product by one more.
    let near = (exact - whole).abs() <= whole.max(1.0) * 4.0 * f64::EPSILON;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, and between 0 and 10^12"
    )]
    near.then_some(whole as u64)
}

/// Fractions of a micro-dollar that wait for the next answer, by series.
#[derive(Debug, Default)]
pub(crate) struct Remainders(BTreeMap<String, u64>);

/// Series are tenants by models by providers, all names from configurations; this bounds them
/// once more. Fractions of a series beyond are dropped.
const MOST_SERIES: usize = 4096;

impl Remainders {
    /// The whole micro-dollars that this answer adds to its series.
    pub(crate) fn add(&mut self, series: String, price: Price, usage: Usage) -> u64 {
        let room = self.0.len() < MOST_SERIES;
        let waiting = self.0.get(&series).copied().unwrap_or_default();
        let cost = price.cost(usage).saturating_add(u128::from(waiting));
        let unit = u128::from(UNIT);
        let left = u64::try_from(cost % unit).unwrap_or_default();
        if room || self.0.contains_key(&series) {
            self.0.insert(series, left);
        }
        u64::try_from(cost / unit).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use llm_api::Usage;

    use super::{Price, Remainders, WirePrice, per_token};

    fn price(json: &str) -> Result<Price, http_filter::ConfigError> {
        let wire: WirePrice = serde_json::from_str(json).unwrap();
        Price::read(&wire, "prices.x")
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage {
            input,
            output,
            ..Usage::default()
        }
    }

    #[test]
    fn a_million_tokens_cost_the_price() {
        let price = price(r#"{"inputPerMillion":0.4,"outputPerMillion":1.6}"#).unwrap();
        let cost = Remainders::default().add("s".into(), price, usage(1_000_000, 1_000_000));
        assert_eq!(cost, 2_000_000);
    }

    #[test]
    fn cached_input_and_cache_writes_have_their_own_price() {
        let json = r#"{"inputPerMillion":3,"outputPerMillion":15,"cachedInputPerMillion":0.3,
            "cacheWritePerMillion":3.75}"#;
        let usage = Usage {
            input: 1000,
            cached_input: 600,
            cache_write: 100,
            output: 10,
            reasoning: 10,
        };
        let cost = Remainders::default().add("s".into(), price(json).unwrap(), usage);
        assert_eq!(cost, 300 * 3 + 180 + 375 + 150);
    }

    #[test]
    fn fractions_of_many_small_answers_are_not_lost() {
        let price = price(r#"{"inputPerMillion":0.000001,"outputPerMillion":0.15}"#).unwrap();
        let mut remainders = Remainders::default();
        let mut sum = 0;
        for _ in 0..1_000 {
            sum += remainders.add("a".into(), price, usage(1, 1));
            remainders.add("b".into(), price, usage(0, 1));
        }
        assert_eq!(sum, 150, "a thousand times 0.150001, rounded down once");
    }

    #[test]
    fn the_largest_numbers_saturate() {
        let json = r#"{"inputPerMillion":1000000,"outputPerMillion":1000000}"#;
        let usage = usage(u64::MAX, u64::MAX);
        let mut remainders = Remainders::default();
        let cost = remainders.add("s".into(), price(json).unwrap(), usage);
        assert_eq!(cost, u64::MAX);
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (dollars, read) in [
            (0.0, Some(0)),
            (0.1, Some(100_000)),
            (0.4, Some(400_000)),
            (0.000_001, Some(1)),
            (1_234.567_891, Some(1_234_567_891)),
            (1_000_000.0, Some(1_000_000_000_000)),
            (0.000_000_1, None),
            (0.123_456_7, None),
            (-0.1, None),
            (1_000_000.1, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(per_token(dollars), read, "{dollars}");
        }
    }

    #[test]
    fn a_price_out_of_bounds_is_refused_by_its_field() {
        let error = price(r#"{"inputPerMillion":1,"outputPerMillion":-1}"#).unwrap_err();
        assert_eq!(error.field, "prices.x.outputPerMillion");
    }
}
