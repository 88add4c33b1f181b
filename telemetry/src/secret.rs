//! Root secrets: 32 random bytes from which keys are derived by HKDF-SHA256, one for each purpose, so that no key
//! serves two of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

/// Length of a root secret, in bytes.
pub const ROOT_SECRET_BYTES: usize = 32;

/// 32 random bytes that are never shown and are wiped from memory when dropped.
pub struct RootSecret(SecretBox<[u8; ROOT_SECRET_BYTES]>);

/// A text that is no root secret. Never repeats it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a root secret is {ROOT_SECRET_BYTES} bytes in base64url without padding: 43 characters")]
pub struct RootSecretError;

impl RootSecret {
    /// Takes 32 bytes from a cryptographic source of randomness.
    #[must_use]
    pub fn new(bytes: [u8; ROOT_SECRET_BYTES]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(SecretBox::init_with_mut(
            |secret: &mut [u8; ROOT_SECRET_BYTES]| secret.copy_from_slice(&*bytes),
        ))
    }

    /// Reads what [`RootSecret::to_text`] wrote.
    ///
    /// # Errors
    /// If it isn't 43 characters of base64url.
    pub fn from_text(text: &str) -> Result<Self, RootSecretError> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| RootSecretError)?);
        <[u8; ROOT_SECRET_BYTES]>::try_from(bytes.as_slice())
            .map(Self::new)
            .map_err(|_| RootSecretError)
    }

    /// The secret as 43 characters of base64url, to be kept in a file or a platform's store of secrets.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.expose_secret()))
    }

    /// Derives the key for a purpose. `parts` must be such that no two purposes give the same bytes: the callers
    /// put a label first and names, which hold no NUL, behind NULs.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let expanded =
            Hkdf::<Sha256>::new(None, self.0.expose_secret()).expand_multi_info(parts, key.as_mut_slice());
        debug_assert!(expanded.is_ok(), "HKDF-SHA256 gives up to 8,160 bytes");
        key
    }
}

impl std::fmt::Debug for RootSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RootSecret([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_and_debug_hides() {
        let secret = RootSecret::new([7; 32]);
        let text = secret.to_text();
        assert_eq!(text.len(), 43);
        assert_eq!(*RootSecret::from_text(&text).unwrap().to_text(), *text);
        assert_eq!(format!("{secret:?}"), "RootSecret([hidden])");
        for bad in ["", "BwcH", "!", &"A".repeat(44)] {
            assert_eq!(RootSecret::from_text(bad).err(), Some(RootSecretError), "{bad:?}");
        }
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let secret = RootSecret::new([7; 32]);
        assert_ne!(*secret.derive(&[b"a"]), *secret.derive(&[b"b"]));
        assert_ne!(*secret.derive(&[b"a"]), *RootSecret::new([8; 32]).derive(&[b"a"]));
        assert_eq!(*secret.derive(&[b"a", b"b"]), *secret.derive(&[b"ab"]));
    }
}
