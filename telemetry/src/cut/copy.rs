//! Copies what rows refer to: texts, values, scopes and resources, each once for a batch.

use std::ops::Range;
use std::slice::from_ref;

use crate::columns::{Attributes, Common, MAX_VALUE_DEPTH, Strings, pack_range, unpack_range, value_kind};

/// Copies out of the `common` of one set of columns into that of one batch after the other.
pub(super) struct Copier<'a> {
    from: &'a Common,
    to: Common,
    strings: Renumbering,
    scopes: Renumbering,
    resources: Renumbering,
    /// Children of containers that are being copied.
    items: Vec<(u32, u8, u64)>,
}

impl<'a> Copier<'a> {
    pub(super) fn new(from: &'a Common) -> Self {
        Self {
            from,
            to: empty_common(),
            strings: Renumbering::new(from.strings.ends.len()),
            scopes: Renumbering::new(from.scopes.resource.len()),
            resources: Renumbering::new(from.resources.schema_url.len()),
            items: Vec::new(),
        }
    }

    /// What the batch refers to. The next one begins from nothing.
    pub(super) fn finish(&mut self) -> Common {
        self.strings.clear();
        self.scopes.clear();
        self.resources.clear();
        std::mem::replace(&mut self.to, empty_common())
    }

    pub(super) fn string(&mut self, string: u32) -> u32 {
        if string == 0 {
            return 0;
        }
        let Strings { ends, utf8 } = &mut self.to.strings;
        self.strings.get_or(string, || {
            utf8.extend_from_slice(self.from.strings.bytes(string));
            ends.push(index(utf8.len()));
            index(ends.len() - 1)
        })
    }

    pub(super) fn strings(&mut self, strings: &[u32], rows: Rows<'_>) -> Vec<u32> {
        picked(strings, rows).map(|string| self.string(*string)).collect()
    }

    /// Copies the attributes that `rows` of a table own, and gives the column that divides them.
    pub(super) fn attributes(
        &mut self,
        attributes: &Attributes,
        ends: &[u32],
        rows: Rows<'_>,
        to: &mut Attributes,
    ) -> Vec<u32> {
        let base = index(to.key.len());
        let copied = rebased(ends, rows).into_iter().map(|end| base + end).collect();
        for row in children(ends, rows).into_iter().flatten() {
            let Some((key, kind, data)) = attribute(attributes, row) else {
                continue;
            };
            to.key.push(self.string(key));
            to.kind.push(kind);
            to.data.push(self.value(kind, data, 0));
        }
        copied
    }

    /// Copies what a value refers to, and gives its new data.
    pub(super) fn value(&mut self, kind: u8, data: u64, depth: usize) -> u64 {
        match kind {
            value_kind::STRING => self.string(u32::try_from(data).unwrap_or(0)).into(),
            value_kind::BYTES => {
                let (first, count) = unpack_range(data);
                let bytes = slice(
                    &self.from.bytes,
                    first as usize..(first as usize).saturating_add(count as usize),
                );
                let start = index(self.to.bytes.len());
                self.to.bytes.extend_from_slice(bytes);
                pack_range(start, index(bytes.len()))
            }
            value_kind::ARRAY | value_kind::KEY_VALUES => self.container(data, depth),
            _ => data,
        }
    }

    /// Copies the children of a container: what they contain first, then themselves, side by side.
    fn container(&mut self, data: u64, depth: usize) -> u64 {
        let (first, count) = unpack_range(data);
        let mark = self.items.len();
        // Valid columns aren't deeper; the check only keeps this from going on for ever in others.
        if depth < MAX_VALUE_DEPTH {
            for row in first as usize..(first as usize).saturating_add(count as usize) {
                let Some((key, kind, data)) = attribute(&self.from.nested, row) else {
                    break;
                };
                let item = (self.string(key), kind, self.value(kind, data, depth + 1));
                self.items.push(item);
            }
        }
        let nested = &mut self.to.nested;
        let start = index(nested.key.len());
        for (key, kind, data) in self.items.drain(mark..) {
            nested.key.push(key);
            nested.kind.push(kind);
            nested.data.push(data);
        }
        pack_range(start, index(nested.key.len()) - start)
    }

    pub(super) fn scopes(&mut self, scopes: &[u32], rows: Rows<'_>) -> Vec<u32> {
        picked(scopes, rows).map(|scope| self.scope(*scope)).collect()
    }

    pub(super) fn scope(&mut self, scope: u32) -> u32 {
        if let Some(copied) = self.scopes.get(scope) {
            return copied;
        }
        let from = &self.from.scopes;
        let row = scope as usize;
        let resource = self.resource(get(&from.resource, row));
        let (name, version) = (
            self.string(get(&from.name, row)),
            self.string(get(&from.version, row)),
        );
        let schema_url = self.string(get(&from.schema_url, row));
        let mut attributes = std::mem::take(&mut self.to.scopes.attributes);
        let end = self.attributes(
            &from.attributes,
            &from.attributes_end,
            from_ref(&(row..row + 1)),
            &mut attributes,
        );
        let to = &mut self.to.scopes;
        to.attributes = attributes;
        to.attributes_end.extend(end);
        to.resource.push(resource);
        to.name.push(name);
        to.version.push(version);
        to.schema_url.push(schema_url);
        to.dropped_attributes.push(get(&from.dropped_attributes, row));
        let copied = index(to.resource.len() - 1);
        self.scopes.get_or(scope, || copied)
    }

