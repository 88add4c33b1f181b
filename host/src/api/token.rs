//! API tokens: `aiat_<id>_<43 characters>`. The id is public and names the token in lists; the rest is 256 random
//! bits. The store keeps the SHA-256 of the whole text, never the text: with so many random bits a slow hash would
//! protect nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::store::{TokenRecord, TokenScope};

const PREFIX: &str = "aiat_";
const SECRET_BYTES: usize = 32;
/// 32 bytes in base64url without padding.
const SECRET_CHARACTERS: usize = 43;
const ID_BYTES: usize = 5;

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("cannot get random bytes for a token")]
pub struct TokenError(#[source] getrandom::Error);

/// A token as its owner has it. Never shown by `Debug`.
#[derive(Debug)]
pub struct Token(SecretString);

impl Token {
    /// Makes a token and what the store keeps of it. `now` is in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn create(scope: TokenScope, now: u64) -> Result<(Self, TokenRecord), TokenError> {
        let mut id = [0; ID_BYTES];
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(&mut id).map_err(TokenError)?;
        getrandom::fill(secret.as_mut_slice()).map_err(TokenError)?;
        let id = id
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice()));
        let token = Self(SecretString::from(format!("{PREFIX}{id}_{}", secret.as_str())));
        let record = TokenRecord {
            id,
            hash: token.hash(),
            scope,
            created_at: now,
        };
        Ok((token, record))
    }

    /// Takes a text that looks like a token; `None` if it doesn't. Nothing is computed for texts of another shape.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_id = id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_secret = secret.len() == SECRET_CHARACTERS
            && secret
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (is_id && is_secret).then(|| Self(SecretString::from(text)))
    }

    /// What the store finds it by.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose_secret().as_bytes()).into()
    }

    /// Whether a record is this token's, without telling by its time how much of it is right.
    #[must_use]
    pub fn is(&self, record: &TokenRecord) -> bool {
        self.hash().ct_eq(&record.hash).into()
    }

    /// The text, to be shown to its owner once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_documented_form_and_come_back() {
        let (token, record) = Token::create(TokenScope::Read, 7).unwrap();
        let text = token.reveal().to_owned();
        assert_eq!(text.len(), 5 + 10 + 1 + 43);
        assert!(text.starts_with(&format!("aiat_{}_", record.id)));
        let parsed = Token::parse(&text).unwrap();
        assert!(parsed.is(&record));
        assert!(!Token::create(TokenScope::Read, 7).unwrap().0.is(&record));
    }

    #[test]
    fn debug_hides_the_token() {
        let (token, record) = Token::create(TokenScope::Operator, 7).unwrap();
        // The secret may hold `_` itself.
        let secret = token.reveal().splitn(3, '_').last().unwrap();
        assert!(!format!("{token:?} {record:?}").contains(secret));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let (token, _) = Token::create(TokenScope::Read, 7).unwrap();
        let text = token.reveal();
        for bad in [
            "",
            "aiat_",
            "aiat_0123456789_",
            &text[1..],
            &format!("{text}A"),
            &text.replace("aiat", "aia"),
        ] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
