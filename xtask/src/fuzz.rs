//! `cargo xtask fuzz`: builds the fuzzers with coverage instrumentation and runs them one after the other.
//!
//! The flags are those of `cargo fuzz run --sanitizer none`, which the pinned stable toolchain takes: what is fuzzed has
//! no unsafe code of its own for a sanitizer to look at. Debug assertions and overflow checks are on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, root, target_directory};
use crate::step::Step;

/// Instruments what libFuzzer asks for: edges, comparisons.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares \
                     -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1";

/// Longest input. Everything that the scanners tell apart fits, and short inputs are tried more often.
const MAX_INPUT_BYTES: u32 = 4096;

/// What `cargo xtask fuzz` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which targets; all by default, one after the other.
    targets: Vec<String>,
    /// How long each runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Adds what reaches code that the repository's corpus doesn't to that corpus.
    #[arg(long)]
    keep: bool,
}

/// Runs the targets.
///
/// # Errors
/// When the build fails, a target is unknown or finds something. Its input is kept then, and its path printed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let all = targets()?;
    let wanted = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    if let Some(unknown) = wanted.iter().find(|target| !all.contains(target)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    let (triple, folder) = (host_triple()?, target_directory()?.join("fuzz"));
    Step::new("build, fuzzers").run(
        cargo(&[
            "build",
            "--release",
            "--bins",
            "--manifest-path",
            "fuzz/Cargo.toml",
        ])
        .arg("--target-dir")
        .arg(&folder)
        .args(["--target", &triple])
        .env_remove("CARGO_TARGET_DIR")
        .env("RUSTFLAGS", FLAGS),
    )?;
    let mut found = Vec::new();
    for target in wanted {
        let program = folder.join(&triple).join("release").join(target);
        if !fuzz(target, &program, &folder, options)? {
            found.push(target.as_str());
        }
    }
    if !found.is_empty() {
        bail!(
            "found something: {}; the inputs are named above, and a mended one belongs into fuzz/corpus",
            found.join(", ")
        );
    }
    Ok(())
}

/// Runs one target; whether it ended without a finding.
fn fuzz(target: &str, program: &Path, folder: &Path, options: &Options) -> Result<bool> {
    let made = |name: &str| -> Result<PathBuf> {
        let path = folder.join(name).join(target);
        fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(path)
    };
    let (corpus, artifacts) = (made("corpus")?, made("artifacts")?);
    let kept = root().join("fuzz/corpus").join(target);
    // The first folder is the one that libFuzzer writes to.
    let status = Command::new(program)
        .arg(format!("-max_total_time={}", options.seconds))
        .arg(format!("-max_len={MAX_INPUT_BYTES}"))
        .args(["-timeout=10", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(&corpus)
        .arg(&kept)
        .status()
        .with_context(|| format!("starting {}", program.display()))?;
    if status.success() && options.keep {
        let merged = Command::new(program)
            .arg("-merge=1")
            .arg(&kept)
            .arg(&corpus)
            .status()
            .with_context(|| format!("starting {}", program.display()))?;
        if !merged.success() {
            bail!("merging what {target} found failed ({merged})");
        }
    }
    Ok(status.success())
}

/// The names of all targets: those of their files.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry.context("reading fuzz/fuzz_targets")?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn host_triple() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .current_dir(root())
        .output()
        .context("starting rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(triple.context("rustc names no host")?.to_owned())
}
