//! OpenTelemetry's SDKs as clients. They are installed once, into a folder beside what cargo builds that is named after the lock file: later runs are
//! quick and need no network.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::edge::ingest_key;

/// A file of the clients. Asked of cargo now, since checkouts may share a target folder.
pub fn source(name: &str) -> PathBuf {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&tests).join("protocol/clients").join(name)
}

/// The interpreter of a virtual environment with the SDK for Python.
///
/// # Errors
/// If it can't be installed; says what to do.
pub fn python() -> Result<PathBuf> {
    let requirements = source("python/requirements.txt");
    let folder = installed("python", &requirements, |folder| {
        let what_to_do = "install Python 3.10 or later with its module venv, and let pip reach a package index (or set \
                          PIP_INDEX_URL to one)";
        let mut venv = Command::new("python3");
        run(venv.args(["-m", "venv"]).arg(folder), what_to_do)?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
        ])
        .arg("--requirement")
        .arg(&requirements);
        run(&mut pip, what_to_do)
    })?;
    Ok(folder.join("bin/python"))
}

/// The client in a folder with the SDK for JavaScript.
///
/// # Errors
/// If it can't be installed; says what to do.
pub fn javascript() -> Result<PathBuf> {
    let lock_file = source("javascript/package-lock.json");
    let folder = installed("javascript", &lock_file, |folder| {
        let what_to_do = "install Node.js 20 or later with npm, and let npm reach a registry (or set \
                          npm_config_registry to one)";
        std::fs::create_dir_all(folder)?;
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(source("javascript").join(file), folder.join(file))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder);
        run(&mut npm, what_to_do)
    })?;
    // Node looks for packages beside the file it runs.
    let client = folder.join("client.js");
    std::fs::copy(source("javascript/client.js"), &client)?;
    Ok(client)
}

/// Runs the client of OpenTelemetry's SDK for JavaScript, which exports a failed span, a log record and metrics; gives the
/// id of its trace.
///
/// # Errors
/// If something isn't taken.
pub fn export_javascript(url: &str) -> Result<String> {
    let output = Command::new("node")
        .arg(javascript()?)
        .args(["http/protobuf", url, &ingest_key("default")?])
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let trace = stdout.lines().find_map(|line| line.strip_prefix("trace "));
    trace
        .map(ToOwned::to_owned)
        .with_context(|| format!("no trace in {stdout}"))
}

/// The folder of what a lock file says, filled by `install` unless that was completed before. Several tests may ask for it,
/// each in a process of its own: one fills it, the others wait.
fn installed(name: &str, lock: &Path, install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let content = std::fs::read(lock).with_context(|| format!("reading {}", lock.display()))?;
    let clients = target()?.join("clients");
    let folder = clients.join(format!("{name}-{}", digest(&content)));
    std::fs::create_dir_all(&clients)?;
    let lock = std::fs::File::create(clients.join(format!("{name}.lock")))?;
    lock.lock()?;
    if !folder.join("complete").exists() {
        // A virtual environment knows its own path, so it is made where it stays.
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        install(&folder)?;
        std::fs::write(folder.join("complete"), "")?;
    }
    Ok(folder)
}

fn run(command: &mut Command, what_to_do: &str) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("starting {command:?}: {what_to_do}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed: {what_to_do}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// The folder that cargo builds into: a test lies three folders deep in it.
fn target() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let target = test
        .ancestors()
        .nth(3)
        .context("a test lies three folders deep")?;
    Ok(target.to_owned())
}

/// FNV-1a: a name for a version, not a defence.
fn digest(content: &[u8]) -> String {
    let hash = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
