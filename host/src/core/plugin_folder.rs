//! The folder of plugins besides the built-in ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::server::BackendError;

pub(super) struct PluginFolder {
    path: PathBuf,
    /// Files as they were when last looked at: one that is still being written looks different each time.
    seen: Mutex<BTreeMap<String, Stamp>>,
}

/// A plugin's file.
pub(super) struct PluginFile {
    /// The file's name within the folder.
    pub(super) name: String,
    pub(super) stamp: Stamp,
    path: PathBuf,
}

/// What tells a changed file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl PluginFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            seen: Mutex::default(),
        }
    }

    /// The plugins' files, by name. One that vanishes meanwhile is left out.
    pub(super) fn files(&self) -> Result<Vec<PluginFile>, BackendError> {
        let mut files = Vec::new();
        for file in std::fs::read_dir(&self.path).map_err(|error| cannot_read(&self.path, &error))? {
            let path = file.map_err(|error| cannot_read(&self.path, &error))?.path();
            if path.extension().is_none_or(|ending| ending != "wasm") {
                continue;
            }
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            files.push(PluginFile {
                name: path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                stamp: Stamp {
                    modified: metadata.modified().ok(),
                    bytes: metadata.len(),
                },
                path,
            });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Whether a file looks as it did the last time that this was asked: it isn't being written any more.
    pub(super) fn holds_still(&self, file: &PluginFile) -> bool {
        self.seen.lock().insert(file.name.clone(), file.stamp) == Some(file.stamp)
    }
}

impl PluginFile {
    /// Its bytes, unless they are so many that it would be refused anyway.
    pub(super) fn read(&self, maximum: u64) -> Result<Vec<u8>, String> {
        let bytes = self.stamp.bytes;
        if bytes > maximum {
            return Err(format!(
                "it has {bytes} bytes; at most {maximum} are allowed (limit `component-bytes`)"
            ));
        }
        std::fs::read(&self.path).map_err(|error| format!("it can't be read: {error}"))
    }
}

pub(super) fn cannot_read(path: &Path, error: &std::io::Error) -> BackendError {
    format!("cannot read {}: {error}", path.display()).into()
}
