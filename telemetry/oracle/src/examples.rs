//! One request of each signal in which every field of OTLP's tables that AIA reads has a value of its own, written anew
//! from the field tables: what a complete sender sends.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
        exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
        summary_data_point::ValueAtQuantile,
    },
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};

use crate::Request;

/// The trace of all examples.
pub const TRACE_ID: [u8; 16] = *b"\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c";
/// The span of all examples.
pub const SPAN_ID: [u8; 8] = *b"\xee\xe1\x9b\x7e\xc3\xc1\xb1\x74";
/// The time at which all examples begin, in nanoseconds since the Unix epoch.
pub const START: u64 = 1_544_712_660_000_000_000;

/// One request of each signal.
#[must_use]
pub fn all() -> [Request; 3] {
    [traces(), logs(), metrics()]
}

/// A span with attributes of every kind, an exception, a link and a status.
#[must_use]
pub fn traces() -> Request {
    let exception = Event {
        time_unix_nano: START + 700_000_000,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "java.net.ConnectException"),
            text("exception.message", "Connection refused"),
            text(
                "exception.stacktrace",
                "java.net.ConnectException: Connection refused\n\tat shop.Checkout.pay(Checkout.java:42)\n",
            ),
        ],
        dropped_attributes_count: 1,
    };
    let link = Link {
        trace_id: b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff".to_vec(),
        span_id: b"\x01\x23\x45\x67\x89\xab\xcd\xef".to_vec(),
        trace_state: "congo=t61rcWkgMzE".to_owned(),
        attributes: vec![text("link.kind", "follows")],
        dropped_attributes_count: 2,
        flags: 0x301,
    };
    let span = Span {
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        trace_state: "rojo=00f067aa0ba902b7".to_owned(),
        parent_span_id: b"\xee\xe1\x9b\x7e\xc3\xc1\xb1\x73".to_vec(),
        flags: 0x101,
        name: "POST /checkout".to_owned(),
        kind: 2,
        start_time_unix_nano: START,
        end_time_unix_nano: START + 1_000_000_000,
        attributes: attributes(),
        dropped_attributes_count: 3,
        events: vec![exception],
        dropped_events_count: 4,
        links: vec![link],
        dropped_links_count: 5,
        status: Some(Status {
            message: "payment failed".to_owned(),
            code: 2,
        }),
    };
    Request::Traces(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans: vec![span],
                schema_url: "https://opentelemetry.io/schemas/1.27.0".to_owned(),
            }],
            schema_url: "https://opentelemetry.io/schemas/1.26.0".to_owned(),
        }],
    })
}

/// A log record with a structured body, and one that is an event.
#[must_use]
pub fn logs() -> Request {
    let record = LogRecord {
        time_unix_nano: START,
        observed_time_unix_nano: START + 300_000_000,
        severity_number: 17,
        severity_text: "Error".to_owned(),
        body: Some(value(list())),
        attributes: attributes(),
        dropped_attributes_count: 6,
        flags: 1,
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        event_name: String::new(),
    };
    let event = LogRecord {
        severity_number: 9,
        body: Some(value(Value::StringValue("cart emptied".to_owned()))),
        event_name: "shop.cart.emptied".to_owned(),
        ..LogRecord::default()
    };
    Request::Logs(ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource()),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope()),
                log_records: vec![record, event],
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    })
}

/// A metric of each kind, with exemplars.
#[must_use]
pub fn metrics() -> Request {
    let number = |value| NumberDataPoint {
        attributes: vec![text("route", "/checkout")],
        start_time_unix_nano: START,
        time_unix_nano: START + 60_000_000_000,
        exemplars: vec![exemplar()],
        flags: 1,
        value: Some(value),
    };
    let data = [
        (
            "queue.length",
            Data::Gauge(Gauge {
                data_points: vec![number(number_data_point::Value::AsDouble(3.5))],
            }),
        ),
        (
            "requests",
            Data::Sum(Sum {
                data_points: vec![number(number_data_point::Value::AsInt(-5))],
                aggregation_temporality: 2,
                is_monotonic: true,
            }),
        ),
        (
            "request.duration",
            Data::Histogram(Histogram {
                data_points: vec![histogram()],
                aggregation_temporality: 1,
            }),
        ),
        (
            "response.size",
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![exponential_histogram()],
                aggregation_temporality: 1,
            }),
        ),
        (
            "gc.pause",
            Data::Summary(Summary {
                data_points: vec![summary()],
            }),
        ),
    ];
    let metrics = data.map(|(name, data)| Metric {
        name: name.to_owned(),
        description: format!("What {name} says"),
        unit: "1".to_owned(),
        metadata: vec![text("origin", "field tables")],
        data: Some(data),
    });
    Request::Metrics(ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                metrics: metrics.to_vec(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    })
}

