//! What a scan may use.

/// Limits of one scan. A body beyond one of the first three is refused as a whole, with a
/// [`ScanError`](crate::ScanError) that names the limit; a row beyond one of the others is left out.
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
    /// Most attributes of one row: of a span, each of its events and each of its links; of a log record; of a point and
    /// each of its exemplars. A row with more is left out and counted in [`Refused`](crate::Refused); the rest is taken.
    ///
    /// Default: 1,024, eight times what OpenTelemetry's SDKs keep of a span. Protects whoever compares attributes one by
    /// one, plugins first of all.
    pub max_attributes: u32,
    /// Rows from before this time, in nanoseconds since the Unix epoch, are left out and counted in
    /// [`Refused`](crate::Refused). A span is as old as its end, a log record as its time or else as when it was observed;
    /// a row without a time is never too old.
    ///
    /// Default: 0, which is off.
    pub oldest: u64,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 * 1024 * 1024,
            max_rows: 1024 * 1024,
            max_expansion: 16,
            max_attributes: 1024,
            oldest: 0,
        }
    }
}

/// Bytes of columns that every body may need, however short it is.
pub(crate) const FREE_COLUMN_BYTES: u64 = 64 * 1024;
