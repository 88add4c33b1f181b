//! Metric columns turned back into messages.

use aia_telemetry::MetricColumns;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
        exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
        summary_data_point::ValueAtQuantile,
    },
};

use crate::rebuild::{attributes, range, resources, scopes, span_id, text, trace_id};

/// The request that columns say.
#[must_use]
pub fn metrics(columns: &MetricColumns) -> ExportMetricsServiceRequest {
    let common = &columns.common;
    let mut resource_metrics: Vec<ResourceMetrics> = resources(common)
        .map(|(resource, schema_url)| ResourceMetrics {
            resource,
            schema_url,
            scope_metrics: Vec::new(),
        })
        .collect();
    for (row, (scope, schema_url)) in scopes(common).enumerate() {
        let metrics = (0..columns.metrics.scope.len())
            .filter(|metric| columns.metrics.scope[*metric] as usize == row)
            .map(|metric| self::metric(columns, metric));
        let scope = ScopeMetrics {
            scope,
            schema_url,
            metrics: metrics.collect(),
        };
        resource_metrics[common.scopes.resource[row] as usize]
            .scope_metrics
            .push(scope);
    }
    ExportMetricsServiceRequest { resource_metrics }
}

fn metric(columns: &MetricColumns, row: usize) -> Metric {
    let MetricColumns {
        common,
        metrics,
        points,
        ..
    } = columns;
    let rows = range(&metrics.points_end, row);
    assert!(
        points.metric[rows.clone()]
            .iter()
            .all(|metric| *metric as usize == row)
    );
    let aggregation_temporality = metrics.temporality[row].into();
    let is_monotonic = metrics.monotonic[row] == 1;
    assert!(!is_monotonic || metrics.kind[row] == 2);
    assert!(aggregation_temporality == 0 || matches!(metrics.kind[row], 2..=4));
    let data = match metrics.kind[row] {
        0 => None,
        1 => Some(Data::Gauge(Gauge {
            data_points: rows.map(|row| number(columns, row)).collect(),
        })),
        2 => Some(Data::Sum(Sum {
            data_points: rows.map(|row| number(columns, row)).collect(),
            aggregation_temporality,
            is_monotonic,
        })),
        3 => Some(Data::Histogram(Histogram {
            data_points: rows.map(|row| histogram(columns, row)).collect(),
            aggregation_temporality,
        })),
        4 => Some(Data::ExponentialHistogram(ExponentialHistogram {
            data_points: rows.map(|row| exponential_histogram(columns, row)).collect(),
            aggregation_temporality,
        })),
        5 => Some(Data::Summary(Summary {
            data_points: rows.map(|row| summary(columns, row)).collect(),
        })),
        kind => panic!("kind {kind}"),
    };
    Metric {
        name: text(common, metrics.name[row]),
        description: text(common, metrics.description[row]),
        unit: text(common, metrics.unit[row]),
        metadata: attributes(common, &metrics.metadata, &metrics.metadata_end, row),
        data,
    }
}

fn number(columns: &MetricColumns, row: usize) -> NumberDataPoint {
    let MetricColumns { common, points, .. } = columns;
    let value = points.value[row];
    NumberDataPoint {
        attributes: attributes(common, &points.attributes, &points.attributes_end, row),
        start_time_unix_nano: points.start_time[row],
        time_unix_nano: points.time[row],
        exemplars: exemplars(columns, row),
        flags: points.flags[row],
        value: match points.value_kind[row] {
            0 => None,
            1 => Some(number_data_point::Value::AsInt(value.cast_signed())),
            2 => Some(number_data_point::Value::AsDouble(f64::from_bits(value))),
            kind => panic!("kind {kind}"),
        },
    }
}

fn value_row(columns: &MetricColumns, row: usize, kind: u8) -> usize {
    assert_eq!(columns.points.value_kind[row], kind);
    usize::try_from(columns.points.value[row]).unwrap()
}

/// Sum, minimum and maximum, where they are set. What isn't set is 0.
fn extent(presence: u8, values: [u64; 3]) -> [Option<f64>; 3] {
    std::array::from_fn(|bit| {
        let is_set = presence & 1 << bit != 0;
        assert!(is_set || values[bit] == 0);
        is_set.then(|| f64::from_bits(values[bit]))
    })
}

