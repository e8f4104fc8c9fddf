//! Documents that `auth` fetches: key sets of issuers, lists of API keys.

use serde_json::Value;

use super::{clusters, plugins};
use crate::finding::Finding;
use crate::overlay::Overlay;

/// Which maps of `auth` have sources, and where in an entry.
const SOURCES: [(&str, &str); 2] = [("issuers", ".jwks"), ("keyLists", "")];

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let mut findings = Vec::new();
    for auth in plugins(overlay, "auth") {
        for (map, within) in SOURCES {
            for (name, entry) in auth.members(&format!("/spec/pluginConfig/{map}")) {
                let source = entry.pointer(&within.replace('.', "/"));
                let cluster = source.and_then(|source| source.get("cluster"));
                let Some(cluster) = cluster.and_then(Value::as_str) else {
                    continue;
                };
                let field = format!("spec.pluginConfig.{map}.{name}{within}.cluster");
                findings.extend(clusters::check(overlay, auth, &field, cluster));
            }
        }
    }
    findings
}
