//! The folder: days of normal minutes, faults and metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde::Deserialize;

/// A day of recordings.
pub(super) struct Day {
    pub(super) name: String,
    folder: PathBuf,
    /// Traces and logs without any fault.
    pub(super) normal: Vec<PathBuf>,
    pub(super) faults: Vec<Fault>,
    /// Minutes with metrics, such as `08_43`, in order.
    metrics: Vec<String>,
}

/// An injected fault, as `faults.json` has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fault {
    pub(super) inject_time: String,
    pub(super) minutes: Vec<String>,
    pub(super) service: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) cause: String,
}

impl Fault {
    /// When it was injected, nanoseconds since the Unix epoch.
    pub(super) fn injected_at(&self) -> Result<u64> {
        let time: Timestamp = format!("{}Z", self.inject_time.replace(' ', "T"))
            .parse()
            .with_context(|| format!("reading the time {:?}", self.inject_time))?;
        Ok(u64::try_from(time.as_nanosecond())?)
    }
}

/// Reads all days of a folder.
pub(super) fn read(folder: &Path) -> Result<Vec<Day>> {
    let mut days = Vec::new();
    for day in names(folder)? {
        let path = folder.join(&day);
        if !path.join("faults.json").is_file() {
            continue;
        }
        let text = fs::read(path.join("faults.json"))?;
        let faults: Vec<Fault> =
            serde_json::from_slice(&text).with_context(|| format!("reading the faults of {day}"))?;
        let normal = path.join("normal");
        let metrics = names(&path.join("metrics"))?;
        let metrics = metrics
            .iter()
            .filter_map(|name| name.strip_suffix(".metrics.otlp.zst"));
        days.push(Day {
            normal: names(&normal)?
                .into_iter()
                .map(|name| normal.join(name))
                .collect(),
            metrics: metrics.map(str::to_owned).collect(),
            name: day,
            faults,
            folder: path,
        });
    }
    ensure!(
        !days.is_empty(),
        "there are no recorded faults in {}: `--data` names the folder",
        folder.display()
    );
    Ok(days)
}

impl Day {
    /// Traces and logs of a fault's minutes.
    pub(super) fn fault_files(&self, fault: &Fault) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for minute in &fault.minutes {
            for signal in ["traces", "logs"] {
                let file = self
                    .folder
                    .join("fault")
                    .join(format!("{minute}.{signal}.otlp.zst"));
                ensure!(file.is_file(), "{} is missing", file.display());
                files.push(file);
            }
        }
        Ok(files)
    }

    /// Metrics of a fault's minutes; a minute may have none.
    pub(super) fn fault_metrics(&self, fault: &Fault) -> Vec<PathBuf> {
        let minutes = fault
            .minutes
            .iter()
            .filter(|minute| self.metrics.contains(minute));
        minutes.map(|minute| self.metric_file(minute)).collect()
    }

    /// Metrics of the last `count` minutes before a fault that are of no fault.
    pub(super) fn metrics_before(&self, fault: &Fault, count: usize) -> Vec<PathBuf> {
        let first = fault.minutes.first();
        let quiet = self.quiet_minutes();
        let before = quiet
            .iter()
            .rev()
            .filter(|minute| first.is_some_and(|first| **minute < *first));
        before
            .take(count)
            .map(|minute| self.metric_file(minute))
            .collect()
    }

    /// Metrics of all minutes that are of no fault.
    pub(super) fn quiet_metrics(&self) -> Vec<PathBuf> {
        let quiet = self.quiet_minutes();
        quiet
            .into_iter()
            .map(|minute| self.metric_file(&minute))
            .collect()
    }

    fn quiet_minutes(&self) -> Vec<String> {
        let faulty: BTreeSet<&String> = self.faults.iter().flat_map(|fault| &fault.minutes).collect();
        let quiet = self.metrics.iter().filter(|minute| !faulty.contains(minute));
        quiet.cloned().collect()
    }

    fn metric_file(&self, minute: &str) -> PathBuf {
        self.folder
            .join("metrics")
            .join(format!("{minute}.metrics.otlp.zst"))
    }
}

/// Names in a folder, in order.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