fn doubles(bits: &[u64]) -> Vec<f64> {
    bits.iter().copied().map(f64::from_bits).collect()
}

fn histogram(columns: &MetricColumns, point: usize) -> HistogramDataPoint {
    let MetricColumns {
        common,
        points,
        histograms,
        ..
    } = columns;
    let row = value_row(columns, point, 3);
    let extents = [histograms.sum[row], histograms.min[row], histograms.max[row]];
    let [sum, min, max] = extent(histograms.presence[row], extents);
    HistogramDataPoint {
        attributes: attributes(common, &points.attributes, &points.attributes_end, point),
        start_time_unix_nano: points.start_time[point],
        time_unix_nano: points.time[point],
        count: histograms.count[row],
        sum,
        bucket_counts: histograms.bucket_counts[range(&histograms.bucket_counts_end, row)].to_vec(),
        explicit_bounds: doubles(&histograms.explicit_bounds[range(&histograms.explicit_bounds_end, row)]),
        exemplars: exemplars(columns, point),
        flags: points.flags[point],
        min,
        max,
    }
}

fn exponential_histogram(columns: &MetricColumns, point: usize) -> ExponentialHistogramDataPoint {
    let MetricColumns {
        common,
        points,
        exponential_histograms: table,
        ..
    } = columns;
    let row = value_row(columns, point, 4);
    let [sum, min, max] = extent(
        table.presence[row],
        [table.sum[row], table.min[row], table.max[row]],
    );
    ExponentialHistogramDataPoint {
        attributes: attributes(common, &points.attributes, &points.attributes_end, point),
        start_time_unix_nano: points.start_time[point],
        time_unix_nano: points.time[point],
        count: table.count[row],
        sum,
        scale: table.scale[row].cast_signed(),
        zero_count: table.zero_count[row],
        positive: Some(Buckets {
            offset: table.positive_offset[row].cast_signed(),
            bucket_counts: table.positive_counts[range(&table.positive_counts_end, row)].to_vec(),
        }),
        negative: Some(Buckets {
            offset: table.negative_offset[row].cast_signed(),
            bucket_counts: table.negative_counts[range(&table.negative_counts_end, row)].to_vec(),
        }),
        flags: points.flags[point],
        exemplars: exemplars(columns, point),
        min,
        max,
        zero_threshold: f64::from_bits(table.zero_threshold[row]),
    }
}

fn summary(columns: &MetricColumns, point: usize) -> SummaryDataPoint {
    let MetricColumns {
        common,
        points,
        summaries,
        ..
    } = columns;
    let row = value_row(columns, point, 5);
    SummaryDataPoint {
        attributes: attributes(common, &points.attributes, &points.attributes_end, point),
        start_time_unix_nano: points.start_time[point],
        time_unix_nano: points.time[point],
        count: summaries.count[row],
        sum: f64::from_bits(summaries.sum[row]),
        quantile_values: range(&summaries.quantiles_end, row)
            .map(|row| ValueAtQuantile {
                quantile: f64::from_bits(summaries.quantile[row]),
                value: f64::from_bits(summaries.quantile_value[row]),
            })
            .collect(),
        flags: points.flags[point],
    }
}

fn exemplars(columns: &MetricColumns, point: usize) -> Vec<Exemplar> {
    let MetricColumns {
        common,
        points,
        exemplars: table,
        ..
    } = columns;
    range(&points.exemplars_end, point)
        .map(|row| Exemplar {
            filtered_attributes: attributes(common, &table.attributes, &table.attributes_end, row),
            time_unix_nano: table.time[row],
            span_id: span_id(table.span_id[row]),
            trace_id: trace_id(table.trace_id_high[row], table.trace_id_low[row]),
            value: match table.value_kind[row] {
                0 => None,
                1 => Some(exemplar::Value::AsInt(table.value[row].cast_signed())),
                2 => Some(exemplar::Value::AsDouble(f64::from_bits(table.value[row]))),
                kind => panic!("kind {kind}"),
            },
        })
        .collect()
}
