//! Tenants and plans: limits are for somebody, and who is somebody has a plan.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::callers::callers;
use super::plugins;
use crate::finding::Finding;
use crate::overlay::{Overlay, Resource};

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let (Some(auth), Some(counter)) = (
        plugins(overlay, "auth").next(),
        plugins(overlay, "token-counter").next(),
    ) else {
        return Vec::new();
    };
    let mut findings = limits_for_nobody(auth, counter);
    findings.extend(plans(auth, counter));
    findings
}

fn limits_for_nobody(auth: &Resource, counter: &Resource) -> Vec<Finding> {
    let known: BTreeSet<&str> = names(auth, "tenants").collect();
    names(counter, "tenants")
        .filter(|name| !known.contains(name))
        .map(|name| {
            Finding::mistake(
                counter,
                format!("spec.pluginConfig.tenants.{name}"),
                format!("a limit for nobody: auth has no tenant `{name}`"),
                "add the tenant to auth's `tenants`, or take the limit out",
            )
        })
        .collect()
}

/// Whoever has a plan that `token-counter` doesn't know is refused by it; a plan that nobody has
/// is no mistake, but a slip perhaps.
fn plans(auth: &Resource, counter: &Resource) -> Vec<Finding> {
    let plans: BTreeSet<&str> = names(counter, "plans").collect();
    // A tenant's entry there may name another plan than auth: that one counts.
    let moved: BTreeMap<&str, &str> = counter
        .members("/spec/pluginConfig/tenants")
        .filter_map(|(name, entry)| Some((name, entry.get("plan")?.as_str()?)))
        .collect();
    let mut used: BTreeSet<&str> = moved.values().copied().collect();
    let mut findings = Vec::new();
    let mut need = |field: String, plan: &str| {
        let known = plans.is_empty() || plans.contains(plan);
        if !known {
            findings.push(Finding::mistake(
                auth,
                field,
                format!("token-counter has no plan `{plan}`: it refuses every call that has it"),
                "add the plan to token-counter's `plans`, or name one of those",
            ));
        }
    };
    for caller in callers(auth) {
        if let (Some(plan), None) = (caller.plan(), moved.get(caller.tenant)) {
            used.insert(plan);
            need(format!("{}.plan", caller.field), plan);
        }
    }
    if tokens_name_plans(auth) {
        for plan in names(auth, "plans") {
            used.insert(plan);
            need(format!("spec.pluginConfig.plans.{plan}"), plan);
        }
    }
    // Nobody has any plan before there are tenants.
    if names(auth, "tenants").next().is_some() {
        findings.extend(plans.difference(&used).map(|plan| {
            Finding::remark(
                counter,
                format!("spec.pluginConfig.plans.{plan}"),
                "nobody has this plan",
                "name it as `plan` of a tenant of auth, or take it out",
            )
        }));
    }
    findings
}

fn names<'a>(plugin: &'a Resource, map: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let entries: Vec<_> = plugin
        .members(&format!("/spec/pluginConfig/{map}"))
        .map(|(name, _)| name)
        .collect();
    entries.into_iter()
}

fn tokens_name_plans(auth: &Resource) -> bool {
    auth.members("/spec/pluginConfig/issuers")
        .any(|(_, issuer)| issuer.pointer("/claims/plan").is_some_and(Value::is_string))
}
