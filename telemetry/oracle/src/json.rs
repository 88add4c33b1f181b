//! Messages written as OTLP/JSON by hand. (`opentelemetry-proto`'s own JSON can't write NaN.)

use base64::{Engine, engine::general_purpose};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    metrics::v1::{
        Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint, SummaryDataPoint,
        exemplar, exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::Span,
};
use serde_json::{Map, Value, json};

/// What writers of OTLP/JSON are free to choose.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// 64-bit integers as strings, not numbers.
    pub integers_as_strings: bool,
    /// Ids in upper case.
    pub upper_case_hex: bool,
    /// Base64 in the alphabet of URLs, without padding.
    pub base64_of_urls: bool,
    /// Add a field that no one knows to every object.
    pub unknown_fields: bool,
    /// Write `null` where another leaves the field out.
    pub nulls: bool,
}

/// A request of traces.
#[must_use]
pub fn traces(request: &ExportTraceServiceRequest, style: Style) -> Value {
    let resources = request.resource_spans.iter().map(|resource| {
        let scopes = resource.scope_spans.iter().map(|scope| {
            let spans = scope.spans.iter().map(|span| style.span(span));
            style.object([
                ("scope", style.optional(scope.scope.as_ref(), Style::scope)),
                ("spans", spans.collect()),
                ("schemaUrl", json!(scope.schema_url)),
            ])
        });
        style.object([
            (
                "resource",
                style.optional(resource.resource.as_ref(), Style::resource),
            ),
            ("scopeSpans", scopes.collect()),
            ("schemaUrl", json!(resource.schema_url)),
        ])
    });
    style.object([("resourceSpans", resources.collect())])
}

/// A request of logs.
#[must_use]
pub fn logs(request: &ExportLogsServiceRequest, style: Style) -> Value {
    let resources = request.resource_logs.iter().map(|resource| {
        let scopes = resource.scope_logs.iter().map(|scope| {
            let logs = scope.log_records.iter().map(|log| {
                style.object([
                    ("timeUnixNano", style.integer(log.time_unix_nano)),
                    ("observedTimeUnixNano", style.integer(log.observed_time_unix_nano)),
                    ("severityNumber", json!(log.severity_number)),
                    ("severityText", json!(log.severity_text)),
                    ("body", style.optional(log.body.as_ref(), Style::value)),
                    ("attributes", style.attributes(&log.attributes)),
                    ("droppedAttributesCount", json!(log.dropped_attributes_count)),
                    ("flags", json!(log.flags)),
                    ("traceId", style.hex(&log.trace_id)),
                    ("spanId", style.hex(&log.span_id)),
                    ("eventName", json!(log.event_name)),
                ])
            });
            style.object([
                ("scope", style.optional(scope.scope.as_ref(), Style::scope)),
                ("logRecords", logs.collect()),
                ("schemaUrl", json!(scope.schema_url)),
            ])
        });
        style.object([
            (
                "resource",
                style.optional(resource.resource.as_ref(), Style::resource),
            ),
            ("scopeLogs", scopes.collect()),
            ("schemaUrl", json!(resource.schema_url)),
        ])
    });
    style.object([("resourceLogs", resources.collect())])
}

/// A request of metrics.
#[must_use]
pub fn metrics(request: &ExportMetricsServiceRequest, style: Style) -> Value {
    let resources = request.resource_metrics.iter().map(|resource| {
        let scopes = resource.scope_metrics.iter().map(|scope| {
            let metrics = scope.metrics.iter().map(|metric| {
                let fields = [
                    ("name", json!(metric.name)),
                    ("description", json!(metric.description)),
                    ("unit", json!(metric.unit)),
                    ("metadata", style.attributes(&metric.metadata)),
                ];
                style.object(
                    fields
                        .into_iter()
                        .chain(metric.data.as_ref().map(|data| style.data(data))),
                )
            });
            style.object([
                ("scope", style.optional(scope.scope.as_ref(), Style::scope)),
                ("metrics", metrics.collect()),
                ("schemaUrl", json!(scope.schema_url)),
            ])
        });
        style.object([
            (
                "resource",
                style.optional(resource.resource.as_ref(), Style::resource),
            ),
            ("scopeMetrics", scopes.collect()),
            ("schemaUrl", json!(resource.schema_url)),
        ])
    });
    style.object([("resourceMetrics", resources.collect())])
}

