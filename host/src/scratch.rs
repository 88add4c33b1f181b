//! Folders that are thrown away.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A folder of its own in the system's folder for temporary files; removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn make() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!("aia-scratch-{:016x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        // Fails where it exists, so nobody else can have prepared it.
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "cannot remove a throw-away folder");
        }
    }
}
