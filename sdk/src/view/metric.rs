//! Metrics, their points and exemplars.

use super::common::{Resource, Scope, at, range, rows, text};
use super::key::{AttributeKey, Key};
use super::value::{Attributes, Value};
use crate::bindings::detector::aia::plugin::signals::RowId;
use crate::columns::MetricBatch;
use crate::ids::{SpanId, TraceId};
use crate::time::Time;

/// A batch of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Metrics<'a> {
    batch: &'a MetricBatch,
}

impl<'a> Metrics<'a> {
    /// A view of these columns.
    #[must_use]
    pub fn new(batch: &'a MetricBatch) -> Self {
        Self { batch }
    }

    /// The metrics, in order.
    pub fn metrics(self) -> impl Iterator<Item = Metric<'a>> {
        (0..rows(&self.batch.metrics.scope)).map(move |index| Metric {
            batch: self.batch,
            index,
        })
    }

    /// How many metrics there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.batch.metrics.scope.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// When the batch reached AIA.
    #[must_use]
    pub fn received_at(self) -> Time {
        Time::from_nanos(self.batch.common.received_at)
    }

    /// Finds an attribute's key for quick look-ups in this batch.
    #[must_use]
    pub fn key(self, name: &str) -> Key {
        Key::find(&self.batch.common, name)
    }
}

/// What a metric is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MetricKind {
    /// No data.
    Empty,
    /// Values at moments.
    Gauge,
    /// Sums over intervals.
    Sum,
    /// Histograms with explicit bounds.
    Histogram,
    /// Histograms with exponential bounds.
    ExponentialHistogram,
    /// Quantiles.
    Summary,
}

/// What the intervals of a metric's points are.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Temporality {
    /// Not said; always so for gauges and summaries.
    Unspecified,
    /// Each point counts from the one before.
    Delta,
    /// Each point counts from the start.
    Cumulative,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric<'a> {
    batch: &'a MetricBatch,
    index: u32,
}

impl<'a> Metric<'a> {
    /// Name; empty if it isn't set.
    #[must_use]
    pub fn name(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.metrics.name, self.index),
        )
    }

    /// Description; empty if it isn't set.
    #[must_use]
    pub fn description(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.metrics.description, self.index),
        )
    }

    /// Unit in UCUM; empty if it isn't set.
    #[must_use]
    pub fn unit(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.metrics.unit, self.index),
        )
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> MetricKind {
        match at(&self.batch.metrics.kind, self.index) {
            1 => MetricKind::Gauge,
            2 => MetricKind::Sum,
            3 => MetricKind::Histogram,
            4 => MetricKind::ExponentialHistogram,
            5 => MetricKind::Summary,
            _ => MetricKind::Empty,
        }
    }

    /// What the intervals of its points are.
    #[must_use]
    pub fn temporality(self) -> Temporality {
        match at(&self.batch.metrics.temporality, self.index) {
            1 => Temporality::Delta,
            2 => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        }
    }

    /// Whether it is a sum that only grows.
    #[must_use]
    pub fn is_monotonic(self) -> bool {
        at(&self.batch.metrics.monotonic, self.index) != 0
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(self) -> Attributes<'a> {
        let metrics = &self.batch.metrics;
        Attributes::new(
            &self.batch.common,
            &metrics.metadata,
            range(&metrics.metadata_end, self.index),
        )
    }

    /// Its points.
    pub fn points(self) -> impl Iterator<Item = Point<'a>> {
        let range = range(&self.batch.metrics.points_end, self.index);
        let end = range.end.min(rows(&self.batch.points.metric));
        (range.start..end).map(move |index| Point {
            batch: self.batch,
            index,
        })
    }

    /// The library that measured it.
    #[must_use]
    pub fn scope(self) -> Scope<'a> {
        Scope {
            common: &self.batch.common,
            index: at(&self.batch.metrics.scope, self.index),
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn resource(self) -> Resource<'a> {
        self.scope().resource()
    }
}

/// A point of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    batch: &'a MetricBatch,
    index: u32,
}

/// A number that was sent as one of two kinds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Whole number.
    Int(i64),
    /// Any number.
    Double(f64),
}

impl Number {
    /// As a double.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "that is what is asked for")]
            Self::Int(number) => number as f64,
            Self::Double(number) => number,
        }
    }
}

