//! What a scan may use.

/// Limits of one scan. A body beyond any of them is refused as a whole, with a [`ScanError`](crate::ScanError) that
/// names the limit.
///
/// The nesting of values is limited too, by [`MAX_VALUE_DEPTH`](crate::MAX_VALUE_DEPTH): it is part of the plugin
/// contract and so can't be set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ScanLimits {
    /// Longest body, in bytes after decompression.
    ///
    /// Default: 64 MiB. Protects memory and the time of one call; clients send at most a few MiB. Being a `u32` it
    /// also guarantees that no index of the columns can overflow: each row, string, byte and bucket of them comes
    /// from at least one byte of the body.
    pub max_body_bytes: u32,
    /// Most rows (spans, log records, metric points) in one body.
    ///
    /// Default: 1,048,576. Protects detectors from a single request that takes them minutes; exporters batch some
    /// hundreds to some ten thousand.
    pub max_rows: u32,
    /// Most bytes of columns per byte of the body; 64 KiB are free whatever the body.
    ///
    /// Default: 16. Protects memory: an empty log record is two bytes on the wire and 74 in columns, so 8 MiB of
    /// nothing would become 300 MiB. Real telemetry needs 2 to 4 and, with many small buckets, up to 8. Counted are
    /// whole rows; attributes and buckets, which need at most 8, aren't.
    pub max_expansion: u32,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 * 1024 * 1024,
            max_rows: 1024 * 1024,
            max_expansion: 16,
        }
    }
}

/// Bytes of columns that every body may need, however short it is.
pub(crate) const FREE_COLUMN_BYTES: u64 = 64 * 1024;
