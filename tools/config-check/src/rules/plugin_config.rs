//! Each `pluginConfig` is one that its filter takes.

use super::module_of;
use crate::finding::Finding;
use crate::overlay::{Overlay, Resource};
use crate::plugins::{ALL, Plugin};

pub(super) fn check(overlay: &Overlay) -> Vec<Finding> {
    overlay.of("WasmPlugin").filter_map(refused).collect()
}

fn refused(plugin: &Resource) -> Option<Finding> {
    let Some(filter) = module_of(plugin).and_then(Plugin::of) else {
        let known: Vec<&str> = ALL.iter().map(|plugin| plugin.module).collect();
        return Some(Finding::mistake(
            plugin,
            "spec.url",
            "its image is none of this gateway's filters",
            format!("the image's last part is one of {}", known.join(", ")),
        ));
    };
    let config = plugin.at("/spec/pluginConfig");
    let json = config.map(ToString::to_string).unwrap_or_default();
    let error = (filter.configure)(json.as_bytes()).err()?;
    let field = match error.field.as_str() {
        "." => "spec.pluginConfig".to_owned(),
        field => format!("spec.pluginConfig.{field}"),
    };
    let mend = format!("docs/configuration.md says what {} takes", filter.module);
    Some(Finding::mistake(plugin, field, error.reason, mend))
}
