//! The folder of a bundle.
//!
//! | | |
//! |---|---|
//! | `entry.mjs` | what Cloudflare starts |
//! | `shell/` | the Worker in Rust, as it was given; without one there is no `entry.mjs` |
//! | `plugins.mjs` | exports `plugins`: what each plugin's manifest says, and `instantiate()`, which makes an instance |
//! | `plugins/glue.mjs` | the JavaScript of plugins whose interfaces are the same; `glue2.mjs` is that of others |
//! | `plugins/NAME/` | a plugin's core modules |

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::transpiled::Transpiled;
use super::{BundleError, Source};
use crate::runtime::{CONTRACT_VERSION, Plugin, Runtime};

/// What Cloudflare starts.
const ENTRY: &str = include_str!("../../../edge-worker/entry.mjs");

/// The file that makes a folder a bundle.
const PLUGINS: &str = "plugins.mjs";

/// A file of a bundle.
#[derive(Clone, Debug)]
pub struct BundleFile {
    /// Where it lies in the folder, with `/`.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A bundle that isn't written yet.
#[derive(Clone, Debug)]
pub struct WorkerBundle {
    /// Its files.
    pub files: Vec<BundleFile>,
    /// Names and versions of its plugins.
    pub plugins: Vec<(String, String)>,
}

/// Makes the bundle of a Worker with these plugins, and with a shell where there is one.
///
/// # Errors
/// If a plugin is none for a Worker, two have the same name, or the shell can't be read.
pub fn worker(
    runtime: &Runtime,
    sources: &[Source],
    shell: Option<&Path>,
) -> Result<WorkerBundle, BundleError> {
    let mut bundle = WorkerBundle {
        files: Vec::new(),
        plugins: Vec::new(),
    };
    if let Some(shell) = shell {
        if !shell.join("shell.mjs").is_file() {
            return Err(BundleError::NoShell {
                folder: shell.to_owned(),
            });
        }
        bundle.add("entry.mjs", ENTRY.as_bytes());
        bundle.add_folder(shell, "shell")?;
    }
    let mut loaded: Vec<(&Source, String)> = Vec::new();
    let (mut glues, mut index) = (Vec::new(), Index::default());
    for source in sources {
        let plugin = source.check(runtime)?;
        if let Some((other, name)) = loaded.iter().find(|(_, name)| name == plugin.name()) {
            return Err(BundleError::SameName {
                name: name.clone(),
                first: other.name().to_owned(),
                second: source.name().to_owned(),
            });
        }
        loaded.push((source, plugin.name().to_owned()));
        let transpiled = Transpiled::of(source)?;
        let glue = glues.iter().position(|glue| *glue == transpiled.glue);
        let glue = glue.unwrap_or_else(|| {
            glues.push(transpiled.glue);
            glues.len() - 1
        });
        let modules = transpiled.modules.into_iter().map(|(name, bytes)| {
            let file = name.strip_prefix("plugin.").unwrap_or(&name);
            let path = format!("plugins/{}/{file}", plugin.name());
            bundle.add(&path, &bytes);
            (name, path)
        });
        let modules: Vec<_> = modules.collect();
        index.add(&plugin, glue, &modules);
        let manifest = plugin.manifest();
        bundle
            .plugins
            .push((manifest.name.clone(), manifest.version.clone()));
    }
    for (number, glue) in glues.iter().enumerate() {
        bundle.add(&glue_path(number), glue.as_bytes());
    }
    bundle.add(PLUGINS, index.text(glues.len()).as_bytes());
    Ok(bundle)
}

fn glue_path(number: usize) -> String {
    match number {
        0 => "plugins/glue.mjs".to_owned(),
        more => format!("plugins/glue{}.mjs", more + 1),
    }
}

impl WorkerBundle {
    fn add(&mut self, path: &str, bytes: &[u8]) {
        self.files.push(BundleFile {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
        });
    }

    fn add_folder(&mut self, folder: &Path, path: &str) -> Result<(), BundleError> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(BundleError::io("read", folder))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (from, path) = (
                entry.path(),
                format!("{path}/{}", entry.file_name().to_string_lossy()),
            );
            if from.is_dir() {
                self.add_folder(&from, &path)?;
            } else {
                self.add(&path, &fs::read(&from).map_err(BundleError::io("read", &from))?);
            }
        }
        Ok(())
    }

    /// Writes it. An earlier bundle in that folder is replaced when all of this one is written; a folder that holds
    /// anything else is left as it is.
    ///
    /// # Errors
    /// If the folder holds something else, or can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), BundleError> {
        let is_empty = fs::read_dir(folder).map_or(Ok(true), |mut entries| {
            entries.next().transpose().map(|entry| entry.is_none())
        });
        if !is_empty.map_err(BundleError::io("read", folder))? && !folder.join(PLUGINS).is_file() {
            return Err(BundleError::Exists {
                folder: folder.to_owned(),
            });
        }
        let new = beside(folder);
        remove(&new)?;
        for file in &self.files {
            let path = new.join(&file.path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(BundleError::io("create", parent))?;
            }
            fs::write(&path, &file.bytes).map_err(BundleError::io("write", &path))?;
        }
        remove(folder)?;
        fs::rename(&new, folder).map_err(BundleError::io("replace", folder))
    }
}

/// A folder of this process's own beside another one.
fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    folder.with_file_name(name)
}

fn remove(folder: &Path) -> Result<(), BundleError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(BundleError::io("remove", folder)(source))
        }
        _ => Ok(()),
    }
}

/// What becomes `plugins.mjs`.
#[derive(Default)]
struct Index {
    imports: String,
    plugins: String,
}

impl Index {
    /// Adds a plugin. Its texts are a stranger's: they come in as JSON, which is JavaScript, and nowhere else; its name
    /// has nothing but letters, digits and hyphens.
    fn add(&mut self, plugin: &Plugin, glue: usize, modules: &[(String, String)]) {
        let number = self.plugins.lines().count();
        let mut given = Vec::new();
        for (place, (name, path)) in modules.iter().enumerate() {
            let module = format!("core{number}_{place}");
            self.imports
                .push_str(&format!("import {module} from {};\n", json!(format!("./{path}"))));
            given.push(format!("{}: {module}", json!(name)));
        }
        let manifest = plugin.manifest();
        let reads: Vec<_> = manifest.reads.iter().map(|kind| kind.as_str()).collect();
        let signals: Vec<_> = manifest.signals.iter().map(|signal| &signal.name).collect();
        let facts = json!({
            "name": manifest.name,
            "version": manifest.version,
            "digest": plugin.digest(),
            "contract": CONTRACT_VERSION,
            "reads": reads,
            "signals": signals,
            "configSchema": manifest.config_schema,
        });
        self.plugins.push_str(&format!(
            "  plugin({facts}, glue{glue}, {{ {} }}),\n",
            given.join(", ")
        ));
    }

    fn text(&self, glues: usize) -> String {
        let glues: String = (0..glues)
            .map(|number| {
                format!(
                    "import {{ instantiate as glue{number} }} from \"./{}\";\n",
                    glue_path(number)
                )
            })
            .collect();
        let (imports, plugins) = (&self.imports, &self.plugins);
        format!(
            "// Made by `aia bundle worker`.\n{glues}{imports}\n\
             // Every call of `instantiate` makes an instance of its own: one serves one session of one project.\n\
             const plugin = (facts, glue, modules) => ({{\n  ...facts,\n  \
             instantiate: () => glue((name) => modules[name], {{}}),\n}});\n\n\
             export const plugins = [\n{plugins}];\n"
        )
    }
}
