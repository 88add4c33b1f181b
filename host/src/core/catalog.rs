//! The plugins of a host: the built-in ones and those of the plugins folder.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::config::{AllPluginSettings, Config};
use crate::investigations::Analyst;
use crate::runtime::{CacheConfig, CompilerConfig, Plugin, PluginKind, Runtime, RuntimeConfig};
use crate::secrets::Secrets;
use crate::server::{BackendError, PluginCatalog, PluginInfo};
use crate::sessions::Detector;

use super::folder::DataFolder;
use super::plugin_folder::{PluginFile, PluginFolder, Stamp};

/// What `origin` says of a plugin that is part of the binary.
const BUILT_IN: &str = "built-in";

/// The plugins, and what is known of those that can't run.
pub(super) struct Catalog {
    runtime: Arc<Runtime>,
    folder: Option<PluginFolder>,
    settings: AllPluginSettings,
    /// Replaced as a whole: a reader sees the plugins of one moment.
    entries: RwLock<Arc<Vec<Entry>>>,
}

#[derive(Clone)]
struct Entry {
    origin: String,
    /// What was loaded of the file; none of those that are part of the binary.
    stamp: Option<Stamp>,
    /// What runs: of the file, or of the file before it if that one can't be loaded.
    plugin: Option<Arc<Plugin>>,
    problem: Option<Problem>,
}

/// Why a file's plugin doesn't run.
#[derive(Clone)]
struct Problem {
    name: String,
    digest: String,
    text: String,
}

/// What looking at the folder again did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Reloaded {
    /// Other plugins run now than before.
    pub(super) has_changed: bool,
    /// Files that were loaded.
    pub(super) loaded: u64,
    /// Files that couldn't be.
    pub(super) failed: u64,
}

impl Catalog {
    /// Loads every plugin. One of the folder that can't be loaded is logged and listed, and the rest goes on; a built-in
    /// one must load, and every plugin must take what it is told.
    pub(super) fn load(
        config: &Config,
        folder: &DataFolder,
        secrets: &Secrets,
    ) -> Result<Self, BackendError> {
        Self::load_into(&runtime(config, Some((folder, secrets)))?, config)
    }

    /// As [`Self::load`], in this runtime.
    pub(super) fn load_into(runtime: &Arc<Runtime>, config: &Config) -> Result<Self, BackendError> {
        let catalog = Self {
            runtime: Arc::clone(runtime),
            folder: config.plugins.clone().map(PluginFolder::new),
            settings: config.settings.clone(),
            entries: RwLock::default(),
        };
        let mut entries = Vec::new();
        for (name, bytes) in aia_plugins::FIRST_PARTY {
            entries.push(Entry {
                origin: BUILT_IN.to_owned(),
                stamp: None,
                plugin: Some(catalog.runtime.load(name, bytes)?),
                problem: None,
            });
        }
        if let Some(folder) = &catalog.folder {
            for file in folder.files()? {
                let (plugin, problem) = match catalog.read(&file) {
                    Ok(plugin) => (Some(plugin), None),
                    Err(problem) => (None, Some(problem)),
                };
                entries.push(Entry {
                    origin: file.name,
                    stamp: Some(file.stamp),
                    plugin,
                    problem,
                });
            }
        }
        refuse_doubles(&mut entries, &[]);
        for entry in &entries {
            entry.log();
        }
        catalog.check_settings(&entries)?;
        *catalog.entries.write() = Arc::new(entries);
        Ok(catalog)
    }

    /// All plugins that run.
    pub(super) fn loaded(&self) -> Vec<Arc<Plugin>> {
        let entries = Arc::clone(&self.entries.read());
        entries.iter().filter_map(|entry| entry.plugin.clone()).collect()
    }

    /// The detectors that run, each with what it is told.
    pub(super) fn detectors(&self) -> Vec<Detector> {
        let plugins = self.loaded().into_iter();
        plugins
            .filter(|plugin| plugin.kind() == PluginKind::Detector)
            .map(|plugin| Detector {
                config: self.settings_of(plugin.name()),
                plugin,
            })
            .collect()
    }

    /// The analysts that run, each with its settings.
    pub(super) fn analysts(&self) -> Vec<Analyst> {
        let plugins = self.loaded().into_iter();
        plugins
            .filter(|plugin| plugin.kind() == PluginKind::Analyst)
            .map(|plugin| Analyst {
                config: self.settings_of(plugin.name()),
                plugin,
            })
            .collect()
    }

    /// What a plugin is told, JSON.
    pub(super) fn settings_of(&self, plugin: &str) -> String {
        self.settings.get(plugin).map_or_else(
            || "{}".to_owned(),
            |settings| serde_json::Value::Object(settings.values.clone()).to_string(),
        )
    }

