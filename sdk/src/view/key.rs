//! Keys of attributes: by name, or found once for a whole batch.

use super::common::{range, rows, text_bytes};
use crate::columns::Common;

/// An attribute's key as this batch numbers it. Looking up attributes by it compares numbers instead of texts; get it
/// once per batch by `batch.key("http.route")`. It means nothing in another batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key(u32);

impl Key {
    /// The key of that name; one that no attribute has where the name isn't among the batch's texts.
    pub(super) fn find(common: &Common, name: &str) -> Self {
        let strings = &common.strings;
        let found = (1..rows(&strings.ends)).find(|&index| {
            let range = range(&strings.ends, index);
            range.len() == name.len() && text_bytes(strings, index) == name.as_bytes()
        });
        Self(found.unwrap_or(u32::MAX))
    }

    /// Whether the batch has the key at all. If not, no look-up by it finds anything.
    #[must_use]
    pub fn is_present(self) -> bool {
        self.0 != u32::MAX
    }
}

/// What attributes are looked up by: a name or a [`Key`].
pub trait AttributeKey: Copy {
    /// The first position in `keys` that is this key.
    #[doc(hidden)]
    fn position(self, common: &Common, keys: &[u32]) -> Option<usize>;
}

impl AttributeKey for Key {
    fn position(self, _: &Common, keys: &[u32]) -> Option<usize> {
        keys.iter().position(|&key| key == self.0)
    }
}

impl AttributeKey for &str {
    fn position(self, common: &Common, keys: &[u32]) -> Option<usize> {
        keys.iter()
            .position(|&key| text_bytes(&common.strings, key) == self.as_bytes())
    }
}
