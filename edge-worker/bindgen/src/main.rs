//! wasm-bindgen as `worker-build` calls it, on a module of the same lock file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, folder] = arguments.as_slice() else {
        bail!("usage: aia-edge-bindgen MODULE.wasm FOLDER");
    };
    bind(module, folder).with_context(|| format!("binding {}", module.display()))
}

fn bind(module: &Path, folder: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name("index")
        .typescript(false)
        .module(true)?
        // What lets the Worker begin anew after a trap; see shell.mjs.
        .reset_state_function(true)
        .force_enable_abort_handler(true)
        .generate(folder)?;
    // workerd compiles the modules of a bundle before it starts: importing one gives it, without `source`.
    let glue = folder.join("index.js");
    let text = std::fs::read_to_string(&glue).with_context(|| format!("reading {}", glue.display()))?;
    std::fs::write(&glue, text.replace("import source ", "import "))
        .with_context(|| format!("writing {}", glue.display()))
}