    /// Looks at the folder again: takes up what is new or changed and holds still, drops what is gone. A file that can't
    /// be loaded leaves its last good plugin running.
    pub(super) fn reload(&self) -> Result<Reloaded, BackendError> {
        let Some(folder) = &self.folder else {
            return Ok(Reloaded::default());
        };
        let before = Arc::clone(&self.entries.read());
        let mut reloaded = Reloaded::default();
        let mut entries: Vec<Entry> = before
            .iter()
            .filter(|entry| entry.stamp.is_none())
            .cloned()
            .collect();
        for file in folder.files()? {
            let last = before
                .iter()
                .find(|entry| entry.stamp.is_some() && entry.origin == file.name);
            match last {
                Some(last) if last.stamp == Some(file.stamp) || !folder.holds_still(&file) => {
                    entries.push(last.clone());
                }
                None if !folder.holds_still(&file) => {}
                _ => entries.push(self.renew(&file, last)),
            }
        }
        refuse_doubles(&mut entries, &before);
        for entry in &entries {
            let last = before.iter().find(|last| last.origin == entry.origin);
            if entry.stamp.is_some() && last.is_none_or(|last| last.stamp != entry.stamp) {
                entry.log();
                match entry.problem {
                    None => reloaded.loaded += 1,
                    Some(_) => reloaded.failed += 1,
                }
            }
        }
        for gone in before.iter().filter(|last| last.stamp.is_some()) {
            if !entries.iter().any(|entry| entry.origin == gone.origin) {
                tracing::info!(file = gone.origin, "a plugin is gone");
            }
        }
        reloaded.has_changed = !same(&before, &entries);
        *self.entries.write() = Arc::new(entries);
        Ok(reloaded)
    }

    /// A changed file's entry.
    fn renew(&self, file: &PluginFile, last: Option<&Entry>) -> Entry {
        let running = last.and_then(|last| last.plugin.clone());
        let checked = self.read(file).and_then(|plugin| {
            self.check(&plugin).map_err(|text| Problem {
                name: plugin.name().to_owned(),
                digest: plugin.digest(),
                text,
            })?;
            Ok(plugin)
        });
        let (plugin, problem) = match (checked, running) {
            // Touched, or put there again: nothing has to begin anew.
            (Ok(plugin), Some(running)) if plugin.digest() == running.digest() => (Some(running), None),
            (Ok(plugin), _) => (Some(plugin), None),
            (Err(problem), running) => (running, Some(problem)),
        };
        Entry {
            origin: file.name.clone(),
            stamp: Some(file.stamp),
            plugin,
            problem,
        }
    }

    fn read(&self, file: &PluginFile) -> Result<Arc<Plugin>, Problem> {
        let problem = |digest, text| Problem {
            name: file.name.clone(),
            digest,
            text,
        };
        let bytes = file
            .read(self.runtime.limits().component_bytes as u64)
            .map_err(|text| problem(String::new(), text))?;
        self.runtime
            .load(&file.name, &bytes)
            .map_err(|error| problem(blake3::hash(&bytes).to_hex().to_string(), crate::chain(&error)))
    }

    /// Checks that every plugin takes what it is told, and that nothing is told to one that isn't there.
    fn check_settings(&self, entries: &[Entry]) -> Result<(), BackendError> {
        for (name, settings) in &self.settings {
            let plugins = || entries.iter().filter_map(|entry| entry.plugin.as_ref());
            if let Some(plugin) = plugins().find(|plugin| plugin.name() == name) {
                self.check(plugin)
                    .map_err(|problem| format!("{}: `settings.{name}`: {problem}", settings.origin))?;
            } else if entries.iter().any(|entry| entry.plugin.is_none()) {
                // It may be the one that can't be loaded.
                tracing::warn!(plugin = name, origin = %settings.origin, "settings are for a plugin that doesn't run");
            } else {
                let names: Vec<_> = plugins().map(|plugin| format!("`{}`", plugin.name())).collect();
                return Err(format!(
                    "{}: `settings.{name}`: there is no plugin `{name}`; there is {}",
                    settings.origin,
                    names.join(", ")
                )
                .into());
            }
        }
        Ok(())
    }

    /// Checks that a plugin takes what it is told, if it is told anything.
    fn check(&self, plugin: &Arc<Plugin>) -> Result<(), String> {
        if !self.settings.contains_key(plugin.name()) {
            return Ok(());
        }
        match plugin.kind() {
            PluginKind::Detector => plugin
                .open_session(&self.settings_of(plugin.name()), None)
                .map(drop)
                .map_err(|error| crate::chain(&error)),
            PluginKind::Analyst => Ok(()),
            PluginKind::Reporter => Err("a reporter has no settings".to_owned()),
        }
    }
}

