//! The folder of a bundle: its files, until they are written.

use std::fs;
use std::path::{Path, PathBuf};

use super::BundleError;
use crate::runtime::Plugin;

/// A file of a bundle.
#[derive(Clone, Debug)]
pub struct BundleFile {
    /// Where it lies in the folder, with `/`.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A bundle that isn't written yet.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Its files.
    pub files: Vec<BundleFile>,
    /// Names and versions of its plugins.
    pub plugins: Vec<(String, String)>,
    /// The file that makes a folder a bundle of this kind.
    marker: &'static str,
}

impl Bundle {
    pub(super) fn new(marker: &'static str) -> Self {
        Self {
            files: Vec::new(),
            plugins: Vec::new(),
            marker,
        }
    }

    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) {
        self.files.push(BundleFile {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
        });
    }

    pub(super) fn add_folder(&mut self, folder: &Path, path: &str) -> Result<(), BundleError> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(BundleError::io("read", folder))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (from, path) = (
                entry.path(),
                format!("{path}/{}", entry.file_name().to_string_lossy()),
            );
            if from.is_dir() {
                self.add_folder(&from, &path)?;
            } else {
                self.add(&path, &fs::read(&from).map_err(BundleError::io("read", &from))?);
            }
        }
        Ok(())
    }

    pub(super) fn add_plugin(&mut self, plugin: &Plugin) {
        let manifest = plugin.manifest();
        self.plugins
            .push((manifest.name.clone(), manifest.version.clone()));
    }

    /// Writes it. An earlier bundle in that folder is replaced when all of this one is written; a folder that holds
    /// anything else is left as it is.
    ///
    /// # Errors
    /// If the folder holds something else, or can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), BundleError> {
        let is_empty = fs::read_dir(folder).map_or(Ok(true), |mut entries| {
            entries.next().transpose().map(|entry| entry.is_none())
        });
        if !is_empty.map_err(BundleError::io("read", folder))? && !folder.join(self.marker).is_file() {
            return Err(BundleError::Exists {
                folder: folder.to_owned(),
            });
        }
        let new = beside(folder);
        remove(&new)?;
        for file in &self.files {
            let path = new.join(&file.path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(BundleError::io("create", parent))?;
            }
            fs::write(&path, &file.bytes).map_err(BundleError::io("write", &path))?;
        }
        remove(folder)?;
        fs::rename(&new, folder).map_err(BundleError::io("replace", folder))
    }
}

/// A folder of this process's own beside another one.
fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    folder.with_file_name(name)
}

fn remove(folder: &Path) -> Result<(), BundleError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(BundleError::io("remove", folder)(source))
        }
        _ => Ok(()),
    }
}
