//! Composition: fills the imports of a component with exports of others, as Spin does with what `spin.toml` says.
//!
//! What Spin does beyond that concerns components that import something: a dependency's imports are denied, and each part
//! gets an environment of its own. Plugins for the edge import nothing.

use anyhow::{Context, Result, ensure};
use wac_graph::CompositionGraph;
use wac_graph::types::{Package, SubtypeChecker};

/// What fills an import.
#[derive(Clone, Debug)]
pub(super) struct Composition {
    /// The import, such as `aia-slot:slot1/detector@0.1.0`.
    pub(super) import: String,
    /// The export that fills it.
    pub(super) export: String,
    /// The component that has it.
    pub(super) component: Vec<u8>,
}

/// Composes a component with its dependencies.
///
/// # Errors
/// If an import isn't there, or an export doesn't fit it.
pub(super) fn compose(component: &[u8], dependencies: &[Composition]) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let main = Package::from_bytes("edge", None, component, graph.types_mut())?;
    let world = main.ty();
    let main = graph.register_package(main)?;
    let main = graph.instantiate(main);
    for dependency in dependencies {
        let Composition {
            import,
            export,
            component,
        } = dependency;
        // Spin calls it by the import's package, so that a package can be there only once.
        let (name, _) = import.split_once('/').context("an import without a package")?;
        let package = Package::from_bytes(name, None, component.as_slice(), graph.types_mut())?;
        let its_world = package.ty();
        let package = graph.register_package(package)?;
        let instance = graph.instantiate(package);
        let wanted = graph.types()[world].imports.get(import.as_str()).copied();
        let wanted = wanted.with_context(|| format!("the component doesn't import {import}"))?;
        let given = graph.types()[its_world].exports.get(export.as_str()).copied();
        let given = given.with_context(|| format!("{name} doesn't export {export}"))?;
        let mut cache = Default::default();
        SubtypeChecker::new(&mut cache)
            .is_subtype(given, graph.types(), wanted, graph.types())
            .with_context(|| format!("{export} doesn't fit {import}"))?;
        let alias = graph.alias_instance_export(instance, export)?;
        graph.set_instantiation_argument(main, import, alias)?;
    }
    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    ensure!(!exports.is_empty(), "the component exports nothing");
    for export in exports {
        let alias = graph.alias_instance_export(main, &export)?;
        graph.export(alias, &export)?;
    }
    Ok(graph.encode(Default::default())?)
}
