//! Values: their kinds, what they name, and what they contain.

use super::{InvalidColumns, indexes, length};
use crate::columns::{Attributes, Common, MAX_VALUE_DEPTH, unpack_range, value_kind};

/// What values may name, and which nested values are contained already.
pub(super) struct Values {
    strings: usize,
    bytes: usize,
    /// The rows of `nested` that were checked.
    nested: Vec<Nested>,
}

/// A row of `nested`.
struct Nested {
    /// How many arrays and lists lie within each other in it, itself included.
    height: u8,
    has_key: bool,
    is_contained: bool,
}

impl Values {
    /// Checks `common.nested`, whose values may contain only what lies before them.
    pub(super) fn new(common: &Common) -> Result<Self, InvalidColumns> {
        let (strings, bytes) = (common.strings.ends.len(), common.bytes.len());
        let table = &common.nested;
        let mut values = Self {
            strings,
            bytes,
            nested: Vec::with_capacity(table.key.len()),
        };
        lengths(
            table,
            ["common.nested.key", "common.nested.kind", "common.nested.data"],
        )?;
        indexes("common.nested.key", &table.key, strings)?;
        for (key, (kind, data)) in table.key.iter().zip(table.kind.iter().zip(&table.data)) {
            let height = values.value("common.nested", *kind, *data)?;
            values.nested.push(Nested {
                height,
                has_key: *key != 0,
                is_contained: false,
            });
        }
        Ok(values)
    }

    pub(super) fn strings(&self) -> usize {
        self.strings
    }

    /// Checks a table of attributes. `columns` are its three names, `table` its own.
    pub(super) fn attributes(
        &mut self,
        table: &'static str,
        columns: [&'static str; 3],
        attributes: &Attributes,
    ) -> Result<(), InvalidColumns> {
        lengths(attributes, columns)?;
        indexes(columns[0], &attributes.key, self.strings)?;
        for (kind, data) in attributes.kind.iter().zip(&attributes.data) {
            self.value(table, *kind, *data)?;
        }
        Ok(())
    }

    /// Checks a value, and gives how many arrays and lists lie within each other in it.
    #[inline]
    pub(super) fn value(&mut self, column: &'static str, kind: u8, data: u64) -> Result<u8, InvalidColumns> {
        let is_valid = match kind {
            value_kind::STRING => {
                if data >= self.strings as u64 {
                    return Err(InvalidColumns::Index {
                        column,
                        index: data,
                        rows: self.strings,
                    });
                }
                true
            }
            value_kind::INT | value_kind::DOUBLE => true,
            value_kind::BOOL => data <= 1,
            value_kind::EMPTY => data == 0,
            value_kind::ARRAY | value_kind::KEY_VALUES => return self.container(column, kind, data),
            value_kind::BYTES => {
                let (first, count) = unpack_range(data);
                contained(column, first, count, self.bytes)?;
                true
            }
            _ => {
                return Err(InvalidColumns::Number {
                    column,
                    number: kind.into(),
                });
            }
        };
        if is_valid {
            Ok(0)
        } else {
            Err(InvalidColumns::Number { column, number: data })
        }
    }

    fn container(&mut self, column: &'static str, kind: u8, data: u64) -> Result<u8, InvalidColumns> {
        let (first, count) = unpack_range(data);
        // While `nested` itself is checked, only what lies before the value in question is there.
        let rows = self.nested.len();
        contained(column, first, count, rows)?;
        let children = self
            .nested
            .iter_mut()
            .enumerate()
            .skip(first as usize)
            .take(count as usize);
        let mut height = 0;
        for (row, child) in children {
            if std::mem::replace(&mut child.is_contained, true) {
                return Err(InvalidColumns::Shared { row });
            }
            if child.has_key && kind == value_kind::ARRAY {
                return Err(InvalidColumns::Key { row });
            }
            height = height.max(child.height);
        }
        if usize::from(height) >= MAX_VALUE_DEPTH {
            return Err(InvalidColumns::Depth { column });
        }
        Ok(height + 1)
    }
}

fn lengths(attributes: &Attributes, columns: [&'static str; 3]) -> Result<(), InvalidColumns> {
    let rows = attributes.key.len();
    length(columns[1], attributes.kind.len(), rows)?;
    length(columns[2], attributes.data.len(), rows)
}

fn contained(column: &'static str, first: u32, count: u32, rows: usize) -> Result<(), InvalidColumns> {
    let end = u64::from(first) + u64::from(count);
    if end > rows as u64 {
        Err(InvalidColumns::Contained {
            column,
            first,
            end,
            rows,
        })
    } else {
        Ok(())
    }
}
