//! The list of revoked ingest keys: one object for all tenants, sealed with a MAC, that every runtime reads and caches.

use std::collections::{BTreeMap, BTreeSet};

use hmac::Mac;
use serde::{Deserialize, Serialize};

use crate::keys::{IngestKey, hmac_sha256};
use crate::names::{KeyId, ProjectId, TenantId};
use crate::secret::RootSecret;

/// What a sealed list starts with: a mark and the version of the format.
const MAGIC: [u8; 4] = *b"AIR\x01";
const MAC_BYTES: usize = 32;

/// Why a sealed list can't be used. The reader goes on with the last good one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RevocationError {
    /// Another format, or cut off.
    #[error("reading the revocation list: not a list of format version 1")]
    Format,
    /// Changed, or sealed with another secret.
    #[error("reading the revocation list: its MAC is wrong")]
    Forged,
}

/// Which ingest keys were revoked.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct RevocationList {
    /// Grows with every change, so that a reader can keep the later of two lists.
    pub revision: u64,
    revoked: BTreeMap<TenantId, BTreeMap<ProjectId, BTreeSet<KeyId>>>,
}

impl RevocationList {
    /// Where the sealed list lies in the object store.
    pub const OBJECT_KEY: &'static str = "keys/revoked";

    /// Revokes a key; true if it wasn't yet. Raises the revision then.
    pub fn revoke(&mut self, tenant: &TenantId, project: &ProjectId, key_id: &KeyId) -> bool {
        let keys = self
            .revoked
            .entry(tenant.clone())
            .or_default()
            .entry(project.clone())
            .or_default();
        let is_new = keys.insert(key_id.clone());
        self.revision += u64::from(is_new);
        is_new
    }

    /// Whether a key was revoked.
    #[must_use]
    pub fn is_revoked(&self, key: &IngestKey) -> bool {
        let keys = self
            .revoked
            .get(&key.tenant)
            .and_then(|projects| projects.get(&key.project));
        keys.is_some_and(|keys| keys.contains(&key.key_id))
    }

    /// Number of revoked keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.revoked
            .values()
            .flat_map(BTreeMap::values)
            .map(BTreeSet::len)
            .sum()
    }

    /// Whether no key was revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The list as an object: mark and version, postcard, HMAC-SHA256 under a key derived from the deployment's
    /// segment secret.
    #[must_use]
    pub fn seal(&self, root: &RootSecret) -> Vec<u8> {
        // Writing strings and integers to memory can't fail; a list that did would be refused by its readers.
        let mut bytes = postcard::to_extend(self, MAGIC.to_vec()).unwrap_or_default();
        let mac = hmac_sha256(&derive(root))
            .chain_update(&bytes)
            .finalize()
            .into_bytes();
        bytes.extend_from_slice(&mac);
        bytes
    }

    /// Reads what [`RevocationList::seal`] wrote. Nothing is decoded before the MAC was verified.
    ///
    /// # Errors
    /// If it is something else, was changed, or was sealed with another secret.
    pub fn open(bytes: &[u8], root: &RootSecret) -> Result<Self, RevocationError> {
        let (sealed, mac) = bytes
            .split_last_chunk::<MAC_BYTES>()
            .ok_or(RevocationError::Format)?;
        let list = sealed.strip_prefix(&MAGIC).ok_or(RevocationError::Format)?;
        let verified = hmac_sha256(&derive(root)).chain_update(sealed).verify_slice(mac);
        verified.map_err(|_| RevocationError::Forged)?;
        postcard::from_bytes(list).map_err(|_| RevocationError::Format)
    }
}

fn derive(root: &RootSecret) -> secrecy::zeroize::Zeroizing<[u8; 32]> {
    root.derive(&[b"aia revocation list 1"])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(tenant: &str, project: &str, key_id: &str) -> IngestKey {
        IngestKey {
            tenant: TenantId::new(tenant).unwrap(),
            project: ProjectId::new(project).unwrap(),
            key_id: KeyId::new(key_id).unwrap(),
            version: 1,
        }
    }

    fn list(keys: &[IngestKey]) -> RevocationList {
        let mut list = RevocationList::default();
        for key in keys {
            list.revoke(&key.tenant, &key.project, &key.key_id);
        }
        list
    }

    #[test]
    fn revokes_one_key_only() {
        let mut list = list(&[key("acme", "shop", "k1")]);
        assert!(list.is_revoked(&key("acme", "shop", "k1")));
        for other in [
            key("acme", "shop", "k2"),
            key("acme", "blog", "k1"),
            key("evil", "shop", "k1"),
        ] {
            assert!(!list.is_revoked(&other));
        }
        let again = key("acme", "shop", "k1");
        assert!(!list.revoke(&again.tenant, &again.project, &again.key_id));
        assert_eq!((list.revision, list.len()), (1, 1));
    }

    #[test]
    fn a_list_under_another_secret_is_refused() {
        let sealed = list(&[key("acme", "shop", "k1")]).seal(&RootSecret::new([1; 32]));
        let error = RevocationList::open(&sealed, &RootSecret::new([2; 32])).unwrap_err();
        insta::assert_snapshot!(error, @"reading the revocation list: its MAC is wrong");
        let error = RevocationList::open(b"", &RootSecret::new([1; 32])).unwrap_err();
        insta::assert_snapshot!(error, @"reading the revocation list: not a list of format version 1");
    }

    proptest! {
        #[test]
        fn lists_come_back(names in proptest::collection::vec(("[a-c]", "[a-c]", "[a-z0-9-]{1,40}"), 0..20)) {
            let keys: Vec<_> = names.iter().map(|(tenant, project, id)| key(tenant, project, id)).collect();
            let (list, root) = (list(&keys), RootSecret::new([3; 32]));
            let opened = RevocationList::open(&list.seal(&root), &root).unwrap();
            prop_assert!(keys.iter().all(|key| opened.is_revoked(key)));
            prop_assert_eq!(opened, list);
        }

        #[test]
        fn no_changed_list_opens(at: prop::sample::Index, bit in 0_u8..8) {
            let root = RootSecret::new([3; 32]);
            let mut sealed = list(&[key("acme", "shop", "k1"), key("acme", "shop", "k2")]).seal(&root);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(RevocationList::open(&sealed, &root).is_err());
        }
    }
}
