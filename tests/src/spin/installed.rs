//! Spin itself, where it is installed.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longest start on a busy machine: Spin compiles the composition.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Whether there is a `spin` on the PATH of a version that runs components of WASI 0.3. Says what it found.
#[must_use]
pub fn is_installed() -> bool {
    let output = Command::new("spin").arg("--version").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let said = said.unwrap_or_default();
    let version = said.split(' ').nth(1).and_then(version);
    let is_installed = version.is_some_and(|version| version >= (4, 1));
    if is_installed {
        println!("checked on {said}, too");
    } else {
        println!("NOT CHECKED on Spin itself: there is no spin of 4.1 or later on the PATH");
    }
    is_installed
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A `spin up`, killed when the test ends.
pub(super) struct Installed {
    child: Child,
    folder: PathBuf,
    pub(super) url: String,
}

impl Installed {
    /// Starts it on a folder, which keeps its store and its logs.
    pub(super) fn start(
        manifest: &Path,
        variables: &BTreeMap<String, String>,
        folder: &Path,
    ) -> Result<Self> {
        let logs = folder.join("logs");
        std::fs::create_dir_all(&logs)?;
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new("spin")
            .args(["up", "--from"])
            .arg(manifest)
            .args(["--listen", &address.to_string(), "--state-dir"])
            .arg(folder.join("state"))
            .arg("--log-dir")
            .arg(&logs)
            .envs(
                variables
                    .iter()
                    .map(|(name, value)| (format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase()), value)),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(logs.join("spin.txt"))?)
            .process_group(0)
            .spawn()
            .context("starting spin")?;
        let mut spin = Self {
            child,
            folder: folder.to_owned(),
            url: format!("http://{address}"),
        };
        let deadline = Instant::now() + READY_WITHIN;
        while TcpStream::connect(address).is_err() {
            let ended = spin.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                bail!("spin up doesn't listen: {}", spin.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(spin)
    }

    /// What it and the component logged.
    pub(super) fn log(&self) -> String {
        let Ok(entries) = std::fs::read_dir(self.folder.join("logs")) else {
            return String::new();
        };
        let read = |entry: std::fs::DirEntry| std::fs::read(entry.path()).ok();
        let logs = entries.flatten().filter_map(read);
        logs.map(|log| String::from_utf8_lossy(&log).into_owned())
            .collect()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        // A group of its own: what listens is a child of what was started. They may be dead already.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("4.1.0"), Some((4, 1)));
        assert_eq!(version("4.10.0-rc.1"), Some((4, 10)));
        assert!(version("3.12.0") < Some((4, 1)));
        assert_eq!(version("nightly"), None);
    }
}
