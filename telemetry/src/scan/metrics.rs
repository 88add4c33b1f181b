//! Rows of metrics, points and exemplars.

use super::{
    Refused, Scratch,
    error::Breach,
    interner::row_index,
    sink::{Mark, SignalSink, Sink, last},
};
use crate::columns::{
    Columns, Exemplars, ExponentialHistograms, Histograms, MetricColumns, Metrics, Points, Summaries,
};

/// Kinds of a metric's data in `Metrics::kind`.
pub(crate) mod metric_kind {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const GAUGE: u8 = 1;
    pub(crate) const SUM: u8 = 2;
    pub(crate) const HISTOGRAM: u8 = 3;
    pub(crate) const EXPONENTIAL_HISTOGRAM: u8 = 4;
    pub(crate) const SUMMARY: u8 = 5;
}

/// Kinds of a point's or an exemplar's value in `Points::value_kind`.
pub(crate) mod point_kind {
    pub(crate) const INT: u8 = 1;
    pub(crate) const DOUBLE: u8 = 2;
    pub(crate) const HISTOGRAM: u8 = 3;
    pub(crate) const EXPONENTIAL_HISTOGRAM: u8 = 4;
    pub(crate) const SUMMARY: u8 = 5;
}

/// A metric that is being read. Metadata and points are written at once.
pub(crate) struct OpenMetric {
    pub(crate) scope: u32,
    pub(crate) name: u32,
    pub(crate) description: u32,
    pub(crate) unit: u32,
    pub(crate) kind: u8,
    pub(crate) temporality: u8,
    pub(crate) monotonic: bool,
    points_mark: usize,
    histograms_mark: usize,
    exponential_histograms_mark: usize,
    summaries_mark: usize,
    refused_mark: Refused,
}

/// Scalars of a point. Attributes and exemplars are written at once.
pub(crate) struct PointRow {
    mark: Mark,
    pub(crate) start_time: u64,
    pub(crate) time: u64,
    pub(crate) flags: u32,
    pub(crate) value_kind: u8,
    pub(crate) value: u64,
}

/// An optional sum, minimum and maximum, as bits of doubles.
#[derive(Default)]
pub(crate) struct Extent {
    pub(crate) presence: u8,
    pub(crate) sum: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
}

impl Extent {
    pub(crate) fn set_sum(&mut self, bits: u64) {
        self.presence |= 1;
        self.sum = bits;
    }

    pub(crate) fn set_min(&mut self, bits: u64) {
        self.presence |= 2;
        self.min = bits;
    }

    pub(crate) fn set_max(&mut self, bits: u64) {
        self.presence |= 4;
        self.max = bits;
    }
}

/// Scalars of a histogram. Buckets are written at once.
#[derive(Default)]
pub(crate) struct HistogramRow {
    pub(crate) count: u64,
    pub(crate) extent: Extent,
}

/// Scalars of an exponential histogram. Buckets are written at once.
#[derive(Default)]
pub(crate) struct ExponentialHistogramRow {
    pub(crate) count: u64,
    pub(crate) extent: Extent,
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) zero_threshold: u64,
    pub(crate) positive_offset: i32,
    pub(crate) negative_offset: i32,
}

