//! Batches of metrics.

use super::builder::{CommonBuilder, count, no_attributes};
use super::value::TestValue;
use crate::columns::{Exemplars, ExponentialHistograms, Histograms, MetricBatch, Metrics, Points, Summaries};
use crate::time::Time;

/// The value of a point to be put into a batch.
#[derive(Clone, Debug)]
pub enum TestPoint {
    /// Whole number.
    Int(i64),
    /// Number.
    Double(f64),
    /// A histogram with sum, without minimum and maximum.
    Histogram {
        /// Sum of the measurements.
        sum: f64,
        /// Upper bounds of all buckets but the last.
        bounds: Vec<f64>,
        /// Counts of the buckets.
        counts: Vec<u64>,
    },
    /// An exponential histogram of positive measurements with sum, without minimum and maximum.
    ExponentialHistogram {
        /// Sum of the measurements.
        sum: f64,
        /// Scale.
        scale: i32,
        /// Index of the first bucket.
        offset: i32,
        /// Counts of the buckets.
        counts: Vec<u64>,
    },
    /// A summary.
    Summary {
        /// Number of measurements.
        count: u64,
        /// Sum of the measurements.
        sum: f64,
        /// Quantiles and their values.
        quantiles: Vec<(f64, f64)>,
    },
}

/// A metric to be put into a batch.
#[derive(Clone, Debug)]
pub struct TestMetric {
    name: String,
    unit: String,
    sum: Option<(u8, bool)>,
    points: Vec<(TestPoint, Vec<(String, TestValue)>)>,
}

impl TestMetric {
    /// A metric; its kind is that of its first point, a gauge for a number.
    #[must_use]
    pub fn new(name: &str, unit: &str) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            sum: None,
            points: Vec::new(),
        }
    }

    /// Makes it a sum: cumulative or delta, growing only or not.
    #[must_use]
    pub fn sum(mut self, cumulative: bool, monotonic: bool) -> Self {
        self.sum = Some((1 + u8::from(cumulative), monotonic));
        self
    }

    /// Adds a point at the batch's time of receipt.
    #[must_use]
    pub fn point(mut self, value: TestPoint, attributes: &[(&str, &str)]) -> Self {
        let attributes = attributes
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        self.points.push((value, attributes));
        self
    }
}

/// Makes batches of metrics.
#[derive(Clone, Debug)]
pub struct MetricBatchBuilder {
    common: CommonBuilder,
    batch: MetricBatch,
}

impl MetricBatchBuilder {
    /// An empty batch that reached AIA at `received_at`.
    #[must_use]
    pub fn new(received_at: Time) -> Self {
        let mut common = CommonBuilder::new();
        common.columns().received_at = received_at.as_nanos();
        let batch = MetricBatch {
            common: common.clone().build(),
            metrics: Metrics {
                scope: Vec::new(),
                name: Vec::new(),
                description: Vec::new(),
                unit: Vec::new(),
                kind: Vec::new(),
                temporality: Vec::new(),
                monotonic: Vec::new(),
                metadata_end: Vec::new(),
                metadata: no_attributes(),
                points_end: Vec::new(),
            },
            points: Points {
                metric: Vec::new(),
                start_time: Vec::new(),
                time: Vec::new(),
                flags: Vec::new(),
                value_kind: Vec::new(),
                value: Vec::new(),
                attributes_end: Vec::new(),
                attributes: no_attributes(),
                exemplars_end: Vec::new(),
            },
            histograms: Histograms {
                count: Vec::new(),
                presence: Vec::new(),
                sum: Vec::new(),
                min: Vec::new(),
                max: Vec::new(),
                bucket_counts_end: Vec::new(),
                bucket_counts: Vec::new(),
                explicit_bounds_end: Vec::new(),
                explicit_bounds: Vec::new(),
            },
            exponential_histograms: ExponentialHistograms {
                count: Vec::new(),
                presence: Vec::new(),
                sum: Vec::new(),
                min: Vec::new(),
                max: Vec::new(),
                scale: Vec::new(),
                zero_count: Vec::new(),
                zero_threshold: Vec::new(),
                positive_offset: Vec::new(),
                positive_counts_end: Vec::new(),
                positive_counts: Vec::new(),
                negative_offset: Vec::new(),
                negative_counts_end: Vec::new(),
                negative_counts: Vec::new(),
            },
            summaries: Summaries {
                count: Vec::new(),
                sum: Vec::new(),
                quantiles_end: Vec::new(),
                quantile: Vec::new(),
                quantile_value: Vec::new(),
            },
            exemplars: Exemplars {
                time: Vec::new(),
                value_kind: Vec::new(),
                value: Vec::new(),
                trace_id_high: Vec::new(),
                trace_id_low: Vec::new(),
                span_id: Vec::new(),
                attributes_end: Vec::new(),
                attributes: no_attributes(),
            },
        };
        Self { common, batch }
    }

