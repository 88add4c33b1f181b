//! The deployment's secret: 32 random bytes, from the environment or from a file in the data folder that only its owner
//! may read. Every key of the host is derived from it, each under a context of its own.

use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aia_telemetry::{DeploymentSecret, IngestSecrets, ROOT_SECRET_BYTES, RootSecret, RootSecretError};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Environment variable that takes the place of the file, for machines whose disk is not to hold it.
pub const SECRET_VARIABLE: &str = "AIA_SECRET_KEY";

/// Name of the file in the data folder.
const FILE: &str = "secret.key";

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read or made.
    #[error("cannot {operation} the secret key file {path}")]
    File {
        /// What was being done.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Others may read the file.
    #[error(
        "the secret key file {path} may be read by others (mode {mode:o}): run `chmod 600` on it, and make a new one if somebody may have read it"
    )]
    Exposed {
        /// Where.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not 32 bytes.
    #[error("the secret key in {origin} is not valid")]
    Invalid {
        /// Where it comes from.
        origin: String,
        /// What is wrong; never holds the secret.
        #[source]
        source: RootSecretError,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// The deployment's secret.
pub struct Secrets {
    deployment: DeploymentSecret,
}

impl Secrets {
    /// Takes the secret from `variable` (the value of [`SECRET_VARIABLE`]) or from the data folder, where it is made at
    /// the first start.
    ///
    /// # Errors
    /// If it is malformed, exposed, or can't be read or made.
    pub fn load(data: &Path, variable: Option<&SecretString>) -> Result<Self, SecretError> {
        if let Some(text) = variable {
            return Self::parse(text.expose_secret(), SECRET_VARIABLE);
        }
        let path = data.join(FILE);
        match std::fs::metadata(&path) {
            Ok(metadata) => {
                let mode = metadata.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(SecretError::Exposed { path, mode });
                }
                let text = std::fs::read_to_string(&path).map(Zeroizing::new);
                let text = text.map_err(|source| SecretError::File {
                    operation: "read",
                    path: path.clone(),
                    source,
                })?;
                Self::parse(text.trim(), &path.display().to_string())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(&path),
            Err(source) => Err(SecretError::File {
                operation: "read",
                path,
                source,
            }),
        }
    }

    /// Whether the data folder holds the file.
    pub(crate) fn is_in(data: &Path) -> bool {
        data.join(FILE).is_file()
    }

    /// The secret of throw-away folders: the same each time, so that all ids are. It protects nothing.
    pub(crate) fn known() -> Self {
        Self {
            deployment: DeploymentSecret::new(RootSecret::new([0; ROOT_SECRET_BYTES])),
        }
    }

    fn parse(text: &str, origin: &str) -> Result<Self, SecretError> {
        let invalid = |source| SecretError::Invalid {
            origin: origin.to_owned(),
            source,
        };
        Ok(Self {
            deployment: DeploymentSecret::new(RootSecret::from_text(text).map_err(invalid)?),
        })
    }

    fn create(path: &Path) -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new([0; ROOT_SECRET_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(SecretError::Random)?;
        let root = RootSecret::new(*bytes);
        let text = root.to_text();
        let write = || {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            path.parent()
                .map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        };
        write().map_err(|source| SecretError::File {
            operation: "create",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            deployment: DeploymentSecret::new(root),
        })
    }

    /// The secret that segments' keys are derived from.
    #[must_use]
    pub fn segments(&self) -> RootSecret {
        self.deployment.segments()
    }

    /// The secret that the keys of blocks' footers are derived from.
    #[must_use]
    pub fn block_footers(&self) -> [u8; 32] {
        *self.deployment.derive("block footers")
    }

    /// The secret that compiled plugins are authenticated with.
    #[must_use]
    pub fn compiled_plugins(&self) -> [u8; 32] {
        *self.deployment.derive("compiled plugins")
    }

    /// The secrets of ingest keys.
    #[must_use]
    pub fn ingest(&self) -> IngestSecrets {
        self.deployment.ingest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_only_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::load(folder.path(), None).unwrap();
        let mode = std::fs::metadata(folder.path().join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Secrets::load(folder.path(), None).unwrap();
        assert_eq!(first.block_footers(), second.block_footers());
        assert_ne!(first.block_footers(), first.compiled_plugins());
    }

    #[test]
    fn refuses_a_file_that_others_may_read() {
        let folder = tempfile::tempdir().unwrap();
        Secrets::load(folder.path(), None).unwrap();
        let path = folder.path().join(FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Secrets::load(folder.path(), None).err().unwrap();
        assert!(
            matches!(error, SecretError::Exposed { mode: 0o640, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_malformed_secret_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let text = SecretString::from("hunter2");
        let error = Secrets::load(folder.path(), Some(&text)).err().unwrap();
        let told = crate::chain(&error);
        assert!(
            told.contains(SECRET_VARIABLE) && !told.contains("hunter2"),
            "{told}"
        );
    }
}
