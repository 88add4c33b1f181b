//! Sees to it that the tools are there.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::root;
use crate::step::Step;

/// What plugins are built for, and what a plugin for tests is built for that imports WASI.
const WASM_TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip2"];

/// What to do where the target can't be downloaded.
const WITHOUT_DOWNLOAD: &str = "\
the plugins are built for the Rust targets wasm32-unknown-unknown and, for tests, wasm32-wasip2, which this
toolchain lacks.
  with rustup and a network:  rustup target add wasm32-unknown-unknown wasm32-wasip2
  behind a mirror:            RUSTUP_DIST_SERVER=https://your.mirror rustup target add …
  with a distribution's Rust: install its packages of those targets (Debian: libstd-rust-dev-wasm32, Fedora:
                              rust-std-static-wasm32-…) for the version in rust-toolchain.toml";

/// Checks rustc and adds the Wasm targets that are missing.
///
/// # Errors
/// When rustc doesn't run, or a target is missing and can't be added; the message says what to do.
pub(crate) fn setup() -> Result<()> {
    for target in WASM_TARGETS {
        require(target)?;
    }
    Ok(())
}

fn require(target: &str) -> Result<()> {
    if library(target)?.is_dir() {
        return Ok(());
    }
    if Command::new("rustup").arg("--version").output().is_err() {
        bail!("rustup isn't installed, and {WITHOUT_DOWNLOAD}");
    }
    // In the workspace's root, so that rustup takes the toolchain that rust-toolchain.toml pins.
    let added = Step::new(&format!("add the target {target}")).run(
        Command::new("rustup")
            .args(["target", "add", target])
            .current_dir(root()),
    );
    match added {
        Ok(()) if library(target)?.is_dir() => Ok(()),
        Ok(()) => bail!("rustup added {target}, but not to the toolchain in use; {WITHOUT_DOWNLOAD}"),
        Err(error) => Err(error.context(WITHOUT_DOWNLOAD)),
    }
}

/// Where the target's standard library is if it is installed, whoever installed it.
fn library(target: &str) -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(root())
        .output()
        .context("starting rustc: install Rust from https://rustup.rs, then run this again")?;
    if !output.status.success() {
        bail!(
            "rustc doesn't work: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(PathBuf::from(
        String::from_utf8(output.stdout).context("rustc's answer")?.trim(),
    ))
}
