//! What must hold in an overlay, one rule in each file.

mod callers;
mod chain;
mod clusters;
mod documents;
mod models;
mod namespaces;
mod patches;
mod plugin_config;
mod providers;
mod tenants;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::finding::Finding;
use crate::overlay::{Overlay, Resource};

/// Everything that is wrong with an overlay.
pub(crate) fn check(overlay: &Overlay) -> Vec<Finding> {
    let rules = [
        plugin_config::check,
        chain::check,
        models::check,
        tenants::check,
        providers::check,
        documents::check,
        patches::check,
        namespaces::check,
    ];
    rules.iter().flat_map(|rule| rule(overlay)).collect()
}

/// The name of a plugin's module: the last part of its image, without tag and digest.
fn module_of(plugin: &Resource) -> Option<&str> {
    let image = plugin.text("/spec/url")?;
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let last = image.rsplit('/').next()?;
    let name = last.split_once(':').map_or(last, |(name, _)| name);
    Some(name.strip_suffix(".wasm").unwrap_or(name))
}

/// The plugins of one module.
fn plugins<'a>(overlay: &'a Overlay, module: &'a str) -> impl Iterator<Item = &'a Resource> {
    let plugins = overlay.of("WasmPlugin");
    plugins.filter(move |plugin| module_of(plugin) == Some(module))
}

/// The router in its role `route`.
fn router(overlay: &Overlay) -> Option<&Resource> {
    let mut routers = plugins(overlay, "model-router");
    routers.find(|plugin| plugin.text("/spec/pluginConfig/role") == Some("route"))
}

/// Whether a text is among others.
fn is_among(value: &str, others: &[Value]) -> bool {
    others.iter().any(|other| other == value)
}
