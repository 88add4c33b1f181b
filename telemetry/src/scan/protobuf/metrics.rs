//! `ExportMetricsServiceRequest`, down to the points.

use super::{
    cursor::{Cursor, MessageType, length, varint},
    envelope::{ENVELOPE_FIELDS, REQUEST_FIELDS, Request},
    points, value,
};
use crate::scan::{
    error::ScanError,
    metrics::{MetricSink, OpenMetric, metric_kind},
    sink::enum_number,
};

const METRIC: MessageType = MessageType::new("Metric", &[1, 2, 3, 5, 7, 9, 10, 11, 12]);
const NAME: u32 = length(1);
const DESCRIPTION: u32 = length(2);
const UNIT: u32 = length(3);
const GAUGE: u32 = length(5);
const SUM: u32 = length(7);
const HISTOGRAM: u32 = length(9);
const EXPONENTIAL_HISTOGRAM: u32 = length(10);
const SUMMARY: u32 = length(11);
const METADATA: u32 = length(12);

const DATA_POINTS: u32 = length(1);
const TEMPORALITY: u32 = varint(2);
const MONOTONIC: u32 = varint(3);

/// One kind of a metric's data.
struct Data {
    kind: u8,
    message: MessageType,
    has_temporality: bool,
    has_monotonic: bool,
    points: &'static str,
    point: fn(&mut MetricSink, Cursor<'_>) -> Result<(), ScanError>,
}

const GAUGE_DATA: Data = Data {
    kind: metric_kind::GAUGE,
    message: MessageType::new("Gauge", &[1]),
    has_temporality: false,
    has_monotonic: false,
    points: "Gauge.data_points",
    point: points::number,
};

const SUM_DATA: Data = Data {
    kind: metric_kind::SUM,
    message: MessageType::new("Sum", &[1, 2, 3]),
    has_temporality: true,
    has_monotonic: true,
    points: "Sum.data_points",
    point: points::number,
};

const HISTOGRAM_DATA: Data = Data {
    kind: metric_kind::HISTOGRAM,
    message: MessageType::new("Histogram", &[1, 2]),
    has_temporality: true,
    has_monotonic: false,
    points: "Histogram.data_points",
    point: points::histogram,
};

const EXPONENTIAL_HISTOGRAM_DATA: Data = Data {
    kind: metric_kind::EXPONENTIAL_HISTOGRAM,
    message: MessageType::new("ExponentialHistogram", &[1, 2]),
    has_temporality: true,
    has_monotonic: false,
    points: "ExponentialHistogram.data_points",
    point: points::exponential_histogram,
};

const SUMMARY_DATA: Data = Data {
    kind: metric_kind::SUMMARY,
    message: MessageType::new("Summary", &[1]),
    has_temporality: false,
    has_monotonic: false,
    points: "Summary.data_points",
    point: points::summary,
};

impl Request for MetricSink {
    const REQUEST: MessageType = MessageType::new("ExportMetricsServiceRequest", REQUEST_FIELDS);
    const RESOURCES: &'static str = "ExportMetricsServiceRequest.resource_metrics";
    const RESOURCE: MessageType = MessageType::new("ResourceMetrics", ENVELOPE_FIELDS);
    const SCOPES: &'static str = "ResourceMetrics.scope_metrics";
    const SCOPE: MessageType = MessageType::new("ScopeMetrics", ENVELOPE_FIELDS);
    const ROWS: &'static str = "ScopeMetrics.metrics";

    fn row(&mut self, mut cursor: Cursor<'_>, scope: u32) -> Result<(), ScanError> {
        let mut metric = self.begin_metric(scope);
        while let Some(tag) = cursor.tag(&METRIC)? {
            let kind = match tag {
                GAUGE => &GAUGE_DATA,
                SUM => &SUM_DATA,
                HISTOGRAM => &HISTOGRAM_DATA,
                EXPONENTIAL_HISTOGRAM => &EXPONENTIAL_HISTOGRAM_DATA,
                SUMMARY => &SUMMARY_DATA,
                _ => {
                    self.metric_field(&mut cursor, tag, &mut metric)?;
                    continue;
                }
            };
            data(self, cursor.message("Metric.data")?, &mut metric, kind)?;
        }
        self.end_metric(&metric)
            .map_err(|breach| breach.at(cursor.offset(), "Metric"))
    }
}

impl MetricSink {
    fn metric_field(
        &mut self,
        cursor: &mut Cursor<'_>,
        tag: u32,
        metric: &mut OpenMetric,
    ) -> Result<(), ScanError> {
        match tag {
            NAME => metric.name = value::text(&mut self.sink, cursor, "Metric.name")?,
            DESCRIPTION => metric.description = value::text(&mut self.sink, cursor, "Metric.description")?,
            UNIT => metric.unit = value::text(&mut self.sink, cursor, "Metric.unit")?,
            METADATA => {
                let item = value::key_value(&mut self.sink, cursor, "Metric.metadata")?;
                self.metrics.metadata.push(item);
            }
            _ => cursor.skip(tag, &METRIC)?,
        }
        Ok(())
    }
}

fn data(
    metrics: &mut MetricSink,
    mut cursor: Cursor<'_>,
    metric: &mut OpenMetric,
    data: &Data,
) -> Result<(), ScanError> {
    metrics.begin_data(metric, data.kind);
    while let Some(tag) = cursor.tag(&data.message)? {
        match tag {
            DATA_POINTS => (data.point)(metrics, cursor.message(data.points)?)?,
            TEMPORALITY if data.has_temporality => {
                metric.temporality = enum_number(cursor.int32("Metric.aggregation_temporality")?);
            }
            MONOTONIC if data.has_monotonic => metric.monotonic = cursor.varint("Sum.is_monotonic")? != 0,
            _ => cursor.skip(tag, &data.message)?,
        }
    }
    Ok(())
}
