//! What every scan writes to: texts, values, resources and scopes, within the limits.

use std::str::Utf8Error;

use super::{
    Refused, Scratch,
    error::Breach,
    interner::{Interner, row_index},
    json::Trouble,
    limits::{FREE_COLUMN_BYTES, ScanLimits},
};
use crate::columns::{Attributes, Columns, Common, MAX_VALUE_DEPTH, pack_range, value_kind};

/// A key-value pair that has no place yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) key: u32,
    pub(crate) kind: u8,
    pub(crate) data: u64,
}

/// A value that is being read. It ends in [`Sink::close_value`], as its message may come in several parts.
pub(crate) struct OpenValue {
    kind: u8,
    data: u64,
    depth: usize,
    items_mark: usize,
}

impl OpenValue {
    /// How many arrays and lists it lies in.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// Lengths to go back to when a row is refused.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    strings: usize,
    nested: usize,
    bytes: usize,
}

/// Scalars of a resource. Its attributes are written at once.
#[derive(Default)]
pub(crate) struct ResourceRow {
    pub(crate) dropped_attributes: u32,
    pub(crate) schema_url: u32,
}

/// Scalars of a scope. Its attributes are written at once.
#[derive(Default)]
pub(crate) struct ScopeRow {
    pub(crate) resource: u32,
    pub(crate) name: u32,
    pub(crate) version: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) schema_url: u32,
}

/// Items kept allocated from one request to the next.
const KEPT_ITEMS: usize = 16 * 1024;

const RESOURCE_BYTES: u64 = 12;
const SCOPE_BYTES: u64 = 24;

/// Where one of the three requests goes.
pub(crate) trait SignalSink: Sized {
    fn new(sink: Sink) -> Self;

    /// The part that all signals share.
    fn sink(&mut self) -> &mut Sink;

    /// What was written, what was left out, and the scratch for the next scan.
    fn finish(self) -> (Columns, Refused, Scratch);
}

/// Where texts and values go.
pub(crate) struct Sink {
    pub(crate) common: Common,
    /// Kept by the JSON front end.
    pub(crate) trouble: Trouble,
    body_bytes: usize,
    interner: Interner,
    /// Children of the arrays and lists that are open. They move to `nested` when theirs ends, and so lie there side
    /// by side and before it.
    items: Vec<Item>,
    max_rows: u32,
    rows_left: u32,
    max_bytes: u64,
    bytes_left: u64,
    max_attributes: usize,
    oldest: u64,
}

impl Sink {
    pub(crate) fn new(body: &[u8], limits: &ScanLimits, scratch: Scratch) -> Self {
        let Scratch {
            mut interner,
            mut items,
        } = scratch;
        let max_bytes = (body.len() as u64)
            .saturating_mul(limits.max_expansion.into())
            .saturating_add(FREE_COLUMN_BYTES);
        let mut common = Common::default();
        interner.begin(&mut common.strings);
        items.clear();
        items.shrink_to(KEPT_ITEMS);
        Self {
            common,
            trouble: Trouble::default(),
            body_bytes: body.len(),
            interner,
            items,
            max_rows: limits.max_rows,
            rows_left: limits.max_rows,
            max_bytes,
            bytes_left: max_bytes,
            max_attributes: limits.max_attributes as usize,
            oldest: limits.oldest,
        }
    }

    /// Whether a table of attributes holds more than is allowed behind those that earlier rows own.
    #[inline]
    pub(crate) fn is_overfull(&self, attributes: &Attributes, ends: &[u32]) -> bool {
        attributes.key.len() - last(ends) > self.max_attributes
    }

    /// Whether a row of this time is too old; none is without a time.
    #[inline]
    pub(crate) fn is_too_old(&self, time: u64) -> bool {
        time != 0 && time < self.oldest
    }

    /// How many rows a body of this length usually has: room for so many is made at once. Less than half of the body's
    /// own length in all columns.
    pub(crate) fn likely_rows(&self) -> usize {
        self.body_bytes / 384
    }

    /// As [`Sink::likely_rows`], for the rows' attributes.
    pub(crate) fn likely_attributes(&self) -> usize {
        self.body_bytes / 64
    }

