//! What plugin authors work with: a new plugin ([`new`]), its component ([`component`]), its fixtures ([`fixtures`]) and
//! what it costs ([`yardstick`]).
//!
//! Nothing here needs or makes a data folder. Plugins run in the same runtime and under the same limits as in a host.

pub mod component;
mod error;
pub mod fixtures;
mod inspected;
pub mod new;
mod synthetic;
pub mod yardstick;

use std::path::Path;
use std::sync::Arc;

pub use error::AuthorsError;
pub use inspected::{Inspected, ShownInterface, ShownSignal};

use crate::runtime::{Plugin, Runtime};

/// Loads a file as a host would.
///
/// # Errors
/// If it can't be read or is no plugin that a host runs.
pub fn load(runtime: &Runtime, file: &Path) -> Result<Arc<Plugin>, AuthorsError> {
    let bytes = std::fs::read(file).map_err(AuthorsError::io("read", file))?;
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    runtime
        .load(&name, &bytes)
        .map_err(|source| AuthorsError::Plugin {
            file: file.to_owned(),
            source: Box::new(source),
        })
}
