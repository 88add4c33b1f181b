//! `aia plugin list`

use serde::Serialize;

use super::super::{
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

pub(super) fn run(backend: &dyn Backend, config: &Config, output: &mut Output) -> Result<(), Failure> {
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
