//! The plugin's configuration.

use std::collections::BTreeMap;

use facts::{Account, Name};
use http_filter::{ConfigError, parse};
use serde::Deserialize;

use crate::budget::Limits;
use crate::price::{Price, WirePrice};

/// What the resource says.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Wire {
    /// Limits by the plan that `auth` gives a caller. Without any plan the filter only counts.
    #[serde(default)]
    plans: BTreeMap<String, WireLimits>,
    /// What differs for one tenant, by the tenant's name.
    #[serde(default)]
    tenants: BTreeMap<String, WireTenant>,
    /// Prices in US dollars for a million tokens, by the name that the provider gives the model. A
    /// model without one has no cost.
    #[serde(default)]
    prices: BTreeMap<String, WirePrice>,
    /// How many tokens an answer is expected to have where the client gives no bound.
    #[serde(default = "default_output_tokens")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_PER_MINUTE)))]
    default_output_tokens: u64,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireLimits {
    /// Requests in a minute, for each tenant of the plan. Without it there is no such limit.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_PER_MINUTE)))]
    requests_per_minute: Option<u64>,
    /// Tokens in a minute, input and output together, for each tenant of the plan. Without it there
    /// is no such limit.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_PER_MINUTE)))]
    tokens_per_minute: Option<u64>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireTenant {
    /// The plan in place of the one that `auth` gives: one of `plans`.
    plan: Option<String>,
    /// Requests in a minute, in place of the plan's.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_PER_MINUTE)))]
    requests_per_minute: Option<u64>,
    /// Tokens in a minute, in place of the plan's.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MOST_PER_MINUTE)))]
    tokens_per_minute: Option<u64>,
}

/// The checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    plans: BTreeMap<Name, Limits>,
    tenants: BTreeMap<Name, Tenant>,
    prices: BTreeMap<String, Price>,
    /// How many tokens an answer is expected to have where the client gives no bound.
    pub(crate) default_output_tokens: u64,
}

/// What differs for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tenant {
    plan: Option<Name>,
    limits: Limits,
}

/// `auth` names a plan that isn't configured here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownPlan;

/// More than an ordinary answer; less than what most models may write.
fn default_output_tokens() -> u64 {
    1024
}

/// Limits and defaults stay far from the end of 64 bits.
const MOST_PER_MINUTE: u64 = 1_000_000_000_000;

/// A model's name, as a key of the map.
const MOST_MODEL_BYTES: usize = 256;

impl Config {
    /// Reads `pluginConfig`.
    pub(crate) fn read(json: &[u8]) -> Result<Self, ConfigError> {
        let Wire {
            plans,
            tenants,
            prices,
            default_output_tokens,
        } = parse(json)?;
        let plans = read_map("plans", &plans, |wire, field| {
            limits(wire.requests_per_minute, wire.tokens_per_minute, field)
        })?;
        let tenants = read_map("tenants", &tenants, |wire, field| {
            read_tenant(wire, field, &plans)
        })?;
        let mut checked = BTreeMap::new();
        for (model, wire) in prices {
            let field = format!("prices.{model}");
            if model.is_empty() || model.len() > MOST_MODEL_BYTES {
                return Err(ConfigError::new(field, "a model's name is 1 to 256 bytes"));
            }
            let price = Price::read(&wire, &field)?;
            checked.insert(model, price);
        }
        let field = "defaultOutputTokens";
        Ok(Self {
            plans,
            tenants,
            prices: checked,
            default_output_tokens: within(Some(default_output_tokens), field)?.unwrap_or_default(),
        })
    }

    /// A caller's limits: its tenant's own, then those of the plan that its tenant's entry here
    /// names, or else `auth`. A caller without any has no limit.
    ///
    /// # Errors
    /// [`UnknownPlan`]. Where no plan is configured at all, this filter only counts, and no plan
    /// is missing.
    pub(crate) fn limits(&self, caller: &Account) -> Result<Limits, UnknownPlan> {
        let tenant = self.tenants.get(&caller.tenant);
        let plan = tenant.and_then(|tenant| tenant.plan.as_ref());
        let plan = match self.plans.get(plan.unwrap_or(&caller.plan)) {
            Some(plan) => *plan,
            None if self.plans.is_empty() => Limits::default(),
            None => return Err(UnknownPlan),
        };
        Ok(match tenant {
            Some(tenant) => tenant.limits.or(plan),
            None => plan,
        })
    }

    /// The price of a model, by the name that its provider gives it.
    pub(crate) fn price(&self, model: &str) -> Option<Price> {
        self.prices.get(model).copied()
    }
}

fn read_map<Wire, Checked>(
    map: &str,
    wire: &BTreeMap<String, Wire>,
    read: impl Fn(&Wire, &str) -> Result<Checked, ConfigError>,
) -> Result<BTreeMap<Name, Checked>, ConfigError> {
    let mut checked = BTreeMap::new();
    for (name, wire) in wire {
        let field = format!("{map}.{name}");
        checked.insert(read_name(name, &field)?, read(wire, &field)?);
    }
    Ok(checked)
}

fn read_name(name: &str, field: &str) -> Result<Name, ConfigError> {
    Name::new(name).map_err(|error| ConfigError::new(field, error.to_string()))
}