/// The value of a point.
#[derive(Clone, Copy, Debug)]
pub enum PointValue<'a> {
    /// No value was recorded.
    Empty,
    /// Of a gauge or a sum.
    Number(Number),
    /// Of a histogram.
    Histogram(Histogram<'a>),
    /// Of an exponential histogram.
    ExponentialHistogram(ExponentialHistogram<'a>),
    /// Of a summary.
    Summary(Summary<'a>),
}

impl<'a> Point<'a> {
    /// The row, to be named as evidence.
    #[must_use]
    pub fn row(self) -> RowId {
        let common = &self.batch.common;
        RowId {
            segment: common.segment,
            row: common.first_row.saturating_add(self.index),
        }
    }

    /// Start of the interval.
    #[must_use]
    pub fn start_time(self) -> Time {
        Time::from_nanos(at(&self.batch.points.start_time, self.index))
    }

    /// End of the interval, or the moment of a gauge.
    #[must_use]
    pub fn time(self) -> Time {
        Time::from_nanos(at(&self.batch.points.time, self.index))
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let points = &self.batch.points;
        Attributes::new(
            &self.batch.common,
            &points.attributes,
            range(&points.attributes_end, self.index),
        )
    }

    /// An attribute, by name or [`Key`].
    #[must_use]
    pub fn attribute(self, key: impl AttributeKey) -> Option<Value<'a>> {
        self.attributes().get(key)
    }

    /// Its value.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "rows of tables fit into 32 bits")]
    pub fn value(self) -> PointValue<'a> {
        let (batch, data) = (self.batch, at(&self.batch.points.value, self.index));
        let index = data as u32;
        match at(&batch.points.value_kind, self.index) {
            1 => PointValue::Number(Number::Int(data.cast_signed())),
            2 => PointValue::Number(Number::Double(f64::from_bits(data))),
            3 => PointValue::Histogram(Histogram { batch, index }),
            4 => PointValue::ExponentialHistogram(ExponentialHistogram { batch, index }),
            5 => PointValue::Summary(Summary { batch, index }),
            _ => PointValue::Empty,
        }
    }

    /// Its exemplars.
    pub fn exemplars(self) -> impl Iterator<Item = Exemplar<'a>> {
        let range = range(&self.batch.points.exemplars_end, self.index);
        let end = range.end.min(rows(&self.batch.exemplars.time));
        (range.start..end).map(move |index| Exemplar {
            batch: self.batch,
            index,
        })
    }
}

fn slice(column: &[u64], ends: &[u32], index: u32) -> impl Iterator<Item = u64> {
    let range = range(ends, index);
    column
        .get(range.start as usize..range.end as usize)
        .unwrap_or_default()
        .iter()
        .copied()
}

/// The value of a column of doubles whose presence is bit `bit` of `presence`.
fn optional(presence: &[u8], bit: u8, column: &[u64], index: u32) -> Option<f64> {
    (at(presence, index) & (1 << bit) != 0).then(|| f64::from_bits(at(column, index)))
}

/// A histogram with explicit bounds.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<'a> {
    batch: &'a MetricBatch,
    index: u32,
}

impl<'a> Histogram<'a> {
    /// Number of measurements.
    #[must_use]
    pub fn count(self) -> u64 {
        at(&self.batch.histograms.count, self.index)
    }

    /// Sum of the measurements.
    #[must_use]
    pub fn sum(self) -> Option<f64> {
        optional(
            &self.batch.histograms.presence,
            0,
            &self.batch.histograms.sum,
            self.index,
        )
    }

    /// Smallest measurement.
    #[must_use]
    pub fn min(self) -> Option<f64> {
        optional(
            &self.batch.histograms.presence,
            1,
            &self.batch.histograms.min,
            self.index,
        )
    }

    /// Largest measurement.
    #[must_use]
    pub fn max(self) -> Option<f64> {
        optional(
            &self.batch.histograms.presence,
            2,
            &self.batch.histograms.max,
            self.index,
        )
    }

    /// Counts of the buckets.
    pub fn bucket_counts(self) -> impl Iterator<Item = u64> + 'a {
        slice(
            &self.batch.histograms.bucket_counts,
            &self.batch.histograms.bucket_counts_end,
            self.index,
        )
    }

    /// Upper bounds of all buckets but the last, which has none.
    pub fn explicit_bounds(self) -> impl Iterator<Item = f64> + 'a {
        slice(
            &self.batch.histograms.explicit_bounds,
            &self.batch.histograms.explicit_bounds_end,
            self.index,
        )
        .map(f64::from_bits)
    }
}

/// A histogram with exponential bounds.
#[derive(Clone, Copy, Debug)]
pub struct ExponentialHistogram<'a> {
    batch: &'a MetricBatch,
    index: u32,
}

/// Neighbouring buckets of an exponential histogram.
#[derive(Clone, Copy, Debug)]
pub struct Buckets<'a> {
    /// Index of the first bucket.
    pub offset: i32,
    counts: &'a [u64],
}

