//! Telemetry as struct-of-arrays, exactly as `wit/0.1.0/telemetry.wit` has it: that file says what each column
//! means. Built by the scanners, stored in segments, handed to plugins.

use serde::{Deserialize, Serialize};

use crate::column;

/// Kinds of a value in [`Attributes::kind`].
pub mod value_kind {
    /// No value.
    pub const EMPTY: u8 = 0;
    /// String index.
    pub const STRING: u8 = 1;
    /// 0 or 1.
    pub const BOOL: u8 = 2;
    /// Two's complement of an `i64`.
    pub const INT: u8 = 3;
    /// Bits of an `f64`.
    pub const DOUBLE: u8 = 4;
    /// Range of `nested`.
    pub const ARRAY: u8 = 5;
    /// Range of `nested`.
    pub const KEY_VALUES: u8 = 6;
    /// Range of `bytes`.
    pub const BYTES: u8 = 7;
}

/// Deepest nesting of values that is taken; deeper ones are refused at ingest.
pub const MAX_VALUE_DEPTH: usize = 32;

/// Packs a range of `nested` or `bytes` into a value's data.
#[must_use]
pub fn pack_range(first: u32, count: u32) -> u64 {
    u64::from(first) | (u64::from(count) << 32)
}

/// The first row and the row count of a packed range.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of a u64 are what is wanted"
)]
pub fn unpack_range(data: u64) -> (u32, u32) {
    (data as u32, (data >> 32) as u32)
}

