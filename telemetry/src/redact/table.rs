//! The string table while it is changed: which texts are replaced, which are new, and which nothing refers to any more.

use std::collections::BTreeMap;

use super::visit::for_each_index;
use crate::columns::{Columns, Strings};

/// Changes to a string table.
#[derive(Default)]
pub(super) struct Changes {
    /// New texts by the index of those that they replace.
    pub(super) replaced: BTreeMap<u32, Vec<u8>>,
    /// Texts that come behind the table's.
    added: Vec<Vec<u8>>,
}

impl Changes {
    /// The index of a new text.
    pub(super) fn add(&mut self, strings: &Strings, text: &str) -> u32 {
        let position = self
            .added
            .iter()
            .position(|added| added == text.as_bytes())
            .unwrap_or_else(|| {
                self.added.push(text.as_bytes().to_vec());
                self.added.len() - 1
            });
        index(strings.ends.len() + position)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.replaced.is_empty() && self.added.is_empty()
    }

    /// Writes the table anew. Texts that nothing refers to any more are left out (a secret may be one), and equal ones
    /// become one, so that each still stands once.
    pub(super) fn apply(self, columns: &mut Columns) {
        let old = std::mem::take(&mut columns.common_mut().strings);
        let count = old.ends.len() + self.added.len();
        let mut is_used = vec![false; count];
        for_each_index(columns, &mut |index| {
            if let Some(used) = is_used.get_mut(*index as usize) {
                *used = true;
            }
        });
        // Only changed texts can equal another one: they are compared with each other, and with all of the same length.
        let mut canonical: BTreeMap<&[u8], Option<u32>> = BTreeMap::new();
        canonical.extend(
            self.replaced
                .values()
                .chain(&self.added)
                .map(|text| (text.as_slice(), None)),
        );
        let mut lengths: Vec<usize> = canonical.keys().map(|text| text.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();

        let mut new = Strings {
            ends: vec![0],
            utf8: Vec::with_capacity(old.utf8.len()),
        };
        let mut moved = vec![0; count];
        for (position, moved) in moved.iter_mut().enumerate().skip(1) {
            if !is_used.get(position).copied().unwrap_or_default() {
                continue;
            }
            let text = match self.replaced.get(&index(position)) {
                Some(text) => text.as_slice(),
                None => match position.checked_sub(old.ends.len()) {
                    Some(added) => self.added.get(added).map(Vec::as_slice).unwrap_or_default(),
                    None => bytes_of(&old, position),
                },
            };
            let known = if lengths.binary_search(&text.len()).is_ok() {
                canonical.get_mut(text)
            } else {
                None
            };
            if let Some(Some(known)) = known {
                *moved = *known;
                continue;
            }
            *moved = index(new.ends.len());
            if let Some(known) = known {
                *known = Some(*moved);
            }
            new.utf8.extend_from_slice(text);
            new.ends.push(index(new.utf8.len()));
        }
        for_each_index(columns, &mut |index| {
            *index = moved.get(*index as usize).copied().unwrap_or_default();
        });
        columns.common_mut().strings = new;
    }
}

/// The bytes of a string.
pub(super) fn bytes_of(strings: &Strings, position: usize) -> &[u8] {
    let end = strings.ends.get(position).map_or(0, |end| *end as usize);
    let start = position
        .checked_sub(1)
        .and_then(|before| strings.ends.get(before))
        .map_or(0, |end| *end as usize);
    strings.utf8.get(start..end).unwrap_or_default()
}

/// An index or offset. A table has no more than 4 GiB: a marker is longer than the shortest secrets, but a request is
/// limited to far less.
fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
