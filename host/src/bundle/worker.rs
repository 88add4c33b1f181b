//! The bundle of a Worker.
//!
//! | | |
//! |---|---|
//! | `entry.mjs` | what Cloudflare starts |
//! | `shell/` | the Worker in Rust, as it was given; without one there is no `entry.mjs` |
//! | `plugins.mjs` | exports `plugins`: what each plugin's manifest says, and `instantiate()`, which makes an instance |
//! | `plugins/glue.mjs` | the JavaScript of plugins whose interfaces are the same; `glue2.mjs` is that of others |
//! | `plugins/NAME/` | a plugin's core modules |

use std::path::Path;

use serde_json::json;

use super::transpiled::Transpiled;
use super::{Bundle, BundleError, Source, source};
use crate::runtime::{CONTRACT_VERSION, Plugin, Runtime};

/// What Cloudflare starts.
const ENTRY: &str = include_str!("../../../edge-worker/entry.mjs");

/// The file that makes a folder a bundle.
const PLUGINS: &str = "plugins.mjs";

/// Makes the bundle of a Worker with these plugins, and with a shell where there is one.
///
/// # Errors
/// If a plugin is none for a Worker, two have the same name, or the shell can't be read.
pub fn worker(runtime: &Runtime, sources: &[Source], shell: Option<&Path>) -> Result<Bundle, BundleError> {
    let mut bundle = Bundle::new(PLUGINS);
    if let Some(shell) = shell {
        if !shell.join("shell.mjs").is_file() {
            return Err(BundleError::NoShell {
                folder: shell.to_owned(),
            });
        }
        bundle.add("entry.mjs", ENTRY.as_bytes());
        bundle.add_folder(shell, "shell")?;
    }
    let (mut glues, mut index) = (Vec::new(), Index::default());
    for (source, plugin) in source::check_all(runtime, sources)? {
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
        bundle.add_plugin(&plugin);
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
