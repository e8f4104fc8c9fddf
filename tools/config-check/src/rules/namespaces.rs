//! The gateway's resources stand in one namespace, that of its Gateway and of its workload.

use serde_json::Value;

use crate::finding::Finding;
use crate::overlay::{Overlay, Resource, members};

/// What works only in the gateway's own namespace.
const BOUND_TO_IT: [&str; 7] = [
    "AuthorizationPolicy",
    "DestinationRule",
    "EnvoyFilter",
    "PeerAuthentication",
    "Telemetry",
    "VirtualService",
    "WasmPlugin",
];

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let Some(gateway) = overlay.of("Gateway").next() else {
        return Vec::new();
    };
    let bound = overlay
        .resources()
        .iter()
        .filter(|one| BOUND_TO_IT.contains(&one.kind.as_str()));
    let elsewhere = bound
        .filter(|one| one.namespace != gateway.namespace)
        .map(|one| {
            let what = format!("the Gateway is in namespace `{}`", gateway.namespace);
            let mend = "`namespace:` of the overlay's kustomization.yaml puts all into one";
            Finding::mistake(one, "metadata.namespace", what, mend)
        });
    elsewhere.chain(workload(overlay, gateway)).collect()
}

/// Istio looks for a Gateway's pods in the Gateway's own namespace.
fn workload(overlay: &Overlay, gateway: &Resource) -> Option<Finding> {
    let selected: Vec<&Resource> = overlay
        .of("Deployment")
        .filter(|one| selects(gateway, one))
        .collect();
    if selected
        .iter()
        .any(|one| one.namespace == gateway.namespace)
    {
        return None;
    }
    match selected.first() {
        Some(deployment) => Some(Finding::mistake(
            gateway,
            "metadata.namespace",
            format!("its pods are those of {}", deployment.title()),
            "both overlays, of istio/ and of manifests/, have the same `namespace:`",
        )),
        None if overlay.has_workload => Some(Finding::mistake(
            gateway,
            "spec.selector",
            "no Deployment's pods have these labels",
            "the labels are those of the workload's pods",
        )),
        None => None,
    }
}

fn selects(gateway: &Resource, deployment: &Resource) -> bool {
    let labels = deployment.at("/spec/template/metadata/labels");
    let mut wanted = members(gateway.at("/spec/selector"));
    let has = |name: &str, value: &Value| labels.and_then(|labels| labels.get(name)) == Some(value);
    wanted.all(|(name, value)| has(name, value))
}
