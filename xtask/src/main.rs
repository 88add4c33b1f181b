//! `cargo xtask`: everything that is done with this repository, each thing one command.

mod bench;
mod cargo;
mod checks;
mod demo;
mod edge;
mod fuzz;
mod interrupt;
mod progress;
mod setup;
mod spin;
mod step;
mod structure;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Sets up, builds, checks, shows and measures AIA.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check the tools and add the Wasm target. Instant when all is there.
    Setup,
    /// Build everything: plugins, `aia`, the demo shop.
    Build,
    /// Set up, then run every check and test. What CI runs.
    Test,
    /// Start AIA and a small shop, break the shop, and see one incident and its report.
    Demo(demo::Options),
    /// Build the Worker's bundle and say how large it is; with `dev`, start it on this machine.
    Edge(edge::Options),
    /// Build the Spin app: its component, and a folder that `spin up` starts.
    Spin(spin::Options),
    /// Fuzz: builds with instrumentation, runs each target for a while, fails if one finds something.
    Fuzz(fuzz::Options),
    /// Measure: builds in release, prints a table, writes `target/bench/NAME.json`.
    Bench {
        /// Which measurements; all by default.
        names: Vec<String>,
        /// Folder of recorded faults for `trainticket`; `../shared/data/trainticket` beside the workspace by default.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// How long a round of a server takes, for `ingest` and `neighbours`: 1 is enough to see that they work.
        #[arg(long, value_name = "SECONDS")]
        round: Option<u64>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Setup => setup::setup(),
        Task::Build => {
            setup::setup()?;
            cargo::build().map(drop)
        }
        Task::Test => checks::run(),
        Task::Demo(options) => demo::run(&options),
        Task::Edge(options) => edge::run(&options),
        Task::Spin(options) => spin::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Bench { names, data, round } => bench::run(&names, data.as_deref(), round),
    }
}
