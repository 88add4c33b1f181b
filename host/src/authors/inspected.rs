//! All that can be said of a plugin's file.

use serde::Serialize;

use crate::runtime::{Interface, Plugin};

/// What a file is, and what a host would grant it.
#[derive(Clone, Debug, Serialize)]
pub struct Inspected {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `detector`, `analyst` or `reporter`.
    pub kind: &'static str,
    /// One sentence, by its author.
    pub description: String,
    /// BLAKE3 of the file, hex.
    pub digest: String,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// The version of the contract that it was made for.
    pub contract_version: &'static str,
    /// Kinds of telemetry it is handed.
    pub reads: Vec<&'static str>,
    /// Kinds of signals it emits.
    pub signals: Vec<ShownSignal>,
    /// Media types it renders.
    pub formats: Vec<String>,
    /// JSON Schema of what it can be told.
    pub config_schema: serde_json::Value,
    /// Largest memory of one instance, in bytes, as granted.
    pub memory_bytes: u64,
    /// Longest call in milliseconds, as granted.
    pub call_time_ms: u64,
    /// Largest snapshot, in bytes, as granted.
    pub snapshot_bytes: u64,
    /// Whether it imports nothing of the system, so that it also runs in a Worker and in Spin.
    pub pure: bool,
    /// Interfaces that it imports: of types, and of WASI.
    pub imports: Vec<ShownInterface>,
    /// Interfaces that it exports.
    pub exports: Vec<ShownInterface>,
}

/// A kind of signal.
#[derive(Clone, Debug, Serialize)]
pub struct ShownSignal {
    /// Its name.
    pub name: String,
    /// What it says.
    pub description: String,
}

/// Something that a component imports or exports.
#[derive(Clone, Debug, Serialize)]
pub struct ShownInterface {
    /// Its name.
    pub name: String,
    /// The functions in it.
    pub functions: Vec<String>,
}

impl From<&Interface> for ShownInterface {
    fn from(interface: &Interface) -> Self {
        Self {
            name: interface.name.clone(),
            functions: interface.functions.clone(),
        }
    }
}

impl From<&Plugin> for Inspected {
    fn from(plugin: &Plugin) -> Self {
        let (manifest, granted) = (plugin.manifest(), plugin.granted());
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            kind: plugin.kind().as_str(),
            description: manifest.description.clone(),
            digest: plugin.digest(),
            size_bytes: plugin.size() as u64,
            contract_version: plugin.contract_version(),
            reads: manifest.reads.iter().map(|kind| kind.as_str()).collect(),
            signals: manifest
                .signals
                .iter()
                .map(|signal| ShownSignal {
                    name: signal.name.clone(),
                    description: signal.description.clone(),
                })
                .collect(),
            formats: manifest.formats.clone(),
            config_schema: serde_json::from_str(&manifest.config_schema).unwrap_or_default(),
            memory_bytes: granted.memory_bytes as u64,
            call_time_ms: u64::try_from(granted.call_time.as_millis()).unwrap_or(u64::MAX),
            snapshot_bytes: granted.snapshot_bytes as u64,
            pure: plugin.is_pure(),
            imports: plugin.imports().iter().map(Into::into).collect(),
            exports: plugin.exports().iter().map(Into::into).collect(),
        }
    }
}
