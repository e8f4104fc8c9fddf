//! Which file says something: the one that a resource comes from, or a patch.
//!
//! kustomize notes on each resource its file and every kustomization whose patches ran, whether
//! they are for it or not. So the patches themselves are read, and asked which field they have.

use std::path::{Component, Path, PathBuf};

use regex_lite::Regex;
use serde_json::Value;

use crate::overlay::items;

/// kustomize's notes (`buildMetadata: [originAnnotations, transformerAnnotations]`), which the
/// build asks for.
const ORIGIN: &str = "config.kubernetes.io/origin";
const CHANGED_BY: &str = "alpha.config.kubernetes.io/transformations";

/// The files that a resource is made of, in the order in which they count.
pub(crate) struct Origins(Vec<Origin>);

struct Origin {
    file: String,
    text: Value,
}

/// How much of a field stands in a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    whole: bool,
    steps: usize,
}

impl Origins {
    /// From the notes on a built resource. The paths in them are relative to `directory`. A file
    /// that can't be read is left out: what is wrong is said all the same, at another file.
    pub(crate) fn of(resource: &Value, directory: &Path) -> Self {
        let note = |name: &str| -> Option<Value> {
            let annotations = resource.pointer("/metadata/annotations")?;
            serde_saphyr::from_str(annotations.get(name)?.as_str()?).ok()
        };
        let Some(file) = note(ORIGIN).and_then(|note| path_in(&note, "path", directory)) else {
            return Self(Vec::new());
        };
        let first = Origin {
            text: documents(&file)
                .into_iter()
                .find(|document| is_of(document, resource))
                .unwrap_or_default(),
            file: file.display().to_string(),
        };
        let mut kustomizations: Vec<PathBuf> = items(note(CHANGED_BY).as_ref())
            .iter()
            .filter_map(|change| path_in(change, "configuredIn", directory))
            .collect();
        // One note for each patch, in a row.
        kustomizations.dedup();
        let patches = kustomizations
            .iter()
            .flat_map(|file| patches(file, resource));
        Self(std::iter::once(first).chain(patches).collect())
    }

    /// The file that says a field: the last one that has it, or else the first of those that have
    /// the most of what is around it.
    pub(crate) fn file(&self, field: &str) -> &str {
        let mut best: Option<(Found, &Origin)> = None;
        for origin in &self.0 {
            let found = origin.has(field);
            if best.is_none_or(|(most, _)| found > most || (found == most && found.whole)) {
                best = Some((found, origin));
            }
        }
        best.map_or("built overlay", |(_, origin)| &origin.file)
    }
}

impl Origin {
    fn has(&self, field: &str) -> Found {
        let Value::Array(operations) = &self.text else {
            return steps(&self.text, field);
        };
        let found = operations.iter().filter_map(|operation| {
            let path = operation.get("path")?.as_str()?;
            Some(steps_of_operation(path, operation.get("value"), field))
        });
        found.max().unwrap_or(NOTHING)
    }
}

const NOTHING: Found = Found {
    whole: false,
    steps: 0,
};

/// How far a field leads into a value. Members may have dots in their names.
fn steps(value: &Value, field: &str) -> Found {
    let field = field.strip_prefix('.').unwrap_or(field);
    if field.is_empty() {
        return Found {
            whole: true,
            steps: 0,
        };
    }
    let inside = match value {
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, value)| Some(steps(value, after(field, name)?)))
            .max(),
        Value::Array(entries) => entries.iter().enumerate().find_map(|(number, value)| {
            Some(steps(value, field.strip_prefix(&format!("[{number}]"))?))
        }),
        _ => None,
    };
    inside.map_or(NOTHING, |found| Found {
        steps: found.steps.saturating_add(1),
        ..found
    })
}

/// The same for an operation of a JSON patch (RFC 6902).
fn steps_of_operation(path: &str, value: Option<&Value>, field: &str) -> Found {
    let mut rest = field;
    let mut passed = 0_usize;
    for token in path.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let index = format!("[{token}]");
        let next = rest.strip_prefix(index.as_str());
        match next.or_else(|| after(rest.strip_prefix('.').unwrap_or(rest), &token)) {
            Some(next) => rest = next,
            // It changes something within the field.
            None if rest.is_empty() => break,
            None => return NOTHING,
        }
        passed = passed.saturating_add(1);
    }
    let inside = steps(value.unwrap_or(&Value::Null), rest);
    Found {
        steps: inside.steps.saturating_add(passed),
        ..inside
    }
}

/// What follows a member's name.
fn after<'a>(field: &'a str, name: &str) -> Option<&'a str> {
    let rest = field.strip_prefix(name)?;
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}

