//! `aia eval`

use std::fmt::Display;
use std::fs;

use serde::Serialize;

use super::{
    args::{EvalCommand, Labelled},
    failure::Failure,
    output::Output,
    text,
};

pub(super) fn run(command: &EvalCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        EvalCommand::Logs(labelled) => print(&aia_eval::logs::evaluate(&labelled.folder)?, labelled, output),
        EvalCommand::Metrics(labelled) => print(&aia_eval::metrics::run(&labelled.folder)?, labelled, output),
    }
}

fn print(
    report: &(impl Display + Serialize),
    labelled: &Labelled,
    output: &mut Output,
) -> Result<(), Failure> {
    let Some(file) = &labelled.file else {
        return if output.json {
            output.value(report)
        } else {
            // Names of files and systems come from whoever made the data.
            output.text(&text::lines(&report.to_string()))
        };
    };
    let write = |source| Failure::Write {
        file: file.clone(),
        source,
    };
    let mut json = serde_json::to_vec_pretty(report).map_err(|error| write(error.into()))?;
    json.push(b'\n');
    fs::write(file, json).map_err(write)?;
    output.text(&text::lines(&report.to_string()))
}
