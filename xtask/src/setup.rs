//! Sees to it that the tools are there.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::root;
use crate::step::Step;

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What to do where the target can't be downloaded.
const WITHOUT_DOWNLOAD: &str = "\
the plugins are built for the Rust target wasm32-unknown-unknown, which this toolchain lacks.
  with rustup and a network:  rustup target add wasm32-unknown-unknown
  behind a mirror:            RUSTUP_DIST_SERVER=https://your.mirror rustup target add wasm32-unknown-unknown
  with a distribution's Rust: install its package of that target (Debian: libstd-rust-dev-wasm32, Fedora:
                              rust-std-static-wasm32-unknown-unknown) for the version in rust-toolchain.toml";

/// Checks rustc and adds the Wasm target if it is missing.
///
/// # Errors
/// When rustc doesn't run, or the target is missing and can't be added; the message says what to do.
pub(crate) fn setup() -> Result<()> {
    if wasm_library()?.is_dir() {
        return Ok(());
    }
    if Command::new("rustup").arg("--version").output().is_err() {
        bail!("rustup isn't installed, and {WITHOUT_DOWNLOAD}");
    }
    // In the workspace's root, so that rustup takes the toolchain that rust-toolchain.toml pins.
    let added = Step::new("add the Wasm target").run(
        Command::new("rustup")
            .args(["target", "add", WASM_TARGET])
            .current_dir(root()),
    );
    match added {
        Ok(()) if wasm_library()?.is_dir() => Ok(()),
        Ok(()) => bail!("rustup added {WASM_TARGET}, but not to the toolchain in use; {WITHOUT_DOWNLOAD}"),
        Err(error) => Err(error.context(WITHOUT_DOWNLOAD)),
    }
}

/// Where the target's standard library is if it is installed, whoever installed it.
fn wasm_library() -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
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
