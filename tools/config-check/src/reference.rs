//! The configuration reference and the schemas, from the filters' own types.

use serde_json::{Value, json};

use crate::overlay::{items, members};
use crate::plugins::{ALL, Plugin};

/// The files of schemas, by name: of each `pluginConfig`, and of a patch of each resource.
pub(crate) fn schema_files() -> Vec<(String, String)> {
    let files = ALL.iter().flat_map(|plugin| {
        [("", schema(plugin)), (".patch", patch_schema(plugin))].map(|(kind, schema)| {
            let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
            text.push('\n');
            (format!("{}{kind}.schema.json", plugin.module), text)
        })
    });
    files.collect()
}

/// The schema of a resource as an overlay's patch has it: in parts.
fn patch_schema(plugin: &Plugin) -> Value {
    let mut config = schema(plugin);
    without_required(&mut config);
    let mut taken = |name: &str| {
        config
            .as_object_mut()
            .and_then(|config| config.remove(name))
    };
    let (dialect, definitions) = (taken("$schema"), taken("$defs"));
    taken("title");
    json!({
        "$schema": dialect,
        "$defs": definitions.unwrap_or_default(),
        "title": format!("WasmPlugin {}", plugin.module),
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"pluginConfig": config}},
        },
    })
}

fn without_required(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            // A list: the keyword, not a member of that name.
            if members.get("required").is_some_and(Value::is_array) {
                members.remove("required");
            }
            members.values_mut().for_each(without_required);
        }
        Value::Array(entries) => entries.iter_mut().for_each(without_required),
        _ => {}
    }
}

/// The whole reference, in Markdown.
pub(crate) fn markdown() -> String {
    let mut out = String::from(HEAD);
    for plugin in ALL {
        out.push_str(&section(plugin));
    }
    out
}

const HEAD: &str = "\
<!-- Written by `make reference` from the filters' own types: edit those. -->
# Configuration reference

What stands under `spec.pluginConfig` of each WasmPlugin. An unknown member, or a value out of its
bounds, is refused with the field and the reason, and the configuration before it stays in force.

- Whatever an overlay or a tenant adds to is a map by name, so that patches merge: `NAME` below. A name
  has at most 63 characters of `a-z 0-9 - _ .`, with a letter or digit at both ends. Names of models are
  the exception: 1 to 200 letters, digits and `-_./:@+`.
- Bounds are those of one value. What several must be together, the meaning says.
- `make config-check OVERLAY=istio/overlays/prod` reads a whole overlay with the filters' own code: what it
  takes, they take. It also says what no single filter can see: [checks](config-check.md).
- Editors complete and check the same by JSON Schemas, in [schemas](schemas): `FILTER.schema.json` is that of a
  whole `pluginConfig`, `FILTER.patch.schema.json` that of a WasmPlugin, or a patch of one, in which nothing is
  required. Editors with YAML's language server (VS Code, Emacs, Neovim and others) take it from a comment:
  `# yaml-language-server: $schema=../../../docs/schemas/auth.patch.schema.json`. The overlays' files have it.
";

fn schema(plugin: &Plugin) -> Value {
    let mut schema = (plugin.schema)();
    schema.insert(
        "title".to_owned(),
        format!("pluginConfig of {}", plugin.module).into(),
    );
    schema.to_value()
}

/// A table of what stands at the top, then one for each member that has members.
fn section(plugin: &Plugin) -> String {
    let schema = schema(plugin);
    let mut top = Vec::new();
    let mut parts = String::new();
    for (name, member) in members(schema.get("properties")) {
        top.push(row(&schema, &schema, name, name, member));
        let mut rows = Vec::new();
        describe_inside(&schema, resolved(&schema, member), name, &mut rows);
        if !rows.is_empty() {
            parts.push_str(&format!(
                "\n### {}: {name}\n{}",
                plugin.module,
                table(&rows)
            ));
        }
    }
    let about = capitalised(plugin.about);
    format!("\n## {}\n{about}.\n{}{parts}", plugin.module, table(&top))
}

fn table(rows: &[String]) -> String {
    let rows = rows.concat();
    format!("\n| field | type | default | bounds | meaning |\n|---|---|---|---|---|\n{rows}")
}

/// One row for each member, in the order of their names; those of maps under `NAME`.
fn describe(root: &Value, schema: &Value, path: &str, rows: &mut Vec<String>) {
    for (name, member) in members(schema.get("properties")) {
        let path = format!("{path}.{name}");
        rows.push(row(root, schema, name, &path, member));
        describe_inside(root, resolved(root, member), &path, rows);
    }
}

