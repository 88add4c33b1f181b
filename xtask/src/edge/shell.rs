//! The Worker in Rust, as workerd runs it: cargo, wasm-bindgen, wasm-opt. It is what `worker-build` does, with tools that
//! are all in a lock file, and with a shim of our own (`shell.mjs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::digest;
use super::tools::Tools;
use crate::cargo::{cargo, portable_rust_flags, root, target_directory};
use crate::step::Step;

const TARGET: &str = "wasm32-unknown-unknown";

/// Of the root `Cargo.toml`.
const PROFILE: &str = "edge";

/// What wasm-opt may use: what rustc and wasm-bindgen use, all of which workerd has.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-exception-handling",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds it; gives its folder. What was made of the same module before is taken again.
pub(super) fn build(edge: &Path, bindgen: &Path, tools: &Tools) -> Result<PathBuf> {
    let module = compile()?;
    let shim = read(&root().join("edge-worker/shell.mjs"))?;
    let settings = settings()?;
    let version = digest(&[
        &read(&module)?,
        &read(bindgen)?,
        &shim,
        settings.as_bytes(),
        tools.folder().as_os_str().as_encoded_bytes(),
        FEATURES.concat().as_bytes(),
    ]);
    let folder = edge.join("shell");
    // Not in the folder, which is deployed as it is.
    let marker = edge.join("shell.version");
    if folder.exists() && fs::read_to_string(&marker).is_ok_and(|found| found == version) {
        return Ok(folder);
    }
    let new = edge.join("shell.new");
    for old in [&new, &folder] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("removing {}", old.display()))?;
        }
    }
    Step::new("edge: wasm-bindgen").run(Command::new(bindgen).arg(&module).arg(&new))?;
    let bound = new.join("index_bg.wasm");
    let mut optimise = tools.wasm_opt();
    optimise
        .arg("-O3")
        .args(FEATURES)
        .arg(&bound)
        .arg("-o")
        .arg(&bound);
    Step::new("edge: wasm-opt").run(&mut optimise)?;
    fs::write(new.join("shell.mjs"), shim).context("writing the shim")?;
    fs::write(new.join("wrangler.json"), settings).context("writing the settings")?;
    fs::rename(&new, &folder).with_context(|| format!("renaming {}", new.display()))?;
    fs::write(&marker, version).with_context(|| format!("writing {}", marker.display()))?;
    Ok(folder)
}

fn compile() -> Result<PathBuf> {
    let mut command = cargo(&[
        "build",
        "--package",
        "aia-edge-worker",
        "--lib",
        "--profile",
        PROFILE,
        "--target",
        TARGET,
    ]);
    command.env("CARGO_ENCODED_RUSTFLAGS", portable_rust_flags()?);
    Step::new("edge: Worker").run(&mut command)?;
    Ok(target_directory()?
        .join(TARGET)
        .join(PROFILE)
        .join("aia_edge_worker.wasm"))
}

/// `wrangler.toml`, for a bundle that is built: without the build, and with the entry beside the shell.
fn settings() -> Result<String> {
    let path = root().join("wrangler.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let settings: toml::Table = text
        .parse()
        .with_context(|| format!("reading {}", path.display()))?;
    let mut settings = serde_json::to_value(settings).context("wrangler.toml as JSON")?;
    let table = settings.as_object_mut().context("wrangler.toml is no table")?;
    table.remove("build");
    table.insert("main".to_owned(), Value::from("../entry.mjs"));
    Ok(format!("{settings:#}\n"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}
