//! A step that is a child process: its output goes to a file while progress is shown, and is shown if it fails.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::progress::Progress;

/// How much of the end of a failed step's output is shown.
const SHOWN_BYTES: u64 = 64 * 1024;
/// How much of it is read to find its last line.
const LAST_LINE_BYTES: u64 = 512;
/// How often the child is looked at.
const POLL: Duration = Duration::from_millis(50);

/// A named step.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    /// Starts of lines of the output that are shown when it succeeds.
    summary: &'static str,
}

impl Step {
    /// A step of that name.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            summary: "",
        }
    }

    /// Shows the last line of the output that begins so, when the step succeeds.
    pub(crate) fn summary(self, start: &'static str) -> Self {
        Self {
            summary: start,
            ..self
        }
    }

    /// Runs `command` without input.
    ///
    /// # Errors
    /// Naming the step, when the command can't be started or fails; its output is shown then.
    pub(crate) fn run(self, command: &mut Command) -> Result<()> {
        let output = self.output_file()?;
        let errors = output.1.try_clone().context("duplicating the output file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.1)
            .stderr(errors)
            .spawn();
        self.watch(child, command, &output.0)
    }

    /// Like [`Step::run`], and returns what it wrote to stdout.
    pub(crate) fn capture(self, command: &mut Command) -> Result<String> {
        let (path, errors) = self.output_file()?;
        let out = path.with_extension("out");
        let file = File::create(&out).with_context(|| format!("creating {}", out.display()))?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        self.watch(child, command, &path)?;
        fs::read_to_string(&out).with_context(|| format!("reading {}", out.display()))
    }

    fn output_file(&self) -> Result<(PathBuf, File)> {
        let folder = crate::cargo::target_directory()?.join("xtask");
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let file: String = self
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let path = folder.join(file).with_extension("log");
        let opened = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok((path, opened))
    }

    fn watch(self, child: std::io::Result<Child>, command: &Command, output: &Path) -> Result<()> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = child.with_context(|| format!("{}: starting {program}", self.name))?;
        let mut progress = Progress::start(&self.name);
        let status = loop {
            match child
                .try_wait()
                .with_context(|| format!("{}: waiting for {program}", self.name))?
            {
                Some(status) => break status,
                None => sleep(POLL),
            }
            progress.tick(|| last_line(output));
        };
        if !status.success() {
            drop(progress);
            eprintln!("\n{}", end_of(output, SHOWN_BYTES));
            bail!(
                "{} failed ({status}); all of its output: {}",
                self.name,
                output.display()
            );
        }
        let text = if self.summary.is_empty() {
            String::new()
        } else {
            end_of(output, SHOWN_BYTES)
        };
        let line = text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| line.starts_with(self.summary));
        progress.done(line.filter(|_| !self.summary.is_empty()).unwrap_or_default());
        Ok(())
    }
}

fn last_line(path: &Path) -> String {
    let end = end_of(path, LAST_LINE_BYTES);
    end.lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned()
}

/// The last `bytes` of a file; empty if it can't be read, as this is only for showing.
pub(crate) fn end_of(path: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        Ok(end)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_is_named() {
        let error = Step::new("a step of a test")
            .run(Command::new("sh").args(["-c", "exit 3"]))
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("a step of a test failed (exit status: 3)"),
            "{error}"
        );
    }

    #[test]
    fn stdout_is_captured_without_stderr() {
        let output = Step::new("a capture of a test")
            .capture(Command::new("sh").args(["-c", "echo one; echo two >&2"]));
        assert_eq!(output.unwrap(), "one\n");
    }
}
