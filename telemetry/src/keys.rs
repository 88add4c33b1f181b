//! Ingest keys: `aia_<version>.<tenant>.<project>.<key id>.<mac>`. They verify without a look-up, so that a Worker
//! needs nothing but the secret; the MAC is HMAC-SHA256 over all before it, in base64url without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use crate::names::{KeyId, NameError, ProjectId, TenantId};
use crate::secret::RootSecret;

/// What every ingest key starts with; redaction knows it, too.
pub(crate) const KEY_PREFIX: &str = "aia_";

/// Longest ingest key: prefix, ten digits, three names, the MAC and the dots between them. Longer texts are refused
/// before anything is computed.
const MAX_KEY_BYTES: usize = KEY_PREFIX.len() + 10 + 3 * (crate::names::MAX_NAME_BYTES + 1) + 1 + 43;

/// Who sends: what a valid ingest key says.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IngestKey {
    /// Tenant.
    pub tenant: TenantId,
    /// Project of that tenant.
    pub project: ProjectId,
    /// Which of the project's keys it is.
    pub key_id: KeyId,
    /// Version of the secret that made it.
    pub version: u32,
}

/// Why an ingest key was refused. Never holds any part of the key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// It hasn't the shape of a key.
    #[error("an ingest key has the form aia_<version>.<tenant>.<project>.<key id>.<mac>")]
    Malformed,
    /// One of its names is none.
    #[error("the ingest key names no valid tenant, project or key")]
    Name(#[source] NameError),
    /// The secret of that version isn't known any more, or not yet.
    #[error("the ingest key was made with version {version} of the secret, which isn't valid here")]
    UnknownVersion {
        /// The version that the key claims.
        version: u32,
    },
    /// The MAC is wrong.
    #[error("the ingest key isn't genuine")]
    Forged,
}

/// The secrets that ingest keys are made and verified with: one version, or two while keys are being replaced.
pub struct IngestSecrets {
    current: Versioned,
    previous: Option<Versioned>,
}

/// One version of the secret.
struct Versioned {
    version: u32,
    key: Zeroizing<[u8; 32]>,
}

impl Versioned {
    fn new(version: u32, secret: &RootSecret) -> Self {
        Self {
            version,
            key: secret.derive(&[b"aia ingest keys 1"]),
        }
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        hmac_sha256(&self.key).chain_update(signed)
    }
}

/// HMAC-SHA256 under a key of its block length or less.
pub(crate) fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    // HMAC pads a key with zeros up to its block, which is what `new_from_slice` does; this way it can't fail.
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mac = Hmac::new(&block);
    secrecy::zeroize::Zeroize::zeroize(block.as_mut_slice());
    mac
}

impl IngestSecrets {
    /// One version, which makes and verifies keys.
    #[must_use]
    pub fn new(version: u32, secret: &RootSecret) -> Self {
        Self {
            current: Versioned::new(version, secret),
            previous: None,
        }
    }

    /// Also verifies keys of an earlier version. A second call replaces the first one's version: never more than two
    /// are valid.
    #[must_use]
    pub fn with_previous(mut self, version: u32, secret: &RootSecret) -> Self {
        self.previous = Some(Versioned::new(version, secret));
        self
    }

    /// Makes the key of a project with that id, with the current secret. The same names give the same key.
    #[must_use]
    pub fn mint(&self, tenant: &TenantId, project: &ProjectId, key_id: &KeyId) -> String {
        let mut key = format!("{KEY_PREFIX}{}.{tenant}.{project}.{key_id}", self.current.version);
        let mac = self.current.mac(&key).finalize().into_bytes();
        key.push('.');
        URL_SAFE_NO_PAD.encode_string(mac, &mut key);
        key
    }

    /// Verifies a key. Whether it was revoked is another question, which [`RevocationList`](crate::RevocationList)
    /// answers.
    ///
    /// # Errors
    /// Says why it was refused, without any part of the key.
    pub fn verify(&self, key: &str) -> Result<IngestKey, KeyError> {
        if key.len() > MAX_KEY_BYTES {
            return Err(KeyError::Malformed);
        }
        let (signed, mac) = key.rsplit_once('.').ok_or(KeyError::Malformed)?;
        let mut parts = signed
            .strip_prefix(KEY_PREFIX)
            .ok_or(KeyError::Malformed)?
            .split('.');
        let mut next = || parts.next().ok_or(KeyError::Malformed);
        let (version, tenant, project, key_id) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(KeyError::Malformed);
        }
        // One text per version: no sign, no leading zeros.
        let number: u32 = version.parse().map_err(|_| KeyError::Malformed)?;
        if number.to_string() != version {
            return Err(KeyError::Malformed);
        }
        let tenant = TenantId::new(tenant).map_err(KeyError::Name)?;
        let project = ProjectId::new(project).map_err(KeyError::Name)?;
        let key_id = KeyId::new(key_id).map_err(KeyError::Name)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| KeyError::Malformed)?;
        let secret = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|secret| secret.version == number)
            .ok_or(KeyError::UnknownVersion { version: number })?;
        // Compares in constant time.
        secret
            .mac(signed)
            .verify_slice(&mac)
            .map_err(|_| KeyError::Forged)?;
        Ok(IngestKey {
            tenant,
            project,
            key_id,
            version: number,
        })
    }
}