fn read_tenant(
    wire: &WireTenant,
    field: &str,
    plans: &BTreeMap<Name, Limits>,
) -> Result<Tenant, ConfigError> {
    let WireTenant {
        plan,
        requests_per_minute,
        tokens_per_minute,
    } = wire;
    let plan_field = format!("{field}.plan");
    let plan = plan.as_ref().map(|plan| read_name(plan, &plan_field));
    let plan = plan.transpose()?;
    if plan.as_ref().is_some_and(|plan| !plans.contains_key(plan)) {
        return Err(ConfigError::new(plan_field, "`plans` has no such plan"));
    }
    Ok(Tenant {
        plan,
        limits: limits(*requests_per_minute, *tokens_per_minute, field)?,
    })
}

fn limits(requests: Option<u64>, tokens: Option<u64>, field: &str) -> Result<Limits, ConfigError> {
    Ok(Limits {
        requests_per_minute: within(requests, &format!("{field}.requestsPerMinute"))?,
        tokens_per_minute: within(tokens, &format!("{field}.tokensPerMinute"))?,
    })
}

fn within(value: Option<u64>, field: &str) -> Result<Option<u64>, ConfigError> {
    match value {
        Some(value) if !(1..=MOST_PER_MINUTE).contains(&value) => {
            let reason = format!("{value} is not between 1 and {MOST_PER_MINUTE}");
            Err(ConfigError::new(field, reason))
        }
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use facts::{Account, Name};

    use super::{Config, UnknownPlan};

    const JSON: &str = r#"{
        "plans":{
            "standard":{"requestsPerMinute":10,"tokensPerMinute":1000},
            "free":{"requestsPerMinute":1},
            "open":{}
        },
        "tenants":{
            "big":{"tokensPerMinute":5000},
            "moved":{"plan":"free","tokensPerMinute":7},
            "let-go":{"plan":"open"}
        },
        "prices":{"gpt-4.1-mini":{"inputPerMillion":0.4,"outputPerMillion":1.6}}
    }"#;

    fn limits(
        json: &str,
        tenant: &str,
        plan: &str,
    ) -> Result<(Option<u64>, Option<u64>), UnknownPlan> {
        let config = Config::read(json.as_bytes()).unwrap();
        let caller = Account {
            tenant: Name::new(tenant).unwrap(),
            plan: Name::new(plan).unwrap(),
        };
        let limits = config.limits(&caller)?;
        Ok((limits.requests_per_minute, limits.tokens_per_minute))
    }

    #[test]
    fn limits_are_the_tenants_own_and_then_its_plans() {
        for (tenant, plan, expected) in [
            ("other", "standard", Ok((Some(10), Some(1000)))),
            ("other", "free", Ok((Some(1), None))),
            ("other", "open", Ok((None, None))),
            ("big", "standard", Ok((Some(10), Some(5000)))),
            ("moved", "standard", Ok((Some(1), Some(7)))),
            ("moved", "unknown", Ok((Some(1), Some(7)))),
            ("let-go", "standard", Ok((None, None))),
            ("other", "unknown", Err(UnknownPlan)),
            ("big", "unknown", Err(UnknownPlan)),
        ] {
            assert_eq!(limits(JSON, tenant, plan), expected, "{tenant} {plan}");
        }
    }

    #[test]
    fn without_any_plan_the_filter_only_counts() {
        assert_eq!(limits("", "a", "standard"), Ok((None, None)));
        let json = r#"{"tenants":{"a":{"requestsPerMinute":3}}}"#;
        assert_eq!(limits(json, "a", "standard"), Ok((Some(3), None)));
        assert_eq!(limits(json, "b", "standard"), Ok((None, None)));
    }

    #[test]
    fn a_value_out_of_its_bounds_is_refused_by_its_field() {
        for (json, field) in [
            (
                r#"{"plans":{"a":{"requestsPerMinute":0}}}"#,
                "plans.a.requestsPerMinute",
            ),
            (
                r#"{"plans":{"a":{"tokensPerMinute":1000000000001}}}"#,
                "plans.a.tokensPerMinute",
            ),
            (r#"{"plans":{"A":{}}}"#, "plans.A"),
            (r#"{"plans":{"a":{"rpm":1}}}"#, "plans.a.rpm"),
            (r#"{"tenants":{"a":{"plan":"b"}}}"#, "tenants.a.plan"),
            (r#"{"tenants":{"a":{"plan":"B"}}}"#, "tenants.a.plan"),
            (r#"{"tenants":{"a b":{}}}"#, "tenants.a b"),
            (r#"{"defaultOutputTokens":0}"#, "defaultOutputTokens"),
            (
                r#"{"prices":{"":{"inputPerMillion":1,"outputPerMillion":1}}}"#,
                "prices.",
            ),
            (r#"{"prices":{"m":{"inputPerMillion":1}}}"#, "prices.m"),
            (
                r#"{"prices":{"m":{"inputPerMillion":1,"outputPerMillion":-1}}}"#,
                "prices.m.outputPerMillion",
            ),
        ] {
            assert_eq!(
                Config::read(json.as_bytes()).unwrap_err().field,
                field,
                "{json}"
            );
        }
    }
}