fn describe_inside(root: &Value, target: &Value, path: &str, rows: &mut Vec<String>) {
    describe(root, target, path, rows);
    if let Some(values @ Value::Object(_)) = target.get("additionalProperties") {
        describe_inside(root, resolved(root, values), &format!("{path}.NAME"), rows);
    }
}

fn row(root: &Value, parent: &Value, name: &str, path: &str, member: &Value) -> String {
    let target = resolved(root, member);
    let required = items(parent.get("required"));
    let kind = kind_of(root, target);
    let default = match member.get("default") {
        Some(default) if !default.is_null() => format!("`{default}`"),
        _ if required.iter().any(|one| one == name) => "required".to_owned(),
        // One that may be null as well differs from an empty one.
        _ if target.get("type").is_some_and(|kind| kind == "object") && kind.starts_with("map") => {
            "`{}`".to_owned()
        }
        _ => NONE.to_owned(),
    };
    let meaning = meaning(member, target);
    let bounds = bounds(target);
    format!("| `{path}` | {kind} | {default} | {bounds} | {meaning} |\n")
}

/// What the field's comment says, and those of the words that it may be.
fn meaning(member: &Value, target: &Value) -> String {
    let of_field = [member, target]
        .iter()
        .find_map(|one| one.get("description")?.as_str())
        .unwrap_or_default();
    let of_words = items(target.get("oneOf")).iter().filter_map(|one| {
        let (word, text) = (
            one.get("const")?.as_str()?,
            one.get("description")?.as_str()?,
        );
        Some(format!(" `{word}`: {text}"))
    });
    let text = of_words.fold(of_field.to_owned(), |text, word| text + &word);
    text.replace('\n', " ").replace('|', "\\|")
}

