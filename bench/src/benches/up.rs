//! Starting `aia`: from exec to ready with a warm cache, and what it holds when it has nothing to do.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Setting;
use crate::result::{Figure, Goal, Outcome};
use crate::server::Aia;

/// Starts that are timed; odd, so that the median is one of them.
const STARTS: usize = 11;
/// Until memory is looked at: everything that follows a start has ended by then.
const UNTIL_IDLE: Duration = Duration::from_secs(3);

pub(super) fn run(setting: &Setting) -> Result<Outcome> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let data = folder.path().join("data");
    let first = until_ready(&setting.aia, &data)?;
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        times.push(until_ready(&setting.aia, &data)?);
    }
    times.sort();
    let running = Aia::start(&setting.aia, &data)?;
    sleep(UNTIL_IDLE);
    let (resident, peak) = (
        running.process.memory_kib("VmRSS")?,
        running.process.memory_kib("VmHWM")?,
    );
    running.stop()?;

    let median = times.get(STARTS / 2).copied().unwrap_or_default();
    let least = times.first().copied().unwrap_or_default();
    Ok(Outcome {
        figures: vec![
            Figure::new("ready, warm cache", milliseconds(median), "ms").goal(Goal::AtMost(150.0)),
            Figure::new("ready, warm cache, best", milliseconds(least), "ms"),
            Figure::new("ready, first start", milliseconds(first), "ms"),
            Figure::new("resident when idle", resident / 1024.0, "MiB").goal(Goal::AtMost(40.0)),
            Figure::new("resident at most", peak / 1024.0, "MiB"),
        ],
        ..Outcome::default()
    })
}

/// Starts and ends it.
fn until_ready(program: &Path, data: &Path) -> Result<Duration> {
    let running = Aia::start(program, data)?;
    let until_ready = running.until_ready();
    running.stop()?;
    Ok(until_ready)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
