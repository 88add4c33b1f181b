//! OTLP requests of a gateway, a checkout and a payment service.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

/// The header of a request in protobuf.
pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// The header of a request in JSON.
pub const JSON: (&str, &str) = ("content-type", "application/json");

/// Nanoseconds since the Unix epoch.
#[must_use]
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// A request in JSON of one span of that name, as of now.
#[must_use]
pub fn json_span(name: &str) -> Vec<u8> {
    let at = now();
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"cart"}}}}]}},
        "scopeSpans":[{{"spans":[{{"traceId":"{at:032x}","spanId":"{at:016x}","name":"{name}",
        "startTimeUnixNano":"{at}","endTimeUnixNano":"{at}"}}]}}]}}]}}"#
    )
    .into_bytes()
}

/// One trace through the three services that ends well. Distinct numbers give distinct traces.
#[must_use]
pub fn healthy_request(number: u64) -> Vec<u8> {
    request(number, false)
}

/// One trace through the three services in which release 2.0.0 of `payment` throws and its callers fail.
#[must_use]
pub fn failing_request(number: u64) -> Vec<u8> {
    request(number, true)
}

fn request(number: u64, fails: bool) -> Vec<u8> {
    let hops = [
        ("gateway", "1.4.2", "POST /orders"),
        ("checkout", "3.1.0", "POST /checkout"),
        ("payment", "2.0.0", "POST /charge"),
    ];
    let resource_spans = (1_u64..)
        .zip(hops)
        .map(|(depth, (service, release, operation))| ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", service), text("service.version", release)],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![span(number, depth, operation, fails, service)],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        })
        .collect();
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn span(number: u64, depth: u64, operation: &str, fails: bool, service: &str) -> Span {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos());
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    let id = |depth: u64| (number * 10 + depth).to_be_bytes().to_vec();
    let mut trace_id = 0x00a1_a000_u64.to_be_bytes().to_vec();
    trace_id.extend((number + 1).to_be_bytes());
    let (method, route) = operation.split_once(' ').unwrap_or(("GET", operation));
    let exception = Event {
        time_unix_nano: now,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "payment::ledger::CurrencyMismatch"),
            text(
                "exception.message",
                &format!("order {number} is in EUR, the account in USD"),
            ),
            text(
                "exception.stacktrace",
                "   0: payment::ledger::charge\n             at ./src/ledger.rs:42:9\n",
            ),
        ],
        ..Event::default()
    };
    let status = if fails { 500 } else { 200 };
    Span {
        trace_id,
        span_id: id(depth),
        parent_span_id: if depth == 1 { Vec::new() } else { id(depth - 1) },
        name: operation.to_owned(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: now - 5_000_000 * (4 - depth),
        end_time_unix_nano: now,
        attributes: vec![
            text("http.request.method", method),
            text("http.route", route),
            KeyValue {
                key: "http.response.status_code".to_owned(),
                value: Some(AnyValue {
                    value: Some(Value::IntValue(status)),
                }),
                ..KeyValue::default()
            },
        ],
        events: if fails && service == "payment" {
            vec![exception]
        } else {
            Vec::new()
        },
        status: fails.then(|| Status {
            code: StatusCode::Error.into(),
            ..Status::default()
        }),
        ..Span::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}
