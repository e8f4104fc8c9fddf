//! An overlay that is right has no mistake; each planted one is found at its place.

use std::path::Path;

use super::check;
use crate::finding::Severity;
use crate::overlay::Overlay;

/// The least overlay that has something for each rule.
const RIGHT: &str = include_str!("right.yaml");

fn overlay(text: &str) -> Overlay {
    let mut overlay = Overlay::default();
    overlay.add(text, Path::new("istio/overlays/dev")).unwrap();
    overlay
}

fn mistakes(text: &str) -> Vec<String> {
    let findings = check(&overlay(text)).into_iter();
    let mistakes = findings.filter(|finding| finding.severity == Severity::Mistake);
    mistakes.map(|finding| finding.to_string()).collect()
}

#[test]
fn an_overlay_that_is_right_has_no_finding() {
    assert_eq!(check(&overlay(RIGHT)), []);
}

#[test]
fn each_planted_mistake_is_found_at_its_place() {
    for (right, wrong, place) in [
        // A filter that isn't there.
        (
            "ai-gateway/auth:1",
            "ai-gateway/authn:1",
            "WasmPlugin ns/auth: spec.url",
        ),
        (
            "phase: AUTHN",
            "phase: STATS",
            "WasmPlugin ns/auth: spec.phase",
        ),
        (
            "priority: 20",
            "priority: 35",
            "WasmPlugin ns/model-router: spec.priority",
        ),
        (
            "failStrategy: FAIL_RELOAD # counter",
            "failStrategy: FAIL_OPEN",
            "WasmPlugin ns/token-counter: spec.failStrategy",
        ),
        (
            "tokensPerMinute: 5",
            "tokenPerMinute: 5",
            "spec.pluginConfig.plans.standard.tokenPerMinute",
        ),
        // An unroutable model.
        (
            "models: [gpt-4.1]",
            "models: [gpt-4.1, gpt-9*]",
            "WasmPlugin ns/auth: spec.pluginConfig.tenants.team-a.models[1]",
        ),
        // A limit for nobody.
        (
            "tenants: {team-a: {requestsPerMinute: 3}}",
            "tenants: {team-b: {requestsPerMinute: 3}}",
            "spec.pluginConfig.tenants.team-b",
        ),
        (
            "{plan: standard, models",
            "{plan: silver, models",
            "WasmPlugin ns/auth: spec.pluginConfig.tenants.team-a.plan",
        ),
        (
            "plan: gold # key",
            "plan: silver",
            "WasmPlugin ns/auth: spec.pluginConfig.keys.team-a-ci.plan",
        ),
        (
            "tenant: team-a, plan: standard}",
            "tenant: team-a, plan: silver}",
            "WasmPlugin ns/auth: spec.pluginConfig.mesh.serviceAccounts.team-a/bot.plan",
        ),
        (
            "shadow: {tenant: team-a, plan: gold}",
            "shadow: {tenant: team-a, plan: silver}",
            "WasmPlugin ns/auth: spec.pluginConfig.shadow.plan",
        ),
        // A plan that tokens may name.
        (
            "plans: {gold: {}}",
            "plans: {gold: {}, silver: {}}",
            "WasmPlugin ns/auth: spec.pluginConfig.plans.silver",
        ),
        (
            "tenant: team-a, models: [\"*\"]",
            "tenant: team-a, models: [\"claude-*\"]",
            "WasmPlugin ns/auth: spec.pluginConfig.mesh.namespaces.team-a.models[0]",
        ),
        (
            "outbound|443||sso.example.com",
            "outbound|443||sso.example.org",
            "WasmPlugin ns/auth: spec.pluginConfig.issuers.sso.jwks.cluster",
        ),
        (
            "subjectAltNames: [sso.example.com]",
            "sni: sso.example.com",
            "DestinationRule ns/sso: spec.trafficPolicy.tls",
        ),
        (
            "outbound|8443||keys.ns.svc",
            "outbound|80||keys.ns.svc",
            "WasmPlugin ns/auth: spec.pluginConfig.keyLists.issued.cluster",
        ),
        // The workload in another namespace than the Gateway.
        (
            "namespace: ns} # workload",
            "namespace: other}",
            "Gateway ns/ai-gateway: metadata.namespace",
        ),
        (
            "anthropic,openai",
            "anthropic",
            "ConfigMap ns/ai-gateway: data.AI_PROVIDER_NAMES",
        ),
        (
            "role: upstream",
            "role: route",
            "WasmPlugin ns/auth: metadata.name",
        ),
        (
            "outbound|443||api.openai.com",
            "outbound|443||api.openai.org",
            "spec.pluginConfig.providers.openai.cluster",
        ),
        (
            "outbound|443||api.openai.com",
            "outbound|80||api.openai.com",
            "spec.pluginConfig.providers.openai.cluster",
        ),
        (
            "outbound|443||api.openai.com",
            "openai",
            "spec.pluginConfig.providers.openai.cluster",
        ),
        (
            "exact: openai",
            "exact: azure",
            "spec.pluginConfig.providers.openai",
        ),
        (
            "subjectAltNames: [api.openai.com]",
            "sni: api.openai.com",
            "DestinationRule ns/openai: spec.trafficPolicy.tls",
        ),
        (
            "wasmplugin/ns.model-router-upstream",
            "wasmplugin/other.model-router-upstream",
            "EnvoyFilter ns/buffer: spec.configPatches[0]",
        ),
        (
            "trafficextension/ns.model-router-upstream",
            "trafficextension/ns.upstream",
            "EnvoyFilter ns/buffer: spec.configPatches[1]",
        ),
        (
            "sha256: aa",
            "sha256: AA",
            "WasmPlugin ns/auth: spec.sha256",
        ),
        (
            "matchLabels: {istio: ai-gateway} # counter",
            "matchLabels: {istio: gateway}",
            "WasmPlugin ns/token-counter: spec.selector.matchLabels",
        ),
        (
            "namespace: ns # route",
            "namespace: other",
            "VirtualService other/openai: metadata.namespace",
        ),
        (
            "valueFrom: HOST} # route",
            "valueFrom: INLINE, value: x}",
            "spec.vmConfig.env",
        ),
    ] {
        assert!(RIGHT.contains(right), "{right}");
        let found = mistakes(&RIGHT.replace(right, wrong));
        assert!(
            found.iter().any(|one| one.contains(place)),
            "{place}: {found:?}"
        );
        assert!(
            found.iter().all(|one| one.contains("\n  mend: ")),
            "{found:?}"
        );
    }
}

