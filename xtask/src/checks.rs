//! `cargo xtask test`: every check and test, cheapest first, ending at the first that fails.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::cargo::{build, cargo};
use crate::edge;
use crate::progress::Progress;
use crate::setup::setup;
use crate::spin;
use crate::step::Step;
use crate::structure;

type Check = fn() -> Result<()>;

const CHECKS: [(&str, Check); 12] = [
    ("setup", setup),
    ("format", format),
    ("structure", structure),
    ("clippy", clippy),
    ("clippy, Worker", || {
        clippy_of("Worker", "aia-edge-worker", "edge", "wasm32-unknown-unknown")
    }),
    ("clippy, Spin", || {
        clippy_of("Spin", "aia-edge-spin", "spin", "wasm32-wasip2")
    }),
    ("build", || build().map(drop)),
    ("edge", || edge::bundle_for_tests().map(drop)),
    ("spin", || spin::bundle_for_tests().map(drop)),
    ("test", test),
    ("doc tests", doc_tests),
    ("docs", docs),
];

/// Runs all and prints how long each took.
///
/// # Errors
/// Naming the first check that fails.
pub(crate) fn run() -> Result<()> {
    let started = Instant::now();
    let mut summary = Vec::new();
    for (name, check) in CHECKS {
        let begun = Instant::now();
        check().with_context(|| format!("`{name}` failed"))?;
        summary.push((name, begun.elapsed()));
    }
    println!("\nall checks passed");
    for (name, took) in summary {
        println!("  {name:<14} {:>7.1} s", took.as_secs_f64());
    }
    println!("  {:<14} {:>7.1} s", "all", started.elapsed().as_secs_f64());
    Ok(())
}

fn format() -> Result<()> {
    Step::new("format")
        .run(&mut cargo(&["fmt", "--all", "--check"]))
        .context("run `cargo fmt --all`")
}

fn structure() -> Result<()> {
    let progress = Progress::start("structure");
    structure::check()?;
    progress.done("");
    Ok(())
}

fn clippy() -> Result<()> {
    // Warnings are errors by flag rather than by RUSTFLAGS, which would build every dependency a second time.
    Step::new("clippy").run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The edge's Rust is behind its targets; in the profiles it is built in, whose folders the build has anyway.
fn clippy_of(what: &str, package: &str, profile: &str, target: &str) -> Result<()> {
    Step::new(&format!("clippy, {what}")).run(&mut cargo(&[
        "clippy",
        "--package",
        package,
        "--profile",
        profile,
        "--target",
        target,
        "--",
        "-D",
        "warnings",
    ]))
}

fn test() -> Result<()> {
    if cargo(&["nextest", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Step::new("test").summary("Summary").run(&mut cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
        ]));
    }
    eprintln!("cargo-nextest isn't installed: running the tests by `cargo test`, one crate after the other");
    Step::new("test").run(&mut cargo(&[
        "test",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ]))
}

fn doc_tests() -> Result<()> {
    Step::new("doc tests").run(&mut cargo(&["test", "--workspace", "--doc"]))
}

/// Documents private items too: the map of a crate's modules links to them, and a link that leads nowhere fails.
fn docs() -> Result<()> {
    let flags = "-D warnings -A rustdoc::private_intra_doc_links";
    let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    Step::new("docs").run(cargo(&arguments).env("RUSTDOCFLAGS", flags))
}
