//! Ids of traces and spans, and the order of rows.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bindings::detector::aia::plugin::signals::RowId;

/// A trace id. All zero is "none".
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct TraceId {
    /// First eight bytes, big-endian.
    pub high: u64,
    /// Last eight bytes, big-endian.
    pub low: u64,
}

impl TraceId {
    /// Whether there is one.
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.high != 0 || self.low != 0
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}{:016x}", self.high, self.low)
    }
}

/// A span id. Zero is "none".
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SpanId(pub u64);

impl SpanId {
    /// Whether there is one.
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0 != 0
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Eq for RowId {}

/// In the order in which rows were received.
impl Ord for RowId {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.segment, self.row).cmp(&(other.segment, other.row))
    }
}

impl PartialOrd for RowId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
