//! A Spin app as Spin runs it, for machines that have no Spin, which isn't published as a library.
//!
//! It reads the app's `spin.toml` ([`manifest`]), composes the component with its dependencies ([`compose`]), gives it the interfaces of
//! WASI and Spin that it imports ([`host`]) and serves it over HTTP with Spin's own defaults for how often an instance is
//! used, by the same code of wasmtime's that Spin uses ([`server`]). Where Spin is installed, it can take the place of all
//! that ([`installed`]).

mod compose;
mod host;
mod installed;
mod manifest;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::runtime::Runtime;

pub use host::{Compiled, KeyValue};
pub use installed::is_installed;
pub use server::Reuse;

use crate::S3;
use crate::edge::SECRET;
use installed::Installed;

/// What `cargo xtask spin` built.
#[derive(Clone, Debug)]
pub struct SpinBundle {
    folder: PathBuf,
}

impl SpinBundle {
    /// The app with all detectors that AIA comes with.
    ///
    /// # Errors
    /// If it isn't built, or by another checkout that shares the target folder.
    pub fn first_party() -> Result<Self> {
        Self::read(&crate::worker::target()?.join("spin/ready.json"))
    }

    /// What that file, which `cargo xtask spin` writes, tells of.
    ///
    /// # Errors
    /// As [`SpinBundle::first_party`].
    pub fn read(built: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(built)
            .with_context(|| format!("{} isn't there: run `cargo xtask spin`", built.display()))?;
        let ready: Value = serde_json::from_str(&text)?;
        let path = |name: &str| {
            let path = ready[name].as_str();
            path.map(PathBuf::from)
                .with_context(|| format!("no {name} in {ready}"))
        };
        let checkout = path("checkout")?;
        ensure!(
            checkout == crate::worker::workspace(),
            "the app is of the checkout {}: run `cargo xtask spin` in this one",
            checkout.display()
        );
        Ok(Self {
            folder: path("bundle")?,
        })
    }

    /// The same app with other plugins, in a folder that isn't there yet.
    ///
    /// # Errors
    /// If `aia bundle spin` refuses one.
    pub fn with_plugins(&self, folder: &Path, plugins: &[&Path]) -> Result<Self> {
        self.made_by(&crate::binary()?, folder, plugins)
    }

    /// The same, made by that `aia`.
    ///
    /// # Errors
    /// As [`SpinBundle::with_plugins`].
    pub fn made_by(&self, aia: &Path, folder: &Path, plugins: &[&Path]) -> Result<Self> {
        let mut command = std::process::Command::new(aia);
        command
            .args(["bundle", "spin", "--component"])
            .arg(self.folder.join("edge.wasm"))
            .arg("--out")
            .arg(folder)
            .env_clear();
        for plugin in plugins {
            command.arg("--plugin").arg(plugin);
        }
        let output = command.output()?;
        ensure!(
            output.status.success(),
            "aia bundle spin: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Variables of an app for the tenant `default` on that bucket.
#[must_use]
pub fn variables(s3: &S3) -> BTreeMap<String, String> {
    [
        ("aia_secret_key", SECRET),
        ("aia_bucket_endpoint", &s3.endpoint),
        ("aia_bucket_name", &s3.bucket),
        ("aia_bucket_region", &s3.region),
        ("aia_bucket_access_key_id", &s3.access_key_id),
        ("aia_bucket_secret_access_key", &s3.secret_access_key),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// What runs an app.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SpinRuntime {
    /// This process.
    Own,
    /// The `spin` on the PATH.
    Installed,
}

/// A running app.
pub struct SpinApp {
    variables: BTreeMap<String, String>,
    kind: Kind,
}

enum Kind {
    Own {
        compiled: Arc<Compiled>,
        store: KeyValue,
        reuse: Reuse,
        log: host::Log,
        running: Option<(Runtime, String)>,
    },
    Installed {
        manifest: PathBuf,
        folder: tempfile::TempDir,
        running: Option<Installed>,
    },
}

impl SpinApp {
    /// Starts it, with an empty store.
    ///
    /// # Errors
    /// If it doesn't compose, compile or start.
    pub fn start(bundle: &SpinBundle, variables: BTreeMap<String, String>) -> Result<Self> {
        Self::start_on(SpinRuntime::Own, bundle, variables)
    }

    /// Starts it on that runtime.
    ///
    /// # Errors
    /// If it doesn't compose, compile or start.
    pub fn start_on(
        runtime: SpinRuntime,
        bundle: &SpinBundle,
        variables: BTreeMap<String, String>,
    ) -> Result<Self> {
        let manifest = bundle.folder.join("spin.toml");
        if runtime == SpinRuntime::Own {
            return Self::start_with(Compiled::of(&manifest)?, variables, Reuse::default());
        }
        let kind = Kind::Installed {
            manifest,
            folder: tempfile::tempdir()?,
            running: None,
        };
        let mut app = Self { variables, kind };
        app.restart()?;
        Ok(app)
    }

    /// Starts one that was compiled before, in this process.
    ///
    /// # Errors
    /// If it doesn't start.
    pub fn start_with(
        compiled: Arc<Compiled>,
        variables: BTreeMap<String, String>,
        reuse: Reuse,
    ) -> Result<Self> {
        let kind = Kind::Own {
            compiled,
            store: KeyValue::default(),
            reuse,
            log: host::Log::default(),
            running: None,
        };
        let mut app = Self { variables, kind };
        app.restart()?;
        Ok(app)
    }

    /// Ends everything at once: requests, instances and what they were at.
    pub fn kill(&mut self) {
        match &mut self.kind {
            Kind::Own { running, .. } => {
                if let Some((runtime, _)) = running.take() {
                    runtime.shutdown_background();
                }
            }
            Kind::Installed { running, .. } => drop(running.take()),
        }
    }

    /// Starts it again at another address, with the store as it is.
    ///
    /// # Errors
    /// If it can't be done.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        match &mut self.kind {
            Kind::Own {
                compiled,
                store,
                reuse,
                log,
                running,
            } => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?;
                let setting = host::Setting {
                    variables: compiled.component_variables(&self.variables)?,
                    allowed_hosts: compiled.allowed_hosts(&self.variables)?,
                    store: store.clone(),
                    log: log.clone(),
                };
                let url = runtime.block_on(server::serve(Arc::clone(compiled), setting, *reuse))?;
                *running = Some((runtime, url));
            }
            Kind::Installed {
                manifest,
                folder,
                running,
            } => *running = Some(Installed::start(manifest, &self.variables, folder.path())?),
        }
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        match &self.kind {
            Kind::Own { running, .. } => running.as_ref().map_or("", |(_, url)| url),
            Kind::Installed { running, .. } => running.as_ref().map_or("", |running| &running.url),
        }
    }

    /// Its key-value store, if it runs in this process.
    ///
    /// # Errors
    /// If it doesn't.
    pub fn store(&self) -> Result<&KeyValue> {
        match &self.kind {
            Kind::Own { store, .. } => Ok(store),
            Kind::Installed { .. } => bail!("Spin's store can't be looked into"),
        }
    }

    /// What the component wrote to its standard error, and how instances ended.
    #[must_use]
    pub fn log(&self) -> String {
        match &self.kind {
            Kind::Own { log, .. } => log.text(),
            Kind::Installed { running, .. } => running.as_ref().map_or(String::new(), Installed::log),
        }
    }
}

impl Drop for SpinApp {
    fn drop(&mut self) {
        self.kill();
    }
}
