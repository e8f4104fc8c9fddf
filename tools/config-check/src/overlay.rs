//! A built overlay: the resources that a cluster would be given.

use std::path::Path;

use serde_json::Value;

use crate::origins::Origins;

/// All resources of an overlay, and of the workload's where it was given.
#[derive(Default)]
pub(crate) struct Overlay {
    resources: Vec<Resource>,
    /// The workload's resources are among them.
    pub(crate) has_workload: bool,
}

/// One resource.
pub(crate) struct Resource {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    origins: Origins,
    value: Value,
}

impl Overlay {
    /// Adds YAML documents. `directory` is that of their overlay, to which its paths are relative.
    ///
    /// # Errors
    /// Says which document is no resource, without its text; and where there is none at all,
    /// which is no overlay but a build that failed.
    pub(crate) fn add(&mut self, text: &str, directory: &Path) -> Result<(), String> {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(|error| format!("no YAML: {error}"))?;
        let before = self.resources.len();
        for (number, document) in (1..).zip(documents) {
            if document.is_null() {
                continue;
            }
            let text = |pointer: &str| {
                let found = document.pointer(pointer).and_then(Value::as_str);
                found.map(str::to_owned)
            };
            let (Some(kind), Some(name)) = (text("/kind"), text("/metadata/name")) else {
                return Err(format!("document {number} has no kind or no metadata.name"));
            };
            self.resources.push(Resource {
                kind,
                name,
                namespace: text("/metadata/namespace").unwrap_or_default(),
                origins: Origins::of(&document, directory),
                value: document,
            });
        }
        if self.resources.len() == before {
            return Err("there is no resource in it".to_owned());
        }
        Ok(())
    }

    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resources of one kind.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        let resources = self.resources.iter();
        resources.filter(move |resource| resource.kind == kind)
    }
}

impl Resource {
    /// A value by its JSON pointer (RFC 6901).
    pub(crate) fn at(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    /// The members of an object, none where there is none.
    pub(crate) fn members(&self, pointer: &str) -> impl Iterator<Item = (&str, &Value)> {
        members(self.at(pointer))
    }

    /// The items of a list, none where there is none.
    pub(crate) fn items(&self, pointer: &str) -> &[Value] {
        items(self.at(pointer))
    }

    /// The file that says a field: `spec.pluginConfig.tenants.team-a.plan`.
    pub(crate) fn file(&self, field: &str) -> &str {
        self.origins.file(field)
    }

    /// `WasmPlugin ai-gateway-dev/auth`.
    pub(crate) fn title(&self) -> String {
        let Self {
            kind,
            name,
            namespace,
            ..
        } = self;
        if namespace.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {namespace}/{name}")
        }
    }
}

/// The members of an object, none where it isn't one.
pub(crate) fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let object = value.and_then(Value::as_object).into_iter().flatten();
    object.map(|(name, value)| (name.as_str(), value))
}

/// The items of a list, none where it isn't one.
pub(crate) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
