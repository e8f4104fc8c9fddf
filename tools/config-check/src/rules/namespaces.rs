//! The gateway's resources stand in one namespace, that of its Gateway.

use crate::finding::Finding;
use crate::overlay::Overlay;

/// What works only in the gateway's own namespace.
const BOUND_TO_IT: [&str; 4] = [
    "WasmPlugin",
    "EnvoyFilter",
    "VirtualService",
    "DestinationRule",
];

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let Some(gateway) = overlay.of("Gateway").next() else {
        return Vec::new();
    };
    let bound = overlay
        .resources()
        .iter()
        .filter(|one| BOUND_TO_IT.contains(&one.kind.as_str()));
    bound
        .filter(|one| one.namespace != gateway.namespace)
        .map(|one| {
            let what = format!("the Gateway is in namespace `{}`", gateway.namespace);
            let mend = "`namespace:` of the overlay's kustomization.yaml puts all into one";
            Finding::mistake(one, "metadata.namespace", what, mend)
        })
        .collect()
}
