//! Reads what a file imports and exports, and refuses what is no plugin, before anything is compiled.
//!
//! The file is a stranger's. Only its structure is read and validated here, function bodies are left to the compiler,
//! so that this costs well under a millisecond and no more memory than the file.

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::{Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures, types::Types};

use super::engine::REFUSED_FEATURES;
use super::error::CONTRACT_VERSION;
use super::resources::Resources;
use super::{Limits, LoadFailure, PluginKind, wasi};

/// The package of the contract.
const PACKAGE: &str = "aia:plugin/";

/// Something that a component imports or exports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// Its name, such as `aia:plugin/manifest@0.1.0`.
    pub name: String,
    /// The functions in it, such as `describe` or `[method]session.tick`.
    pub functions: Vec<String>,
}

/// What a component imports and exports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Interfaces {
    /// The kind of plugin that its exports make it.
    pub(super) kind: PluginKind,
    /// Interfaces of types, and of WASI.
    pub(super) imports: Vec<Interface>,
    /// All that it exports.
    pub(super) exports: Vec<Interface>,
}

impl Interfaces {
    /// Whether it imports no function and no resource, so that it runs on every runtime.
    pub(super) fn is_pure(&self) -> bool {
        self.imports
            .iter()
            .all(|import| !import.name.starts_with("wasi:"))
    }
}

/// Reads a component file.
pub(super) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Interfaces, LoadFailure> {
    let structure = read(bytes, limits)?;
    let imports = structure.imports()?;
    let exports = structure.exports();
    let kind = kind_of(&exports)?;
    Ok(Interfaces {
        kind,
        imports,
        exports,
    })
}

/// A component's types, and the names of its imports and exports in order.
struct Structure<'a> {
    types: Types,
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Structure<'a>, LoadFailure> {
    let refused = |reason: &dyn std::fmt::Display| LoadFailure::NotAComponent {
        reason: reason.to_string(),
    };
    if !bytes.starts_with(b"\0asm") {
        return Err(refused(&"it doesn't begin with the bytes `\\0asm`"));
    }
    let mut validator = Validator::new_with_features(WasmFeatures::default().difference(REFUSED_FEATURES));
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut resources = Resources::new(limits);
    // How many modules and components are open around the current payload: only the outermost one's names count.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| refused(&error))?;
        match &payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(refused(
                    &"it is a core module; `wasm-tools component new` makes components of those",
                ));
            }
            Payload::Version { .. } => depth += 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section.clone() {
                    imports.push(import.map_err(|error| refused(&error))?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section.clone() {
                    exports.push(export.map_err(|error| refused(&error))?.name.name);
                }
            }
            _ => {}
        }
        resources.count(&payload, depth)?;
        if let ValidPayload::End(types) = validator.payload(&payload).map_err(|error| refused(&error))? {
            depth -= 1;
            if depth == 0 {
                return Ok(Structure {
                    types,
                    imports,
                    exports,
                });
            }
        }
    }
    Err(refused(&"it ends too early"))
}

impl Structure<'_> {
    /// The imports, if all of them are instances of nothing but types, or of the WASI there is.
    fn imports(&self) -> Result<Vec<Interface>, LoadFailure> {
        let mut interfaces = Vec::new();
        for name in &self.imports {
            let Some(item) = self.types.as_ref().component_item_for_import(name) else {
                continue;
            };
            if let (true, ComponentEntityType::Instance(id)) = (wasi::has(name), &item.ty) {
                interfaces.push(Interface {
                    name: (*name).to_owned(),
                    functions: self.functions(*id),
                });
                continue;
            }
            if name.starts_with("wasi:") {
                return Err(LoadFailure::Wasi {
                    import: (*name).to_owned(),
                });
            }
            if let Some((kind, path)) = self.more_than_types(name, &item.ty) {
                return Err(LoadFailure::Import { kind, import: path });
            }
            interfaces.push(Interface {
                name: (*name).to_owned(),
                functions: Vec::new(),
            });
        }
        Ok(interfaces)
    }

    /// The first thing in an import that isn't a plain type: what it is, and its name.
    fn more_than_types(&self, name: &str, entity: &ComponentEntityType) -> Option<(&'static str, String)> {
        let kind = match entity {
            ComponentEntityType::Type {
                created: ComponentAnyTypeId::Resource(_),
                ..
            } => "resource",
            ComponentEntityType::Type { .. } => return None,
            ComponentEntityType::Instance(id) => {
                let instance = self.types.as_ref().get(*id)?;
                return instance
                    .exports
                    .iter()
                    .find_map(|(inner, item)| self.more_than_types(&format!("{name}#{inner}"), &item.ty));
            }
            ComponentEntityType::Func(_) => "function",
            ComponentEntityType::Module(_) => "core module",
            ComponentEntityType::Value(_) => "value",
            ComponentEntityType::Component(_) => "component",
        };
        Some((kind, name.to_owned()))
    }

    /// By name: their order in a file follows from how it was linked.
    fn exports(&self) -> Vec<Interface> {
        let mut exports: Vec<Interface> = self
            .exports
            .iter()
            .map(|name| {
                let item = self.types.as_ref().component_item_for_export(name);
                let functions = match item.map(|item| &item.ty) {
                    Some(ComponentEntityType::Instance(id)) => self.functions(*id),
                    _ => Vec::new(),
                };
                Interface {
                    name: (*name).to_owned(),
                    functions,
                }
            })
            .collect();
        exports.sort_by(|one, other| one.name.cmp(&other.name));
        exports
    }

    fn functions(&self, id: wasmparser::component_types::ComponentInstanceTypeId) -> Vec<String> {
        let Some(instance) = self.types.as_ref().get(id) else {
            return Vec::new();
        };
        instance
            .exports
            .iter()
            .filter(|(_, item)| matches!(item.ty, ComponentEntityType::Func(_)))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// The kind of plugin with these exports.
fn kind_of(exports: &[Interface]) -> Result<PluginKind, LoadFailure> {
    let (mut has_manifest, mut kinds) = (false, Vec::new());
    for export in exports {
        let Some(name) = export.name.strip_prefix(PACKAGE) else {
            continue;
        };
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        if version != CONTRACT_VERSION {
            return Err(LoadFailure::ContractVersion {
                found: export.name.clone(),
            });
        }
        match interface {
            "manifest" => has_manifest = true,
            "detector" => kinds.push(PluginKind::Detector),
            "analyst" => kinds.push(PluginKind::Analyst),
            "reporter" => kinds.push(PluginKind::Reporter),
            _ => {}
        }
    }
    if !has_manifest {
        return Err(LoadFailure::MissingExport {
            missing: format!("`{PACKAGE}manifest@{CONTRACT_VERSION}`"),
        });
    }
    match kinds.as_slice() {
        [kind] => Ok(*kind),
        [] => Err(LoadFailure::MissingExport {
            missing: format!(
                "any of `detector`, `analyst` and `reporter` of `{PACKAGE}…@{CONTRACT_VERSION}`"
            ),
        }),
        several => {
            let names: Vec<_> = several.iter().map(|kind| kind.as_str()).collect();
            Err(LoadFailure::MixedKinds {
                kinds: names.join(", "),
            })
        }
    }
}
