//! Providers: each one that the router names has its ServiceEntry, its TLS and its route.

use serde_json::Value;

use super::{is_among, router};
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
    let text = |member: &str| {
        provider
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (host, cluster) = (text("host"), text("cluster"));
    let field = |member: &str| format!("spec.pluginConfig.providers.{name}.{member}");
    let mut findings = Vec::new();
    // Istio names an outside cluster `outbound|PORT|SUBSET|HOST`.
    let [direction, port, _, of] = cluster.split('|').collect::<Vec<_>>()[..] else {
        let what = "is not Istio's name of a cluster";
        let mend = format!("cluster: outbound|443||{host}");
        return vec![Finding::mistake(router, field("cluster"), what, mend)];
    };
    let port: u64 = port.parse().unwrap_or_default();
    let entry = overlay
        .of("ServiceEntry")
        .find(|entry| is_among(of, entry.items("/spec/hosts")));
    let in_mesh = of.ends_with(".svc.cluster.local");
    match entry {
        _ if direction != "outbound" => {
            let mend = format!("cluster: outbound|443||{host}");
            findings.push(Finding::mistake(
                router,
                field("cluster"),
                "doesn't lead out",
                mend,
            ));
        }
        None if in_mesh => {}
        None => findings.push(Finding::mistake(
            router,
            field("cluster"),
            format!("no ServiceEntry has the host `{of}`"),
            format!("add istio/base/providers/{name}.yaml, see docs/add-a-provider.md"),
        )),
        Some(entry) => {
            let ports = entry.items("/spec/ports");
            if !ports
                .iter()
                .any(|one| one.get("number") == Some(&Value::from(port)))
            {
                let what = format!("{} has no port {port}", entry.title());
                findings.push(Finding::mistake(
                    router,
                    field("cluster"),
                    what,
                    "name a port that it has",
                ));
            }
            findings.extend(unverified(overlay, entry, of));
        }
    }
    let routed = overlay
        .of("VirtualService")
        .any(|route| routes_to(route, name));
    if !routed {
        findings.push(Finding::mistake(
            router,
            field(""),
            "no VirtualService matches `x-ai-provider` with this name: calls would end in 503",
            format!("add istio/base/providers/{name}.yaml, see docs/add-a-provider.md"),
        ));
    }
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

/// TLS to a provider checks a certificate for the names that the provider has.
fn unverified(overlay: &Overlay, entry: &Resource, host: &str) -> Option<Finding> {
    let rule = overlay
        .of("DestinationRule")
        .find(|rule| rule.text("/spec/host") == Some(host));
    let Some(rule) = rule else {
        let mend = "add one with tls.mode SIMPLE, sni, subjectAltNames and caCertificates";
        return Some(Finding::mistake(
            entry,
            "spec.hosts",
            format!("no DestinationRule for `{host}`: the call would leave without TLS"),
            mend,
        ));
    };
    let tls = "/spec/trafficPolicy/tls";
    let mode = rule.text(&format!("{tls}/mode")).unwrap_or_default();
    let names = rule.items(&format!("{tls}/subjectAltNames"));
    let checked = matches!(mode, "SIMPLE" | "MUTUAL") && !names.is_empty();
    (!checked).then(|| {
        let what = "the provider's certificate isn't checked for its name";
        let mend = "tls.mode SIMPLE or MUTUAL, with subjectAltNames";
        Finding::mistake(rule, "spec.trafficPolicy.tls", what, mend)
    })
}