    fn resource(&mut self, resource: u32) -> u32 {
        if let Some(copied) = self.resources.get(resource) {
            return copied;
        }
        let from = &self.from.resources;
        let row = resource as usize;
        let schema_url = self.string(get(&from.schema_url, row));
        let mut attributes = std::mem::take(&mut self.to.resources.attributes);
        let end = self.attributes(
            &from.attributes,
            &from.attributes_end,
            from_ref(&(row..row + 1)),
            &mut attributes,
        );
        let to = &mut self.to.resources;
        to.attributes = attributes;
        to.attributes_end.extend(end);
        to.schema_url.push(schema_url);
        to.dropped_attributes.push(get(&from.dropped_attributes, row));
        let copied = index(to.schema_url.len() - 1);
        self.resources.get_or(resource, || copied)
    }
}

fn empty_common() -> Common {
    Common {
        strings: Strings {
            ends: vec![0],
            utf8: Vec::new(),
        },
        ..Common::default()
    }
}

/// Which row of the batch a row of the source became.
struct Renumbering {
    /// The row in the batch plus one; 0 for a row that isn't in it.
    rows: Vec<u32>,
    /// Rows that are in it, to be forgotten without going through all.
    known: Vec<u32>,
}

impl Renumbering {
    fn new(rows: usize) -> Self {
        Self {
            rows: vec![0; rows],
            known: Vec::new(),
        }
    }

    fn get(&self, row: u32) -> Option<u32> {
        self.rows
            .get(row as usize)
            .and_then(|copied| copied.checked_sub(1))
    }

    fn get_or(&mut self, row: u32, copy: impl FnOnce() -> u32) -> u32 {
        match self.rows.get_mut(row as usize) {
            Some(0) => {
                let copied = copy();
                self.known.push(row);
                if let Some(slot) = self.rows.get_mut(row as usize) {
                    *slot = copied + 1;
                }
                copied
            }
            Some(copied) => *copied - 1,
            None => 0,
        }
    }

    fn clear(&mut self) {
        for row in self.known.drain(..) {
            if let Some(slot) = self.rows.get_mut(row as usize) {
                *slot = 0;
            }
        }
    }
}

/// A length as an index. Batches are parts of columns whose indexes are `u32` themselves.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a part of columns isn't longer than they are"
)]
pub(super) fn index(length: usize) -> u32 {
    length as u32
}

/// Rows of a table, as ranges in order.
pub(super) type Rows<'a> = &'a [Range<usize>];

/// Rows `range` of a column; none if it hasn't all of them.
pub(super) fn slice<T>(column: &[T], range: Range<usize>) -> &[T] {
    column.get(range).unwrap_or(&[])
}

/// These rows of a column, one after the other.
pub(super) fn picked<'a, T>(column: &'a [T], rows: Rows<'_>) -> impl Iterator<Item = &'a T> {
    rows.iter().flat_map(|range| slice(column, range.clone()))
}

/// These rows of a column, copied.
pub(super) fn pick<T: Copy>(column: &[T], rows: Rows<'_>) -> Vec<T> {
    let mut copied = Vec::with_capacity(rows.iter().map(ExactSizeIterator::len).sum());
    for range in rows {
        copied.extend_from_slice(slice(column, range.clone()));
    }
    copied
}

/// Row `row` of a column; 0 if it hasn't one.
pub(super) fn get<T: Copy + Default>(column: &[T], row: usize) -> T {
    column.get(row).copied().unwrap_or_default()
}

/// The children that `rows` own, given their column of ends: a range for each range.
pub(super) fn children(ends: &[u32], rows: Rows<'_>) -> Vec<Range<usize>> {
    rows.iter().map(|range| children_of(ends, range)).collect()
}

/// The children that rows `range` own.
pub(super) fn children_of(ends: &[u32], range: &Range<usize>) -> Range<usize> {
    let end_of = |rows: usize| rows.checked_sub(1).map_or(0, |last| get(ends, last) as usize);
    end_of(range.start)..end_of(range.end)
}

/// The ends of `rows` once only their children are there.
pub(super) fn rebased(ends: &[u32], rows: Rows<'_>) -> Vec<u32> {
    let mut copied = Vec::with_capacity(rows.iter().map(ExactSizeIterator::len).sum());
    let mut before = 0;
    for range in rows {
        let children = children_of(ends, range);
        let first = index(children.start);
        let of_range = slice(ends, range.clone());
        copied.extend(of_range.iter().map(|end| before + end.saturating_sub(first)));
        before += index(children.len());
    }
    copied
}

fn attribute(attributes: &Attributes, row: usize) -> Option<(u32, u8, u64)> {
    Some((
        *attributes.key.get(row)?,
        *attributes.kind.get(row)?,
        *attributes.data.get(row)?,
    ))
}
