//! An overlay that is right has no mistake; each planted one is found at its place.

use std::path::Path;

use super::check;
use crate::finding::Severity;
use crate::overlay::Overlay;

/// The least overlay that has something for each rule.
const RIGHT: &str = include_str!("right.yaml");

fn mistakes(text: &str) -> Vec<String> {
    let overlay = Overlay::parse(text, Path::new("istio/overlays/dev")).unwrap();
    let findings = check(&overlay).into_iter();
    let mistakes = findings.filter(|finding| finding.severity == Severity::Mistake);
    mistakes.map(|finding| finding.to_string()).collect()
}

#[test]
fn an_overlay_that_is_right_has_no_finding() {
    assert_eq!(check(&Overlay::parse(RIGHT, Path::new(".")).unwrap()), []);
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
            "WasmPlugin ns/auth: spec.pluginConfig.tenants.team-a.models",
        ),
        // A limit for nobody.
        (
            "tenants: {team-a: {requestsPerMinute: 3}}",
            "tenants: {team-b: {requestsPerMinute: 3}}",
            "spec.pluginConfig.tenants.team-b",
        ),
        (
            "plan: standard",
            "plan: gold",
            "WasmPlugin ns/auth: spec.pluginConfig.tenants.team-a.plan",
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
fn a_finding_names_the_file_and_those_that_changed_it() {
    let noted = RIGHT.replace(
        "metadata: {name: auth, namespace: ns}",
        "metadata:
  name: auth
  namespace: ns
  annotations:
    config.kubernetes.io/origin: |
      path: ../../base/wasm/auth.yaml
    alpha.config.kubernetes.io/transformations: |
      - configuredIn: ../../base/kustomization.yaml
        configuredBy: {kind: NamespaceTransformer}
      - configuredIn: kustomization.yaml
        configuredBy: {kind: PatchTransformer}
",
    );
    assert_ne!(noted, RIGHT);
    let found = mistakes(&noted.replace("phase: AUTHN", "phase: STATS"));
    let wanted = "mistake: istio/base/wasm/auth.yaml (patched in istio/overlays/dev/kustomization.yaml): WasmPlugin ns/auth";
    assert!(found.iter().any(|one| one.starts_with(wanted)), "{found:?}");
}

#[test]
fn what_is_no_resource_is_refused() {
    for text in ["a: [", "a: 1", "kind: X"] {
        assert!(
            Overlay::parse(text, Path::new("istio/overlays/dev")).is_err(),
            "{text}"
        );
    }
}