impl std::fmt::Debug for IngestSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("IngestSecrets")
            .field("current", &self.current.version)
            .field(
                "previous",
                &self.previous.as_ref().map(|previous| previous.version),
            )
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use proptest::prelude::*;

    use super::*;

    fn names() -> (TenantId, ProjectId, KeyId) {
        (
            TenantId::new("acme").unwrap(),
            ProjectId::new("shop").unwrap(),
            KeyId::new("k1").unwrap(),
        )
    }

    fn secrets() -> IngestSecrets {
        IngestSecrets::new(2, &RootSecret::new([2; 32]))
    }

    fn mint(secrets: &IngestSecrets) -> String {
        let (tenant, project, key_id) = names();
        secrets.mint(&tenant, &project, &key_id)
    }

    #[test]
    fn keys_have_the_documented_form() {
        let key = mint(&secrets());
        let (signed, mac) = key.rsplit_once('.').unwrap();
        assert_eq!(signed, "aia_2.acme.shop.k1");
        assert_eq!(mac.len(), 43);
        let who = secrets().verify(&key).unwrap();
        let (tenant, project, key_id) = names();
        assert_eq!(
            who,
            IngestKey {
                tenant,
                project,
                key_id,
                version: 2
            }
        );
    }

    #[test]
    fn two_versions_are_valid_while_secrets_rotate() {
        let old = mint(&IngestSecrets::new(1, &RootSecret::new([1; 32])));
        assert_eq!(
            secrets().verify(&old),
            Err(KeyError::UnknownVersion { version: 1 })
        );
        let both = secrets().with_previous(1, &RootSecret::new([1; 32]));
        assert_eq!(both.verify(&old).unwrap().version, 1);
        assert_eq!(both.verify(&mint(&both)).unwrap().version, 2);
        // The right version with another secret is a forgery.
        let wrong = secrets().with_previous(1, &RootSecret::new([9; 32]));
        assert_eq!(wrong.verify(&old), Err(KeyError::Forged));
    }

    #[test]
    fn refusals_never_show_the_key() {
        let secrets = secrets();
        let mut messages = Vec::new();
        for key in [
            "",
            "aia_2",
            "Bearer aia_2.acme.shop.k1.AAAA",
            "aia_02.acme.shop.k1.AAAA",
            "aia_+2.acme.shop.k1.AAAA",
            "aia_2.acme.shop.k1.extra.AAAA",
            "aia_2.acme.shop.k1.====",
            "aia_2.ACME.shop.k1.AAAA",
            "aia_2.acme..k1.AAAA",
            "aia_3.acme.shop.k1.AAAA",
            "aia_2.acme.shop.k1.AAAA",
            &format!("aia_2.acme.shop.k1.{}", "A".repeat(1000)),
        ] {
            let error = secrets.verify(key).unwrap_err();
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            assert!(!format!("{error} {source} {error:?}").contains("AAAA"));
            messages.push(error.to_string());
        }
        messages.dedup();
        insta::assert_snapshot!(messages.join("\n"), @r"
        an ingest key has the form aia_<version>.<tenant>.<project>.<key id>.<mac>
        the ingest key names no valid tenant, project or key
        the ingest key was made with version 3 of the secret, which isn't valid here
        the ingest key isn't genuine
        an ingest key has the form aia_<version>.<tenant>.<project>.<key id>.<mac>
        ");
        insta::assert_snapshot!(format!("{secrets:?}"), @"IngestSecrets { current: 2, previous: None, .. }");
    }

    #[test]
    fn the_longest_names_fit() {
        let long = "n".repeat(40);
        let secrets = IngestSecrets::new(u32::MAX, &RootSecret::new([2; 32]));
        let key = secrets.mint(
            &TenantId::new(&long).unwrap(),
            &ProjectId::new(&long).unwrap(),
            &KeyId::new(&long).unwrap(),
        );
        assert_eq!(key.len(), MAX_KEY_BYTES);
        secrets.verify(&key).unwrap();
    }

    proptest! {
        #[test]
        fn no_changed_key_verifies(at in 0_usize..62, to in "[a-zA-Z0-9._-]") {
            let key = mint(&secrets());
            let changed = format!("{}{to}{}", &key[..at], &key[at + 1..]);
            prop_assume!(changed != key);
            prop_assert!(secrets().verify(&changed).is_err());
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert!(secrets().verify(&text).is_err());
        }
    }
}
