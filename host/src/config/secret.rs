//! A setting that is never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// What stands in its place.
pub(super) const HIDDEN: &str = "[hidden]";

/// Text that is wiped from memory when it is dropped, and that no message shows.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, for whom it is meant.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

/// Configurations are compared in tests; nothing that an attacker sends is compared with this.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}