    /// Begins a resource; the metrics that follow belong to it.
    #[must_use]
    pub fn resource(mut self, attributes: &[(&str, &str)]) -> Self {
        self.common.resource(attributes);
        self
    }

    /// Adds a metric.
    #[must_use]
    pub fn metric(mut self, metric: TestMetric) -> Self {
        let row = count(self.batch.metrics.scope.len());
        let received_at = self.common.columns().received_at;
        let mut metric_kind = 0;
        for (value, attributes) in &metric.points {
            let (kind, data) = self.value(value);
            metric_kind = match (kind, metric.sum) {
                (1 | 2, None) => 1,
                (1 | 2, Some(_)) => 2,
                (kind, _) => kind,
            };
            let points = &mut self.batch.points;
            points.metric.push(row);
            points.start_time.push(received_at);
            points.time.push(received_at);
            points.flags.push(0);
            points.value_kind.push(kind);
            points.value.push(data);
            let end = self.common.attributes(&mut points.attributes, attributes);
            points.attributes_end.push(end);
            points.exemplars_end.push(0);
        }
        let scope = self.common.last_scope();
        let metrics = &mut self.batch.metrics;
        metrics.scope.push(scope);
        metrics.name.push(self.common.text(&metric.name));
        metrics.description.push(0);
        metrics.unit.push(self.common.text(&metric.unit));
        metrics.kind.push(metric_kind);
        metrics
            .temporality
            .push(metric.sum.map_or(0, |(temporality, _)| temporality));
        metrics
            .monotonic
            .push(metric.sum.map_or(0, |(_, monotonic)| u8::from(monotonic)));
        metrics.metadata_end.push(0);
        metrics.points_end.push(count(self.batch.points.metric.len()));
        self
    }

    fn value(&mut self, value: &TestPoint) -> (u8, u64) {
        match value {
            TestPoint::Int(number) => (1, number.cast_unsigned()),
            TestPoint::Double(number) => (2, number.to_bits()),
            TestPoint::Histogram { sum, bounds, counts } => {
                let table = &mut self.batch.histograms;
                let row = table.count.len() as u64;
                table.count.push(counts.iter().sum());
                table.presence.push(1);
                table.sum.push(sum.to_bits());
                table.min.push(0);
                table.max.push(0);
                table.bucket_counts.extend(counts);
                table.bucket_counts_end.push(count(table.bucket_counts.len()));
                table
                    .explicit_bounds
                    .extend(bounds.iter().map(|bound| bound.to_bits()));
                table.explicit_bounds_end.push(count(table.explicit_bounds.len()));
                (3, row)
            }
            TestPoint::ExponentialHistogram {
                sum,
                scale,
                offset,
                counts,
            } => {
                let table = &mut self.batch.exponential_histograms;
                let row = table.count.len() as u64;
                table.count.push(counts.iter().sum());
                table.presence.push(1);
                table.sum.push(sum.to_bits());
                table.min.push(0);
                table.max.push(0);
                table.scale.push(scale.cast_unsigned());
                table.zero_count.push(0);
                table.zero_threshold.push(0);
                table.positive_offset.push(offset.cast_unsigned());
                table.positive_counts.extend(counts);
                table.positive_counts_end.push(count(table.positive_counts.len()));
                table.negative_offset.push(0);
                table.negative_counts_end.push(0);
                (4, row)
            }
            TestPoint::Summary {
                count: measurements,
                sum,
                quantiles,
            } => {
                let table = &mut self.batch.summaries;
                let row = table.count.len() as u64;
                table.count.push(*measurements);
                table.sum.push(sum.to_bits());
                table
                    .quantile
                    .extend(quantiles.iter().map(|(quantile, _)| quantile.to_bits()));
                table
                    .quantile_value
                    .extend(quantiles.iter().map(|(_, value)| value.to_bits()));
                table.quantiles_end.push(count(table.quantile.len()));
                (5, row)
            }
        }
    }

    /// The batch.
    #[must_use]
    pub fn build(self) -> MetricBatch {
        MetricBatch {
            common: self.common.build(),
            ..self.batch
        }
    }
}
