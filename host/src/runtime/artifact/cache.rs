//! The folder of compiled plugins, so that a start doesn't compile.
//!
//! A file is `mac (32 bytes) | compiled code`, named after all that decides what the code is: the component's digest,
//! and a hash of wasmtime's version, the processor and the compiler's settings. The code is HMAC-SHA256 under the
//! host's secret over name and code, so that a file that was changed, renamed, or put there by somebody else is not
//! run. It is then compiled again and replaced.
//!
//! The folder is a cache: everything that goes wrong here is logged, and nothing but time is lost.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::Engine;

use super::Artifact;
use crate::runtime::config::CacheConfig;

/// Bytes of the authentication code in front of the compiled code.
const MAC_BYTES: usize = 32;

/// What the codes are for: the secret has other uses.
const PURPOSE: &[u8] = b"aia compiled plugin 1\0";

/// The cache of compiled plugins.
pub(in crate::runtime) struct Cache {
    folder: PathBuf,
    secret: [u8; 32],
    max_bytes: usize,
}

impl Cache {
    /// Makes the folder if there is none.
    pub(in crate::runtime) fn open(config: CacheConfig, max_bytes: usize) -> io::Result<Self> {
        fs::create_dir_all(&config.folder)?;
        Ok(Self {
            folder: config.folder,
            secret: config.secret,
            max_bytes,
        })
    }

    /// The name of a component's entry.
    pub(in crate::runtime) fn name(engine: &Engine, digest: &blake3::Hash) -> String {
        let mut hasher = StableHasher(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = hasher.0.finalize().to_hex();
        format!("{}-{}.cwasm", digest.to_hex(), &compatibility[..16])
    }

    /// The entry of that name, if there is one and it is genuine.
    pub(in crate::runtime) fn get(&self, name: &str) -> Option<Artifact> {
        let path = self.folder.join(name);
        let bytes = match self.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a compiled plugin can't be read and is compiled again");
                return None;
            }
        };
        let genuine = bytes.split_at_checked(MAC_BYTES).is_some_and(|(code, compiled)| {
            self.mac(name, compiled)
                .is_some_and(|mac| mac.verify_slice(code).is_ok())
        });
        if !genuine {
            tracing::warn!(path = %path.display(), "a compiled plugin is damaged or not from this host: compiling it again");
            return None;
        }
        Some(Artifact::trusted(bytes, MAC_BYTES))
    }

    /// Keeps an entry. Whoever reads at the same time sees the old one, or the new one, or none.
    pub(in crate::runtime) fn put(&self, name: &str, artifact: &Artifact) {
        if let Err(error) = self.write(name, artifact.code()) {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "a compiled plugin can't be kept: the next start compiles it again");
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        let limit = self.max_bytes.saturating_add(MAC_BYTES);
        let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0).min(limit));
        file.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let Some(mac) = self.mac(name, code) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        // Another process of this host may write the same entry; each has a file of its own until it is complete.
        let temporary = self.folder.join(format!("{name}.{}.tmp", std::process::id()));
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(&mac.finalize().into_bytes())?;
            file.write_all(code)?;
            file.sync_all()
        });
        let result = written
            .and_then(|()| fs::rename(&temporary, self.folder.join(name)))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        if result.is_err() {
            // What can't be removed either is a file that nobody reads.
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    fn mac(&self, name: &str, code: &[u8]) -> Option<Hmac<Sha256>> {
        // The key has a fixed length that HMAC takes, so this is always there.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(PURPOSE);
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(code);
        Some(mac)
    }
}

/// BLAKE3 as a `Hasher`: the standard library's may differ from one build to the next.
struct StableHasher(blake3::Hasher);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "name.cwasm";

    fn cache(folder: &Path, secret: u8) -> Cache {
        Cache::open(
            CacheConfig {
                folder: folder.join("cache"),
                secret: [secret; 32],
            },
            1_000,
        )
        .unwrap()
    }

    fn stored(folder: &Path) -> Cache {
        let cache = cache(folder, 1);
        cache.put(NAME, &Artifact::trusted(b"..code".to_vec(), 2));
        cache
    }

    #[test]
    fn an_entry_comes_back_and_no_temporary_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let cache = stored(folder.path());

        assert_eq!(cache.get(NAME).unwrap().code(), b"code");
        assert!(cache.get("other.cwasm").is_none());
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 1);
    }

    #[test]
    fn a_changed_entry_is_not_genuine() {
        let folder = tempfile::tempdir().unwrap();
        let cache = stored(folder.path());
        let path = cache.folder.join(NAME);
        let good = fs::read(&path).unwrap();

        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            assert!(cache.get(NAME).is_none(), "bit of byte {at} changed");
        }
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            assert!(cache.get(NAME).is_none(), "cut to {length} bytes");
        }
        fs::write(&path, [&good[..], b"x"].concat()).unwrap();
        assert!(cache.get(NAME).is_none(), "a byte longer");
        fs::write(&path, good).unwrap();
        assert!(cache.get(NAME).is_some());
    }

    #[test]
    fn an_entry_of_another_name_or_another_host_is_not_genuine() {
        let folder = tempfile::tempdir().unwrap();
        let here = stored(folder.path());

        fs::copy(here.folder.join(NAME), here.folder.join("renamed.cwasm")).unwrap();
        assert!(here.get("renamed.cwasm").is_none());
        assert!(cache(folder.path(), 2).get(NAME).is_none());
    }

    #[test]
    fn an_entry_that_is_larger_than_code_may_be_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path(), 1);
        cache.put(NAME, &Artifact::trusted(vec![0; 1_001], 0));

        assert!(cache.get(NAME).is_none());
    }

    #[test]
    fn a_folder_that_is_gone_costs_only_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path(), 1);
        fs::remove_dir_all(&cache.folder).unwrap();

        cache.put(NAME, &Artifact::trusted(b"code".to_vec(), 0));
        assert!(cache.get(NAME).is_none());
    }
}
