//! Starting `aia`: from exec to ready with a warm cache, and what it holds when it has nothing to do.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::Setting;
use crate::result::{Figure, Goal, Outcome};

/// Starts that are timed; odd, so that the median is one of them.
const STARTS: usize = 11;
/// Until memory is looked at: everything that follows a start has ended by then.
const UNTIL_IDLE: Duration = Duration::from_secs(3);

pub(super) fn run(setting: &Setting) -> Result<Outcome> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let data = folder.path().join("data");
    let first = Running::start(&setting.aia, &data)?.stop()?;
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        times.push(Running::start(&setting.aia, &data)?.stop()?);
    }
    times.sort();
    let running = Running::start(&setting.aia, &data)?;
    sleep(UNTIL_IDLE);
    let (resident, peak) = (running.memory_kib("VmRSS")?, running.memory_kib("VmHWM")?);
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

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A running `aia`, ended when dropped.
struct Running {
    child: Child,
    until_ready: Duration,
}

impl Running {
    fn start(program: &Path, data: &Path) -> Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(program)
            .arg("up")
            .arg("--json")
            .arg("--data")
            .arg(data)
            .args([
                "--otlp-http",
                "127.0.0.1:0",
                "--otlp-grpc",
                "127.0.0.1:0",
                "--api",
                "127.0.0.1:0",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let stdout = child.stdout.take().context("aia has no stdout")?;
        let mut running = Self {
            child,
            until_ready: Duration::ZERO,
        };
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .context("waiting for aia to be ready")?;
        running.until_ready = started.elapsed();
        ensure!(
            line.contains("\"ready\":true"),
            "aia wasn't ready but said: {line:?}"
        );
        Ok(running)
    }

    /// A line of `/proc/PID/status`.
    fn memory_kib(&self, field: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status =
            fs::read_to_string(&path).with_context(|| format!("reading {path}: only Linux has it"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = line
            .and_then(|line| line.split_whitespace().next())
            .with_context(|| format!("{path} lacks {field}"))?;
        number
            .parse()
            .with_context(|| format!("{field} of {path}: {number}"))
    }

    /// Ends it in order; how long it took to be ready.
    fn stop(mut self) -> Result<Duration> {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("aia has no id")?;
        kill_process(id, Signal::TERM).context("ending aia")?;
        let status = self.child.wait().context("waiting for aia's end")?;
        ensure!(status.success(), "aia ended with {status}");
        Ok(self.until_ready)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only where a measurement failed half-way: one that was stopped has ended, and this does nothing.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill().and_then(|()| self.child.wait());
        }
    }
}
