//! Checks a built overlay as a whole, and writes what the filters' own configuration types say.
//!
//! A filter sees its own `pluginConfig` only. What no single one can see, such as an allowed model
//! that no route serves or a patch that names a filter that isn't there, is found here before
//! anything is applied. The types are the filters' own: what this accepts, they accept.

mod finding;
mod origins;
mod overlay;
mod plugins;
mod reference;
mod rules;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use finding::{Finding, Severity};
use overlay::Overlay;

const USAGE: &str = "usage:
  config-check check OVERLAY BUILT [WORKLOAD BUILT]
                                         what kustomize makes of the directory OVERLAY, with origins, in the
                                         file BUILT; and the same of the directory of the gateway's workload;
                                         exit code 0: no mistake, 1: at least one, 2: it can't be read
  config-check schemas DIRECTORY         JSON Schemas of each filter's pluginConfig
  config-check reference FILE            the configuration reference, from the same types";

/// More than any overlay: a built one has some hundred kilobytes.
const MOST_BYTES: u64 = 64 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["check", overlay, built] => read(&[(overlay, built)]).map(|overlay| check(&overlay)),
        ["check", overlay, built, workload, its] => {
            let read = read(&[(overlay, built), (workload, its)]);
            read.map(|overlay| check(&overlay))
        }
        ["schemas", directory] => write_schemas(Path::new(directory)),
        ["reference", file] => std::fs::write(file, reference::markdown())
            .map(|()| ExitCode::SUCCESS)
            .map_err(|error| format!("{file}: {error}")),
        _ => Err(USAGE.to_owned()),
    };
    outcome.unwrap_or_else(|message| {
        let _ = writeln!(std::io::stderr(), "{message}");
        ExitCode::from(2)
    })
}

/// Reads overlays, each with the file that holds what was built of it: the mesh's, the workload's.
fn read(overlays: &[(&str, &str)]) -> Result<Overlay, String> {
    let mut all = Overlay::default();
    for (directory, built) in overlays {
        let mut text = String::new();
        let file = std::fs::File::open(built).map_err(|error| format!("{built}: {error}"))?;
        let read = file.take(MOST_BYTES).read_to_string(&mut text);
        read.map_err(|error| format!("{directory}: {error}"))?;
        all.add(&text, Path::new(directory))
            .map_err(|reason| format!("{directory}: {reason}"))?;
    }
    all.has_workload = overlays.len() > 1;
    if all.of("WasmPlugin").next().is_none() {
        return Err("no WasmPlugin is in it: name an overlay of istio/".to_owned());
    }
    Ok(all)
}

fn check(overlay: &Overlay) -> ExitCode {
    let mut findings = rules::check(overlay);
    findings.sort();
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        let _ = writeln!(out, "{finding}");
    }
    let count = |severity| {
        findings
            .iter()
            .filter(|one: &&Finding| one.severity == severity)
            .count()
    };
    let (mistakes, remarks) = (count(Severity::Mistake), count(Severity::Remark));
    let resources = overlay.resources().len();
    let _ = writeln!(
        out,
        "{resources} resources, {mistakes} mistakes, {remarks} remarks"
    );
    if mistakes == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn write_schemas(directory: &Path) -> Result<ExitCode, String> {
    std::fs::create_dir_all(directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    for (name, text) in reference::schema_files() {
        let file = directory.join(name);
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