impl<'a> Buckets<'a> {
    /// Counts, from bucket `offset` upwards.
    pub fn counts(self) -> impl Iterator<Item = u64> + 'a {
        self.counts.iter().copied()
    }
}

impl<'a> ExponentialHistogram<'a> {
    /// Number of measurements.
    #[must_use]
    pub fn count(self) -> u64 {
        at(&self.batch.exponential_histograms.count, self.index)
    }

    /// Sum of the measurements.
    #[must_use]
    pub fn sum(self) -> Option<f64> {
        let table = &self.batch.exponential_histograms;
        optional(&table.presence, 0, &table.sum, self.index)
    }

    /// Smallest measurement.
    #[must_use]
    pub fn min(self) -> Option<f64> {
        let table = &self.batch.exponential_histograms;
        optional(&table.presence, 1, &table.min, self.index)
    }

    /// Largest measurement.
    #[must_use]
    pub fn max(self) -> Option<f64> {
        let table = &self.batch.exponential_histograms;
        optional(&table.presence, 2, &table.max, self.index)
    }

    /// Scale: the base is 2 to the power of 2 to the power of -scale.
    #[must_use]
    pub fn scale(self) -> i32 {
        at(&self.batch.exponential_histograms.scale, self.index).cast_signed()
    }

    /// Number of measurements in the zero bucket.
    #[must_use]
    pub fn zero_count(self) -> u64 {
        at(&self.batch.exponential_histograms.zero_count, self.index)
    }

    /// Width of the zero bucket.
    #[must_use]
    pub fn zero_threshold(self) -> f64 {
        f64::from_bits(at(&self.batch.exponential_histograms.zero_threshold, self.index))
    }

    /// Buckets of positive measurements.
    #[must_use]
    pub fn positive(self) -> Buckets<'a> {
        let table = &self.batch.exponential_histograms;
        self.buckets(
            &table.positive_offset,
            &table.positive_counts_end,
            &table.positive_counts,
        )
    }

    /// Buckets of negative measurements.
    #[must_use]
    pub fn negative(self) -> Buckets<'a> {
        let table = &self.batch.exponential_histograms;
        self.buckets(
            &table.negative_offset,
            &table.negative_counts_end,
            &table.negative_counts,
        )
    }

    fn buckets(self, offsets: &[u32], ends: &[u32], counts: &'a [u64]) -> Buckets<'a> {
        let range = range(ends, self.index);
        Buckets {
            offset: at(offsets, self.index).cast_signed(),
            counts: counts
                .get(range.start as usize..range.end as usize)
                .unwrap_or_default(),
        }
    }
}

/// Quantiles.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    batch: &'a MetricBatch,
    index: u32,
}

impl<'a> Summary<'a> {
    /// Number of measurements.
    #[must_use]
    pub fn count(self) -> u64 {
        at(&self.batch.summaries.count, self.index)
    }

    /// Sum of the measurements.
    #[must_use]
    pub fn sum(self) -> f64 {
        f64::from_bits(at(&self.batch.summaries.sum, self.index))
    }

    /// Quantiles, from 0.0 to 1.0, and their values.
    pub fn quantiles(self) -> impl Iterator<Item = (f64, f64)> + 'a {
        let table = &self.batch.summaries;
        let values = slice(&table.quantile_value, &table.quantiles_end, self.index).map(f64::from_bits);
        slice(&table.quantile, &table.quantiles_end, self.index)
            .map(f64::from_bits)
            .zip(values)
    }
}

/// A measurement that went into a point.
#[derive(Clone, Copy, Debug)]
pub struct Exemplar<'a> {
    batch: &'a MetricBatch,
    index: u32,
}

impl<'a> Exemplar<'a> {
    /// When.
    #[must_use]
    pub fn time(self) -> Time {
        Time::from_nanos(at(&self.batch.exemplars.time, self.index))
    }

    /// The measurement.
    #[must_use]
    pub fn value(self) -> Option<Number> {
        let data = at(&self.batch.exemplars.value, self.index);
        match at(&self.batch.exemplars.value_kind, self.index) {
            1 => Some(Number::Int(data.cast_signed())),
            2 => Some(Number::Double(f64::from_bits(data))),
            _ => None,
        }
    }

    /// The trace it was measured in; not set if in none.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        let table = &self.batch.exemplars;
        TraceId {
            high: at(&table.trace_id_high, self.index),
            low: at(&table.trace_id_low, self.index),
        }
    }

    /// The span it was measured in; not set if in none.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        SpanId(at(&self.batch.exemplars.span_id, self.index))
    }

    /// Attributes that aren't among the point's.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let table = &self.batch.exemplars;
        Attributes::new(
            &self.batch.common,
            &table.attributes,
            range(&table.attributes_end, self.index),
        )
    }
}
