//! Why there is no bundle, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::runtime::LoadError;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
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
    /// It imports something.
    #[error("`{plugin}` imports {imports}; plugins for the edge import nothing")]
    Imports {
        /// The file.
        plugin: String,
        /// What, as text.
        imports: String,
    },
    /// It is no plugin for another reason.
    #[error("`{plugin}` is no plugin that AIA would run")]
    Plugin {
        /// The file.
        plugin: String,
        /// Why not.
        #[source]
        source: Box<LoadError>,
    },
    /// It doesn't detect.
    #[error("`{plugin}` is {kind}; the edge runs detectors")]
    NoDetector {
        /// The file.
        plugin: String,
        /// What it is, with an article.
        kind: &'static str,
    },
    /// Two have one name.
    #[error("`{first}` and `{second}` are both called `{name}`")]
    SameName {
        /// Their name.
        name: String,
        /// One file.
        first: String,
        /// The other file.
        second: String,
    },
    /// It can't be made JavaScript.
    #[error("`{plugin}` can't be transpiled: {reason}")]
    Transpile {
        /// The file.
        plugin: String,
        /// Why not.
        reason: String,
    },
    /// The folder holds something else.
    #[error("`{}` exists and is no bundle", folder.display())]
    Exists {
        /// Which folder.
        folder: PathBuf,
    },
    /// More than there are slots.
    #[error("{found} plugins are too many: the component has {slots} slots")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many it takes.
        slots: usize,
    },
    /// The file of the component isn't one.
    #[error("`{}` isn't AIA's component for Spin", file.display())]
    NoComponent {
        /// Which file.
        file: PathBuf,
    },
    /// The folder of the shell isn't one.
    #[error("`{}` isn't a Worker's shell: it has no `shell.mjs`", folder.display())]
    NoShell {
        /// Which folder.
        folder: PathBuf,
    },
}

impl BundleError {
    /// What failed at this file or folder.
    pub(super) fn io<'a>(operation: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + 'a {
        move |source| Self::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    /// What to do about it, where that can be said.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Imports { .. } => Some(
                "build it for a target without a system, such as wasm32-unknown-unknown; what imports WASI runs on a host",
            ),
            Self::NoDetector { .. } => {
                Some("analysts and reporters run on the host that pulls: leave this one out")
            }
            Self::SameName { .. } => Some("a name is in a plugin's manifest: rename one, or leave one out"),
            Self::Exists { .. } => {
                Some("give a folder that is empty, isn't there yet, or holds an earlier bundle")
            }
            Self::TooMany { .. } => {
                Some("leave some out, or deploy them as an app of their own on another bucket")
            }
            Self::NoComponent { .. } => {
                Some("`cargo xtask spin` in a clone of AIA's repository builds it, as `edge.wasm`")
            }
            Self::NoShell { .. } => {
                Some("`cargo xtask edge` in a clone of AIA's repository builds one, into `shell/`")
            }
            Self::Io { .. } | Self::Plugin { .. } | Self::Transpile { .. } => None,
        }
    }
}
