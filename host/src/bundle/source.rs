//! Component files, checked.

use std::path::Path;
use std::sync::Arc;

use super::BundleError;
use crate::runtime::{Interface, LoadFailure, Plugin, PluginKind, Runtime};

/// A component for a bundle.
#[derive(Clone, Debug)]
pub struct Source {
    /// What errors call it: its file as it was given, or what a built-in one would be called.
    name: String,
    bytes: Vec<u8>,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read(file: &Path) -> Result<Self, BundleError> {
        Ok(Self {
            name: file.to_string_lossy().into_owned(),
            bytes: std::fs::read(file).map_err(BundleError::io("read", file))?,
        })
    }

    /// All detectors that AIA comes with.
    #[must_use]
    pub fn first_party() -> Vec<Self> {
        aia_plugins::DETECTORS
            .iter()
            .map(|(name, bytes)| Self {
                name: format!("{name}.wasm"),
                bytes: bytes.to_vec(),
            })
            .collect()
    }

    /// What errors call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The component.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Loads it as a host would, and refuses what the edge can't run.
    fn check(&self, runtime: &Runtime) -> Result<Arc<Plugin>, BundleError> {
        let plugin = runtime
            .load(&self.name, &self.bytes)
            .map_err(|error| match &error.failure {
                LoadFailure::Wasi { import } => self.imports(format!("`{import}`")),
                LoadFailure::Import { kind, import } => self.imports(format!("the {kind} `{import}`")),
                _ => BundleError::Plugin {
                    plugin: self.name.clone(),
                    source: Box::new(error),
                },
            })?;
        if !plugin.is_pure() {
            return Err(self.imports(wasi(plugin.imports())));
        }
        let kind = match plugin.kind() {
            PluginKind::Detector => return Ok(plugin),
            PluginKind::Analyst => "an analyst",
            PluginKind::Reporter => "a reporter",
        };
        Err(BundleError::NoDetector {
            plugin: self.name.clone(),
            kind,
        })
    }

    fn imports(&self, imports: String) -> BundleError {
        BundleError::Imports {
            plugin: self.name.clone(),
            imports,
        }
    }
}

/// Loads all. No two have one name.
pub(super) fn check_all<'a>(
    runtime: &Runtime,
    sources: &'a [Source],
) -> Result<Vec<(&'a Source, Arc<Plugin>)>, BundleError> {
    let mut loaded: Vec<(&Source, Arc<Plugin>)> = Vec::new();
    for source in sources {
        let plugin = source.check(runtime)?;
        if let Some((first, _)) = loaded.iter().find(|(_, other)| other.name() == plugin.name()) {
            return Err(BundleError::SameName {
                name: plugin.name().to_owned(),
                first: first.name().to_owned(),
                second: source.name().to_owned(),
            });
        }
        loaded.push((source, plugin));
    }
    Ok(loaded)
}

/// The first import of WASI, and how many more there are.
fn wasi(imports: &[Interface]) -> String {
    let mut names = imports
        .iter()
        .map(|import| import.name.as_str())
        .filter(|name| name.starts_with("wasi:"));
    let first = names.next().unwrap_or_default();
    match names.count() {
        0 => format!("`{first}`"),
        more => format!("`{first}` and {more} more of WASI"),
    }
}
