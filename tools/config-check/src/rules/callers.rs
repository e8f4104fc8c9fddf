//! Whom `auth` knows.

use serde_json::Value;

use crate::overlay::{Resource, items};

/// One who may call.
pub(super) struct Caller<'a> {
    /// Where it stands: `spec.pluginConfig.keys.team-a-ci`.
    pub(super) field: String,
    /// The tenant that its calls count for.
    pub(super) tenant: &'a str,
    entry: &'a Value,
}

/// Where callers stand in the configuration. Those of issuers stand in their tokens.
const MAPS: [&str; 4] = ["tenants", "keys", "mesh.serviceAccounts", "mesh.namespaces"];

/// Tenants themselves, and everybody who calls for one.
pub(super) fn callers(auth: &Resource) -> Vec<Caller<'_>> {
    let of_maps = MAPS.iter().flat_map(|map| {
        let pointer = format!("/spec/pluginConfig/{}", map.replace('.', "/"));
        let entries: Vec<_> = auth.members(&pointer).collect();
        entries.into_iter().map(move |(name, entry)| Caller {
            field: format!("spec.pluginConfig.{map}.{name}"),
            tenant: entry.get("tenant").and_then(Value::as_str).unwrap_or(name),
            entry,
        })
    });
    let shadow = auth.at("/spec/pluginConfig/shadow").map(|entry| Caller {
        field: "spec.pluginConfig.shadow".to_owned(),
        tenant: entry
            .get("tenant")
            .and_then(Value::as_str)
            .unwrap_or_default(),
        entry,
    });
    of_maps.chain(shadow).collect()
}

impl<'a> Caller<'a> {
    /// The plan that it is given, where it is.
    pub(super) fn plan(&self) -> Option<&'a str> {
        self.entry.get("plan")?.as_str()
    }

    /// Which models it may use, where that is said.
    pub(super) fn models(&self) -> Option<&'a [Value]> {
        self.entry.get("models").map(|models| items(Some(models)))
    }
}
