//! What stands between the shop and AIA if the demo is to be recorded.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo::root;
use crate::demo::process::Process;
use crate::demo::text;

/// How long it may take to listen.
const UNTIL_READY: std::time::Duration = std::time::Duration::from_secs(20);

/// A running recorder.
#[derive(Debug)]
pub(crate) struct Recorder {
    process: Process,
    url: String,
}

impl Recorder {
    /// Starts one that forwards to `endpoint` and writes into `folder`.
    pub(crate) fn start(program: &Path, logs: &Path, endpoint: &str, folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder).context("finding the folder of the record")?;
        let mut arguments = vec![
            "record".to_owned(),
            "--forward".to_owned(),
            endpoint.to_owned(),
            "--into".to_owned(),
            text(&folder),
        ];
        for (path, name) in paths_of_this_machine() {
            arguments.extend(["--replace".to_owned(), format!("{}={name}", path.display())]);
        }
        let mut process = Process::start("recorder", program, &arguments, &[], logs)?;
        let ready = process.ready(UNTIL_READY)?;
        let url = ready.get("url").and_then(Value::as_str);
        Ok(Self {
            url: url.context("the recorder says no url")?.to_owned(),
            process,
        })
    }

    /// Where the shop sends to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it; the files are complete then.
    pub(crate) fn end(mut self) -> Result<()> {
        self.process.end()
    }
}

/// What may stand in a stack trace of the shop, the longer paths first.
fn paths_of_this_machine() -> Vec<(PathBuf, &'static str)> {
    let home = std::env::home_dir();
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    let sources = cargo_home.as_ref().map(|home| home.join("registry/src"));
    // A folder for each registry, named after its host.
    let registries = sources
        .and_then(|sources| sources.read_dir().ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry.ok()?.path(), "/cargo")));
    let others = [
        (Some(root().to_owned()), "/aia"),
        (cargo_home, "/cargo"),
        (home, "/home"),
    ];
    registries
        .chain(others.into_iter().filter_map(|(path, name)| Some((path?, name))))
        .collect()
}
