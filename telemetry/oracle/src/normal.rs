//! Turns the oracle's messages into what the scanners document that they make of them. Nothing else is normalised.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    metrics::v1::{Exemplar, exponential_histogram_data_point::Buckets, metric::Data},
    resource::v1::Resource,
    trace::v1::Span,
};

/// Most attributes of a row, as the scanners have it by default.
const MAX_ATTRIBUTES: usize = 1024;

/// Returns how many spans are refused.
pub(crate) fn traces(request: &mut ExportTraceServiceRequest) -> u32 {
    let mut refused = 0;
    for resource in &mut request.resource_spans {
        self::resource(&mut resource.resource);
        for scope in &mut resource.scope_spans {
            self::scope(&mut scope.scope);
            let before = scope.spans.len();
            scope.spans.retain(|span| is_valid(span) && is_bounded(span));
            refused += u32::try_from(before - scope.spans.len()).unwrap();
            for span in &mut scope.spans {
                id(&mut span.parent_span_id, 8);
                enum_number(&mut span.kind);
                enum_number(&mut span.status.get_or_insert_default().code);
                attributes(&mut span.attributes);
                for event in &mut span.events {
                    attributes(&mut event.attributes);
                }
                for link in &mut span.links {
                    id(&mut link.trace_id, 16);
                    id(&mut link.span_id, 8);
                    attributes(&mut link.attributes);
                }
            }
        }
    }
    refused
}

fn is_valid(span: &Span) -> bool {
    let is_id = |id: &[u8], length| id.len() == length && id.iter().any(|byte| *byte != 0);
    is_id(&span.trace_id, 16) && is_id(&span.span_id, 8) && matches!(span.parent_span_id.len(), 0 | 8)
}

/// Whether neither the span nor an event or link of it has more attributes than a row may have.
fn is_bounded(span: &Span) -> bool {
    let events = span.events.iter().map(|event| &event.attributes);
    let links = span.links.iter().map(|link| &link.attributes);
    [&span.attributes]
        .into_iter()
        .chain(events)
        .chain(links)
        .all(|attributes| attributes.len() <= MAX_ATTRIBUTES)
}

/// Returns how many log records are refused.
pub(crate) fn logs(request: &mut ExportLogsServiceRequest) -> u32 {
    let mut refused = 0;
    for resource in &mut request.resource_logs {
        self::resource(&mut resource.resource);
        for scope in &mut resource.scope_logs {
            self::scope(&mut scope.scope);
            refused += retain(&mut scope.log_records, |log| {
                log.attributes.len() <= MAX_ATTRIBUTES
            });
            for log in &mut scope.log_records {
                enum_number(&mut log.severity_number);
                id(&mut log.trace_id, 16);
                id(&mut log.span_id, 8);
                value(log.body.get_or_insert_default());
                attributes(&mut log.attributes);
            }
        }
    }
    refused
}

/// Keeps the rows that may stay; returns how many go.
fn retain<T>(rows: &mut Vec<T>, may_stay: impl FnMut(&T) -> bool) -> u32 {
    let before = rows.len();
    rows.retain(may_stay);
    u32::try_from(before - rows.len()).unwrap()
}

/// Whether neither a point nor an exemplar of it has more attributes than a row may have.
fn is_point_bounded(attributes: &[KeyValue], exemplars: &[Exemplar]) -> bool {
    let mut all = exemplars
        .iter()
        .map(|exemplar| exemplar.filtered_attributes.as_slice())
        .chain([attributes]);
    all.all(|attributes| attributes.len() <= MAX_ATTRIBUTES)
}

/// Returns how many points are refused.
pub(crate) fn metrics(request: &mut ExportMetricsServiceRequest) -> u32 {
    let mut refused = 0;
    for resource in &mut request.resource_metrics {
        self::resource(&mut resource.resource);
        for scope in &mut resource.scope_metrics {
            self::scope(&mut scope.scope);
            for metric in &mut scope.metrics {
                attributes(&mut metric.metadata);
                refused += data(metric.data.as_mut());
            }
        }
    }
    refused
}

fn data(data: Option<&mut Data>) -> u32 {
    match data {
        None => 0,
        Some(Data::Gauge(gauge)) => {
            let refused = retain(&mut gauge.data_points, |point| {
                is_point_bounded(&point.attributes, &point.exemplars)
            });
            for point in &mut gauge.data_points {
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
            }
            refused
        }
        Some(Data::Sum(sum)) => {
            enum_number(&mut sum.aggregation_temporality);
            let refused = retain(&mut sum.data_points, |point| {
                is_point_bounded(&point.attributes, &point.exemplars)
            });
            for point in &mut sum.data_points {
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
            }
            refused
        }
        Some(Data::Histogram(histogram)) => {
            enum_number(&mut histogram.aggregation_temporality);
            let refused = retain(&mut histogram.data_points, |point| {
                is_point_bounded(&point.attributes, &point.exemplars)
            });
            for point in &mut histogram.data_points {
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
            }
            refused
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            enum_number(&mut histogram.aggregation_temporality);
            let refused = retain(&mut histogram.data_points, |point| {
                is_point_bounded(&point.attributes, &point.exemplars)
            });
            for point in &mut histogram.data_points {
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
                let _: &mut Buckets = point.positive.get_or_insert_default();
                let _: &mut Buckets = point.negative.get_or_insert_default();
            }
            refused
        }
        Some(Data::Summary(summary)) => {
            let refused = retain(&mut summary.data_points, |point| {
                is_point_bounded(&point.attributes, &[])
            });
            for point in &mut summary.data_points {
                attributes(&mut point.attributes);
            }
            refused
        }
    }
}

fn exemplars(exemplars: &mut [Exemplar]) {
    for exemplar in exemplars {
        id(&mut exemplar.trace_id, 16);
        id(&mut exemplar.span_id, 8);
        attributes(&mut exemplar.filtered_attributes);
    }
}

fn resource(resource: &mut Option<Resource>) {
    let resource = resource.get_or_insert_default();
    resource.entity_refs.clear();
    attributes(&mut resource.attributes);
}

fn scope(scope: &mut Option<InstrumentationScope>) {
    attributes(&mut scope.get_or_insert_default().attributes);
}

fn attributes(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        attribute.key_strindex = 0;
        value(attribute.value.get_or_insert_default());
    }
}

fn value(value: &mut AnyValue) {
    match &mut value.value {
        Some(Value::StringValueStrindex(_)) => value.value = None,
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(self::value),
        Some(Value::KvlistValue(list)) => attributes(&mut list.values),
        _ => {}
    }
}

/// An id that is all zero or of the wrong length is none.
fn id(id: &mut Vec<u8>, length: usize) {
    if id.len() != length || id.iter().all(|byte| *byte == 0) {
        id.clear();
    }
}

/// A number that doesn't fit into a byte is 255.
fn enum_number(number: &mut i32) {
    if !(0..=255).contains(number) {
        *number = 255;
    }
}