fn histogram() -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: vec![text("route", "/checkout")],
        start_time_unix_nano: START,
        time_unix_nano: START + 60_000_000_000,
        count: 3,
        sum: Some(4.5),
        bucket_counts: vec![1, 2, 0],
        explicit_bounds: vec![1.0, 10.0],
        exemplars: vec![exemplar()],
        flags: 0,
        min: Some(0.5),
        max: Some(3.0),
    }
}

fn exponential_histogram() -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: vec![text("route", "/checkout")],
        start_time_unix_nano: START,
        time_unix_nano: START + 60_000_000_000,
        count: 10,
        sum: Some(-12.25),
        scale: -2,
        zero_count: 1,
        positive: Some(Buckets {
            offset: -3,
            bucket_counts: vec![4, 0, 300],
        }),
        negative: Some(Buckets {
            offset: 5,
            bucket_counts: vec![2],
        }),
        flags: 1,
        exemplars: vec![exemplar()],
        min: Some(-8.0),
        max: Some(16.0),
        zero_threshold: 0.125,
    }
}

fn summary() -> SummaryDataPoint {
    SummaryDataPoint {
        attributes: vec![text("pool", "old")],
        start_time_unix_nano: START,
        time_unix_nano: START + 60_000_000_000,
        count: 7,
        sum: 0.25,
        quantile_values: vec![
            ValueAtQuantile {
                quantile: 0.5,
                value: 0.02,
            },
            ValueAtQuantile {
                quantile: 1.0,
                value: 0.1,
            },
        ],
        flags: 0,
    }
}

fn exemplar() -> Exemplar {
    Exemplar {
        filtered_attributes: vec![text("user.tier", "gold")],
        time_unix_nano: START + 500_000_000,
        span_id: SPAN_ID.to_vec(),
        trace_id: TRACE_ID.to_vec(),
        value: Some(exemplar::Value::AsDouble(2.75)),
    }
}

fn resource() -> Resource {
    Resource {
        attributes: vec![text("service.name", "checkout"), text("service.version", "3.1.0")],
        dropped_attributes_count: 7,
        entity_refs: Vec::new(),
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "shop.checkout".to_owned(),
        version: "1.0.0".to_owned(),
        attributes: vec![text("scope.kind", "manual")],
        dropped_attributes_count: 8,
    }
}

/// An attribute of every kind that a value can have.
fn attributes() -> Vec<KeyValue> {
    let kinds = [
        ("a.string", Value::StringValue("gr\u{fc}n \u{1f6d2}".to_owned())),
        ("a.bool", Value::BoolValue(true)),
        ("an.int", Value::IntValue(i64::MIN)),
        ("a.double", Value::DoubleValue(637.704)),
        ("some.bytes", Value::BytesValue(vec![0, 1, 254, 255])),
        (
            "an.array",
            Value::ArrayValue(ArrayValue {
                values: vec![
                    value(Value::StringValue("many".to_owned())),
                    value(Value::IntValue(2)),
                ],
            }),
        ),
        ("a.list", list()),
    ];
    kinds
        .into_iter()
        .map(|(key, kind)| key_value(key, kind))
        .collect()
}

fn list() -> Value {
    Value::KvlistValue(KeyValueList {
        values: vec![
            key_value("inner", Value::StringValue("value".to_owned())),
            key_value("amount", Value::DoubleValue(-0.5)),
        ],
    })
}

fn value(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn key_value(key: &str, kind: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value(kind)),
        key_strindex: 0,
    }
}

fn text(key: &str, text: &str) -> KeyValue {
    key_value(key, Value::StringValue(text.to_owned()))
}
