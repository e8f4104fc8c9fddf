//! Models: what is allowed is served, what is served is allowed to somebody and has a price.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{plugins, router};
use crate::finding::Finding;
use crate::overlay::{Overlay, items, members};

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let Some(router) = router(overlay) else {
        return Vec::new();
    };
    let served: BTreeSet<&str> = router
        .members("/spec/pluginConfig/models")
        .map(|(name, _)| name)
        .collect();
    let mut findings = Vec::new();
    let mut allowed = BTreeSet::new();
    for auth in plugins(overlay, "auth") {
        for (kind, name, patterns) in allowlists(auth.at("/spec/pluginConfig")) {
            for pattern in patterns.iter().filter_map(Value::as_str) {
                let matched: Vec<&str> = served
                    .iter()
                    .copied()
                    .filter(|model| {
                        facts::ModelPatterns::new(vec![pattern.to_owned()]).allow(model)
                    })
                    .collect();
                if matched.is_empty() {
                    findings.push(Finding::mistake(
                        auth,
                        format!("spec.pluginConfig.{kind}.{name}.models"),
                        format!("no route serves `{pattern}`"),
                        "add the model to model-router's `models`, or take it out here",
                    ));
                }
                allowed.extend(matched);
            }
        }
    }
    let nobody = served.difference(&allowed).filter(|_| !allowed.is_empty());
    for model in nobody {
        findings.push(Finding::remark(
            router,
            format!("spec.pluginConfig.models.{model}"),
            "nobody may use this model",
            "name it in `models` of a tenant of auth, or take it out here",
        ));
    }
    if allowed.is_empty() && !served.is_empty() {
        findings.push(Finding::remark(
            router,
            "spec.pluginConfig.models",
            "nobody may use any model",
            "auth's `tenants` say who may use which; until then every call is refused",
        ));
    }
    findings.extend(prices_that_are_missing(overlay, router));
    findings
}

/// All lists of model patterns: of tenants, plans and keys.
fn allowlists(config: Option<&Value>) -> impl Iterator<Item = (&'static str, &str, &[Value])> {
    ["tenants", "plans", "keys"]
        .into_iter()
        .flat_map(move |kind| {
            let entries = members(config.and_then(|config| config.get(kind)));
            entries.map(move |(name, entry)| (kind, name, items(entry.get("models"))))
        })
}

fn prices_that_are_missing(overlay: &Overlay, router: &crate::overlay::Resource) -> Vec<Finding> {
    let Some(counter) = plugins(overlay, "token-counter").next() else {
        return Vec::new();
    };
    let priced: BTreeSet<&str> = counter
        .members("/spec/pluginConfig/prices")
        .map(|(name, _)| name)
        .collect();
    let mut at_provider = BTreeSet::new();
    for (name, model) in router.members("/spec/pluginConfig/models") {
        let text = |value: Option<&'_ Value>| value.and_then(Value::as_str).map(str::to_owned);
        at_provider.insert(text(model.get("model")).unwrap_or_else(|| name.to_owned()));
        at_provider.extend(text(model.pointer("/fallback/model")));
    }
    let missing = at_provider
        .iter()
        .filter(|model| !priced.contains(model.as_str()));
    missing
        .map(|model| {
            let field = "spec.pluginConfig.prices";
            let what = format!("`{model}` has no price: its calls cost nothing in metrics");
            Finding::remark(counter, field, what, "add the provider's price for it")
        })
        .collect()
}
