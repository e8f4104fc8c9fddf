//! Tenants and plans: limits are for somebody, and who is somebody has a plan.

use std::collections::BTreeSet;

use super::plugins;
use crate::finding::Finding;
use crate::overlay::Overlay;

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let (Some(auth), Some(counter)) = (
        plugins(overlay, "auth").next(),
        plugins(overlay, "token-counter").next(),
    ) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let known: BTreeSet<&str> = auth
        .members("/spec/pluginConfig/tenants")
        .map(|(name, _)| name)
        .collect();
    for (name, _) in counter.members("/spec/pluginConfig/tenants") {
        if !known.contains(name) {
            findings.push(Finding::mistake(
                counter,
                format!("spec.pluginConfig.tenants.{name}"),
                format!("a limit for nobody: auth has no tenant `{name}`"),
                "add the tenant to auth's `tenants`, or take the limit out",
            ));
        }
    }
    let plans: BTreeSet<&str> = counter
        .members("/spec/pluginConfig/plans")
        .map(|(name, _)| name)
        .collect();
    let own: BTreeSet<&str> = counter
        .members("/spec/pluginConfig/tenants")
        .filter(|(_, tenant)| tenant.get("plan").is_some())
        .map(|(name, _)| name)
        .collect();
    for kind in ["tenants", "keys"] {
        for (name, entry) in auth.members(&format!("/spec/pluginConfig/{kind}")) {
            let Some(plan) = entry.get("plan").and_then(serde_json::Value::as_str) else {
                continue;
            };
            let moved = kind == "tenants" && own.contains(name);
            let known = plans.is_empty() || plans.contains(plan) || moved;
            if !known {
                findings.push(Finding::mistake(
                    auth,
                    format!("spec.pluginConfig.{kind}.{name}.plan"),
                    format!(
                        "token-counter has no plan `{plan}`: it refuses every call of this {}",
                        &kind.trim_end_matches('s')
                    ),
                    "add the plan to token-counter's `plans`, or name one of those",
                ));
            }
        }
    }
    findings
}
