//! Data points and exemplars.

use super::{
    cursor::{Cursor, MessageType, fixed64, length, varint},
    value,
};
use crate::scan::{
    error::ScanError,
    metrics::{ExemplarRow, ExponentialHistogramRow, HistogramRow, MetricSink, SummaryRow, point_kind},
    sink::{span_id, trace_id},
};

/// These two are the same in all points.
const START_TIME: u32 = fixed64(2);
const TIME: u32 = fixed64(3);

const NUMBER: MessageType = MessageType::new("NumberDataPoint", &[2, 3, 4, 5, 6, 7, 8]);
const NUMBER_AS_DOUBLE: u32 = fixed64(4);
const NUMBER_EXEMPLARS: u32 = length(5);
const NUMBER_AS_INT: u32 = fixed64(6);
const NUMBER_ATTRIBUTES: u32 = length(7);
const NUMBER_FLAGS: u32 = varint(8);

const HISTOGRAM: MessageType = MessageType::new("HistogramDataPoint", &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
const HISTOGRAM_COUNT: u32 = fixed64(4);
const HISTOGRAM_SUM: u32 = fixed64(5);
const HISTOGRAM_BUCKET_COUNTS: u32 = length(6);
const HISTOGRAM_BUCKET_COUNT: u32 = fixed64(6);
const HISTOGRAM_EXPLICIT_BOUNDS: u32 = length(7);
const HISTOGRAM_EXPLICIT_BOUND: u32 = fixed64(7);
const HISTOGRAM_EXEMPLARS: u32 = length(8);
const HISTOGRAM_ATTRIBUTES: u32 = length(9);
const HISTOGRAM_FLAGS: u32 = varint(10);
const HISTOGRAM_MIN: u32 = fixed64(11);
const HISTOGRAM_MAX: u32 = fixed64(12);

const EXPONENTIAL: MessageType = MessageType::new(
    "ExponentialHistogramDataPoint",
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
);
const EXPONENTIAL_ATTRIBUTES: u32 = length(1);
const EXPONENTIAL_COUNT: u32 = fixed64(4);
const EXPONENTIAL_SUM: u32 = fixed64(5);
const EXPONENTIAL_SCALE: u32 = varint(6);
const EXPONENTIAL_ZERO_COUNT: u32 = fixed64(7);
const EXPONENTIAL_POSITIVE: u32 = length(8);
const EXPONENTIAL_NEGATIVE: u32 = length(9);
const EXPONENTIAL_FLAGS: u32 = varint(10);
const EXPONENTIAL_EXEMPLARS: u32 = length(11);
const EXPONENTIAL_MIN: u32 = fixed64(12);
const EXPONENTIAL_MAX: u32 = fixed64(13);
const EXPONENTIAL_ZERO_THRESHOLD: u32 = fixed64(14);

const BUCKETS: MessageType = MessageType::new("ExponentialHistogramDataPoint.Buckets", &[1, 2]);
const BUCKETS_OFFSET: u32 = varint(1);
const BUCKETS_COUNTS: u32 = length(2);
const BUCKETS_COUNT: u32 = varint(2);

const SUMMARY: MessageType = MessageType::new("SummaryDataPoint", &[2, 3, 4, 5, 6, 7, 8]);
const SUMMARY_COUNT: u32 = fixed64(4);
const SUMMARY_SUM: u32 = fixed64(5);
const SUMMARY_QUANTILES: u32 = length(6);
const SUMMARY_ATTRIBUTES: u32 = length(7);
const SUMMARY_FLAGS: u32 = varint(8);

const QUANTILE: MessageType = MessageType::new("SummaryDataPoint.ValueAtQuantile", &[1, 2]);
const QUANTILE_QUANTILE: u32 = fixed64(1);
const QUANTILE_VALUE: u32 = fixed64(2);

const EXEMPLAR: MessageType = MessageType::new("Exemplar", &[2, 3, 4, 5, 6, 7]);
const EXEMPLAR_TIME: u32 = fixed64(2);
const EXEMPLAR_AS_DOUBLE: u32 = fixed64(3);
const EXEMPLAR_SPAN_ID: u32 = length(4);
const EXEMPLAR_TRACE_ID: u32 = length(5);
const EXEMPLAR_AS_INT: u32 = fixed64(6);
const EXEMPLAR_ATTRIBUTES: u32 = length(7);

pub(super) fn number(metrics: &mut MetricSink, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut point = metrics.begin_point();
    while let Some(tag) = cursor.tag(&NUMBER)? {
        match tag {
            START_TIME => point.start_time = cursor.fixed64("NumberDataPoint.start_time_unix_nano")?,
            TIME => point.time = cursor.fixed64("NumberDataPoint.time_unix_nano")?,
            NUMBER_AS_DOUBLE => {
                point.value_kind = point_kind::DOUBLE;
                point.value = cursor.fixed64("NumberDataPoint.as_double")?;
            }
            NUMBER_EXEMPLARS => exemplar(metrics, cursor.message("NumberDataPoint.exemplars")?)?,
            NUMBER_AS_INT => {
                point.value_kind = point_kind::INT;
                point.value = cursor.fixed64("NumberDataPoint.as_int")?;
            }
            NUMBER_ATTRIBUTES => attribute(metrics, &mut cursor, "NumberDataPoint.attributes")?,
            NUMBER_FLAGS => point.flags = cursor.varint32("NumberDataPoint.flags")?,
            _ => cursor.skip(tag, &NUMBER)?,
        }
    }
    metrics
        .end_number(&point)
        .map_err(|breach| breach.at(cursor.offset(), NUMBER.name))
}

pub(super) fn histogram(metrics: &mut MetricSink, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut point = metrics.begin_point();
    let mut row = HistogramRow::default();
    while let Some(tag) = cursor.tag(&HISTOGRAM)? {
        match tag {
            START_TIME => point.start_time = cursor.fixed64("HistogramDataPoint.start_time_unix_nano")?,
            TIME => point.time = cursor.fixed64("HistogramDataPoint.time_unix_nano")?,
            HISTOGRAM_COUNT => row.count = cursor.fixed64("HistogramDataPoint.count")?,
            HISTOGRAM_SUM => row.extent.set_sum(cursor.fixed64("HistogramDataPoint.sum")?),
            HISTOGRAM_BUCKET_COUNTS => {
                let numbers = cursor.packed_fixed64("HistogramDataPoint.bucket_counts")?;
                metrics
                    .histograms
                    .bucket_counts
                    .extend(numbers.iter().copied().map(u64::from_le_bytes));
            }
            HISTOGRAM_BUCKET_COUNT => {
                metrics
                    .histograms
                    .bucket_counts
                    .push(cursor.fixed64("HistogramDataPoint.bucket_counts")?);
            }
            HISTOGRAM_EXPLICIT_BOUNDS => {
                let numbers = cursor.packed_fixed64("HistogramDataPoint.explicit_bounds")?;
                metrics
                    .histograms
                    .explicit_bounds
                    .extend(numbers.iter().copied().map(u64::from_le_bytes));
            }
            HISTOGRAM_EXPLICIT_BOUND => {
                metrics
                    .histograms
                    .explicit_bounds
                    .push(cursor.fixed64("HistogramDataPoint.explicit_bounds")?);
            }
            HISTOGRAM_EXEMPLARS => exemplar(metrics, cursor.message("HistogramDataPoint.exemplars")?)?,
            HISTOGRAM_ATTRIBUTES => attribute(metrics, &mut cursor, "HistogramDataPoint.attributes")?,
            HISTOGRAM_FLAGS => point.flags = cursor.varint32("HistogramDataPoint.flags")?,
            HISTOGRAM_MIN => row.extent.set_min(cursor.fixed64("HistogramDataPoint.min")?),
            HISTOGRAM_MAX => row.extent.set_max(cursor.fixed64("HistogramDataPoint.max")?),
            _ => cursor.skip(tag, &HISTOGRAM)?,
        }
    }
    metrics
        .end_histogram(point, &row)
        .map_err(|breach| breach.at(cursor.offset(), HISTOGRAM.name))
}

pub(super) fn exponential_histogram(
    metrics: &mut MetricSink,
    mut cursor: Cursor<'_>,
) -> Result<(), ScanError> {
    let mut point = metrics.begin_point();
    let mut row = ExponentialHistogramRow::default();
    while let Some(tag) = cursor.tag(&EXPONENTIAL)? {
        match tag {
            EXPONENTIAL_ATTRIBUTES => {
                attribute(metrics, &mut cursor, "ExponentialHistogramDataPoint.attributes")?;
            }
            START_TIME => {
                point.start_time = cursor.fixed64("ExponentialHistogramDataPoint.start_time_unix_nano")?;
            }
            TIME => point.time = cursor.fixed64("ExponentialHistogramDataPoint.time_unix_nano")?,
            EXPONENTIAL_COUNT => row.count = cursor.fixed64("ExponentialHistogramDataPoint.count")?,
            EXPONENTIAL_SUM => row
                .extent
                .set_sum(cursor.fixed64("ExponentialHistogramDataPoint.sum")?),
            EXPONENTIAL_SCALE => row.scale = cursor.sint32("ExponentialHistogramDataPoint.scale")?,
            EXPONENTIAL_ZERO_COUNT => {
                row.zero_count = cursor.fixed64("ExponentialHistogramDataPoint.zero_count")?;
            }
            EXPONENTIAL_POSITIVE => {
                let content = cursor.message("ExponentialHistogramDataPoint.positive")?;
                let counts = &mut metrics.exponential_histograms.positive_counts;
                buckets(content, &mut row.positive_offset, counts)?;
            }
            EXPONENTIAL_NEGATIVE => {
                let content = cursor.message("ExponentialHistogramDataPoint.negative")?;
                let counts = &mut metrics.exponential_histograms.negative_counts;
                buckets(content, &mut row.negative_offset, counts)?;
            }
            EXPONENTIAL_FLAGS => point.flags = cursor.varint32("ExponentialHistogramDataPoint.flags")?,
            EXPONENTIAL_EXEMPLARS => exemplar(
                metrics,
                cursor.message("ExponentialHistogramDataPoint.exemplars")?,
            )?,
            EXPONENTIAL_MIN => row
                .extent
                .set_min(cursor.fixed64("ExponentialHistogramDataPoint.min")?),
            EXPONENTIAL_MAX => row
                .extent
                .set_max(cursor.fixed64("ExponentialHistogramDataPoint.max")?),
            EXPONENTIAL_ZERO_THRESHOLD => {
                row.zero_threshold = cursor.fixed64("ExponentialHistogramDataPoint.zero_threshold")?;
            }
            _ => cursor.skip(tag, &EXPONENTIAL)?,
        }
    }
    metrics
        .end_exponential_histogram(point, &row)
        .map_err(|breach| breach.at(cursor.offset(), EXPONENTIAL.name))
}

fn buckets(mut cursor: Cursor<'_>, offset: &mut i32, counts: &mut Vec<u64>) -> Result<(), ScanError> {
    const COUNTS: &str = "ExponentialHistogramDataPoint.Buckets.bucket_counts";
    while let Some(tag) = cursor.tag(&BUCKETS)? {
        match tag {
            BUCKETS_OFFSET => *offset = cursor.sint32("ExponentialHistogramDataPoint.Buckets.offset")?,
            BUCKETS_COUNTS => {
                let mut numbers = cursor.message(COUNTS)?;
                while !numbers.is_empty() {
                    counts.push(numbers.varint(COUNTS)?);
                }
            }
            BUCKETS_COUNT => counts.push(cursor.varint(COUNTS)?),
            _ => cursor.skip(tag, &BUCKETS)?,
        }
    }
    Ok(())
}

pub(super) fn summary(metrics: &mut MetricSink, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut point = metrics.begin_point();
    let mut row = SummaryRow::default();
    while let Some(tag) = cursor.tag(&SUMMARY)? {
        match tag {
            START_TIME => point.start_time = cursor.fixed64("SummaryDataPoint.start_time_unix_nano")?,
            TIME => point.time = cursor.fixed64("SummaryDataPoint.time_unix_nano")?,
            SUMMARY_COUNT => row.count = cursor.fixed64("SummaryDataPoint.count")?,
            SUMMARY_SUM => row.sum = cursor.fixed64("SummaryDataPoint.sum")?,
            SUMMARY_QUANTILES => quantile(metrics, cursor.message("SummaryDataPoint.quantile_values")?)?,
            SUMMARY_ATTRIBUTES => attribute(metrics, &mut cursor, "SummaryDataPoint.attributes")?,
            SUMMARY_FLAGS => point.flags = cursor.varint32("SummaryDataPoint.flags")?,
            _ => cursor.skip(tag, &SUMMARY)?,
        }
    }
    metrics
        .end_summary(point, &row)
        .map_err(|breach| breach.at(cursor.offset(), SUMMARY.name))
}

fn quantile(metrics: &mut MetricSink, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let (mut quantile, mut value) = (0, 0);
    while let Some(tag) = cursor.tag(&QUANTILE)? {
        match tag {
            QUANTILE_QUANTILE => quantile = cursor.fixed64("SummaryDataPoint.ValueAtQuantile.quantile")?,
            QUANTILE_VALUE => value = cursor.fixed64("SummaryDataPoint.ValueAtQuantile.value")?,
            _ => cursor.skip(tag, &QUANTILE)?,
        }
    }
    metrics
        .push_quantile(quantile, value)
        .map_err(|breach| breach.at(cursor.offset(), QUANTILE.name))
}

fn exemplar(metrics: &mut MetricSink, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut row = ExemplarRow::default();
    while let Some(tag) = cursor.tag(&EXEMPLAR)? {
        match tag {
            EXEMPLAR_TIME => row.time = cursor.fixed64("Exemplar.time_unix_nano")?,
            EXEMPLAR_AS_DOUBLE => {
                row.value_kind = point_kind::DOUBLE;
                row.value = cursor.fixed64("Exemplar.as_double")?;
            }
            EXEMPLAR_SPAN_ID => row.span_id = span_id(cursor.bytes("Exemplar.span_id")?),
            EXEMPLAR_TRACE_ID => row.trace_id = trace_id(cursor.bytes("Exemplar.trace_id")?),
            EXEMPLAR_AS_INT => {
                row.value_kind = point_kind::INT;
                row.value = cursor.fixed64("Exemplar.as_int")?;
            }
            EXEMPLAR_ATTRIBUTES => {
                let item = value::key_value(&mut metrics.sink, &mut cursor, "Exemplar.filtered_attributes")?;
                metrics.exemplars.attributes.push(item);
            }
            _ => cursor.skip(tag, &EXEMPLAR)?,
        }
    }
    metrics
        .end_exemplar(&row)
        .map_err(|breach| breach.at(cursor.offset(), EXEMPLAR.name))
}

fn attribute(
    metrics: &mut MetricSink,
    cursor: &mut Cursor<'_>,
    reading: &'static str,
) -> Result<(), ScanError> {
    let item = value::key_value(&mut metrics.sink, cursor, reading)?;
    metrics.points.attributes.push(item);
    Ok(())
}