    /// The columns, and the scratch for the next scan.
    pub(crate) fn finish(self) -> (Common, Scratch) {
        (
            self.common,
            Scratch {
                interner: self.interner,
                items: self.items,
            },
        )
    }

    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) -> Result<u32, Utf8Error> {
        self.interner.intern(&mut self.common.strings, text)
    }

    /// As [`Sink::text`], for the key of an attribute.
    #[inline]
    pub(crate) fn key(&mut self, text: &[u8]) -> Result<u32, Utf8Error> {
        self.interner.intern_key(&mut self.common.strings, text)
    }

    /// As [`Sink::text`], for the value of the attribute `key`.
    #[inline]
    pub(crate) fn value_text(&mut self, key: u32, text: &[u8]) -> Result<u32, Utf8Error> {
        self.interner.intern_value(&mut self.common.strings, key, text)
    }

    /// Counts a row of `bytes` bytes against the limits.
    #[inline]
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), Breach> {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => self.bytes_left = left,
            None => {
                return Err(Breach::Expansion {
                    limit: self.max_bytes,
                });
            }
        }
        Ok(())
    }

    /// Counts a span, log record or point.
    #[inline]
    pub(crate) fn charge_row(&mut self, bytes: u64) -> Result<(), Breach> {
        match self.rows_left.checked_sub(1) {
            Some(left) => self.rows_left = left,
            None => return Err(Breach::Rows { limit: self.max_rows }),
        }
        self.charge(bytes)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            strings: self.common.strings.ends.len(),
            nested: self.common.nested.key.len(),
            bytes: self.common.bytes.len(),
        }
    }

    /// Takes back what was written since `mark`. Only for a row that nothing else was written beside.
    #[cold]
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        self.interner.truncate(&mut self.common.strings, mark.strings);
        self.common.nested.truncate(mark.nested);
        self.common.bytes.truncate(mark.bytes);
    }

    /// Begins a value that lies in `depth` arrays and lists.
    #[inline]
    pub(crate) fn open_value(&self, depth: usize) -> OpenValue {
        OpenValue {
            kind: value_kind::EMPTY,
            data: 0,
            depth,
            items_mark: self.items.len(),
        }
    }

    /// Sets a scalar; what was there before is replaced, as `value` is a oneof. What a replaced value had written to
    /// `nested` and `bytes` stays there unused: other values may lie behind it by now.
    #[inline]
    pub(crate) fn set(&mut self, value: &mut OpenValue, kind: u8, data: u64) {
        if matches!(value.kind, value_kind::ARRAY | value_kind::KEY_VALUES) {
            self.items.truncate(value.items_mark);
        }
        value.kind = kind;
        value.data = data;
    }

    /// Sets bytes.
    pub(crate) fn set_bytes(&mut self, value: &mut OpenValue, bytes: &[u8]) {
        let first = row_index(self.common.bytes.len());
        self.common.bytes.extend_from_slice(bytes);
        self.set(
            value,
            value_kind::BYTES,
            pack_range(first, row_index(bytes.len())),
        );
    }

    /// Begins an array or list, or goes on with it if the value is of this kind already.
    pub(crate) fn open_container(&mut self, value: &mut OpenValue, kind: u8) -> Result<(), Breach> {
        if value.depth >= MAX_VALUE_DEPTH {
            return Err(Breach::Depth);
        }
        if value.kind != kind {
            self.set(value, kind, 0);
        }
        Ok(())
    }

    /// Adds a child to the innermost open array or list.
    pub(crate) fn push_item(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Ends a value: its children move to `nested`.
    #[inline]
    pub(crate) fn close_value(&mut self, value: OpenValue, key: u32) -> Item {
        let data = match value.kind {
            value_kind::ARRAY | value_kind::KEY_VALUES => self.close_container(value.items_mark),
            _ => value.data,
        };
        Item {
            key,
            kind: value.kind,
            data,
        }
    }

    fn close_container(&mut self, items_mark: usize) -> u64 {
        let first = row_index(self.common.nested.key.len());
        let mut count = 0;
        for item in self.items.drain(items_mark..) {
            self.common.nested.push(item);
            count += 1;
        }
        pack_range(first, count)
    }

    /// The row that the resource being read will have.
    pub(crate) fn next_resource(&self) -> u32 {
        row_index(self.common.resources.schema_url.len())
    }

    pub(crate) fn end_resource(&mut self, row: &ResourceRow) -> Result<(), Breach> {
        self.charge(RESOURCE_BYTES)?;
        let table = &mut self.common.resources;
        table.attributes_end.push(row_index(table.attributes.key.len()));
        table.dropped_attributes.push(row.dropped_attributes);
        table.schema_url.push(row.schema_url);
        Ok(())
    }

    /// The row that the scope being read will have.
    pub(crate) fn next_scope(&self) -> u32 {
        row_index(self.common.scopes.schema_url.len())
    }

    pub(crate) fn end_scope(&mut self, row: &ScopeRow) -> Result<(), Breach> {
        self.charge(SCOPE_BYTES)?;
        let table = &mut self.common.scopes;
        table.resource.push(row.resource);
        table.name.push(row.name);
        table.version.push(row.version);
        table.attributes_end.push(row_index(table.attributes.key.len()));
        table.dropped_attributes.push(row.dropped_attributes);
        table.schema_url.push(row.schema_url);
        Ok(())
    }
}

impl Attributes {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            key: Vec::with_capacity(rows),
            kind: Vec::with_capacity(rows),
            data: Vec::with_capacity(rows),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: Item) {
        self.key.push(item.key);
        self.kind.push(item.kind);
        self.data.push(item.data);
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.key.truncate(rows);
        self.kind.truncate(rows);
        self.data.truncate(rows);
    }
}

/// Where a cumulative column ends so far.
#[inline]
pub(crate) fn last(ends: &[u32]) -> usize {
    ends.last().map_or(0, |end| *end as usize)
}

/// An OTLP enum number as the columns have it.
pub(crate) fn enum_number(number: i32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// The two halves of a trace id; zero, "none", unless it has 16 bytes.
#[inline]
pub(crate) fn trace_id(bytes: &[u8]) -> [u64; 2] {
    match bytes.as_chunks() {
        ([high, low], []) => [u64::from_be_bytes(*high), u64::from_be_bytes(*low)],
        _ => [0, 0],
    }
}

/// A span id; zero, "none", unless it has 8 bytes.
#[inline]
pub(crate) fn span_id(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}