/// What the schema says of one value's size.
fn bounds(schema: &Value) -> String {
    if let Some(entry) = schema.get("items").map(bounds).filter(|text| text != NONE) {
        return format!("each {entry}");
    }
    let pairs = [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
    ];
    let found = pairs.iter().find_map(|(least, most, unit)| {
        let [least, most] = [least, most].map(|name| schema.get(name).map(number));
        match (least, most) {
            (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
            (None, Some(most)) => Some(format!("up to {most}{unit}")),
            (Some(least), None) if least == "1" && !unit.is_empty() => Some("not empty".to_owned()),
            // What no unsigned number undercuts is no bound.
            (Some(least), None) if least != "0" => Some(format!("from {least}{unit}")),
            _ => None,
        }
    });
    found.unwrap_or_else(|| NONE.to_owned())
}

const NONE: &str = "–";

fn number(value: &Value) -> String {
    let text = value.to_string();
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Follows a reference within the schema, and the one alternative of an optional value.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    if let Some(target) = reference.and_then(|text| root.pointer(text.strip_prefix('#')?)) {
        return resolved(root, target);
    }
    let not_null = |one: &&Value| one.get("type").is_none_or(|kind| kind != "null");
    match items(schema.get("anyOf")).iter().find(not_null) {
        Some(alternative) => resolved(root, alternative),
        None => schema,
    }
}

fn kind_of(root: &Value, schema: &Value) -> String {
    let words: Vec<String> = items(schema.get("enum"))
        .iter()
        .chain(
            items(schema.get("oneOf"))
                .iter()
                .filter_map(|one| one.get("const")),
        )
        .map(|word| format!("`{}`", word.as_str().unwrap_or_default()))
        .collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds
            .iter()
            .find_map(|kind| kind.as_str().filter(|kind| *kind != "null")),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("object") if schema.get("properties").is_none() => {
            let words = kind_of(root, schema.get("propertyNames").unwrap_or(&Value::Null));
            if words.is_empty() {
                "map by name".to_owned()
            } else {
                format!("map by name: {words}")
            }
        }
        Some("array") => {
            let item = schema
                .get("items")
                .map(|item| kind_of(root, resolved(root, item)));
            format!("list of {}", item.unwrap_or_default())
        }
        Some(kind) => kind.to_owned(),
        None => String::new(),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::{markdown, resolved, schema, schema_files};
    use crate::overlay::members;
    use crate::plugins::ALL;

    fn kept(path: &str) -> String {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        std::fs::read_to_string(docs.join(path)).unwrap_or_default()
    }

    #[test]
    fn the_reference_and_the_schemas_that_are_kept_are_what_the_types_say() {
        assert!(
            markdown() == kept("configuration.md"),
            "run `make reference`"
        );
        for (file, text) in schema_files() {
            let kept = kept(&format!("schemas/{file}"));
            assert!(text == kept, "{file}: run `make reference`");
        }
    }

    #[test]
    fn every_field_has_a_type_and_a_meaning() {
        for row in markdown().lines().filter(|row| row.starts_with("| `")) {
            let cells = row.split(" | ").map(|cell| cell.trim_matches(['|', ' ']));
            assert!(cells.clone().count() == 5, "{row}");
            assert!(cells.clone().all(|cell| !cell.is_empty()), "{row}");
        }
    }

    /// A configuration of each filter that has all of its numbers.
    const SAMPLES: &[(&str, &str)] = &[
        (
            "auth",
            r#"{"hosts": {"a": {"authority": "*"}}, "tenants": {"t": {"plan": "p", "models": []}},
                "signatures": {"perSecond": 1, "perAddressPerSecond": 1}, "verdicts": {"entries": 1},
                "keyLists": {"k": {"cluster": "c", "authority": "a", "path": "/", "refreshSeconds": 1,
                    "refetchSeconds": 1, "keepSeconds": 2592000, "timeoutMilliseconds": 1}},
                "issuers": {"i": {"issuer": "i", "audiences": [], "tenant": "t", "toleranceSeconds": 1,
                    "jwks": {"cluster": "c", "authority": "a", "path": "/", "refreshSeconds": 1,
                        "refetchSeconds": 1, "keepSeconds": 2592000, "timeoutMilliseconds": 1}}}}"#,
        ),
        ("pii-redactor", r#"{"rules": {}, "maxBodyBytes": 4096}"#),
        (
            "token-counter",
            r#"{"plans": {"p": {"requestsPerMinute": 1, "tokensPerMinute": 1}}, "defaultOutputTokens": 1,
                "tenants": {"t": {"requestsPerMinute": 1, "tokensPerMinute": 1}},
                "prices": {"m": {"inputPerMillion": 1, "outputPerMillion": 1,
                    "cachedInputPerMillion": 1, "cacheWritePerMillion": 1}}}"#,
        ),
        (
            "model-router",
            r#"{"role": "route", "limits": {"fallbackTimeoutSeconds": 1, "maxFallbackRequestBytes": 1,
                "maxAnswerBytes": 1}, "providers": {"a": {"api": "anthropic", "host": "a", "cluster": "c",
                    "defaultMaxTokens": 1}}}"#,
        ),
        (
            "response-cache",
            r#"{"ttlSeconds": 1, "maxEntries": 1, "maxEntryBytes": 1}"#,
        ),
    ];

    /// Where a schema has a number with bounds, as a pointer into the sample.
    fn bounded(
        root: &Value,
        schema: &Value,
        sample: &Value,
        at: &str,
        found: &mut Vec<(String, [Option<i64>; 2])>,
    ) {
        let schema = resolved(root, schema);
        let bound = |name: &str| {
            schema
                .get(name)
                .and_then(Value::as_f64)
                .map(|bound| bound as i64)
        };
        if schema.get("maximum").is_some() {
            found.push((at.to_owned(), [bound("minimum"), bound("maximum")]));
        }
        for (name, member) in members(schema.get("properties")) {
            let inside = sample.get(name).unwrap_or(&Value::Null);
            bounded(root, member, inside, &format!("{at}/{name}"), found);
        }
        if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
            for (name, inside) in members(Some(sample)).take(1) {
                bounded(root, values, inside, &format!("{at}/{name}"), found);
            }
        }
    }

    #[test]
    fn the_bounds_that_the_schemas_say_are_those_that_the_filters_hold() {
        for plugin in ALL {
            let (_, sample) = SAMPLES
                .iter()
                .find(|(name, _)| *name == plugin.module)
                .unwrap();
            let sample: Value = serde_json::from_str(sample).unwrap();
            let takes = |pointer: &str, value: i64| {
                let mut config = sample.clone();
                *config
                    .pointer_mut(pointer)
                    .unwrap_or_else(|| panic!("{pointer}")) = value.into();
                (plugin.configure)(config.to_string().as_bytes()).is_ok()
            };
            let (root, mut found) = (schema(plugin), Vec::new());
            bounded(&root, &root, &sample, "", &mut found);
            assert!(!found.is_empty());
            for (pointer, [least, most]) in found {
                let (least, most) = (least.unwrap_or(0), most.unwrap());
                for (value, taken) in [
                    (least - 1, false),
                    (least, true),
                    (most, true),
                    (most + 1, false),
                ] {
                    assert_eq!(takes(&pointer, value), taken, "{pointer}: {value}");
                }
            }
        }
    }
}
