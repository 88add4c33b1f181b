//! Metrics of every shape.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
        exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
        summary_data_point::ValueAtQuantile,
    },
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any},
    prop_oneof,
};

use crate::{
    generate::{attributes, double, enum_number, id, number, resource, scope, small, text},
    request::Request,
};

pub(crate) fn metrics() -> impl Strategy<Value = Request> {
    let scope_metrics =
        (scope(), vec(metric(), 0..4), text()).prop_map(|(scope, metrics, schema_url)| ScopeMetrics {
            scope,
            metrics,
            schema_url,
        });
    let resource_metrics =
        (resource(), vec(scope_metrics, 0..3), text()).prop_map(|(resource, scope_metrics, schema_url)| {
            ResourceMetrics {
                resource,
                scope_metrics,
                schema_url,
            }
        });
    vec(resource_metrics, 0..3)
        .prop_map(|resource_metrics| Request::Metrics(ExportMetricsServiceRequest { resource_metrics }))
}

fn metric() -> impl Strategy<Value = Metric> {
    let data = prop_oneof![
        Just(None),
        vec(point(), 0..4).prop_map(|data_points| Some(Data::Gauge(Gauge { data_points }))),
        (vec(point(), 0..4), enum_number(), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Some(Data::Sum(Sum {
                    data_points,
                    aggregation_temporality,
                    is_monotonic,
                }))
            }
        ),
        (vec(histogram(), 0..4), enum_number()).prop_map(|(data_points, aggregation_temporality)| {
            Some(Data::Histogram(Histogram {
                data_points,
                aggregation_temporality,
            }))
        }),
        (vec(exponential_histogram(), 0..4), enum_number()).prop_map(
            |(data_points, aggregation_temporality)| {
                Some(Data::ExponentialHistogram(ExponentialHistogram {
                    data_points,
                    aggregation_temporality,
                }))
            }
        ),
        vec(summary(), 0..4).prop_map(|data_points| Some(Data::Summary(Summary { data_points }))),
    ];
    (text(), text(), text(), attributes(), data).prop_map(|(name, description, unit, metadata, data)| {
        Metric {
            name,
            description,
            unit,
            metadata,
            data,
        }
    })
}

fn point() -> impl Strategy<Value = NumberDataPoint> {
    let value = prop_oneof![
        number().prop_map(|number| number_data_point::Value::AsInt(number.cast_signed())),
        double().prop_map(number_data_point::Value::AsDouble),
    ];
    (
        attributes(),
        number(),
        number(),
        exemplars(),
        small(),
        option::weighted(0.9, value),
    )
        .prop_map(
            |(attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, value)| NumberDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                exemplars,
                flags,
                value,
            },
        )
}

fn histogram() -> impl Strategy<Value = HistogramDataPoint> {
    (
        (
            attributes(),
            number(),
            number(),
            number(),
            option::of(double()),
            vec(number(), 0..4),
        ),
        (
            vec(double(), 0..4),
            exemplars(),
            small(),
            option::of(double()),
            option::of(double()),
        ),
    )
        .prop_map(
            |(
                (attributes, start_time_unix_nano, time_unix_nano, count, sum, bucket_counts),
                (explicit_bounds, exemplars, flags, min, max),
            )| HistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count,
                sum,
                bucket_counts,
                explicit_bounds,
                exemplars,
                flags,
                min,
                max,
            },
        )
}

fn exponential_histogram() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    (
        (
            attributes(),
            number(),
            number(),
            number(),
            option::of(double()),
            any::<i32>(),
            number(),
        ),
        (
            buckets(),
            buckets(),
            small(),
            exemplars(),
            option::of(double()),
            option::of(double()),
            double(),
        ),
    )
        .prop_map(
            |(
                (attributes, start_time_unix_nano, time_unix_nano, count, sum, scale, zero_count),
                (positive, negative, flags, exemplars, min, max, zero_threshold),
            )| ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count,
                sum,
                scale,
                zero_count,
                positive,
                negative,
                flags,
                exemplars,
                min,
                max,
                zero_threshold,
            },
        )
}

fn buckets() -> impl Strategy<Value = Option<Buckets>> {
    option::of(
        (any::<i32>(), vec(number(), 0..5)).prop_map(|(offset, bucket_counts)| Buckets {
            offset,
            bucket_counts,
        }),
    )
}

fn summary() -> impl Strategy<Value = SummaryDataPoint> {
    let quantile = (double(), double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    (
        attributes(),
        number(),
        number(),
        number(),
        double(),
        vec(quantile, 0..4),
        small(),
    )
        .prop_map(
            |(attributes, start_time_unix_nano, time_unix_nano, count, sum, quantile_values, flags)| {
                SummaryDataPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    count,
                    sum,
                    quantile_values,
                    flags,
                }
            },
        )
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let value = prop_oneof![
        number().prop_map(|number| exemplar::Value::AsInt(number.cast_signed())),
        double().prop_map(exemplar::Value::AsDouble),
    ];
    let exemplar = (
        attributes(),
        number(),
        option::weighted(0.9, value),
        id(8),
        id(16),
    )
        .prop_map(
            |(filtered_attributes, time_unix_nano, value, span_id, trace_id)| Exemplar {
                filtered_attributes,
                time_unix_nano,
                span_id,
                trace_id,
                value,
            },
        );
    vec(exemplar, 0..3)
}
