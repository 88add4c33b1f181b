//! What can go wrong between an author and a plugin, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::replay::ReplayError;
use crate::runtime::{LoadError, PluginError};

/// Why there is no plugin, component or measurement.
#[derive(Debug, thiserror::Error)]
pub enum AuthorsError {
    /// The name is none.
    #[error(
        "`{name}` can't be the name of a plugin: 1 to 40 lower-case letters, digits and hyphens, starting with a letter"
    )]
    Name {
        /// What was asked for.
        name: String,
    },
    /// There is no template for it.
    #[error("there are no templates in `{language}`")]
    Language {
        /// What was asked for.
        language: String,
    },
    /// The folder has something in it.
    #[error("`{}` exists and isn't empty", folder.display())]
    Exists {
        /// Which folder.
        folder: PathBuf,
    },
    /// Neither this folder nor one above it is a clone.
    #[error("the plugin SDK is neither here nor in a folder above")]
    NoSdk,
    /// Something else is there.
    #[error("`{}` isn't the folder of the package aia-plugin-sdk", folder.display())]
    NotTheSdk {
        /// Which folder.
        folder: PathBuf,
    },
    /// A file or folder can't be used.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A program doesn't start.
    #[error("cannot run `{program}`")]
    Program {
        /// Which.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// There is no standard library for Wasm.
    #[error("the compiler has no target {target}")]
    NoTarget {
        /// Which target.
        target: &'static str,
    },
    /// Cargo said why on standard error.
    #[error("cargo cannot {task} ({status}): its messages are above")]
    Cargo {
        /// What it was asked to.
        task: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// Cargo says something unknown.
    #[error("cannot understand cargo: {reason}")]
    CargoOutput {
        /// What is wrong with it.
        reason: String,
    },
    /// The folder's package is no plugin's.
    #[error("the package in `{}` builds no component: its library isn't of the crate type `cdylib`", folder.display())]
    NoLibrary {
        /// Which folder.
        folder: PathBuf,
    },
    /// The module doesn't fit the contract.
    #[error("the module makes no component: {reason}")]
    NoComponent {
        /// Why not.
        reason: String,
    },
    /// A host wouldn't run it.
    #[error("`{}` is no plugin that AIA would run", file.display())]
    Plugin {
        /// Which file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: Box<LoadError>,
    },
    /// There is nothing to test with.
    #[error("there are no fixtures in `{}`", folder.display())]
    NoFixtures {
        /// Which folder.
        folder: PathBuf,
        /// What a fixture of this kind of plugin is called.
        pattern: &'static str,
    },
    /// Only detectors have a yardstick.
    #[error("`{plugin}` is no detector: only detectors are measured")]
    NoDetector {
        /// Its name.
        plugin: String,
    },
    /// The plugin failed while it was measured.
    #[error("the plugin fails at batch {batch}")]
    Measured {
        /// From 0; the batch that it failed at.
        batch: usize,
        /// How.
        #[source]
        source: Box<PluginError>,
    },
    /// A recording can't be used.
    #[error("cannot use a recording")]
    Recording(#[source] Box<ReplayError>),
    /// A part of the recording is no telemetry.
    #[error("cannot use request {number} of `{}`: {reason}", file.display())]
    Request {
        /// Which file.
        file: PathBuf,
        /// Which request of it, from 0.
        number: u64,
        /// Why.
        reason: String,
    },
    /// Nothing to measure with.
    #[error("the recording has no {signal}")]
    NoRows {
        /// Which signal was asked for.
        signal: &'static str,
    },
}

impl From<ReplayError> for AuthorsError {
    fn from(error: ReplayError) -> Self {
        Self::Recording(Box::new(error))
    }
}

impl AuthorsError {
    /// What failed at this file or folder.
    pub(crate) fn io<'a>(operation: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + 'a {
        move |source| Self::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the author called it wrongly, rather than something having failed.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::Language { .. })
    }

    /// What to do about it, where that can be said.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Language { .. } => {
                "there is `rust`; any language that makes components of the contract in `wit/` works, without a template"
            }
            Self::Exists { .. } => "choose another name, or another folder to work in",
            Self::NoSdk => {
                "the SDK isn't on a registry yet: work inside a clone of AIA's repository, or give `--sdk FOLDER`, the clone's folder `sdk`"
            }
            Self::NotTheSdk { .. } => "`--sdk` takes the folder `sdk` of a clone of AIA's repository",
            Self::Program { .. } => "plugins in Rust are built by cargo: https://rustup.rs installs it",
            Self::NoTarget { .. } => {
                "`rustup target add wasm32-unknown-unknown`, run in the plugin's folder, adds it"
            }
            Self::NoLibrary { .. } => {
                "its Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`; `aia plugin new` makes such a package"
            }
            Self::NoComponent { .. } => {
                "does the library export a plugin, as with `export_detector!(…)`, and import nothing but the SDK's?"
            }
            Self::NoFixtures { pattern, .. } => {
                return Some(format!(
                    "a fixture is a file `{pattern}`; docs/writing-a-plugin.md shows one"
                ));
            }
            _ => return None,
        };
        Some(help.to_owned())
    }
}
