//! `ExportMetricsServiceRequest`, down to the points.

use serde::de::MapAccess;

use super::{
    envelope::Request,
    message::{Element, List, Message, Object, skip},
    points::{ExponentialHistogram, Histogram, Number, Summary},
    scalar,
    value::attributes,
};
use crate::scan::{
    error::Breach,
    metrics::{MetricSink, OpenMetric, metric_kind},
};

const TEMPORALITIES: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

impl Request for MetricSink {
    type Row = OpenMetric;

    const REQUEST: &'static str = "ExportMetricsServiceRequest";
    const RESOURCES: &'static str = "resourceMetrics";
    const RESOURCE: &'static str = "ResourceMetrics";
    const SCOPES: &'static str = "scopeMetrics";
    const SCOPE: &'static str = "ScopeMetrics";
    const ROWS: &'static str = "metrics";

    fn row(scan: &mut Self) -> OpenMetric {
        scan.begin_metric(scan.sink.next_scope())
    }
}

impl Message<MetricSink> for OpenMetric {
    const NAME: &'static str = "Metric";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let kind = match key {
            "name" => return scalar::text(scan, map).map(|name| self.name = name),
            "description" => {
                return scalar::text(scan, map).map(|description| self.description = description);
            }
            "unit" => return scalar::text(scan, map).map(|unit| self.unit = unit),
            "metadata" => return attributes(scan, map, |scan, item| scan.metrics.metadata.push(item)),
            "gauge" => metric_kind::GAUGE,
            "sum" => metric_kind::SUM,
            "histogram" => metric_kind::HISTOGRAM,
            "exponentialHistogram" => metric_kind::EXPONENTIAL_HISTOGRAM,
            "summary" => metric_kind::SUMMARY,
            _ => return skip(map),
        };
        map.next_value_seed(Object {
            message: &mut Data { metric: self, kind },
            scan,
        })
    }
}

impl Element<MetricSink> for OpenMetric {
    fn end(self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.end_metric(&self)
    }
}

/// `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram` or `Summary`.
struct Data<'x> {
    metric: &'x mut OpenMetric,
    kind: u8,
}

impl Message<MetricSink> for Data<'_> {
    const NAME: &'static str = "Metric.data";

    /// An object is there, so the metric is of this kind even if it has no points.
    fn begin(&mut self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.begin_data(self.metric, self.kind);
        Ok(())
    }

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let has_temporality = matches!(
            self.kind,
            metric_kind::SUM | metric_kind::HISTOGRAM | metric_kind::EXPONENTIAL_HISTOGRAM
        );
        match key {
            "dataPoints" => points(self.kind, scan, map)?,
            "aggregationTemporality" if has_temporality => {
                self.metric.temporality = scalar::enum_number(map, TEMPORALITIES)?;
            }
            "isMonotonic" if self.kind == metric_kind::SUM => self.metric.monotonic = scalar::bool(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn points<'de, A: MapAccess<'de>>(kind: u8, scan: &mut MetricSink, map: &mut A) -> Result<(), A::Error> {
    match kind {
        metric_kind::HISTOGRAM => map.next_value_seed(List {
            scan,
            begin: Histogram::begin,
        }),
        metric_kind::EXPONENTIAL_HISTOGRAM => map.next_value_seed(List {
            scan,
            begin: ExponentialHistogram::begin,
        }),
        metric_kind::SUMMARY => map.next_value_seed(List {
            scan,
            begin: Summary::begin,
        }),
        _ => map.next_value_seed(List {
            scan,
            begin: Number::begin,
        }),
    }
}
