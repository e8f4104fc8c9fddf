//! Each filter stands where the chain needs it, and fails closed.

use super::module_of;
use crate::finding::Finding;
use crate::overlay::{Overlay, Resource};

/// Where a filter stands: phase and priority, `None` for those that are left out.
type Place = (Option<&'static str>, Option<u64>);

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let mut findings: Vec<Finding> = overlay.of("WasmPlugin").flat_map(misplaced).collect();
    findings.extend(missing(overlay));
    findings.extend(environments_that_differ(overlay));
    findings.extend(digests(overlay));
    findings.extend(selectors(overlay));
    findings
}

fn place_of(plugin: &Resource) -> Option<Place> {
    Some(match module_of(plugin)? {
        "auth" => (Some("AUTHN"), None),
        "pii-redactor" => (Some("STATS"), Some(40)),
        "token-counter" => (Some("STATS"), Some(30)),
        "response-cache" => (Some("STATS"), Some(10)),
        "model-router" => match plugin.text("/spec/pluginConfig/role")? {
            "upstream" => (None, None),
            _ => (Some("STATS"), Some(20)),
        },
        _ => return None,
    })
}

fn misplaced(plugin: &Resource) -> Vec<Finding> {
    let Some((phase, priority)) = place_of(plugin) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let why = "the order of the chain stands in docs/architecture.md";
    if plugin.text("/spec/phase") != phase {
        let what = match phase {
            Some(phase) => format!("this filter belongs into phase {phase}"),
            None => "this filter belongs behind all others: no phase".to_owned(),
        };
        findings.push(Finding::mistake(plugin, "spec.phase", what, why));
    }
    let written = plugin
        .at("/spec/priority")
        .and_then(serde_json::Value::as_u64);
    if phase == Some("STATS") && written != priority {
        let what = format!("this filter has priority {}", priority.unwrap_or_default());
        findings.push(Finding::mistake(plugin, "spec.priority", what, why));
    }
    if plugin.text("/spec/failStrategy") != Some("FAIL_RELOAD") {
        findings.push(Finding::mistake(
            plugin,
            "spec.failStrategy",
            "after a trap requests would pass unfiltered, or never again",
            "failStrategy: FAIL_RELOAD",
        ));
    }
    findings
}

/// Who calls, where to, and with whose key: without one of these three no call is what it should be.
fn missing(overlay: &Overlay) -> Vec<Finding> {
    let ours = overlay
        .of("WasmPlugin")
        .find(|plugin| place_of(plugin).is_some());
    let Some(ours) = ours else {
        return Vec::new();
    };
    let has = |module: &str, role: Option<&str>| {
        super::plugins(overlay, module).any(|plugin| plugin.text("/spec/pluginConfig/role") == role)
    };
    let needed = [
        ("auth", None, "nobody is asked for a credential"),
        ("model-router", Some("route"), "no call finds a provider"),
        (
            "model-router",
            Some("upstream"),
            "no call gets the provider's key",
        ),
    ];
    needed
        .into_iter()
        .filter(|(module, role, _)| !has(module, *role))
        .map(|(module, role, what)| {
            let role = role.map(|role| format!(" with `role: {role}`"));
            let filter = format!("`{module}`{}", role.unwrap_or_default());
            Finding::mistake(
                ours,
                "metadata.name",
                format!("it stands in a chain without {filter}: {what}"),
                "istio/base/wasm has it",
            )
        })
        .collect()
}

/// Older Envoys give two plugins of one module one VM, with the first one's environment.
fn environments_that_differ(overlay: &Overlay) -> Option<Finding> {
    let mut routers = super::plugins(overlay, "model-router");
    let (first, second) = (routers.next()?, routers.next()?);
    let environment = |plugin: &Resource| plugin.at("/spec/vmConfig/env").cloned();
    let same = environment(first) == environment(second);
    (!same).then(|| {
        let what = format!(
            "{} is of the same module and has another environment",
            first.title()
        );
        let mend = "give both plugins the same vmConfig.env";
        Finding::mistake(second, "spec.vmConfig.env", what, mend)
    })
}

fn digests(overlay: &Overlay) -> impl Iterator<Item = Finding> {
    overlay.of("WasmPlugin").filter_map(|plugin| {
        let in_url = plugin
            .text("/spec/url")
            .and_then(|url| url.split_once("@sha256:"));
        let (field, digest) = match (plugin.text("/spec/sha256"), in_url) {
            (Some(digest), _) => ("spec.sha256", digest),
            (None, Some((_, digest))) => ("spec.url", digest),
            (None, None) => return None,
        };
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let right = digest.len() == 64 && digest.bytes().all(digit);
        (!right).then(|| {
            let what = "a digest is 64 hexadecimal digits in lower case";
            let mend = "`make image` prints the digests, `make pin` writes them";
            Finding::mistake(plugin, field, what, mend)
        })
    })
}

/// A plugin that selects another workload than the Gateway's filters nothing.
fn selectors(overlay: &Overlay) -> Vec<Finding> {
    let gateways: Vec<_> = overlay
        .of("Gateway")
        .filter_map(|one| one.at("/spec/selector"))
        .collect();
    if gateways.is_empty() {
        return Vec::new();
    }
    let plugins = overlay.of("WasmPlugin").map(|one| {
        (
            one,
            "/spec/selector/matchLabels",
            "spec.selector.matchLabels",
        )
    });
    let patches = overlay.of("EnvoyFilter").map(|one| {
        (
            one,
            "/spec/workloadSelector/labels",
            "spec.workloadSelector.labels",
        )
    });
    let stray = plugins.chain(patches).filter(|(one, pointer, _)| {
        let selects = one.at(pointer);
        !gateways.iter().any(|gateway| Some(*gateway) == selects)
    });
    stray
        .map(|(one, _, field)| {
            let what = "it selects no workload of a Gateway of this overlay";
            let mend = "the labels are those of the Gateway's spec.selector";
            Finding::mistake(one, field, what, mend)
        })
        .collect()
}
