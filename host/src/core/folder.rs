//! The data folder: where what lies, and that only one host runs in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::secrets::{SECRET_VARIABLE, SecretError, Secrets};

/// Why the data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It can't be made or opened.
    #[error("cannot {operation} the data folder {path}")]
    Open {
        /// What was being done.
        operation: &'static str,
        /// Which folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another host runs in it.
    #[error(
        "another `aia up` is running on the data folder {path}: stop it, or give this one a folder of its own with `--data`"
    )]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
}

/// Held while a host runs; released when its process ends, however it does.
pub(super) struct Lock(#[expect(dead_code, reason = "holding it is its use")] File);

pub(super) struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    /// Opens the folder, making it where it isn't there, for its owner only: it holds secrets and telemetry.
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Open {
            operation: "create",
            path: path.to_owned(),
            source,
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(super) fn lock(&self) -> Result<Lock, FolderError> {
        let failed = |source| FolderError::Open {
            operation: "lock",
            path: self.path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join("lock"))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse {
                path: self.path.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whether it has a secret of its own already.
    pub(super) fn has_secret(path: &Path) -> bool {
        Secrets::is_in(path)
    }

    pub(super) fn secrets(&self) -> Result<Secrets, SecretError> {
        let variable = std::env::var(SECRET_VARIABLE).ok().map(SecretString::from);
        Secrets::load(&self.path, variable.as_ref())
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("aia.db")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.path.join("cache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_host_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&folder.path().join("data")).unwrap();
        let lock = data.lock().unwrap();
        let error = data.lock().err().unwrap();
        assert!(matches!(error, FolderError::InUse { .. }), "{error}");
        drop(lock);
        data.lock().unwrap();
    }
}
