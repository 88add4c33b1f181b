//! Metrics of HTTP servers: a histogram and a sum of many series.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric::Data, number_data_point::Value,
};

use super::{Random, START_NS, integer, resource, scope, text};

/// What a request with metrics is like.
#[derive(Clone, Copy, Debug)]
pub struct MetricShape {
    /// Series of each of the two metrics.
    pub series: usize,
}

impl Default for MetricShape {
    /// 256 series of each: 512 points.
    fn default() -> Self {
        Self { series: 256 }
    }
}

/// Bounds that the semantic conventions advise, in seconds.
pub(super) const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A request of one resource.
pub fn metrics(random: &mut Random, shape: &MetricShape) -> ExportMetricsServiceRequest {
    let histogram = Histogram {
        data_points: (0..shape.series)
            .map(|series| histogram_point(random, series))
            .collect(),
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
    };
    let sum = Sum {
        data_points: (0..shape.series)
            .map(|series| number_point(random, series))
            .collect(),
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
        is_monotonic: true,
    };
    let metrics = vec![
        metric("http.server.request.duration", "s", Data::Histogram(histogram)),
        metric("http.server.response.body.size", "By", Data::Sum(sum)),
    ];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource(random)),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics,
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

pub(super) fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Default::default()
    }
}

pub(super) fn series_attributes(series: usize) -> Vec<KeyValue> {
    vec![
        text(
            "http.request.method",
            if series.is_multiple_of(3) { "POST" } else { "GET" },
        ),
        text("http.route", format!("/route/{series}")),
        integer("http.response.status_code", 200),
        text("url.scheme", "https"),
    ]
}

fn histogram_point(random: &mut Random, series: usize) -> HistogramDataPoint {
    let bucket_counts: Vec<_> = (0..=BOUNDS.len()).map(|_| random.below(1_000)).collect();
    HistogramDataPoint {
        attributes: series_attributes(series),
        start_time_unix_nano: START_NS,
        time_unix_nano: START_NS + 60_000_000_000,
        count: bucket_counts.iter().sum(),
        sum: Some(f64::from(u32::try_from(random.below(1 << 20)).unwrap_or_default()) / 1_000.0),
        bucket_counts,
        explicit_bounds: BOUNDS.to_vec(),
        min: Some(0.001),
        max: Some(9.0),
        ..Default::default()
    }
}

fn number_point(random: &mut Random, series: usize) -> NumberDataPoint {
    NumberDataPoint {
        attributes: series_attributes(series),
        start_time_unix_nano: START_NS,
        time_unix_nano: START_NS + 60_000_000_000,
        value: Some(Value::AsInt(random.below(1 << 40).cast_signed())),
        ..Default::default()
    }
}
