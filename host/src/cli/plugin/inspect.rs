//! `aia plugin inspect`

use std::path::Path;

use super::super::{failure::Failure, output::Output, text};
use super::size;
use crate::{
    authors::{self, Inspected, ShownInterface},
    runtime::Runtime,
};

pub(super) fn run(runtime: &Runtime, file: &Path, output: &mut Output) -> Result<(), Failure> {
    let plugin = authors::load(runtime, file)?;
    let inspected = Inspected::from(&*plugin);
    if output.json {
        return output.value(&inspected);
    }
    output.text(&facts(&inspected))
}

/// Where a plugin runs.
pub(super) fn runs_in(inspected: &Inspected) -> &'static str {
    if inspected.pure {
        "aia, Worker, Spin"
    } else {
        "aia only: it imports WASI"
    }
}

fn facts(inspected: &Inspected) -> String {
    let mut facts = vec![
        ("name", inspected.name.clone()),
        ("version", inspected.version.clone()),
        ("kind", inspected.kind.to_owned()),
        ("what", inspected.description.clone()),
    ];
    facts.push(("reads", inspected.reads.join(", ")));
    for signal in &inspected.signals {
        facts.push(("signal", format!("{}: {}", signal.name, signal.description)));
    }
    facts.extend([
        ("formats", inspected.formats.join(", ")),
        ("settings", settings(&inspected.config_schema)),
        ("contract", inspected.contract_version.to_owned()),
        ("runs in", runs_in(inspected).to_owned()),
        ("size", size(inspected.size_bytes)),
        ("memory", format!("at most {}", size(inspected.memory_bytes))),
        ("call time", format!("at most {} ms", inspected.call_time_ms)),
        ("snapshot", format!("at most {}", size(inspected.snapshot_bytes))),
        ("digest", inspected.digest.clone()),
    ]);
    let interfaces = |all: &[ShownInterface], name: &'static str| -> Vec<(&'static str, String)> {
        let shown = |interface: &ShownInterface| {
            let functions = interface.functions.join(", ");
            let what = if functions.is_empty() {
                "types only"
            } else {
                &functions
            };
            (name, format!("{}: {what}", interface.name))
        };
        all.iter().map(shown).collect()
    };
    facts.extend(interfaces(&inspected.imports, "import"));
    facts.extend(interfaces(&inspected.exports, "export"));
    let facts = facts.iter().filter(|(_, value)| !value.is_empty());
    facts
        .map(|(name, value)| format!("{name:<10} {}\n", text::line(value)))
        .collect()
}

/// The settings in a plugin's schema: names and defaults.
fn settings(schema: &serde_json::Value) -> String {
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    let settings = properties.into_iter().flatten().map(|(name, property)| {
        let default = property.get("default");
        default.map_or_else(|| name.clone(), |default| format!("{name} = {default}"))
    });
    settings.collect::<Vec<_>>().join(", ")
}
