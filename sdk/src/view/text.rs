//! Texts of a batch by their numbers.

use super::common::{text, text_bytes};
use crate::columns::Strings;

/// A text of a batch that hasn't been read yet. Texts of one batch with the same number are the same, so that what is
/// the same for many rows is told by comparing numbers, and read once.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    strings: &'a Strings,
    index: u32,
}

impl<'a> Text<'a> {
    #[inline]
    pub(super) fn new(strings: &'a Strings, index: u32) -> Self {
        Self { strings, index }
    }

    /// Its number in the batch; 0 for a text that isn't set. It means nothing in another batch.
    #[inline]
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// The text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        text(self.strings, self.index)
    }

    /// The text's bytes: cheaper than [`Text::as_str`] where they are only compared.
    #[inline]
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        text_bytes(self.strings, self.index)
    }

    /// Whether it has no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.as_bytes().is_empty()
    }
}