/// Scalars of a summary. Quantiles are written at once.
#[derive(Default)]
pub(crate) struct SummaryRow {
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

/// Scalars of an exemplar. An invalid id is zero.
#[derive(Default)]
pub(crate) struct ExemplarRow {
    pub(crate) time: u64,
    pub(crate) value_kind: u8,
    pub(crate) value: u64,
    pub(crate) trace_id: [u64; 2],
    pub(crate) span_id: u64,
}

const METRIC_BYTES: u64 = 27;
const POINT_BYTES: u64 = 41;
const HISTOGRAM_BYTES: u64 = 41;
const EXPONENTIAL_HISTOGRAM_BYTES: u64 = 69;
const SUMMARY_BYTES: u64 = 20;
const QUANTILE_BYTES: u64 = 16;
const EXEMPLAR_BYTES: u64 = 45;

/// Where a request's metrics go.
pub(crate) struct MetricSink {
    pub(crate) sink: Sink,
    pub(crate) metrics: Metrics,
    pub(crate) points: Points,
    pub(crate) histograms: Histograms,
    pub(crate) exponential_histograms: ExponentialHistograms,
    pub(crate) summaries: Summaries,
    pub(crate) exemplars: Exemplars,
    /// Whether an exemplar of the point being read has too many attributes.
    is_overfull: bool,
    refused: Refused,
}

impl SignalSink for MetricSink {
    fn new(sink: Sink) -> Self {
        Self {
            sink,
            metrics: Metrics::default(),
            points: Points::default(),
            histograms: Histograms::default(),
            exponential_histograms: ExponentialHistograms::default(),
            summaries: Summaries::default(),
            exemplars: Exemplars::default(),
            is_overfull: false,
            refused: Refused::default(),
        }
    }

    fn finish(self) -> (Columns, Refused, Scratch) {
        let Self {
            sink,
            metrics,
            points,
            histograms,
            exponential_histograms,
            summaries,
            exemplars,
            is_overfull: _,
            refused,
        } = self;
        let (common, scratch) = sink.finish();
        let columns = MetricColumns {
            common,
            metrics,
            points,
            histograms,
            exponential_histograms,
            summaries,
            exemplars,
        };
        (Columns::Metrics(columns), refused, scratch)
    }

    fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }
}

impl MetricSink {
    pub(crate) fn begin_metric(&self, scope: u32) -> OpenMetric {
        OpenMetric {
            scope,
            name: 0,
            description: 0,
            unit: 0,
            kind: metric_kind::NONE,
            temporality: 0,
            monotonic: false,
            points_mark: self.points.metric.len(),
            histograms_mark: self.histograms.count.len(),
            exponential_histograms_mark: self.exponential_histograms.count.len(),
            summaries_mark: self.summaries.count.len(),
            refused_mark: self.refused,
        }
    }

    /// Begins data of a kind. `data` is a oneof: data of another kind that was there is taken back, data of the same
    /// kind is gone on with.
    pub(crate) fn begin_data(&mut self, metric: &mut OpenMetric, kind: u8) {
        if metric.kind != metric_kind::NONE && metric.kind != kind {
            self.points.truncate(metric.points_mark);
            self.histograms.truncate(metric.histograms_mark);
            self.exponential_histograms
                .truncate(metric.exponential_histograms_mark);
            self.summaries.truncate(metric.summaries_mark);
            self.exemplars.truncate(last(&self.points.exemplars_end));
            self.refused = metric.refused_mark;
            metric.temporality = 0;
            metric.monotonic = false;
        }
        metric.kind = kind;
    }

    pub(crate) fn end_metric(&mut self, metric: &OpenMetric) -> Result<(), Breach> {
        self.sink.charge(METRIC_BYTES)?;
        let table = &mut self.metrics;
        table.scope.push(metric.scope);
        table.name.push(metric.name);
        table.description.push(metric.description);
        table.unit.push(metric.unit);
        table.kind.push(metric.kind);
        table.temporality.push(metric.temporality);
        table.monotonic.push(metric.monotonic.into());
        table.metadata_end.push(row_index(table.metadata.key.len()));
        table.points_end.push(row_index(self.points.metric.len()));
        Ok(())
    }

    pub(crate) fn begin_point(&self) -> PointRow {
        PointRow {
            mark: self.sink.mark(),
            start_time: 0,
            time: 0,
            flags: 0,
            value_kind: 0,
            value: 0,
        }
    }

    /// Whether the point that is being read is refused. All of it is taken back then.
    #[inline]
    fn refuses(&mut self, point: &PointRow) -> bool {
        let points = &self.points;
        if std::mem::take(&mut self.is_overfull)
            || self.sink.is_overfull(&points.attributes, &points.attributes_end)
        {
            self.refused.attributes += 1;
        } else if self.sink.is_too_old(point.time) {
            self.refused.too_old += 1;
        } else {
            return false;
        }
        self.roll_back(point.mark);
        true
    }

