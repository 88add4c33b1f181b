//! The first-party plugins as components. `build.rs` builds them; here are their bytes.
//!
//! With the feature `test-plugins` there are also `EVIL` and `EVIL_ANALYST`, which misbehave on demand, and `WORLDLY`,
//! which imports WASI.

/// Detector of exceptions, error statuses and HTTP 5xx.
pub const ERRORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/errors.wasm"));

/// Detector of operations that are slower than usual.
pub const LATENCY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/latency.wasm"));

/// Detector of log lines that are new, come more often than usual or stay away.
pub const LOGS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/logs.wasm"));

/// Detector of metrics that are not as usual.
pub const METRICS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/metrics.wasm"));

/// Detector of paths through the code that end early.
pub const PATHS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/paths.wasm"));

/// Reporter that renders an incident as Markdown or HTML.
pub const REPORT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/report.wasm"));

/// Analyst that ranks suspects without a model.
pub const SUSPECTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/suspects.wasm"));

/// All first-party plugins, with the names their manifests give.
pub const FIRST_PARTY: &[(&str, &[u8])] = &[
    ("errors", ERRORS),
    ("latency", LATENCY),
    ("logs", LOGS),
    ("metrics", METRICS),
    ("paths", PATHS),
    ("report", REPORT),
    ("suspects", SUSPECTS),
];

/// The detectors among them.
pub const DETECTORS: &[(&str, &[u8])] = &[
    ("errors", ERRORS),
    ("latency", LATENCY),
    ("logs", LOGS),
    ("metrics", METRICS),
    ("paths", PATHS),
];

/// What fills a slot of a composition that has no detector: it exports what one does, and nobody calls it.
pub const VACANT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/vacant.wasm"));

/// A detector that misbehaves in every way the host defends against.
#[cfg(feature = "test-plugins")]
pub const EVIL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/evil.wasm"));

/// An analyst that misbehaves in every way the host defends against.
#[cfg(feature = "test-plugins")]
pub const EVIL_ANALYST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/evil-analyst.wasm"));

/// A detector that imports WASI and reaches for everything.
#[cfg(feature = "test-plugins")]
pub const WORLDLY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/worldly.wasm"));

#[cfg(test)]
mod tests {
    use std::path::Path;

    use wit_parser::decoding::{DecodedWasm, decode};
    use wit_parser::{InterfaceId, Resolve, TypeDefKind, WorldItem};

    use super::*;

    /// The import as text, where it is more than types.
    fn impure(resolve: &Resolve, interface: InterfaceId) -> Vec<String> {
        let interface = &resolve.interfaces[interface];
        let functions = interface.functions.keys().map(|name| format!("function {name}"));
        let resources = interface
            .types
            .iter()
            .filter(|(_, id)| resolve.types[**id].kind == TypeDefKind::Resource);
        functions
            .chain(resources.map(|(name, _)| format!("resource {name}")))
            .collect()
    }

    fn world_of(component: &[u8]) -> (Resolve, wit_parser::WorldId) {
        match decode(component).unwrap() {
            DecodedWasm::Component(resolve, world) => (resolve, world),
            DecodedWasm::WitPackage(..) => panic!("a WIT package instead of a component"),
        }
    }

    #[test]
    fn import_no_function_and_no_resource() {
        for (name, component) in FIRST_PARTY {
            let (resolve, world) = world_of(component);
            for (key, item) in &resolve.worlds[world].imports {
                let import = resolve.name_world_key(key);
                match item {
                    WorldItem::Interface { id, .. } => {
                        assert_eq!(
                            impure(&resolve, *id),
                            Vec::<String>::new(),
                            "{name} imports {import}"
                        );
                    }
                    WorldItem::Function(_) => panic!("{name} imports function {import}"),
                    WorldItem::Type { id, .. } => {
                        assert_ne!(
                            resolve.types[*id].kind,
                            TypeDefKind::Resource,
                            "{name} imports {import}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn export_the_worlds_of_the_contract() {
        let exports = |component| {
            let (resolve, world) = world_of(component);
            let mut names: Vec<_> = resolve.worlds[world]
                .exports
                .keys()
                .map(|key| resolve.name_world_key(key))
                .collect();
            names.sort();
            names
        };
        let detectors = DETECTORS.iter().map(|(_, detector)| *detector);
        for detector in detectors.chain([VACANT]) {
            assert_eq!(
                exports(detector),
                ["aia:plugin/detector@0.1.0", "aia:plugin/manifest@0.1.0"]
            );
        }
        assert_eq!(
            exports(REPORT),
            ["aia:plugin/manifest@0.1.0", "aia:plugin/reporter@0.1.0"]
        );
        assert_eq!(
            exports(SUSPECTS),
            ["aia:plugin/analyst@0.1.0", "aia:plugin/manifest@0.1.0"]
        );
    }

    #[test]
    fn hold_no_path_of_this_machine() {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
        let workspace = Path::new(&manifest).ancestors().nth(2).unwrap();
        let home = std::env::home_dir().unwrap();
        for (name, component) in FIRST_PARTY {
            for folder in [workspace, &home] {
                let folder = folder.to_str().unwrap().as_bytes();
                assert!(
                    !component.windows(folder.len()).any(|bytes| bytes == folder),
                    "{name}"
                );
            }
        }
    }
}
