//! `cargo xtask spin`: the Spin app's component, and the app.
//!
//! Everything goes into `spin/` of the folder that cargo builds into: `bundle/` is the app, `ready.json` says where that is,
//! for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::cargo::{build, cargo, portable_rust_flags, root, target_directory};
use crate::setup::setup;
use crate::step::Step;

const TARGET: &str = "wasm32-wasip2";

/// Of the root `Cargo.toml`.
const PROFILE: &str = "spin";

/// What to bundle.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Components of detectors; all that AIA comes with by default.
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    plugins: Vec<PathBuf>,
    /// Folder of the app; `spin/bundle` beside what cargo builds by default.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Builds the app that tests and measurements take; the file that tells of it.
///
/// # Errors
/// When a step fails.
pub(crate) fn bundle_for_tests() -> Result<PathBuf> {
    run(&Options::default())?;
    Ok(folder()?.join("ready.json"))
}

/// Builds the component and bundles it.
///
/// # Errors
/// When a step fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup()?;
    let spin = folder()?;
    // Relative to where they were typed.
    let absolute = |path: &PathBuf| std::path::absolute(path).context("finding the working folder");
    let plugins = options.plugins.iter().map(absolute).collect::<Result<Vec<_>>>()?;
    let ours = spin.join("bundle");
    let out = options.out.as_ref().map_or(Ok(ours.clone()), absolute)?;
    if let Some(parent) = out.parent() {
        fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    }

    let programs = build()?;
    let aia = programs.get("aia").context("the build made no aia")?;
    let component = compile()?;
    let mut command = Command::new(aia);
    command
        .args(["bundle", "spin", "--component"])
        .arg(&component)
        .arg("--out")
        .arg(&out);
    for plugin in plugins {
        command.arg("--plugin").arg(plugin);
    }
    // In no folder with an aia.toml, so that nobody's settings of a host count.
    let table = Step::new("spin: bundle").capture(command.current_dir(&spin))?;
    if out == ours && options.plugins.is_empty() {
        ready(&spin, &out)?;
    }
    println!("\n{table}");
    Ok(())
}

fn compile() -> Result<PathBuf> {
    let mut command = cargo(&[
        "build",
        "--package",
        "aia-edge-spin",
        "--lib",
        "--profile",
        PROFILE,
        "--target",
        TARGET,
    ]);
    command.env("CARGO_ENCODED_RUSTFLAGS", portable_rust_flags()?);
    Step::new("spin: component").run(&mut command)?;
    Ok(target_directory()?
        .join(TARGET)
        .join(PROFILE)
        .join("aia_edge_spin.wasm"))
}

fn folder() -> Result<PathBuf> {
    let spin = target_directory()?.join("spin");
    fs::create_dir_all(&spin).with_context(|| format!("creating {}", spin.display()))?;
    Ok(spin)
}

/// Tells the tests where the app is. Several checkouts may share a target folder, so it says whose it is.
fn ready(spin: &Path, bundle: &Path) -> Result<()> {
    let path = spin.join("ready.json");
    let ready = json!({ "checkout": root(), "bundle": bundle });
    fs::write(&path, format!("{ready:#}\n")).with_context(|| format!("writing {}", path.display()))
}