/// The patches of a kustomization that are for a resource.
fn patches(kustomization: &Path, resource: &Value) -> Vec<Origin> {
    let directory = kustomization.parent().unwrap_or(Path::new(""));
    let text = documents(kustomization).into_iter().next();
    let entries = items(text.as_ref().and_then(|text| text.get("patches")));
    let origins = entries.iter().flat_map(|entry| {
        let written = |name: &str| entry.get(name).and_then(Value::as_str);
        let (file, texts) = match (written("path"), written("patch")) {
            (Some(path), _) => {
                let file = plain(&directory.join(path));
                let texts = documents(&file);
                (file, texts)
            }
            (None, Some(patch)) => (kustomization.to_owned(), parsed(patch)),
            (None, None) => (kustomization.to_owned(), Vec::new()),
        };
        let for_it = move |text: &Value| match entry.get("target") {
            Some(target) => is_target(target, resource),
            None => is_of(text, resource),
        };
        let file = file.display().to_string();
        texts.into_iter().filter(for_it).map(move |text| Origin {
            file: file.clone(),
            text,
        })
    });
    origins.collect()
}

/// kustomize's targets are regular expressions for the whole text.
fn is_target(target: &Value, resource: &Value) -> bool {
    [("kind", "/kind"), ("name", "/metadata/name")]
        .iter()
        .all(|(name, pointer)| {
            let Some(pattern) = target.get(*name).and_then(Value::as_str) else {
                return true;
            };
            let text = resource.pointer(pointer).and_then(Value::as_str);
            let pattern = Regex::new(&format!("^(?:{pattern})$"));
            pattern.is_ok_and(|pattern| text.is_some_and(|text| pattern.is_match(text)))
        })
}

fn is_of(document: &Value, resource: &Value) -> bool {
    ["/kind", "/metadata/name"]
        .iter()
        .all(|pointer| document.pointer(pointer) == resource.pointer(pointer))
}

fn documents(file: &Path) -> Vec<Value> {
    std::fs::read_to_string(file).map_or_else(|_| Vec::new(), |text| parsed(&text))
}

fn parsed(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_default()
}

fn path_in(note: &Value, member: &str, directory: &Path) -> Option<PathBuf> {
    Some(plain(&directory.join(note.get(member)?.as_str()?)))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Origin, Origins, is_target};

    fn origins(texts: Vec<Value>) -> Origins {
        let files = ["base.yaml", "first.yaml", "last.yaml"];
        let origins = files.iter().zip(texts);
        Origins(
            origins
                .map(|(file, text)| Origin {
                    file: (*file).to_owned(),
                    text,
                })
                .collect(),
        )
    }

    #[test]
    fn the_last_file_that_has_a_field_says_it() {
        let origins = origins(vec![
            json!({"spec": {"phase": "AUTHN", "list": [{"a": 1}], "models": {"gpt-4.1": {"x": 1}, "gpt-4": {}}}}),
            json!({"spec": {"phase": "STATS", "models": {"gpt-4.1": {"y": 1}}}}),
            json!({"spec": {"other": 1}}),
        ]);
        for (field, file) in [
            ("spec.phase", "first.yaml"),
            ("spec.other", "last.yaml"),
            ("spec.list[0].a", "base.yaml"),
            ("spec.models.gpt-4.1.x", "base.yaml"),
            ("spec.models.gpt-4.1.y", "first.yaml"),
            // It stands nowhere: where it would belong.
            ("spec.priority", "base.yaml"),
            ("spec.models.gpt-4.1.z", "base.yaml"),
        ] {
            assert_eq!(origins.file(field), file, "{field}");
        }
    }

    #[test]
    fn an_operation_says_what_it_changes() {
        let origins = origins(vec![
            json!({"spec": {"hosts": ["*"], "patches": [{"name": "a"}, {"name": "b"}]}}),
            json!([{"op": "replace", "path": "/spec/patches/1/name", "value": "c"}]),
            json!([{"op": "add", "path": "/spec/hosts/-", "value": "d"},
                   {"op": "add", "path": "/spec/a~1b", "value": {"c": 1}}]),
        ]);
        for (field, file) in [
            ("spec.patches[1].name", "first.yaml"),
            ("spec.patches[0].name", "base.yaml"),
            ("spec.hosts", "last.yaml"),
            ("spec.a/b.c", "last.yaml"),
        ] {
            assert_eq!(origins.file(field), file, "{field}");
        }
    }

    #[test]
    fn a_target_is_an_expression_for_the_whole_name() {
        let resource = json!({"kind": "VirtualService", "metadata": {"name": "provider-openai"}});
        for (target, matches) in [
            (json!({"kind": "VirtualService"}), true),
            (
                json!({"kind": "VirtualService", "name": "llm|provider-.*"}),
                true,
            ),
            (json!({"name": "provider"}), false),
            (json!({"kind": "Gateway"}), false),
        ] {
            assert_eq!(is_target(&target, &resource), matches, "{target}");
        }
    }
}
