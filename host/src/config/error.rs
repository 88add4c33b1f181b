//! What is wrong with a configuration, and where it was said.

use std::{fmt, io, path::PathBuf};

/// Where a setting came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::Flag(name) => write!(formatter, "flag {name}"),
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file can't be read.
    #[error("cannot read the configuration file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file isn't TOML.
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// There is no such key.
    #[error("{origin}: there is no setting `{key}`")]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// The key as written.
        key: String,
        /// The known key (or variable) closest to it.
        nearest: String,
    },
    /// The value doesn't fit.
    #[error("{origin}: `{key}` must be {expected}, found {found}")]
    WrongValue {
        /// Where.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: String,
        /// What was there.
        found: String,
    },
    /// Something else than a table stands where a plugin's settings belong.
    #[error("{origin}: `settings.{plugin}` must be a table")]
    NotPluginSettings {
        /// Where.
        origin: Origin,
        /// The plugin's name as written.
        plugin: String,
    },
    /// A `--set` without `=`.
    #[error("flag --set: expected KEY=VALUE, found `{found}`")]
    NotAnAssignment {
        /// What was there.
        found: String,
    },
}

impl ConfigError {
    /// What to do about it, where that can be said.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest, .. } => Some(format!(
                "did you mean `{nearest}`? `aia config` prints every setting with its default"
            )),
            Self::WrongValue { key, .. } => Some(format!("`aia config` prints `{key}` with its default")),
            Self::NotAnAssignment { .. } => Some("for example `--set limits.request-bytes=8MiB`".to_owned()),
            Self::NotPluginSettings { plugin, .. } => Some(format!(
                "write `[settings.{plugin}]`, and below it what the plugin is told"
            )),
            Self::Unreadable { .. } | Self::Syntax { .. } => None,
        }
    }
}
