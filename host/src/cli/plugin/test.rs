//! `aia plugin test`

use std::path::{Path, PathBuf};

use aia_telemetry::{RedactConfig, Redactor};
use serde::Serialize;

use super::super::{
    args::TestPlugin,
    failure::Failure,
    output::{Colour, Output},
    text,
};
use super::{size, time};
use crate::{
    authors::{
        self, component,
        fixtures::{self, CaseResult, Verdict},
    },
    config::Config,
    runtime::Runtime,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    plugin: &'a str,
    version: &'a str,
    cases: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Case<'a> {
    case: &'a str,
    #[serde(flatten)]
    verdict: &'a Verdict,
    calls: u64,
    slowest_ns: u64,
    memory_bytes: u64,
    snapshot_bytes: u64,
    lines: &'a [String],
}

impl<'a> From<&'a CaseResult> for Case<'a> {
    fn from(result: &'a CaseResult) -> Self {
        Self {
            case: &result.case,
            verdict: &result.verdict,
            calls: result.cost.calls,
            slowest_ns: u64::try_from(result.cost.slowest.as_nanos()).unwrap_or(u64::MAX),
            memory_bytes: result.cost.memory_bytes,
            snapshot_bytes: result.cost.snapshot_bytes,
            lines: &result.lines,
        }
    }
}

pub(super) fn run(
    runtime: &Runtime,
    config: &Config,
    wanted: &TestPlugin,
    output: &mut Output,
) -> Result<(), Failure> {
    let (file, folder) = if wanted.plugin.is_dir() {
        let built = component::build(&wanted.plugin, None)?;
        (built.file, wanted.plugin.clone())
    } else {
        let folder = wanted.plugin.parent().unwrap_or(Path::new("")).to_owned();
        (wanted.plugin.clone(), folder)
    };
    let plugin = authors::load(runtime, &file)?;
    let redactor = Redactor::new(&RedactConfig {
        emails: config.redaction.emails,
        ..RedactConfig::default()
    })
    .map_err(|error| Failure::Runtime(error.into()))?;
    let fixtures: PathBuf = wanted.fixtures.clone().unwrap_or_else(|| folder.join("fixtures"));
    let results = fixtures::run(&plugin, &redactor, &fixtures, wanted.update)?;
    if output.json {
        output.value(&Printed {
            plugin: plugin.name(),
            version: &plugin.manifest().version,
            cases: results.iter().map(Into::into).collect(),
        })?;
    } else {
        let rows = results.iter().map(|result| row(result, output)).collect();
        output.table(
            &["CASE", "RESULT", "CALLS", "SLOWEST", "MEMORY", "SNAPSHOT"],
            rows,
        )?;
        let told: String = results.iter().map(told).collect();
        if !told.is_empty() {
            output.text(&told)?;
        }
    }
    let failed = results
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::Failed(_)))
        .count();
    if failed > 0 {
        return Err(Failure::Fixtures {
            failed,
            cases: results.len(),
        });
    }
    Ok(())
}

fn row(result: &CaseResult, output: &Output) -> Vec<String> {
    let cost = &result.cost;
    vec![
        text::line(&result.case).into_owned(),
        match result.verdict {
            Verdict::Passed => output.coloured(Colour::Green, "passed"),
            Verdict::Written => output.coloured(Colour::Yellow, "written"),
            Verdict::Failed(_) => output.coloured(Colour::Red, "failed"),
        },
        cost.calls.to_string(),
        time(cost.slowest),
        size(cost.memory_bytes),
        size(cost.snapshot_bytes),
    ]
}

/// What the plugin logged, and why it failed.
fn told(result: &CaseResult) -> String {
    let mut told = String::new();
    for line in &result.lines {
        told.push_str(&format!(
            "{} logs: {}\n",
            text::line(&result.case),
            text::line(line)
        ));
    }
    if let Verdict::Failed(why) = &result.verdict {
        told.push_str(&format!("\n{}: {}\n", text::line(&result.case), text::lines(why)));
    }
    told
}
