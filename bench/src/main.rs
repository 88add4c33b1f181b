//! `aia-bench`: runs measurements, prints a table of each and writes it as JSON.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use aia_bench::{BENCHES, Bench, Setting, serve_spin_app};
use anyhow::{Context, Result, bail};
use clap::Parser;

/// Measures AIA.
#[derive(Parser)]
struct Arguments {
    /// Folder for the results, one JSON file a measurement.
    #[arg(long)]
    out: PathBuf,
    /// The `aia` program, built as this one is.
    #[arg(long)]
    aia: PathBuf,
    /// Folder of recorded faults, for `trainticket`.
    #[arg(long, default_value = "../shared/data/trainticket")]
    data: PathBuf,
    /// What `cargo xtask edge` built: its `ready.json`.
    #[arg(long)]
    edge: Option<PathBuf>,
    /// What `cargo xtask spin` built: its `ready.json`.
    #[arg(long)]
    spin: Option<PathBuf>,
    /// How long a round of a server takes, for `ingest` and `neighbours`.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    round: Option<u64>,
    /// Which measurements; all by default.
    names: Vec<String>,
}

/// What the measurement `spin` starts this program as.
#[derive(Parser)]
struct SpinApp {
    /// The app's `spin.toml`.
    #[arg(long)]
    spin_app: PathBuf,
}

fn main() -> Result<()> {
    if let Ok(app) = SpinApp::try_parse() {
        return serve_spin_app(&app.spin_app);
    }
    let arguments = Arguments::parse();
    let setting = Setting {
        aia: arguments.aia,
        data: arguments.data,
        out: arguments.out,
        edge: arguments.edge,
        spin: arguments.spin,
        round: arguments.round.map(Duration::from_secs),
    };
    let mut chosen = choose(&arguments.names)?;
    // Recorded faults aren't part of the repository: without them the rest is measured.
    if arguments.names.is_empty() && !setting.data.is_dir() {
        println!(
            "trainticket: left out, there is no folder {}",
            setting.data.display()
        );
        chosen.retain(|bench| bench.name != "trainticket");
    }
    fs::create_dir_all(&setting.out).with_context(|| format!("creating {}", setting.out.display()))?;
    for bench in chosen {
        let outcome = (bench.run)(&setting).with_context(|| format!("measuring {}", bench.name))?;
        println!("\n{}: {}\n{}", bench.name, bench.about, outcome.table());
        let file = setting.out.join(bench.name).with_extension("json");
        let json = serde_json::to_string_pretty(&outcome.json(bench.name))?;
        fs::write(&file, json + "\n").with_context(|| format!("writing {}", file.display()))?;
        println!("written to {}", file.display());
    }
    Ok(())
}

fn choose(names: &[String]) -> Result<Vec<&'static Bench>> {
    if names.is_empty() {
        return Ok(BENCHES.iter().collect());
    }
    let find = |name: &String| {
        let found = BENCHES.iter().find(|bench| bench.name == name);
        let Some(found) = found else {
            let known: Vec<_> = BENCHES.iter().map(|bench| bench.name).collect();
            bail!(
                "there is no measurement {name:?}; there are: {}",
                known.join(", ")
            );
        };
        Ok(found)
    };
    names.iter().map(find).collect()
}
