//! `aia config`

use serde::Serialize;

use super::{failure::Failure, output::Output};
use crate::config::{Loaded, annotated_defaults};

#[derive(Serialize)]
struct InEffect<'a> {
    settings: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    key: &'a str,
    value: &'a str,
    origin: String,
    default: &'a str,
    environment: &'a str,
    description: String,
}

/// Prints a file that could be saved as `aia.toml`; with `--json`, what is in effect and where it was said.
pub(super) fn run(loaded: &Loaded, output: &mut Output) -> Result<(), Failure> {
    if !output.json {
        return output.text(&annotated_defaults());
    }
    let settings = loaded.settings.iter().map(|setting| One {
        key: setting.key,
        value: &setting.value,
        origin: setting.origin.to_string(),
        default: setting.default,
        environment: &setting.variable,
        description: setting
            .description
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    });
    output.value(&InEffect {
        settings: settings.collect(),
    })
}