/// Declares structs whose fields are columns (`[u8]`, `[u32]`, `[u64]`, stored as one block of little-endian bytes)
/// or further structs of columns.
macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident { $($rest:tt)* })*) => {
        $(columns!(@struct [$(#[$doc])* $name] (this path visit) [] [] $($rest)*);)*
    };
    (@struct [$(#[$doc:meta])* $name:ident] ($this:ident $path:ident $visit:ident) [$($fields:tt)*] [$($visits:tt)*]) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
        pub struct $name { $($fields)* }

        impl Record for $name {
            fn visit_into<'a>(
                $this: &'a Self,
                $path: &mut Vec<&'static str>,
                $visit: &mut dyn FnMut(&[&'static str], Column<'a>),
            ) {
                $($visits)*
            }
        }
    };
    (
        @struct $head:tt ($this:ident $path:ident $visit:ident) [$($fields:tt)*] [$($visits:tt)*]
        $(#[$doc:meta])* $field:ident: [$item:ty], $($rest:tt)*
    ) => {
        columns!(
            @struct $head ($this $path $visit)
            [$($fields)* $(#[$doc])* #[serde(with = "column")] pub $field: Vec<$item>,]
            [$($visits)*
                $path.push(stringify!($field));
                $visit($path, Column::from($this.$field.as_slice()));
                $path.pop();]
            $($rest)*
        );
    };
    (
        @struct $head:tt ($this:ident $path:ident $visit:ident) [$($fields:tt)*] [$($visits:tt)*]
        $(#[$doc:meta])* $field:ident: $item:ty, $($rest:tt)*
    ) => {
        columns!(
            @struct $head ($this $path $visit)
            [$($fields)* $(#[$doc])* pub $field: $item,]
            [$($visits)*
                $path.push(stringify!($field));
                Record::visit_into(&$this.$field, $path, $visit);
                $path.pop();]
            $($rest)*
        );
    };
}

/// One column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Column<'a> {
    /// Bytes.
    U8(&'a [u8]),
    /// 32-bit integers.
    U32(&'a [u32]),
    /// 64-bit integers.
    U64(&'a [u64]),
}

impl Column<'_> {
    /// Bytes of an item.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::U8(_) => 1,
            Self::U32(_) => 4,
            Self::U64(_) => 8,
        }
    }

    /// Its items as bytes, little-endian.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::U8(column) => column,
            Self::U32(column) => bytemuck::cast_slice(column),
            Self::U64(column) => bytemuck::cast_slice(column),
        }
    }
}

impl<'a> From<&'a [u8]> for Column<'a> {
    fn from(column: &'a [u8]) -> Self {
        Self::U8(column)
    }
}

impl<'a> From<&'a [u32]> for Column<'a> {
    fn from(column: &'a [u32]) -> Self {
        Self::U32(column)
    }
}

impl<'a> From<&'a [u64]> for Column<'a> {
    fn from(column: &'a [u64]) -> Self {
        Self::U64(column)
    }
}

/// A struct of columns.
trait Record {
    fn visit_into<'a>(
        this: &'a Self,
        path: &mut Vec<&'static str>,
        visit: &mut dyn FnMut(&[&'static str], Column<'a>),
    );
}

columns! {
    /// The texts of a request, each stored once; string 0 is empty.
    Strings {
        /// Cumulative end offsets in bytes.
        ends: [u32],
        /// The texts.
        utf8: [u8],
    }

    /// Key-value pairs.
    Attributes {
        /// String index.
        key: [u32],
        /// One of [`value_kind`].
        kind: [u8],
        /// The value.
        data: [u64],
    }

    /// What every signal has.
    Common {
        /// All texts.
        strings: Strings,
        /// Values of kind bytes.
        bytes: [u8],
        /// Elements of arrays and entries of key-value lists.
        nested: Attributes,
        /// Who sent it.
        resources: Resources,
        /// What library measured it.
        scopes: Scopes,
    }

    /// Resources.
    Resources {
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Attributes.
        attributes: Attributes,
        /// Count.
        dropped_attributes: [u32],
        /// String index.
        schema_url: [u32],
    }

    /// Instrumentation scopes.
    Scopes {
        /// Row of [`Resources`].
        resource: [u32],
        /// String index.
        name: [u32],
        /// String index.
        version: [u32],
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Attributes.
        attributes: Attributes,
        /// Count.
        dropped_attributes: [u32],
        /// String index.
        schema_url: [u32],
    }

    /// A request's spans.
    SpanColumns {
        /// Texts, resources, scopes.
        common: Common,
        /// The spans.
        spans: Spans,
        /// Their events.
        events: SpanEvents,
        /// Their links.
        links: SpanLinks,
    }

    /// Spans.
    Spans {
        /// Row of [`Scopes`].
        scope: [u32],
        /// First half.
        trace_id_high: [u64],
        /// Second half.
        trace_id_low: [u64],
        /// Never 0.
        span_id: [u64],
        /// 0 for a root.
        parent_span_id: [u64],
        /// String index.
        trace_state: [u32],
        /// OTLP's flags.
        flags: [u32],
        /// String index.
        name: [u32],
        /// OTLP's span kind.
        kind: [u8],
        /// Nanoseconds since the Unix epoch.
        start_time: [u64],
        /// Nanoseconds since the Unix epoch.
        end_time: [u64],
        /// OTLP's status code.
        status_code: [u8],
        /// String index.
        status_message: [u32],
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Attributes.
        attributes: Attributes,
        /// Count.
        dropped_attributes: [u32],
        /// Range of [`SpanEvents`].
        events_end: [u32],
        /// Count.
        dropped_events: [u32],
        /// Range of [`SpanLinks`].
        links_end: [u32],
        /// Count.
        dropped_links: [u32],
    }

    /// Events of spans.
    SpanEvents {
        /// Nanoseconds since the Unix epoch.
        time: [u64],
        /// String index.
        name: [u32],
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Attributes.
        attributes: Attributes,
        /// Count.
        dropped_attributes: [u32],
    }

    /// Links of spans.
    SpanLinks {
        /// First half.
        trace_id_high: [u64],
        /// Second half.
        trace_id_low: [u64],
        /// Span id.
        span_id: [u64],
        /// String index.
        trace_state: [u32],
        /// OTLP's flags.
        flags: [u32],
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Attributes.
        attributes: Attributes,
        /// Count.
        dropped_attributes: [u32],
    }

    /// A request's log records.
    LogColumns {
        /// Texts, resources, scopes.
        common: Common,
        /// The log records.
        logs: Logs,
    }

    /// Log records.
    Logs {
        /// Row of [`Scopes`].
        scope: [u32],
        /// Nanoseconds since the Unix epoch, 0 if unknown.
        time: [u64],
        /// Nanoseconds since the Unix epoch.
        observed_time: [u64],
        /// OTLP's severity number.
        severity_number: [u8],
        /// String index.
        severity_text: [u32],
        /// One of [`value_kind`].
        body_kind: [u8],
        /// The body's value.
        body_data: [u64],
        /// First half.
        trace_id_high: [u64],
        /// Second half.
        trace_id_low: [u64],
        /// Span id.
        span_id: [u64],
        /// OTLP's flags.
        flags: [u32],
        /// String index.
        event_name: [u32],
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Attributes.
        attributes: Attributes,
        /// Count.
        dropped_attributes: [u32],
    }

    /// A request's metrics.
    MetricColumns {
        /// Texts, resources, scopes.
        common: Common,
        /// The metrics.
        metrics: Metrics,
        /// Their points.
        points: Points,
        /// Values of histogram points.
        histograms: Histograms,
        /// Values of exponential histogram points.
        exponential_histograms: ExponentialHistograms,
        /// Values of summary points.
        summaries: Summaries,
        /// Exemplars of points.
        exemplars: Exemplars,
    }

    /// Metrics.
    Metrics {
        /// Row of [`Scopes`].
        scope: [u32],
        /// String index.
        name: [u32],
        /// String index.
        description: [u32],
        /// String index.
        unit: [u32],
        /// 0 none, 1 gauge, 2 sum, 3 histogram, 4 exponential histogram, 5 summary.
        kind: [u8],
        /// OTLP's aggregation temporality.
        temporality: [u8],
        /// 0 or 1.
        monotonic: [u8],
        /// Range of `metadata`.
        metadata_end: [u32],
        /// Metadata.
        metadata: Attributes,
        /// Range of [`Points`].
        points_end: [u32],
    }

    /// Data points.
    Points {
        /// Row of [`Metrics`].
        metric: [u32],
        /// Nanoseconds since the Unix epoch.
        start_time: [u64],
        /// Nanoseconds since the Unix epoch.
        time: [u64],
        /// OTLP's flags.
        flags: [u32],
        /// 0 none, 1 int, 2 double, 3 histogram, 4 exponential histogram, 5 summary.
        value_kind: [u8],
        /// Value, or row of the table for its kind.
        value: [u64],
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Attributes.
        attributes: Attributes,
        /// Range of [`Exemplars`].
        exemplars_end: [u32],
    }

    /// Values of histogram points.
    Histograms {
        /// Number of measurements.
        count: [u64],
        /// Bit 0 sum, 1 min, 2 max.
        presence: [u8],
        /// Bits of an `f64`.
        sum: [u64],
        /// Bits of an `f64`.
        min: [u64],
        /// Bits of an `f64`.
        max: [u64],
        /// Range of `bucket_counts`.
        bucket_counts_end: [u32],
        /// Counts.
        bucket_counts: [u64],
        /// Range of `explicit_bounds`.
        explicit_bounds_end: [u32],
        /// Bits of `f64`s.
        explicit_bounds: [u64],
    }

    /// Values of exponential histogram points.
    ExponentialHistograms {
        /// Number of measurements.
        count: [u64],
        /// Bit 0 sum, 1 min, 2 max.
        presence: [u8],
        /// Bits of an `f64`.
        sum: [u64],
        /// Bits of an `f64`.
        min: [u64],
        /// Bits of an `f64`.
        max: [u64],
        /// Two's complement of an `i32`.
        scale: [u32],
        /// Count of the zero bucket.
        zero_count: [u64],
        /// Bits of an `f64`.
        zero_threshold: [u64],
        /// Two's complement of an `i32`.
        positive_offset: [u32],
        /// Range of `positive_counts`.
        positive_counts_end: [u32],
        /// Counts.
        positive_counts: [u64],
        /// Two's complement of an `i32`.
        negative_offset: [u32],
        /// Range of `negative_counts`.
        negative_counts_end: [u32],
        /// Counts.
        negative_counts: [u64],
    }

    /// Values of summary points.
    Summaries {
        /// Number of measurements.
        count: [u64],
        /// Bits of an `f64`.
        sum: [u64],
        /// Range of `quantile` and `quantile_value`.
        quantiles_end: [u32],
        /// Bits of `f64`s.
        quantile: [u64],
        /// Bits of `f64`s.
        quantile_value: [u64],
    }

    /// Exemplars.
    Exemplars {
        /// Nanoseconds since the Unix epoch.
        time: [u64],
        /// 0 none, 1 int, 2 double.
        value_kind: [u8],
        /// The value.
        value: [u64],
        /// First half.
        trace_id_high: [u64],
        /// Second half.
        trace_id_low: [u64],
        /// Span id.
        span_id: [u64],
        /// Range of `attributes`.
        attributes_end: [u32],
        /// Filtered attributes.
        attributes: Attributes,
    }
}

/// What a request carried, in columns.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for a whole request; a box would only be one more allocation"
)]
pub enum Columns {
    /// `ExportTraceServiceRequest`.
    Spans(SpanColumns),
    /// `ExportLogsServiceRequest`.
    Logs(LogColumns),
    /// `ExportMetricsServiceRequest`.
    Metrics(MetricColumns),
}

impl Columns {
    /// Every column with its path, such as `spans`, `attributes`, `key`, in the order of the contract: for a runtime that
    /// hands batches over by name.
    pub fn visit<'a>(&'a self, visit: &mut dyn FnMut(&[&'static str], Column<'a>)) {
        let mut path = Vec::new();
        match self {
            Self::Spans(columns) => Record::visit_into(columns, &mut path, visit),
            Self::Logs(columns) => Record::visit_into(columns, &mut path, visit),
            Self::Metrics(columns) => Record::visit_into(columns, &mut path, visit),
        }
    }

    /// Number of rows that evidence can name: spans, log records or metric points.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Spans(columns) => columns.spans.span_id.len(),
            Self::Logs(columns) => columns.logs.scope.len(),
            Self::Metrics(columns) => columns.points.metric.len(),
        }
    }

    /// Texts, resources and scopes.
    #[must_use]
    pub fn common(&self) -> &Common {
        match self {
            Self::Spans(columns) => &columns.common,
            Self::Logs(columns) => &columns.common,
            Self::Metrics(columns) => &columns.common,
        }
    }

    /// Texts, resources and scopes, to change.
    #[must_use]
    pub fn common_mut(&mut self) -> &mut Common {
        match self {
            Self::Spans(columns) => &mut columns.common,
            Self::Logs(columns) => &mut columns.common,
            Self::Metrics(columns) => &mut columns.common,
        }
    }

    /// Which OTLP signal it is.
    #[must_use]
    pub fn signal(&self) -> SignalType {
        match self {
            Self::Spans(_) => SignalType::Traces,
            Self::Logs(_) => SignalType::Logs,
            Self::Metrics(_) => SignalType::Metrics,
        }
    }
}

impl Strings {
    /// String `index`; empty for an index out of range.
    #[must_use]
    pub fn get(&self, index: u32) -> &str {
        let Ok(index) = usize::try_from(index) else {
            return "";
        };
        let end = self.ends.get(index).copied().unwrap_or(0) as usize;
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0) as usize;
        self.utf8
            .get(start..end)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or("")
    }
}

/// The three signals of OTLP. (A *signal* without further words is what a detector finds.)
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum SignalType {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

impl SignalType {
    /// The last part of OTLP's HTTP path.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_visited_by_its_path() {
        let mut columns = LogColumns::default();
        columns.common.strings.utf8 = vec![1];
        columns.logs.attributes.data = vec![2, 3];
        let mut seen = Vec::new();
        Columns::Logs(columns).visit(&mut |path, column| {
            if !column.bytes().is_empty() {
                seen.push(format!(
                    "{} {}x{}",
                    path.join("."),
                    column.width(),
                    column.bytes().len()
                ));
            }
        });
        assert_eq!(seen, ["common.strings.utf8 1x1", "logs.attributes.data 8x16"]);
        let mut count = 0;
        Columns::Spans(SpanColumns::default()).visit(&mut |_, _| count += 1);
        assert_eq!(count, 60);
    }
}
