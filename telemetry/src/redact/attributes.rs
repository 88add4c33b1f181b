//! Attributes whose key says that their value is a secret: the value goes, whatever it looks like.

use super::marker::{marker, marker_length};
use super::secret_names::SecretNames;
use super::table::{Changes, bytes_of};
use super::visit::for_each_table;
use crate::columns::{Attributes, Columns, MAX_VALUE_DEPTH, Strings, unpack_range, value_kind};

/// Points the values of all attributes with one of `keys` (string indexes, in order, each once) to a marker. Other
/// attributes with the same value keep it.
pub(super) fn redact(
    columns: &mut Columns,
    keys: &[u32],
    names: &SecretNames,
    changes: &mut Changes,
    count: &mut dyn FnMut(&'static str),
) {
    let common = columns.common_mut();
    let strings = std::mem::take(&mut common.strings);
    let mut bytes = std::mem::take(&mut common.bytes);
    let rules: Vec<_> = keys
        .iter()
        .map(|key| names.rule(bytes_of(&strings, *key as usize)))
        .collect();
    let rule_of = |key: u32| {
        keys.binary_search(&key)
            .ok()
            .and_then(|position| *rules.get(position)?)
    };
    let mut values = Values {
        strings: &strings,
        bytes: &mut bytes,
        changes,
        count,
    };
    // Lists under such a key; their elements lie in `nested`, which is a table of its own.
    let mut lists = Vec::new();
    for_each_table(columns, &mut |table| {
        for (row, key) in table.key.iter().enumerate() {
            if let Some(rule) = rule_of(*key)
                && let (Some(kind), Some(data)) = (table.kind.get_mut(row), table.data.get_mut(row))
            {
                if is_list(*kind) {
                    lists.push((*data, rule));
                } else {
                    values.redact(rule, kind, data);
                }
            }
        }
    });
    for (list, rule) in lists {
        values.redact_list(&mut columns.common_mut().nested, list, rule, 0);
    }
    let common = columns.common_mut();
    common.strings = strings;
    common.bytes = bytes;
}

fn is_list(kind: u8) -> bool {
    matches!(kind, value_kind::ARRAY | value_kind::KEY_VALUES)
}

/// What values refer to.
struct Values<'a> {
    strings: &'a Strings,
    bytes: &'a mut [u8],
    changes: &'a mut Changes,
    count: &'a mut dyn FnMut(&'static str),
}

impl Values<'_> {
    /// Replaces a value that is no list. Booleans stay: `has_password = true` is no secret.
    fn redact(&mut self, rule: &'static str, kind: &mut u8, data: &mut u64) {
        match *kind {
            value_kind::STRING => {
                let text = usize::try_from(*data).map_or(&[][..], |index| bytes_of(self.strings, index));
                if marker_length(text) == text.len() {
                    return;
                }
            }
            value_kind::BYTES => {
                let (first, length) = unpack_range(*data);
                let range = first as usize..(first as usize).saturating_add(length as usize);
                self.bytes.get_mut(range).unwrap_or_default().fill(0);
            }
            value_kind::INT | value_kind::DOUBLE => {}
            _ => return,
        }
        *kind = value_kind::STRING;
        *data = u64::from(self.changes.add(self.strings, &marker(rule)));
        (self.count)(rule);
    }

    /// Replaces the values in a list, and in lists within it.
    fn redact_list(&mut self, nested: &mut Attributes, list: u64, rule: &'static str, depth: usize) {
        let (first, length) = unpack_range(list);
        for row in first as usize..(first as usize).saturating_add(length as usize) {
            let (Some(kind), Some(data)) = (nested.kind.get_mut(row), nested.data.get_mut(row)) else {
                return;
            };
            if !is_list(*kind) {
                self.redact(rule, kind, data);
            } else if depth < MAX_VALUE_DEPTH {
                let list = *data;
                self.redact_list(nested, list, rule, depth + 1);
            }
        }
    }
}
