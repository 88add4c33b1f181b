//! Child processes that end when we do.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::interrupt::{POLL, wait_for};
use crate::step::end_of;

/// How long a process may take to end when it is asked to.
const UNTIL_KILL: Duration = Duration::from_secs(8);
/// How much of a dead process's log is shown.
const SHOWN_BYTES: u64 = 4 * 1024;

/// A running process. Dropping it ends it: SIGTERM, and SIGKILL if it doesn't listen.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    ended: bool,
    output: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Starts `program`: its stdout goes to `NAME.out` in the folder of logs, its stderr to `NAME.log`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        arguments: &[A],
        environment: &[(&str, String)],
        logs: &Path,
    ) -> Result<Self> {
        let (output, log) = (
            logs.join(name).with_extension("out"),
            logs.join(name).with_extension("log"),
        );
        let file = |path: &Path| File::create(path).with_context(|| format!("creating {}", path.display()));
        let mut command = Command::new(program);
        // Settings of the user's own shell would change what is shown.
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("OTEL_") || name.starts_with("AIA_"))
            {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(logs)
            // A group of its own: Ctrl-C reaches only us, and we end everything in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file(&output)?)
            .stderr(file(&log)?);
        let child = command
            .spawn()
            .with_context(|| format!("starting {name} ({})", program.display()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            ended: false,
            output,
            log,
        })
    }

    /// The first line it writes to stdout, as JSON: how our programs say that they are ready.
    pub(crate) fn ready(&mut self, limit: Duration) -> Result<Value> {
        let line = wait_for(limit, || {
            let ended = self.status()?;
            let output = fs::read_to_string(&self.output).unwrap_or_default();
            match (output.split_once('\n'), ended) {
                (Some((line, _)), _) => Ok(Some(line.to_owned())),
                (None, Some(status)) => bail!(
                    "{} ended at its start ({status})\n{}",
                    self.name,
                    self.last_words()
                ),
                (None, None) => Ok(None),
            }
        })?;
        let line = line.with_context(|| {
            format!(
                "{} isn't ready after {} s\n{}",
                self.name,
                limit.as_secs(),
                self.last_words()
            )
        })?;
        serde_json::from_str(&line).with_context(|| format!("{} wrote no JSON line but: {line}", self.name))
    }

    /// Fails if it has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.status()? {
            None => Ok(()),
            Some(status) => bail!("{} ended by itself ({status})\n{}", self.name, self.last_words()),
        }
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        let status = self
            .child
            .try_wait()
            .with_context(|| format!("looking after {}", self.name))?;
        self.ended = status.is_some();
        Ok(status)
    }

    /// All it has written to stdout.
    pub(crate) fn output(&self) -> Result<String> {
        fs::read_to_string(&self.output).with_context(|| format!("reading {}", self.output.display()))
    }

    /// SIGKILL: it gets no chance to write anything more.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child
            .kill()
            .with_context(|| format!("killing {}", self.name))?;
        self.child
            .wait()
            .with_context(|| format!("waiting for the end of {}", self.name))?;
        self.ended = true;
        Ok(())
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn end(&mut self) -> Result<()> {
        if self.ended || self.status()?.is_some() {
            return Ok(());
        }
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // Not reaped yet, so the id is still its own.
            kill_process(id, Signal::TERM).with_context(|| format!("ending {}", self.name))?;
            let asked = Instant::now();
            while asked.elapsed() < UNTIL_KILL {
                if self.status()?.is_some() {
                    return Ok(());
                }
                sleep(POLL / 4);
            }
        }
        self.kill()
    }

    fn last_words(&self) -> String {
        end_of(&self.log, SHOWN_BYTES)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("warning: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> (Process, tempfile::TempDir) {
        let logs = tempfile::tempdir().unwrap();
        let process = Process::start(name, Path::new("/bin/sh"), &["-c", script], &[], logs.path()).unwrap();
        (process, logs)
    }

    #[test]
    fn the_first_line_says_when_it_is_ready() {
        let (mut process, _logs) = shell("ready", "echo '{\"ready\":true}'; sleep 60");
        assert_eq!(
            process.ready(Duration::from_secs(5)).unwrap(),
            serde_json::json!({ "ready": true })
        );
        process.check_alive().unwrap();
        process.end().unwrap();
    }

    #[test]
    fn an_early_end_is_told_with_the_last_words() {
        let (mut process, _logs) = shell("early", "echo no port left >&2; exit 4");
        let error = process.ready(Duration::from_secs(5)).unwrap_err().to_string();
        assert_eq!(error, "early ended at its start (exit status: 4)\nno port left\n");
    }

    #[test]
    fn dropped_it_has_ended() {
        let (mut process, _logs) = shell("dropped", "echo '{}'; exec sleep 60");
        process.ready(Duration::from_secs(5)).unwrap();
        let id = Pid::from_raw(i32::try_from(process.child.id()).unwrap()).unwrap();
        drop(process);
        assert!(
            rustix::process::test_kill_process(id).is_err(),
            "the process is gone"
        );
    }
}