impl Entry {
    fn log(&self) {
        let file = &self.origin;
        match (&self.problem, &self.plugin, &self.stamp) {
            (Some(problem), Some(plugin), _) => {
                let (problem, version) = (&problem.text, &plugin.manifest().version);
                tracing::error!(
                    file,
                    problem,
                    version,
                    "a plugin can't be loaded; the last good one goes on"
                );
            }
            (Some(problem), None, _) => {
                tracing::error!(file, problem = problem.text, "a plugin can't be loaded");
            }
            (None, Some(plugin), Some(_)) => {
                let (name, version) = (plugin.name(), &plugin.manifest().version);
                tracing::info!(file, name, version, "a plugin is loaded");
            }
            (None, ..) => {}
        }
    }
}

/// Two plugins of one name would share a session's commits: the first one counts, the built-in ones come first. A file
/// whose plugin becomes a double keeps its last good one.
fn refuse_doubles(entries: &mut [Entry], before: &[Entry]) {
    let mut names = std::collections::BTreeSet::new();
    for entry in entries {
        let Some(plugin) = &entry.plugin else { continue };
        if names.insert(plugin.name().to_owned()) {
            continue;
        }
        let name = plugin.name().to_owned();
        entry.problem = Some(Problem {
            digest: plugin.digest(),
            text: format!("another plugin is called `{name}` already: rename this one"),
            name,
        });
        entry.plugin = before
            .iter()
            .find(|last| last.origin == entry.origin)
            .and_then(|last| last.plugin.clone())
            .filter(|last| names.insert(last.name().to_owned()));
    }
}

/// Whether the same plugins run.
fn same(before: &[Entry], after: &[Entry]) -> bool {
    let running = |entries: &[Entry]| -> Vec<String> {
        let plugins = entries.iter().filter_map(|entry| entry.plugin.as_ref());
        plugins
            .map(|plugin| format!("{} {}", plugin.name(), plugin.digest()))
            .collect()
    };
    running(before) == running(after)
}

impl PluginCatalog for Catalog {
    fn plugins(&self) -> Vec<PluginInfo> {
        let entries = Arc::clone(&self.entries.read());
        let mut plugins: Vec<_> = entries
            .iter()
            .map(|entry| {
                let mut plugin = entry
                    .plugin
                    .as_ref()
                    .map_or_else(PluginInfo::default, |plugin| info(&entry.origin, plugin));
                if let Some(problem) = &entry.problem {
                    plugin.problem = Some(problem.text.clone());
                    if entry.plugin.is_none() {
                        plugin.name.clone_from(&problem.name);
                        plugin.origin.clone_from(&entry.origin);
                        plugin.digest.clone_from(&problem.digest);
                    }
                }
                plugin
            })
            .collect();
        plugins.sort_by(|a, b| (&a.name, &a.origin).cmp(&(&b.name, &b.origin)));
        plugins
    }
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
        config_schema: serde_json::from_str(&manifest.config_schema).unwrap_or_default(),
        pure: plugin.is_pure(),
        runs: true,
        memory_bytes: granted.memory_bytes as u64,
        call_time_ms: u64::try_from(granted.call_time.as_millis()).unwrap_or(u64::MAX),
        problem: None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Sources;

    fn catalog(folder: &Path, assignments: &[&str]) -> Result<Catalog, String> {
        let sources = Sources {
            assignments: assignments.iter().map(|text| (*text).to_owned()).collect(),
            ..Sources::default()
        };
        let mut config = sources.load().unwrap().config;
        config.plugins = Some(folder.to_owned());
        let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
        Catalog::load_into(&runtime, &config).map_err(|error| error.to_string())
    }

    /// The file's plugin: whether it runs, its digest's first digits, and what is wrong.
    fn evil(catalog: &Catalog) -> Option<(bool, String, Option<String>)> {
        let plugins = catalog.plugins();
        let plugin = plugins.into_iter().find(|plugin| plugin.origin == "evil.wasm")?;
        Some((plugin.runs, plugin.digest, plugin.problem))
    }

    /// Two looks, since a file is taken up when it holds still.
    fn reload(catalog: &Catalog) -> [Reloaded; 2] {
        [catalog.reload().unwrap(), catalog.reload().unwrap()]
    }

    const NOTHING: Reloaded = Reloaded {
        has_changed: false,
        loaded: 0,
        failed: 0,
    };

