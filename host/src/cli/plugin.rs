//! `aia plugin`

use std::path::Path;

use serde::Serialize;

use super::{
    failure::Failure,
    output::{Colour, Output},
    text,
};
use crate::{
    config::Config,
    server::{Backend, PluginInfo},
};

#[derive(Serialize)]
struct List {
    plugins: Vec<PluginInfo>,
}

pub(super) fn list(backend: &dyn Backend, config: &Config, output: &mut Output) -> Result<(), Failure> {
    let catalog = backend.plugins(config);
    let catalog = catalog.map_err(|source| Failure::Open {
        what: "load the plugins",
        data: config.data.clone(),
        source,
    })?;
    let plugins = catalog.plugins();
    if output.json {
        return output.value(&List { plugins });
    }
    let rows = plugins.iter().map(|plugin| {
        let problem = plugin.problem.as_ref().map(|problem| text::short(problem, 100));
        vec![
            text::line(&plugin.name).into_owned(),
            text::line(&plugin.version).into_owned(),
            text::line(&plugin.kind).into_owned(),
            text::line(&plugin.origin).into_owned(),
            problem.map_or_else(
                || text::short(&plugin.description, 100),
                |problem| {
                    let what = if plugin.runs {
                        "the last good one runs"
                    } else {
                        "doesn't run"
                    };
                    output.coloured(Colour::Red, &format!("{what}: {problem}"))
                },
            ),
        ]
    });
    let rows = rows.collect();
    output.table(&["NAME", "VERSION", "KIND", "ORIGIN", "WHAT"], rows)
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

pub(super) fn inspect(
    backend: &dyn Backend,
    config: &Config,
    file: &Path,
    output: &mut Output,
) -> Result<(), Failure> {
    let plugin = backend.inspect(config, file).map_err(|source| Failure::Plugin {
        file: file.to_owned(),
        source,
    })?;
    if output.json {
        return output.value(&plugin);
    }
    let facts = [
        ("name", plugin.name),
        ("version", plugin.version),
        ("kind", plugin.kind),
        ("what", plugin.description),
        ("signals", plugin.signals.join(", ")),
        ("formats", plugin.formats.join(", ")),
        ("memory", format!("{} KiB", plugin.memory_bytes >> 10)),
        ("call time", format!("{} ms", plugin.call_time_ms)),
        ("digest", plugin.digest),
        (
            "runs in",
            if plugin.pure {
                "aia, Worker, Spin"
            } else {
                "aia only: it imports WASI"
            }
            .to_owned(),
        ),
        ("settings", settings(&plugin.config_schema)),
    ];
    let facts = facts.iter().filter(|(_, value)| !value.is_empty());
    let facts: Vec<_> = facts
        .map(|(name, value)| format!("{name:<10} {}\n", text::line(value)))
        .collect();
    output.text(&facts.concat())
}
