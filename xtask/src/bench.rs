//! `cargo xtask bench`: builds the measurements in release and runs them one after the other.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{build_release, root, target_directory};
use crate::edge;
use crate::setup::setup;
use crate::spin;

/// Runs the measurements of these names, or all.
///
/// # Errors
/// When the build fails, a name is unknown, or a measurement fails.
pub(crate) fn run(names: &[String], data: Option<&Path>, round: Option<u64>) -> Result<()> {
    setup()?;
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    // What they measure is no program of cargo's.
    let edge = is_wanted("edge").then(edge::bundle_for_tests).transpose()?;
    let spin = is_wanted("spin").then(spin::bundle_for_tests).transpose()?;
    let programs = build_release(&["aia", "aia-bench"])?;
    let bench = programs.get("aia-bench").context("the build made no aia-bench")?;
    let aia = programs.get("aia").context("the build made no aia")?;
    let mut command = Command::new(bench);
    if let Some(data) = data {
        // Relative to where it was typed.
        command
            .arg("--data")
            .arg(std::path::absolute(data).context("finding the data")?);
    }
    if let Some(round) = round {
        command.arg("--round").arg(round.to_string());
    }
    if let Some(ready) = edge {
        command.arg("--edge").arg(ready);
    }
    if let Some(ready) = spin {
        command.arg("--spin").arg(ready);
    }
    // Its table is the result, so it writes straight to the terminal.
    let status = command
        .arg("--out")
        .arg(target_directory()?.join("bench"))
        .arg("--aia")
        .arg(aia)
        .args(names)
        .current_dir(root())
        .status()
        .with_context(|| format!("starting {}", bench.display()))?;
    if !status.success() {
        bail!("aia-bench failed ({status})");
    }
    Ok(())
}
