//! The line of JSON with which a program says that it is ready.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Reads it from the standard output of a child, which is piped. `log` has what the child said if it ended instead.
///
/// # Errors
/// If it doesn't come in time, or isn't JSON.
pub(crate) fn read(child: &mut Child, name: &str, within: Duration, log: &Path) -> Result<Value> {
    let stdout = child.stdout.take().context("stdout is piped")?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line).map(|_| line);
        // The test may have given up.
        let _ = sender.send(read);
    });
    let line = receiver
        .recv_timeout(within)
        .with_context(|| format!("{name} is not ready in time"))??;
    if line.is_empty() {
        child.wait()?;
        bail!("{name} ended at once: {}", std::fs::read_to_string(log)?);
    }
    Ok(serde_json::from_str(&line)?)
}
