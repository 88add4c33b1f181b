//! The plugins of a host: the built-in ones and those of the plugins folder.

use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::runtime::{CacheConfig, CompilerConfig, LoadError, Plugin, PluginKind, Runtime, RuntimeConfig};
use crate::secrets::Secrets;
use crate::server::{BackendError, PluginCatalog, PluginInfo};

use super::folder::DataFolder;

/// What `origin` says of a plugin that is part of the binary.
const BUILT_IN: &str = "built-in";

/// The loaded plugins, and what is known of those that couldn't be.
pub(super) struct Catalog {
    entries: Vec<Entry>,
}

struct Entry {
    origin: String,
    plugin: Result<Arc<Plugin>, Failed>,
}

struct Failed {
    name: String,
    digest: String,
    problem: String,
}

impl Catalog {
    /// Loads every plugin. One of the folder that can't be loaded is logged and listed, and the rest goes on; a built-in
    /// one must load.
    pub(super) fn load(
        config: &Config,
        folder: &DataFolder,
        secrets: &Secrets,
    ) -> Result<Self, BackendError> {
        Self::load_into(&runtime(config, Some((folder, secrets)))?, config)
    }

    /// As [`Self::load`], in this runtime.
    pub(super) fn load_into(runtime: &Arc<Runtime>, config: &Config) -> Result<Self, BackendError> {
        let mut entries = Vec::new();
        for (name, bytes) in aia_plugins::FIRST_PARTY {
            entries.push(Entry {
                origin: BUILT_IN.to_owned(),
                plugin: Ok(runtime.load(name, bytes)?),
            });
        }
        if let Some(folder) = &config.plugins {
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .map_err(|error| cannot_read(folder, &error))?
                .collect::<Result<_, _>>()?;
            files.sort_by_key(std::fs::DirEntry::file_name);
            for file in files
                .iter()
                .filter(|file| file.path().extension().is_some_and(|ending| ending == "wasm"))
            {
                let origin = file.file_name().to_string_lossy().into_owned();
                let plugin = read(&file.path(), runtime).and_then(|bytes| load(runtime, &origin, &bytes));
                if let Err(Failed { problem, .. }) = &plugin {
                    tracing::error!(file = origin, problem, "a plugin can't be loaded");
                }
                entries.push(Entry { origin, plugin });
            }
        }
        let mut catalog = Self { entries };
        catalog.refuse_doubles();
        Ok(catalog)
    }

    /// All plugins that run.
    pub(super) fn loaded(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.entries.iter().filter_map(|entry| entry.plugin.as_ref().ok())
    }

    /// Two plugins of one name would share a session's commits: the first one counts, the built-in ones come first.
    fn refuse_doubles(&mut self) {
        let mut names = std::collections::BTreeSet::new();
        for entry in &mut self.entries {
            let Ok(plugin) = &entry.plugin else { continue };
            if names.insert(plugin.name().to_owned()) {
                continue;
            }
            let problem = format!(
                "another plugin is called `{}` already: rename this one",
                plugin.name()
            );
            tracing::error!(file = entry.origin, problem, "a plugin can't be loaded");
            let (name, digest) = (plugin.name().to_owned(), plugin.digest());
            entry.plugin = Err(Failed {
                name,
                digest,
                problem,
            });
        }
    }
}

impl PluginCatalog for Catalog {
    fn plugins(&self) -> Vec<PluginInfo> {
        let mut plugins: Vec<_> = self
            .entries
            .iter()
            .map(|Entry { origin, plugin }| match plugin {
                Ok(plugin) => info(origin, plugin),
                Err(Failed {
                    name,
                    digest,
                    problem,
                }) => PluginInfo {
                    name: name.clone(),
                    origin: origin.clone(),
                    digest: digest.clone(),
                    problem: Some(problem.clone()),
                    ..PluginInfo::default()
                },
            })
            .collect();
        plugins.sort_by(|a, b| (&a.name, &a.origin).cmp(&(&b.name, &b.origin)));
        plugins
    }
}

/// Loads one file as if it lay in the plugins folder.
pub(super) fn inspect(
    config: &Config,
    folder: &DataFolder,
    secrets: &Secrets,
    file: &Path,
) -> Result<PluginInfo, BackendError> {
    let runtime = runtime(config, Some((folder, secrets)))?;
    let origin = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy()
        .into_owned();
    let bytes = std::fs::read(file).map_err(|error| cannot_read(file, &error))?;
    let plugin = runtime.load(&origin, &bytes)?;
    Ok(info(&origin, &plugin))
}

/// A runtime as configured, with the folder's cache of compiled plugins or without any.
pub(super) fn runtime(
    config: &Config,
    cache: Option<(&DataFolder, &Secrets)>,
) -> Result<Arc<Runtime>, BackendError> {
    let executable = std::env::current_exe()?;
    let mut runtime = RuntimeConfig::new(CompilerConfig::Child { executable });
    runtime.limits.memory_bytes = config.plugin.memory;
    runtime.limits.call_time = config.plugin.call_time;
    runtime.cache = cache.map(|(folder, secrets)| CacheConfig {
        folder: folder.cache(),
        secret: secrets.compiled_plugins(),
    });
    Ok(Runtime::new(runtime)?)
}

/// Reads a file of the plugins folder, but for one so large that it would be refused anyway.
fn read(file: &Path, runtime: &Runtime) -> Result<Vec<u8>, Failed> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let failed = |problem| Failed {
        name,
        digest: String::new(),
        problem,
    };
    let maximum = runtime.limits().component_bytes as u64;
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.len() > maximum => Err(failed(format!(
            "it has {} bytes; at most {maximum} are allowed (limit `component-bytes`)",
            metadata.len()
        ))),
        Ok(_) => std::fs::read(file).map_err(|error| failed(format!("it can't be read: {error}"))),
        Err(error) => Err(failed(format!("it can't be read: {error}"))),
    }
}

fn load(runtime: &Runtime, origin: &str, bytes: &[u8]) -> Result<Arc<Plugin>, Failed> {
    runtime.load(origin, bytes).map_err(|error: LoadError| Failed {
        name: origin.to_owned(),
        digest: blake3::hash(bytes).to_hex().to_string(),
        problem: crate::chain(&error),
    })
}

fn info(origin: &str, plugin: &Plugin) -> PluginInfo {
    let manifest = plugin.manifest();
    let granted = plugin.granted();
    PluginInfo {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        kind: match plugin.kind() {
            PluginKind::Detector => "detector",
            PluginKind::Analyst => "analyst",
            PluginKind::Reporter => "reporter",
        }
        .to_owned(),
        description: manifest.description.clone(),
        origin: origin.to_owned(),
        digest: plugin.digest(),
        signals: manifest
            .signals
            .iter()
            .map(|signal| signal.name.clone())
            .collect(),
        formats: manifest.formats.clone(),
        memory_bytes: granted.memory_bytes as u64,
        call_time_ms: u64::try_from(granted.call_time.as_millis()).unwrap_or(u64::MAX),
        problem: None,
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> BackendError {
    format!("cannot read {}: {error}", path.display()).into()
}
