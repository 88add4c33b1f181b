//! The npm packages that build and run the Worker: installed once, into a folder named after their lock file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::digest;
use crate::cargo::root;
use crate::step::Step;

/// What npm needs to install them.
const FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// What to do where that fails.
const WITHOUT_NPM: &str = "installing what builds and runs the Worker: install Node.js 20 or later with npm, and let npm \
                           reach a registry (or set npm_config_registry to one)";

/// Where the packages are.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs them unless they are there. Who comes while another process installs them waits for it.
    pub(super) fn install(edge: &Path) -> Result<Self> {
        let source = root().join("edge-worker");
        let lock = source.join("package-lock.json");
        let content = fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?;
        let tools = Self {
            folder: edge.join(format!("tools-{}", digest(&[&content]))),
        };
        let guard = edge.join("tools.lock");
        let guard = File::create(&guard).with_context(|| format!("creating {}", guard.display()))?;
        guard.lock().context("waiting for another installation")?;
        let complete = tools.folder.join("complete");
        if !complete.exists() {
            tools.fill(&source).context(WITHOUT_NPM)?;
            fs::write(&complete, "").with_context(|| format!("writing {}", complete.display()))?;
        }
        Ok(tools)
    }

    fn fill(&self, source: &Path) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder)?;
        for file in FILES {
            fs::copy(source.join(file), self.folder.join(file)).with_context(|| format!("copying {file}"))?;
        }
        // The packages' scripts would download what their optional dependencies bring already.
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        Step::new("edge: npm packages").run(npm.current_dir(&self.folder))
    }

    /// The folder that has `node_modules`.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn package(&self, path: &str) -> PathBuf {
        self.folder.join("node_modules").join(path)
    }

    /// The Node.js that wrangler and Miniflare want, which is newer than many a distribution's.
    pub(super) fn node(&self) -> PathBuf {
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            _ => "x64",
        };
        self.package(&format!("node-linux-{architecture}/bin/node"))
    }

    /// A call of wasm-opt.
    pub(super) fn wasm_opt(&self) -> Command {
        let mut command = Command::new(self.node());
        command.arg(self.package("binaryen/bin/wasm-opt"));
        command
    }

    /// A call of wrangler that reports nothing to anybody and asks nobody.
    pub(super) fn wrangler(&self) -> Command {
        let mut command = Command::new(self.node());
        command
            .arg(self.package("wrangler/bin/wrangler.js"))
            .env("CI", "1")
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_LOG_PATH", self.folder.join("logs"));
        command
    }
}
