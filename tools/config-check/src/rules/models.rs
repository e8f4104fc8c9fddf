//! Models: what is allowed is served, what is served is allowed to somebody and has a price.

use std::collections::{BTreeMap, BTreeSet};

use facts::ModelPatterns;
use serde_json::Value;

use super::callers::callers;
use super::{plugins, router};
use crate::finding::Finding;
use crate::overlay::{Overlay, Resource, items};

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let Some(router) = router(overlay) else {
        return Vec::new();
    };
    let served: Vec<&str> = router
        .members("/spec/pluginConfig/models")
        .map(|(name, _)| name)
        .collect();
    let mut findings = Vec::new();
    for auth in plugins(overlay, "auth") {
        findings.extend(unroutable(auth, &served));
        findings.extend(callers_without_a_model(auth, &served));
        findings.extend(models_of_nobody(auth, router, &served));
    }
    findings.extend(fallbacks(router));
    findings.extend(prices_that_are_missing(overlay, router));
    findings
}

/// A pattern that matches no model of the router.
fn unroutable(auth: &Resource, served: &[&str]) -> Vec<Finding> {
    let of_callers = callers(auth).into_iter().filter_map(|caller| {
        let models = caller.models()?;
        Some((caller.field, models))
    });
    let of_plans = auth
        .members("/spec/pluginConfig/plans")
        .map(|(name, plan)| {
            (
                format!("spec.pluginConfig.plans.{name}"),
                items(plan.get("models")),
            )
        });
    let mut findings = Vec::new();
    for (field, models) in of_callers.chain(of_plans) {
        for (number, pattern) in models.iter().enumerate() {
            let Some(pattern) = pattern.as_str() else {
                continue;
            };
            let allowed = ModelPatterns::new(vec![pattern.to_owned()]);
            if !served.iter().any(|model| allowed.allow(model)) {
                findings.push(Finding::mistake(
                    auth,
                    format!("{field}.models[{number}]"),
                    format!("no route serves `{pattern}`"),
                    "add the model to model-router's `models`, or take it out here",
                ));
            }
        }
    }
    findings
}

/// A key whose own list has nothing in common with its tenant's.
fn callers_without_a_model(auth: &Resource, served: &[&str]) -> Vec<Finding> {
    let all = callers(auth);
    let of_tenants: BTreeMap<&str, ModelPatterns> = auth
        .members("/spec/pluginConfig/tenants")
        .map(|(name, tenant)| (name, patterns(items(tenant.get("models")))))
        .collect();
    let empty = all.iter().filter(|caller| {
        let Some((own, tenant)) = caller.models().zip(of_tenants.get(caller.tenant)) else {
            return false;
        };
        let own = patterns(own);
        let one_by_one = served.iter().any(|model| own.allow(model))
            && served.iter().any(|model| tenant.allow(model));
        one_by_one
            && !served
                .iter()
                .any(|model| own.allow(model) && tenant.allow(model))
    });
    empty
        .map(|caller| {
            Finding::mistake(
                auth,
                format!("{}.models", caller.field),
                format!(
                    "tenant `{}` may use none of these: every call is refused",
                    caller.tenant
                ),
                "the list of a caller narrows its tenant's, it adds nothing",
            )
        })
        .collect()
}

fn patterns(models: &[Value]) -> ModelPatterns {
    let texts = models.iter().filter_map(Value::as_str);
    ModelPatterns::new(texts.map(str::to_owned).collect())
}

fn models_of_nobody(auth: &Resource, router: &Resource, served: &[&str]) -> Vec<Finding> {
    let tenants: Vec<ModelPatterns> = auth
        .members("/spec/pluginConfig/tenants")
        .map(|(_, tenant)| patterns(items(tenant.get("models"))))
        .collect();
    if tenants.is_empty() {
        return vec![Finding::remark(
            auth,
            "spec.pluginConfig.tenants",
            "there is no tenant: every call is refused",
            "add one (docs/tenants.md)",
        )];
    }
    let nobody = served
        .iter()
        .filter(|model| !tenants.iter().any(|tenant| tenant.allow(model)));
    nobody
        .map(|model| {
            Finding::remark(
                router,
                format!("spec.pluginConfig.models.{model}"),
                "nobody may use this model",
                "name it in `models` of a tenant of auth, or take it out here",
            )
        })
        .collect()
}

/// A fallback's model is the provider's own name; one that no other entry uses may be misspelled.
fn fallbacks(router: &Resource) -> Vec<Finding> {
    let known: BTreeSet<(&str, &str)> = router
        .members("/spec/pluginConfig/models")
        .filter_map(|(name, model)| at_provider(name, model))
        .collect();
    let unknown = router
        .members("/spec/pluginConfig/models")
        .filter_map(|(name, model)| {
            let (provider, model) = at_provider("", model.get("fallback")?)?;
            (!known.contains(&(provider, model))).then_some((name, provider, model))
        });
    unknown
        .map(|(name, provider, model)| {
            Finding::remark(
                router,
                format!("spec.pluginConfig.models.{name}.fallback.model"),
                format!("no model of `models` is `{model}` at `{provider}`"),
                "look whether the provider has it by this name",
            )
        })
        .collect()
}

/// The provider of an entry, and what it calls the model.
fn at_provider<'a>(name: &'a str, entry: &'a Value) -> Option<(&'a str, &'a str)> {
    let provider = entry.get("provider")?.as_str()?;
    let model = entry.get("model").and_then(Value::as_str);
    Some((provider, model.unwrap_or(name)))
}

fn prices_that_are_missing(overlay: &Overlay, router: &Resource) -> Vec<Finding> {
    let Some(counter) = plugins(overlay, "token-counter").next() else {
        return Vec::new();
    };
    let priced: BTreeSet<&str> = counter
        .members("/spec/pluginConfig/prices")
        .map(|(name, _)| name)
        .collect();
    let mut at_providers = BTreeSet::new();
    for (name, model) in router.members("/spec/pluginConfig/models") {
        let fallback = model
            .get("fallback")
            .and_then(|entry| at_provider("", entry));
        at_providers.extend(at_provider(name, model).into_iter().chain(fallback));
    }
    let models: BTreeSet<&str> = at_providers.into_iter().map(|(_, model)| model).collect();
    let missing = models.difference(&priced);
    missing
        .map(|model| {
            let field = "spec.pluginConfig.prices";
            let what = format!("`{model}` has no price: its calls cost nothing in metrics");
            Finding::remark(counter, field, what, "add the provider's price for it")
        })
        .collect()
}