impl Style {
    fn object<'a>(self, fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
        let mut object = Map::new();
        for (key, value) in fields {
            if self.nulls || !value.is_null() {
                object.insert(key.to_owned(), value);
            }
        }
        if self.unknown_fields {
            object.insert(
                "aaUnknown".to_owned(),
                json!({"deep": [[{"er": null}], 1e300, "\u{1f30d}"]}),
            );
            object.insert("zzUnknown".to_owned(), json!(-1));
        }
        Value::Object(object)
    }

    fn optional<T>(self, message: Option<&T>, write: fn(Self, &T) -> Value) -> Value {
        message.map_or(Value::Null, |message| write(self, message))
    }

    fn integer(self, number: impl Into<i128>) -> Value {
        let number = number.into();
        if self.integers_as_strings {
            json!(number.to_string())
        } else if let Ok(number) = u64::try_from(number) {
            json!(number)
        } else {
            json!(i64::try_from(number).unwrap())
        }
    }

    fn integers(self, numbers: &[u64]) -> Value {
        numbers.iter().map(|number| self.integer(*number)).collect()
    }

    fn double(self, number: f64) -> Value {
        if number.is_nan() {
            json!("NaN")
        } else if number.is_infinite() {
            json!(if number > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            json!(number)
        }
    }

    fn optional_double(self, number: Option<f64>) -> Value {
        number.map_or(Value::Null, |number| self.double(number))
    }

    fn hex(self, bytes: &[u8]) -> Value {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        json!(if self.upper_case_hex {
            hex.to_uppercase()
        } else {
            hex
        })
    }

    fn resource(self, resource: &Resource) -> Value {
        self.object([
            ("attributes", self.attributes(&resource.attributes)),
            ("droppedAttributesCount", json!(resource.dropped_attributes_count)),
        ])
    }

    fn scope(self, scope: &InstrumentationScope) -> Value {
        self.object([
            ("name", json!(scope.name)),
            ("version", json!(scope.version)),
            ("attributes", self.attributes(&scope.attributes)),
            ("droppedAttributesCount", json!(scope.dropped_attributes_count)),
        ])
    }

    fn attributes(self, attributes: &[KeyValue]) -> Value {
        if attributes.is_empty() && self.nulls {
            return Value::Null;
        }
        let attributes = attributes.iter().map(|attribute| {
            self.object([
                ("key", json!(attribute.key)),
                ("value", self.optional(attribute.value.as_ref(), Self::value)),
                ("keyStrindex", json!(attribute.key_strindex)),
            ])
        });
        attributes.collect()
    }

    fn value(self, value: &AnyValue) -> Value {
        let Some(value) = &value.value else {
            return self.object([("stringValue", Value::Null)]);
        };
        self.object([match value {
            Any::StringValue(text) => ("stringValue", json!(text)),
            Any::BoolValue(bool) => ("boolValue", json!(bool)),
            Any::IntValue(int) => ("intValue", self.integer(*int)),
            Any::DoubleValue(double) => ("doubleValue", self.double(*double)),
            Any::ArrayValue(array) => {
                let values = array.values.iter().map(|value| self.value(value));
                ("arrayValue", self.object([("values", values.collect())]))
            }
            Any::KvlistValue(list) => (
                "kvlistValue",
                self.object([("values", self.attributes(&list.values))]),
            ),
            Any::BytesValue(bytes) if self.base64_of_urls => (
                "bytesValue",
                json!(general_purpose::URL_SAFE_NO_PAD.encode(bytes)),
            ),
            Any::BytesValue(bytes) => ("bytesValue", json!(general_purpose::STANDARD.encode(bytes))),
            Any::StringValueStrindex(index) => ("stringValueStrindex", json!(index)),
        }])
    }

    fn span(self, span: &Span) -> Value {
        let events = span.events.iter().map(|event| {
            self.object([
                ("timeUnixNano", self.integer(event.time_unix_nano)),
                ("name", json!(event.name)),
                ("attributes", self.attributes(&event.attributes)),
                ("droppedAttributesCount", json!(event.dropped_attributes_count)),
            ])
        });
        let links = span.links.iter().map(|link| {
            self.object([
                ("traceId", self.hex(&link.trace_id)),
                ("spanId", self.hex(&link.span_id)),
                ("traceState", json!(link.trace_state)),
                ("attributes", self.attributes(&link.attributes)),
                ("droppedAttributesCount", json!(link.dropped_attributes_count)),
                ("flags", json!(link.flags)),
            ])
        });
        let status = span.status.as_ref().map_or(Value::Null, |status| {
            self.object([("message", json!(status.message)), ("code", json!(status.code))])
        });
        self.object([
            ("traceId", self.hex(&span.trace_id)),
            ("spanId", self.hex(&span.span_id)),
            ("traceState", json!(span.trace_state)),
            ("parentSpanId", self.hex(&span.parent_span_id)),
            ("flags", json!(span.flags)),
            ("name", json!(span.name)),
            ("kind", json!(span.kind)),
            ("startTimeUnixNano", self.integer(span.start_time_unix_nano)),
            ("endTimeUnixNano", self.integer(span.end_time_unix_nano)),
            ("attributes", self.attributes(&span.attributes)),
            ("droppedAttributesCount", json!(span.dropped_attributes_count)),
            ("events", events.collect()),
            ("droppedEventsCount", json!(span.dropped_events_count)),
            ("links", links.collect()),
            ("droppedLinksCount", json!(span.dropped_links_count)),
            ("status", status),
        ])
    }

    fn data(self, data: &Data) -> (&'static str, Value) {
        let (name, points, temporality, monotonic): (_, Value, _, _) = match data {
            Data::Gauge(gauge) => (
                "gauge",
                gauge.data_points.iter().map(|point| self.number(point)).collect(),
                None,
                None,
            ),
            Data::Sum(sum) => (
                "sum",
                sum.data_points.iter().map(|point| self.number(point)).collect(),
                Some(sum.aggregation_temporality),
                Some(sum.is_monotonic),
            ),
            Data::Histogram(histogram) => (
                "histogram",
                histogram
                    .data_points
                    .iter()
                    .map(|point| self.histogram(point))
                    .collect(),
                Some(histogram.aggregation_temporality),
                None,
            ),
            Data::ExponentialHistogram(histogram) => (
                "exponentialHistogram",
                histogram
                    .data_points
                    .iter()
                    .map(|point| self.exponential_histogram(point))
                    .collect(),
                Some(histogram.aggregation_temporality),
                None,
            ),
            Data::Summary(summary) => (
                "summary",
                summary
                    .data_points
                    .iter()
                    .map(|point| self.summary(point))
                    .collect(),
                None,
                None,
            ),
        };
        let object = self.object([
            ("dataPoints", points),
            ("aggregationTemporality", json!(temporality)),
            ("isMonotonic", json!(monotonic)),
        ]);
        (name, object)
    }

    fn number(self, point: &NumberDataPoint) -> Value {
        let value = match point.value {
            None => ("asInt", Value::Null),
            Some(number_data_point::Value::AsInt(int)) => ("asInt", self.integer(int)),
            Some(number_data_point::Value::AsDouble(double)) => ("asDouble", self.double(double)),
        };
        self.object([
            ("attributes", self.attributes(&point.attributes)),
            ("startTimeUnixNano", self.integer(point.start_time_unix_nano)),
            ("timeUnixNano", self.integer(point.time_unix_nano)),
            ("exemplars", self.exemplars(&point.exemplars)),
            ("flags", json!(point.flags)),
            value,
        ])
    }

    fn histogram(self, point: &HistogramDataPoint) -> Value {
        let bounds = point.explicit_bounds.iter().map(|bound| self.double(*bound));
        self.object([
            ("attributes", self.attributes(&point.attributes)),
            ("startTimeUnixNano", self.integer(point.start_time_unix_nano)),
            ("timeUnixNano", self.integer(point.time_unix_nano)),
            ("count", self.integer(point.count)),
            ("sum", self.optional_double(point.sum)),
            ("bucketCounts", self.integers(&point.bucket_counts)),
            ("explicitBounds", bounds.collect()),
            ("exemplars", self.exemplars(&point.exemplars)),
            ("flags", json!(point.flags)),
            ("min", self.optional_double(point.min)),
            ("max", self.optional_double(point.max)),
        ])
    }

    fn exponential_histogram(self, point: &ExponentialHistogramDataPoint) -> Value {
        self.object([
            ("attributes", self.attributes(&point.attributes)),
            ("startTimeUnixNano", self.integer(point.start_time_unix_nano)),
            ("timeUnixNano", self.integer(point.time_unix_nano)),
            ("count", self.integer(point.count)),
            ("sum", self.optional_double(point.sum)),
            ("scale", json!(point.scale)),
            ("zeroCount", self.integer(point.zero_count)),
            ("positive", self.optional(point.positive.as_ref(), Self::buckets)),
            ("negative", self.optional(point.negative.as_ref(), Self::buckets)),
            ("flags", json!(point.flags)),
            ("exemplars", self.exemplars(&point.exemplars)),
            ("min", self.optional_double(point.min)),
            ("max", self.optional_double(point.max)),
            ("zeroThreshold", self.double(point.zero_threshold)),
        ])
    }

    fn buckets(self, buckets: &Buckets) -> Value {
        self.object([
            ("offset", json!(buckets.offset)),
            ("bucketCounts", self.integers(&buckets.bucket_counts)),
        ])
    }

    fn summary(self, point: &SummaryDataPoint) -> Value {
        let quantiles = point.quantile_values.iter().map(|value| {
            self.object([
                ("quantile", self.double(value.quantile)),
                ("value", self.double(value.value)),
            ])
        });
        self.object([
            ("attributes", self.attributes(&point.attributes)),
            ("startTimeUnixNano", self.integer(point.start_time_unix_nano)),
            ("timeUnixNano", self.integer(point.time_unix_nano)),
            ("count", self.integer(point.count)),
            ("sum", self.double(point.sum)),
            ("quantileValues", quantiles.collect()),
            ("flags", json!(point.flags)),
        ])
    }

    fn exemplars(self, exemplars: &[Exemplar]) -> Value {
        let exemplars = exemplars.iter().map(|exemplar| {
            let value = match exemplar.value {
                None => ("asDouble", Value::Null),
                Some(exemplar::Value::AsInt(int)) => ("asInt", self.integer(int)),
                Some(exemplar::Value::AsDouble(double)) => ("asDouble", self.double(double)),
            };
            self.object([
                (
                    "filteredAttributes",
                    self.attributes(&exemplar.filtered_attributes),
                ),
                ("timeUnixNano", self.integer(exemplar.time_unix_nano)),
                ("spanId", self.hex(&exemplar.span_id)),
                ("traceId", self.hex(&exemplar.trace_id)),
                value,
            ])
        });
        exemplars.collect()
    }
}
