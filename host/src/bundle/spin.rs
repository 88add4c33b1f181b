//! The bundle of a Spin app.
//!
//! | | |
//! |---|---|
//! | `spin.toml` | the app: `spin up` in the folder starts it |
//! | `edge.wasm` | AIA's component |
//! | `plugins/NAME.wasm` | a plugin's file, as it was given |
//! | `vacant.wasm` | what fills the slots that no plugin takes |
//! | `config/plugins.json` | what is in which slot, for the component |

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::json;
use wasmparser::{Parser, Payload};

use super::{Bundle, BundleError, Source, source};
use crate::runtime::{CONTRACT_VERSION, Plugin, Runtime};

/// How many detectors the component takes.
pub const SPIN_SLOTS: usize = 8;

/// The file that makes a folder a bundle.
const DESCRIPTION: &str = "config/plugins.json";

/// The app without what depends on plugins and folders.
const MANIFEST: &str = include_str!("spin.toml");

/// Makes the bundle of a Spin app with these plugins. `component` is the file that `cargo xtask spin` builds.
///
/// # Errors
/// If a plugin is none for the edge, there are too many, two have the same name, or the component is none.
pub fn spin(runtime: &Runtime, sources: &[Source], component: &Path) -> Result<Bundle, BundleError> {
    if sources.len() > SPIN_SLOTS {
        return Err(BundleError::TooMany {
            found: sources.len(),
            slots: SPIN_SLOTS,
        });
    }
    let edge = fs::read(component).map_err(BundleError::io("read", component))?;
    if !has_slots(&edge) {
        return Err(BundleError::NoComponent {
            file: component.to_owned(),
        });
    }
    let mut bundle = Bundle::new(DESCRIPTION);
    bundle.add("edge.wasm", &edge);
    let mut described = Vec::new();
    for (number, (source, plugin)) in (1..).zip(source::check_all(runtime, sources)?) {
        bundle.add(&format!("plugins/{}.wasm", plugin.name()), source.bytes());
        bundle.add_plugin(&plugin);
        described.push(description(number, &plugin));
    }
    bundle.add("vacant.wasm", aia_plugins::VACANT);
    bundle.add(DESCRIPTION, format!("{:#}\n", json!(described)).as_bytes());
    let names: Vec<_> = bundle.plugins.iter().map(|(name, _)| name.as_str()).collect();
    let manifest = spin_manifest(&names, "", "");
    bundle.add("spin.toml", manifest.as_bytes());
    Ok(bundle)
}

/// `spin.toml` for plugins of these names, in the order of their slots. `folder` is where the bundle's files lie as seen from
/// there, empty or with a `/` behind it; `build` is the command that makes them, if one does.
#[must_use]
pub fn spin_manifest(plugins: &[&str], folder: &str, build: &str) -> String {
    let mut text = MANIFEST.replace("FOLDER/", folder);
    // Nothing can go wrong with writing to a text.
    let _ = writeln!(
        text,
        "\n# A slot for each plugin; what it imports, which is nothing, it wouldn't inherit.\n[component.edge.dependencies]"
    );
    for slot in 1..=SPIN_SLOTS {
        let file = plugins
            .get(slot - 1)
            .map_or_else(|| "vacant.wasm".to_owned(), |name| format!("plugins/{name}.wasm"));
        let _ = writeln!(
            text,
            "\"{}\" = {{ path = \"{folder}{file}\", export = \"aia:plugin/detector@{CONTRACT_VERSION}\" }}",
            slot_import(slot),
        );
    }
    if !build.is_empty() {
        let _ = writeln!(text, "\n[component.edge.build]\ncommand = \"{build}\"");
    }
    text
}

fn slot_import(slot: usize) -> String {
    format!("aia-slot:slot{slot}/detector@{CONTRACT_VERSION}")
}

/// What the component is told of a plugin. No object in an object: Spin takes two closing braces in a row for a template's.
fn description(slot: usize, plugin: &Plugin) -> serde_json::Value {
    let manifest = plugin.manifest();
    let reads: Vec<_> = manifest.reads.iter().map(|kind| kind.as_str()).collect();
    let signals: Vec<_> = manifest.signals.iter().map(|signal| &signal.name).collect();
    json!({
        "slot": slot,
        "name": manifest.name,
        "version": manifest.version,
        "digest": plugin.digest(),
        "reads": reads,
        "signals": signals,
    })
}

/// Whether it is a component that imports all slots.
fn has_slots(component: &[u8]) -> bool {
    let mut missing: Vec<String> = (1..=SPIN_SLOTS).map(slot_import).collect();
    if !Parser::is_component(component) {
        return false;
    }
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::ComponentImportSection(imports)) => {
                for import in imports.into_iter().flatten() {
                    missing.retain(|slot| slot != import.name.name);
                }
            }
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    missing.is_empty()
}