#[test]
fn a_callers_list_that_has_nothing_of_its_tenants_is_found() {
    let models = "models: {gpt-4.1: {provider: openai}";
    let text = RIGHT
        .replace(models, &format!("{models}, o3: {{provider: openai}}"))
        .replace("models: [\"gpt-*\"]", "models: [o3]");
    let found = mistakes(&text);
    let place = "WasmPlugin ns/auth: spec.pluginConfig.keys.team-a-ci.models";
    assert!(found.len() == 1 && found[0].contains(place), "{found:?}");
}

#[test]
fn what_may_be_meant_is_a_remark() {
    for (right, other, place) in [
        (
            "models: {gpt-4.1: {provider: openai}",
            "models: {gpt-4.1: {provider: openai}, o3: {provider: openai}",
            "WasmPlugin ns/model-router: spec.pluginConfig.models.o3: nobody",
        ),
        (
            "models: {gpt-4.1: {provider: openai}",
            "models: {gpt-4.1: {provider: openai, fallback: {provider: openai, model: o3}}",
            "WasmPlugin ns/model-router: spec.pluginConfig.models.gpt-4.1.fallback.model",
        ),
        (
            "prices: {gpt-4.1:",
            "prices: {gpt-4:",
            "WasmPlugin ns/token-counter: spec.pluginConfig.prices",
        ),
        (
            "plans: {standard: {tokensPerMinute: 5}",
            "plans: {trial: {}, standard: {tokensPerMinute: 5}",
            "WasmPlugin ns/token-counter: spec.pluginConfig.plans.trial",
        ),
        (
            "keys.ns.svc.cluster.local",
            "keys.platform.svc.cluster.local",
            "WasmPlugin ns/auth: spec.pluginConfig.keyLists.issued.cluster",
        ),
    ] {
        assert!(RIGHT.contains(right), "{right}");
        let findings = check(&overlay(&RIGHT.replace(right, other)));
        assert!(
            findings
                .iter()
                .any(|one| one.severity == Severity::Remark && one.to_string().contains(place)),
            "{place}: {findings:?}"
        );
        assert!(
            findings.iter().all(|one| one.severity == Severity::Remark),
            "{findings:?}"
        );
    }
}

#[test]
fn a_workload_that_was_read_has_the_gateways_labels() {
    let mut one = overlay(&RIGHT.replace("{istio: ai-gateway, app", "{istio: gateway, app"));
    assert_eq!(check(&one), []);
    one.has_workload = true;
    let found = check(&one);
    assert!(
        found.len() == 1
            && found[0]
                .to_string()
                .contains("Gateway ns/ai-gateway: spec.selector"),
        "{found:?}"
    );
}

#[test]
fn what_is_no_resource_is_refused() {
    for text in ["a: [", "a: 1", "kind: X", ""] {
        assert!(
            Overlay::default().add(text, Path::new("x")).is_err(),
            "{text}"
        );
    }
}
