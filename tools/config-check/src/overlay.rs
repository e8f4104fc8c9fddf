//! A built overlay: the resources that a cluster would be given.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

/// All resources of an overlay.
pub(crate) struct Overlay(Vec<Resource>);

/// One resource.
pub(crate) struct Resource {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// The file that holds it, and the kustomizations whose patches changed it.
    pub(crate) files: String,
    value: Value,
}

/// kustomize's notes on where a resource came from (`buildMetadata: [originAnnotations,
/// transformerAnnotations]`), which the build asks for.
const ORIGIN: &str = "config.kubernetes.io/origin";
const CHANGED_BY: &str = "alpha.config.kubernetes.io/transformations";

impl Overlay {
    /// Reads YAML documents. `directory` is the overlay's, to which its paths are relative.
    ///
    /// # Errors
    /// Says which document is no resource, without its text.
    pub(crate) fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text)
            .map_err(|error| format!("standard input is no YAML: {error}"))?;
        let mut resources = Vec::with_capacity(documents.len());
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
            resources.push(Resource {
                kind,
                name,
                namespace: text("/metadata/namespace").unwrap_or_default(),
                files: files(&document, directory),
                value: document,
            });
        }
        Ok(Self(resources))
    }

    pub(crate) fn resources(&self) -> &[Resource] {
        &self.0
    }

    /// The resources of one kind.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.0.iter().filter(move |resource| resource.kind == kind)
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

/// Which files a resource is made of, where the build has noted it.
fn files(resource: &Value, directory: &Path) -> String {
    let note = |name: &str| -> Option<Value> {
        let note = resource
            .pointer("/metadata/annotations")?
            .get(name)?
            .as_str()?;
        serde_saphyr::from_str(note).ok()
    };
    let path = |note: &Value, member: &str| {
        let path = note.get(member)?.as_str()?;
        Some(plain(&directory.join(path)).display().to_string())
    };
    let Some(origin) = note(ORIGIN).and_then(|origin| path(&origin, "path")) else {
        return "built overlay".to_owned();
    };
    let changes = note(CHANGED_BY);
    let patches = items(changes.as_ref()).iter().filter(|change| {
        let kind = change.pointer("/configuredBy/kind").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.starts_with("Patch"))
    });
    let mut by: Vec<String> = patches
        .filter_map(|change| path(change, "configuredIn"))
        .collect();
    by.dedup();
    if by.is_empty() {
        origin
    } else {
        format!("{origin} (patched in {})", by.join(", "))
    }
}

/// A path without `..` where that can be seen from the path alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(plain.components().next_back(), Some(Component::Normal(_))) =>
            {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
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
