//! `cargo xtask edge`: the Worker's bundle, and a Worker on this machine.
//!
//! Everything goes into `edge-worker/` of the folder that cargo builds into:
//!
//! | | |
//! |---|---|
//! | `tools-…/` | the npm packages of `edge-worker/package-lock.json`, installed once |
//! | `shell/` | the Worker in Rust: its module, the JavaScript around that, its settings |
//! | `bundle/` | the shell and the plugins: what is deployed |
//! | `ready.json` | where all of that is, for the tests |

mod deploy;
mod dev;
mod shell;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::cargo::{build, root, target_directory};
use crate::setup::setup;
use crate::step::Step;
use tools::Tools;

/// What to bundle.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<EdgeCommand>,
    #[command(flatten)]
    bundle: BundleOptions,
}

#[derive(Debug, Subcommand)]
enum EdgeCommand {
    /// Build, start the Worker on this machine, and say how to send it a span.
    Dev(dev::Options),
}

#[derive(Args, Debug, Default)]
struct BundleOptions {
    /// Components of detectors; all that AIA comes with by default.
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    plugins: Vec<PathBuf>,
    /// Folder of the bundle; `edge-worker/bundle` beside what cargo builds by default.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Does what was asked for.
///
/// # Errors
/// When a step fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.command {
        Some(EdgeCommand::Dev(options)) => dev::run(options),
        None => bundle(&options.bundle).map(drop),
    }
}

/// Builds the bundle that tests and measurements take; the file that tells of it.
///
/// # Errors
/// When a step fails.
pub(crate) fn bundle_for_tests() -> Result<PathBuf> {
    bundle(&BundleOptions::default())?;
    Ok(edge_folder()?.join("ready.json"))
}

/// What was built.
struct Built {
    aia: PathBuf,
    bundle: PathBuf,
    tools: Tools,
}

fn bundle(options: &BundleOptions) -> Result<Built> {
    setup()?;
    let edge = edge_folder()?;
    // Relative to where they were typed.
    let absolute = |path: &PathBuf| std::path::absolute(path).context("finding the working folder");
    let plugins = options.plugins.iter().map(absolute).collect::<Result<Vec<_>>>()?;
    let ours = edge.join("bundle");
    let out = options.out.as_ref().map_or(Ok(ours.clone()), absolute)?;

    let programs = build()?;
    let program = |name: &str| {
        programs
            .get(name)
            .with_context(|| format!("the build made no {name}"))
    };
    let aia = program("aia")?.clone();
    let tools = Tools::install(&edge)?;
    let shell = shell::build(&edge, program("aia-edge-bindgen")?, &tools)?;

    let mut command = Command::new(&aia);
    command
        .args(["bundle", "worker", "--shell"])
        .arg(&shell)
        .arg("--out")
        .arg(&out);
    for plugin in plugins {
        command.arg("--plugin").arg(plugin);
    }
    // In no folder with an aia.toml, so that nobody's settings of a host count.
    let table = Step::new("edge: bundle").capture(command.current_dir(&edge))?;
    let size = deploy::dry_run(&edge, &out, &tools)?;
    if out == ours && options.plugins.is_empty() {
        ready(&edge, &out, &tools)?;
    }
    println!("\n{table}{size}");
    Ok(Built {
        aia,
        bundle: out,
        tools,
    })
}

fn edge_folder() -> Result<PathBuf> {
    let edge = target_directory()?.join("edge-worker");
    fs::create_dir_all(&edge).with_context(|| format!("creating {}", edge.display()))?;
    Ok(edge)
}

/// Tells the tests where everything is. Several checkouts may share a target folder, so it says whose bundle it is.
fn ready(edge: &Path, bundle: &Path, tools: &Tools) -> Result<()> {
    let path = edge.join("ready.json");
    let ready = json!({
        "checkout": root(),
        "bundle": bundle,
        "tools": tools.folder(),
        "node": tools.node(),
    });
    fs::write(&path, format!("{ready:#}\n")).with_context(|| format!("writing {}", path.display()))
}

/// FNV-1a over several texts: a name for a version, not a defence.
fn digest(contents: &[&[u8]]) -> String {
    let hash = contents
        .iter()
        .flat_map(|content| content.iter().chain(&[0xff]))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}