    #[cold]
    fn roll_back(&mut self, mark: Mark) {
        // Rows of finished points stay; what lies behind the last one goes.
        self.points.truncate(self.points.metric.len());
        self.histograms.truncate(self.histograms.count.len());
        self.exponential_histograms
            .truncate(self.exponential_histograms.count.len());
        self.summaries.truncate(self.summaries.count.len());
        self.exemplars.truncate(last(&self.points.exemplars_end));
        self.sink.roll_back(mark);
    }

    #[inline]
    pub(crate) fn end_number(&mut self, point: &PointRow) -> Result<(), Breach> {
        if self.refuses(point) {
            return Ok(());
        }
        self.end_point(point)
    }

    #[inline]
    fn end_point(&mut self, row: &PointRow) -> Result<(), Breach> {
        self.sink.charge_row(POINT_BYTES)?;
        let table = &mut self.points;
        table.metric.push(row_index(self.metrics.name.len()));
        table.start_time.push(row.start_time);
        table.time.push(row.time);
        table.flags.push(row.flags);
        table.value_kind.push(row.value_kind);
        table.value.push(row.value);
        table.attributes_end.push(row_index(table.attributes.key.len()));
        table.exemplars_end.push(row_index(self.exemplars.time.len()));
        Ok(())
    }

    pub(crate) fn end_histogram(&mut self, point: PointRow, row: &HistogramRow) -> Result<(), Breach> {
        if self.refuses(&point) {
            return Ok(());
        }
        self.sink.charge(HISTOGRAM_BYTES)?;
        let table = &mut self.histograms;
        let value = table.count.len() as u64;
        table.count.push(row.count);
        table.presence.push(row.extent.presence);
        table.sum.push(row.extent.sum);
        table.min.push(row.extent.min);
        table.max.push(row.extent.max);
        table.bucket_counts_end.push(row_index(table.bucket_counts.len()));
        table
            .explicit_bounds_end
            .push(row_index(table.explicit_bounds.len()));
        self.end_point(&PointRow {
            value_kind: point_kind::HISTOGRAM,
            value,
            ..point
        })
    }

    pub(crate) fn end_exponential_histogram(
        &mut self,
        point: PointRow,
        row: &ExponentialHistogramRow,
    ) -> Result<(), Breach> {
        if self.refuses(&point) {
            return Ok(());
        }
        self.sink.charge(EXPONENTIAL_HISTOGRAM_BYTES)?;
        let table = &mut self.exponential_histograms;
        let value = table.count.len() as u64;
        table.count.push(row.count);
        table.presence.push(row.extent.presence);
        table.sum.push(row.extent.sum);
        table.min.push(row.extent.min);
        table.max.push(row.extent.max);
        table.scale.push(row.scale.cast_unsigned());
        table.zero_count.push(row.zero_count);
        table.zero_threshold.push(row.zero_threshold);
        table.positive_offset.push(row.positive_offset.cast_unsigned());
        table
            .positive_counts_end
            .push(row_index(table.positive_counts.len()));
        table.negative_offset.push(row.negative_offset.cast_unsigned());
        table
            .negative_counts_end
            .push(row_index(table.negative_counts.len()));
        self.end_point(&PointRow {
            value_kind: point_kind::EXPONENTIAL_HISTOGRAM,
            value,
            ..point
        })
    }

    pub(crate) fn push_quantile(&mut self, quantile: u64, value: u64) -> Result<(), Breach> {
        self.sink.charge(QUANTILE_BYTES)?;
        self.summaries.quantile.push(quantile);
        self.summaries.quantile_value.push(value);
        Ok(())
    }

