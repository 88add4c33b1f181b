//! `spin.toml`, as far as it is used: an app of one component.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::compose::{Composition, compose};

/// What of it is used.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    variables: BTreeMap<String, Variable>,
    component: BTreeMap<String, ManifestComponent>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    default: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ManifestComponent {
    source: String,
    pub(super) files: Vec<Mount>,
    pub(super) allowed_outbound_hosts: Vec<String>,
    pub(super) key_value_stores: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    dependencies: BTreeMap<String, Dependency>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mount {
    pub(super) source: String,
    pub(super) destination: String,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    path: String,
    export: String,
}

impl Manifest {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(toml::from_str(&text)?)
    }

    pub(super) fn first(&self) -> Result<&ManifestComponent> {
        self.component
            .values()
            .next()
            .context("an app without components")
    }

    pub(super) fn compose(&self, folder: &Path) -> Result<Vec<u8>> {
        let component = self.first()?;
        let read =
            |path: &str| std::fs::read(folder.join(path)).with_context(|| format!("cannot read {path}"));
        let dependencies = component.dependencies.iter().map(|(import, dependency)| {
            Ok(Composition {
                import: import.clone(),
                export: dependency.export.clone(),
                component: read(&dependency.path)?,
            })
        });
        compose(
            &read(&component.source)?,
            &dependencies.collect::<Result<Vec<_>>>()?,
        )
    }

    /// A template with one variable or none.
    pub(super) fn expand(&self, template: &str, given: &BTreeMap<String, String>) -> Result<String> {
        let Some(name) = template
            .strip_prefix("{{ ")
            .and_then(|rest| rest.strip_suffix(" }}"))
        else {
            return Ok(template.to_owned());
        };
        let variable = self
            .variables
            .get(name)
            .with_context(|| format!("no variable {name}"))?;
        let value = given.get(name).or(variable.default.as_ref());
        value.cloned().with_context(|| format!("{name} isn't given"))
    }
}
