//! What a process takes, as Linux counts it.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How often a process is looked at until it rests.
const LOOK: Duration = Duration::from_millis(200);

/// A share of one processor below which a process rests.
const AT_REST: f64 = 0.1;

/// How long a process may take to end once told to.
const END: Duration = Duration::from_secs(30);

/// A process of ours, ended when dropped.
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a program. Settings of AIA in the environment are somebody else's.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("AIA_") {
                command.env_remove(variable);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self {
            child,
            name: name.to_owned(),
        })
    }

    /// Its standard output, once and where it was piped.
    pub(crate) fn stdout(&mut self) -> Result<std::process::ChildStdout> {
        self.child.stdout.take().context("a process has no stdout")
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// A line of `/proc/PID/status`.
    pub(crate) fn memory_kib(&self, field: &str) -> Result<f64> {
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

    /// Processor time that it and the children it waited for took, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Waits until it does next to nothing, at most for so long: what it puts off belongs to what it was given.
    pub(crate) fn rest(&self, at_most: Duration) -> Result<()> {
        let started = Instant::now();
        let mut before = self.cpu_seconds()?;
        while started.elapsed() < at_most {
            sleep(LOOK);
            let now = self.cpu_seconds()?;
            if now - before < AT_REST * LOOK.as_secs_f64() {
                break;
            }
            before = now;
        }
        Ok(())
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process has no id")?;
        kill_process(id, Signal::TERM).with_context(|| format!("ending {}", self.name))?;
        let started = Instant::now();
        while started.elapsed() < END {
            if let Some(status) = self.child.try_wait().context("waiting for an end")? {
                ensure!(status.success(), "{} ended with {status}", self.name);
                return Ok(());
            }
            sleep(Duration::from_millis(5));
        }
        anyhow::bail!("{} doesn't end", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only where a measurement failed half-way: one that was stopped has ended, and this does nothing.
        if self.is_running() {
            let _ = self.child.kill().and_then(|()| self.child.wait());
        }
    }
}

/// Processor time that this process took, in seconds.
pub(crate) fn own_cpu_seconds() -> Result<f64> {
    cpu_seconds("self")
}

pub(crate) fn cpu_seconds(id: &str) -> Result<f64> {
    let path = format!("/proc/{id}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}: only Linux has it"))?;
    let ticks = ticks(&stat).with_context(|| format!("{path} isn't as proc_pid_stat(5) has it"))?;
    #[expect(clippy::cast_precision_loss, reason = "ticks are hundredths of a second")]
    let seconds = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Ok(seconds)
}

/// User and system time of a process and of its children that ended.
fn ticks(stat: &str) -> Option<u64> {
    // The name before it may hold anything, blanks and brackets, too. The field behind it is the third.
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11).take(4);
    let times: Vec<u64> = times.map_while(|time| time.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_fields_14_to_17() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_taken_some_time() {
        assert!(own_cpu_seconds().unwrap() >= 0.0);
    }
}
