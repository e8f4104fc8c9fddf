//! Patches of the filter chain name filters that are there, and the buffer holds what filters read.

use serde_json::Value;

use super::plugins;
use crate::finding::Finding;
use crate::overlay::{Overlay, Resource};

/// The two schemes by which Istio names a plugin's filter: up to 1.29, and from 1.30 on.
const SCHEMES: [(&str, &str); 2] = [
    ("extensions.istio.io/wasmplugin/", ""),
    (
        "extensions.istio.io/trafficextension/",
        "~istio-translated-wasmplugin",
    ),
];

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    let mut findings = Vec::new();
    for filter in overlay.of("EnvoyFilter") {
        for (number, patch) in filter.items("/spec/configPatches").iter().enumerate() {
            findings.extend(check_name(overlay, filter, number, patch));
        }
    }
    findings.extend(buffer_without_a_patch(overlay));
    findings.extend(bodies_beyond_the_buffer(overlay));
    findings
}

fn name_in(patch: &Value) -> Option<&str> {
    patch
        .pointer("/match/listener/filterChain/filter/subFilter/name")?
        .as_str()
}

/// The namespace and name of the plugin whose filter is meant.
fn plugin_in(filter: &str) -> Option<(&str, &str)> {
    let plugin = SCHEMES
        .iter()
        .find_map(|(prefix, suffix)| filter.strip_prefix(prefix)?.strip_suffix(suffix))?;
    plugin.split_once('.')
}

fn check_name(
    overlay: &Overlay,
    filter: &Resource,
    number: usize,
    patch: &Value,
) -> Option<Finding> {
    let (namespace, name) = plugin_in(name_in(patch)?)?;
    let there = overlay.of("WasmPlugin").any(|plugin| {
        plugin.name == name && (plugin.namespace == namespace || plugin.namespace.is_empty())
    });
    (!there).then(|| {
        let field = format!(
            "spec.configPatches[{number}].match.listener.filterChain.filter.subFilter.name"
        );
        let what = format!(
            "there is no WasmPlugin `{name}` in namespace `{namespace}`: the patch would do nothing"
        );
        let mend = format!(
            "kustomize doesn't rewrite this name: patch it to `{}.{name}` in the overlay",
            filter.namespace
        );
        Finding::mistake(filter, field, what, mend)
    })
}

/// Both schemes are carried, so that either version of Istio finds its own.
fn buffer_without_a_patch(overlay: &Overlay) -> Vec<Finding> {
    let upstream = plugins(overlay, "model-router")
        .find(|plugin| plugin.text("/spec/pluginConfig/role") == Some("upstream"));
    let Some(upstream) = upstream else {
        return Vec::new();
    };
    let patches = || {
        let filters = overlay.of("EnvoyFilter");
        filters.flat_map(|filter| filter.items("/spec/configPatches").iter())
    };
    let missing = SCHEMES.iter().filter(|(prefix, suffix)| {
        !patches().any(|patch| {
            let value = patch.pointer("/patch/value/name").and_then(Value::as_str);
            let name =
                name_in(patch).and_then(|name| name.strip_prefix(prefix)?.strip_suffix(suffix));
            value == Some("envoy.filters.http.buffer")
                && name.is_some_and(|name| name.ends_with(&format!(".{}", upstream.name)))
        })
    });
    missing
        .map(|(prefix, suffix)| {
            let what = format!("no EnvoyFilter puts the buffer before it by the name `{prefix}NAMESPACE.{}{suffix}`", upstream.name);
            let mend = "istio/base/envoy-filters/buffer.yaml has both patches: without them every LLM call is answered 503";
            Finding::mistake(upstream, "metadata.name", what, mend)
        })
        .collect()
}

fn bodies_beyond_the_buffer(overlay: &Overlay) -> Option<Finding> {
    let redactor = plugins(overlay, "pii-redactor").next()?;
    let read = redactor.at("/spec/pluginConfig/maxBodyBytes")?.as_u64()?;
    let pointer = "/patch/value/typed_per_filter_config/envoy.filters.http.buffer/config/buffer/max_request_bytes";
    let filters = overlay.of("EnvoyFilter");
    let held = filters
        .flat_map(|filter| filter.items("/spec/configPatches").iter())
        .find_map(|patch| patch.pointer(pointer)?.as_u64())?;
    (read < held).then(|| {
        let what = format!(
            "the buffer holds bodies of up to {held} bytes, this filter refuses them from {read} on"
        );
        let mend = "make both the same, or leave it if that is what you want";
        Finding::remark(redactor, "spec.pluginConfig.maxBodyBytes", what, mend)
    })
}
