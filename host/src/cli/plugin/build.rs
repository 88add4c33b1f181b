//! `aia plugin build`

use std::path::Path;

use serde::Serialize;

use super::super::{args::BuildPlugin, failure::Failure, output::Output, text};
use super::{inspect, size};
use crate::{
    authors::{self, Inspected, component},
    runtime::Runtime,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    file: &'a Path,
    #[serde(flatten)]
    inspected: &'a Inspected,
}

pub(super) fn run(runtime: &Runtime, wanted: &BuildPlugin, output: &mut Output) -> Result<(), Failure> {
    let built = component::build(&wanted.folder, wanted.output.as_deref())?;
    // As a host would take it: what isn't a plugin is to be known now.
    let inspected = Inspected::from(&*authors::load(runtime, &built.file)?);
    if output.json {
        return output.value(&Printed {
            file: &built.file,
            inspected: &inspected,
        });
    }
    // `./slow.wasm` of the working folder is `slow.wasm`.
    let file = built.file.strip_prefix(".").unwrap_or(&built.file);
    output.text(&format!(
        "{}: {} {} {}, {}, runs in {}",
        text::line(&file.to_string_lossy()),
        inspected.kind,
        text::line(&inspected.name),
        text::line(&inspected.version),
        size(inspected.size_bytes),
        inspect::runs_in(&inspected),
    ))
}