    pub(crate) fn end_summary(&mut self, point: PointRow, row: &SummaryRow) -> Result<(), Breach> {
        if self.refuses(&point) {
            return Ok(());
        }
        self.sink.charge(SUMMARY_BYTES)?;
        let table = &mut self.summaries;
        let value = table.count.len() as u64;
        table.count.push(row.count);
        table.sum.push(row.sum);
        table.quantiles_end.push(row_index(table.quantile.len()));
        self.end_point(&PointRow {
            value_kind: point_kind::SUMMARY,
            value,
            ..point
        })
    }

    pub(crate) fn end_exemplar(&mut self, row: &ExemplarRow) -> Result<(), Breach> {
        self.sink.charge(EXEMPLAR_BYTES)?;
        let table = &mut self.exemplars;
        self.is_overfull |= self.sink.is_overfull(&table.attributes, &table.attributes_end);
        let [high, low] = row.trace_id;
        table.time.push(row.time);
        table.value_kind.push(row.value_kind);
        table.value.push(row.value);
        table.trace_id_high.push(high);
        table.trace_id_low.push(low);
        table.span_id.push(row.span_id);
        table.attributes_end.push(row_index(table.attributes.key.len()));
        Ok(())
    }
}

impl Points {
    fn truncate(&mut self, rows: usize) {
        let Self {
            metric,
            start_time,
            time,
            flags,
            value_kind,
            value,
            attributes_end,
            attributes,
            exemplars_end,
        } = self;
        metric.truncate(rows);
        start_time.truncate(rows);
        time.truncate(rows);
        flags.truncate(rows);
        value_kind.truncate(rows);
        value.truncate(rows);
        attributes_end.truncate(rows);
        attributes.truncate(last(attributes_end));
        exemplars_end.truncate(rows);
    }
}

impl Histograms {
    fn truncate(&mut self, rows: usize) {
        let Self {
            count,
            presence,
            sum,
            min,
            max,
            bucket_counts_end,
            bucket_counts,
            explicit_bounds_end,
            explicit_bounds,
        } = self;
        count.truncate(rows);
        presence.truncate(rows);
        sum.truncate(rows);
        min.truncate(rows);
        max.truncate(rows);
        bucket_counts_end.truncate(rows);
        bucket_counts.truncate(last(bucket_counts_end));
        explicit_bounds_end.truncate(rows);
        explicit_bounds.truncate(last(explicit_bounds_end));
    }
}

impl ExponentialHistograms {
    fn truncate(&mut self, rows: usize) {
        let Self {
            count,
            presence,
            sum,
            min,
            max,
            scale,
            zero_count,
            zero_threshold,
            positive_offset,
            positive_counts_end,
            positive_counts,
            negative_offset,
            negative_counts_end,
            negative_counts,
        } = self;
        count.truncate(rows);
        presence.truncate(rows);
        sum.truncate(rows);
        min.truncate(rows);
        max.truncate(rows);
        scale.truncate(rows);
        zero_count.truncate(rows);
        zero_threshold.truncate(rows);
        positive_offset.truncate(rows);
        positive_counts_end.truncate(rows);
        positive_counts.truncate(last(positive_counts_end));
        negative_offset.truncate(rows);
        negative_counts_end.truncate(rows);
        negative_counts.truncate(last(negative_counts_end));
    }
}

impl Summaries {
    fn truncate(&mut self, rows: usize) {
        let Self {
            count,
            sum,
            quantiles_end,
            quantile,
            quantile_value,
        } = self;
        count.truncate(rows);
        sum.truncate(rows);
        quantiles_end.truncate(rows);
        quantile.truncate(last(quantiles_end));
        quantile_value.truncate(last(quantiles_end));
    }
}

impl Exemplars {
    fn truncate(&mut self, rows: usize) {
        let Self {
            time,
            value_kind,
            value,
            trace_id_high,
            trace_id_low,
            span_id,
            attributes_end,
            attributes,
        } = self;
        time.truncate(rows);
        value_kind.truncate(rows);
        value.truncate(rows);
        trace_id_high.truncate(rows);
        trace_id_low.truncate(rows);
        span_id.truncate(rows);
        attributes_end.truncate(rows);
        attributes.truncate(last(attributes_end));
    }
}
