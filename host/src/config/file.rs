//! `aia.toml`: every value with its key and line.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{
    ConfigError, Origin,
    keys::{self, KEYS, Key},
    plugin_settings::{self, AllPluginSettings},
};

/// What a file may be at most; a configuration has some kilobytes.
const LARGEST_BYTES: u64 = 1 << 20;

/// Reads a file.
///
/// # Errors
/// If it isn't there, can't be read, or is larger than a configuration can be.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST_BYTES {
        let message = format!("a configuration has at most {LARGEST_BYTES} bytes, this file has {size}");
        return Err(unreadable(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            message,
        )));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Calls `found` with every setting in `text`, in the order of the file; what plugins are told goes to `plugins`.
///
/// # Errors
/// If it isn't TOML or holds an unknown key, or what `found` says.
pub(super) fn settings(
    path: &Path,
    text: &str,
    plugins: &mut AllPluginSettings,
    mut found: impl FnMut(&'static Key, &DeValue<'_>, Origin) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: line(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let origin = |at: usize| Origin::File {
        path: path.to_owned(),
        line: line(at),
    };
    let unknown = |at: usize, key: &str| {
        let nearest = keys::nearest(key, KEYS.iter().map(|key| key.name.to_owned()));
        ConfigError::UnknownKey {
            origin: origin(at),
            key: key.to_owned(),
            nearest,
        }
    };
    for (name, value) in table.get_ref() {
        let at = name.span().start;
        if let (DeValue::Table(tables), plugin_settings::TABLE) = (value.get_ref(), name.get_ref().as_ref()) {
            plugin_settings::from_file(plugins, tables, origin)?;
        } else if let (DeValue::Table(inner), true) = (value.get_ref(), keys::is_table(name.get_ref())) {
            for (inner_name, inner_value) in inner {
                let at = inner_name.span().start;
                let full = format!("{}.{}", name.get_ref(), inner_name.get_ref());
                let key = keys::find(&full).ok_or_else(|| unknown(at, &full))?;
                found(key, inner_value.get_ref(), origin(at))?;
            }
        } else {
            let key = keys::find(name.get_ref()).ok_or_else(|| unknown(at, name.get_ref()))?;
            found(key, value.get_ref(), origin(at))?;
        }
    }
    Ok(())
}
