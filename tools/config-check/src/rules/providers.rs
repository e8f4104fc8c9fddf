//! Providers: each one that the router names can be reached, and has its route and its key.

use serde_json::Value;

use super::{clusters, router};
use crate::finding::Finding;
use crate::overlay::{Overlay, Resource, items};

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let Some(router) = router(overlay) else {
        return Vec::new();
    };
    let providers = router.members("/spec/pluginConfig/providers");
    providers
        .flat_map(|(name, provider)| check_one(overlay, router, name, provider))
        .collect()
}

fn check_one(overlay: &Overlay, router: &Resource, name: &str, provider: &Value) -> Vec<Finding> {
    let field = format!("spec.pluginConfig.providers.{name}");
    let mut findings = Vec::new();
    if let Some(cluster) = provider.get("cluster").and_then(Value::as_str) {
        let field = format!("{field}.cluster");
        findings.extend(clusters::check(overlay, router, &field, cluster));
    }
    let routed = overlay
        .of("VirtualService")
        .any(|route| routes_to(route, name));
    if !routed {
        findings.push(Finding::mistake(
            router,
            &field,
            "no VirtualService matches `x-ai-provider` with this name: calls would end in 503",
            format!("add istio/base/providers/{name}.yaml, see docs/add-a-provider.md"),
        ));
    }
    findings.extend(without_a_key(overlay, name));
    findings
}

fn routes_to(route: &Resource, provider: &str) -> bool {
    let matches = route
        .items("/spec/http")
        .iter()
        .flat_map(|http| items(http.get("match")));
    matches
        .filter_map(|one| one.pointer("/headers/x-ai-provider/exact"))
        .any(|exact| exact == provider)
}

/// The workload's ConfigMap lists the providers that the Secret has a key for.
fn without_a_key(overlay: &Overlay, provider: &str) -> Option<Finding> {
    const NAMES: &str = "AI_PROVIDER_NAMES";
    let mut maps = overlay.of("ConfigMap");
    let (map, names) = maps.find_map(|map| Some((map, map.text(&format!("/data/{NAMES}"))?)))?;
    let listed = names.split(',').any(|name| name.trim() == provider);
    (!listed).then(|| {
        let what = format!("`{provider}` has no key: its calls would end in 503");
        let mend =
            "add it here, and its key to Secret `ai-gateway-provider-keys` (docs/rotate-keys.md)";
        Finding::mistake(map, format!("data.{NAMES}"), what, mend)
    })
}