    #[test]
    fn a_changed_file_is_taken_up_and_a_broken_one_leaves_the_last_good_plugin() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("evil.wasm");
        let catalog = catalog(folder.path(), &[]).unwrap();
        assert_eq!(evil(&catalog), None);

        std::fs::write(&file, aia_plugins::EVIL).unwrap();
        let loaded = Reloaded {
            has_changed: true,
            loaded: 1,
            failed: 0,
        };
        assert_eq!(reload(&catalog), [NOTHING, loaded]);
        let first = evil(&catalog).unwrap();
        assert_eq!((first.0, &first.2), (true, &None));

        // The same bytes again: taken up, but nothing begins anew.
        std::fs::write(&file, aia_plugins::EVIL).unwrap();
        let touched = Reloaded {
            has_changed: false,
            ..loaded
        };
        assert!([touched, NOTHING].contains(&reload(&catalog)[1]));

        std::fs::write(&file, [aia_plugins::EVIL, &[0, 2, 1, b'x']].concat()).unwrap();
        assert_eq!(reload(&catalog), [NOTHING, loaded]);
        let second = evil(&catalog).unwrap();
        assert!(second.0 && second.2.is_none() && second.1 != first.1);

        std::fs::write(&file, "half").unwrap();
        let failed = Reloaded { failed: 1, ..NOTHING };
        assert_eq!(reload(&catalog), [NOTHING, failed]);
        let (runs, digest, problem) = evil(&catalog).unwrap();
        assert_eq!((runs, digest), (true, second.1));
        insta::assert_snapshot!(problem.unwrap(), @r"plugin `evil.wasm` can't be loaded: it isn't a WebAssembly component: it doesn't begin with the bytes `\0asm`");
        // It isn't tried again until it changes.
        assert_eq!(reload(&catalog), [NOTHING, NOTHING]);

        std::fs::remove_file(&file).unwrap();
        let gone = Reloaded {
            has_changed: true,
            ..NOTHING
        };
        assert_eq!(reload(&catalog), [gone, NOTHING]);
        assert_eq!(evil(&catalog), None);
    }

    #[test]
    fn a_file_that_takes_a_running_plugins_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.wasm"), aia_plugins::EVIL).unwrap();
        let catalog = catalog(folder.path(), &[]).unwrap();
        std::fs::write(folder.path().join("b.wasm"), aia_plugins::EVIL).unwrap();
        reload(&catalog);
        let plugins = catalog.plugins();
        let second = plugins.iter().find(|plugin| plugin.origin == "b.wasm").unwrap();
        assert!(!second.runs);
        insta::assert_snapshot!(second.problem.as_ref().unwrap(), @"another plugin is called `evil` already: rename this one");
    }

    #[test]
    fn settings_that_a_plugin_refuses_are_told_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |assignment| catalog(folder.path(), &[assignment]).err().unwrap();
        insta::assert_snapshot!(refused("settings.errors.min-cuont=5"), @"flag --set: `settings.errors`: plugin `errors`: open refused its configuration: unknown field `min-cuont`, expected one of `min-count`, `window-seconds`, `hold-seconds`, `update-seconds`, `warm-up-seconds` at line 1 column 12; did you mean `min-count`?");
        insta::assert_snapshot!(refused("settings.errors.window-seconds=7"), @"flag --set: `settings.errors`: plugin `errors`: open refused its configuration: `window-seconds` is 7, it must be from 10 to 600");
        insta::assert_snapshot!(refused("settings.erors.min-count=5"), @"flag --set: `settings.erors`: there is no plugin `erors`; there is `errors`, `latency`, `logs`, `metrics`, `paths`, `report`, `suspects`");
        insta::assert_snapshot!(refused("settings.report.colour=red"), @"flag --set: `settings.report`: a reporter has no settings");
        let catalog = catalog(folder.path(), &["settings.errors.min-count=5"]).unwrap();
        assert_eq!(catalog.settings_of("errors"), r#"{"min-count":5}"#);
        assert_eq!(catalog.settings_of("report"), "{}");
    }

    #[test]
    fn a_new_build_that_refuses_its_settings_leaves_the_last_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = catalog(folder.path(), &[]).unwrap();
        let told = AllPluginSettings::from([(
            "evil".to_owned(),
            crate::config::PluginSettings {
                values: [("unknown".to_owned(), true.into())].into_iter().collect(),
                origin: crate::config::Origin::Default,
            },
        )]);
        let catalog = Catalog {
            settings: told,
            ..catalog
        };
        std::fs::write(folder.path().join("evil.wasm"), aia_plugins::EVIL).unwrap();
        reload(&catalog);
        let (runs, _, problem) = evil(&catalog).unwrap();
        assert!(!runs);
        assert!(problem.unwrap().contains("unknown"));
    }
}
