//! Requests of every shape, to proptest's heart's content.

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{
        AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
    },
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any},
    prop_oneof,
};

use crate::{generate_metrics::metrics, request::Request};

pub(crate) fn request() -> impl Strategy<Value = Request> {
    prop_oneof![traces(), logs(), metrics()].prop_map(|request| {
        // What a decoder sees: protobuf can't tell -0.0 from "not set" in fields without presence.
        Request::decode(request.signal(), &request.encode()).unwrap()
    })
}

/// A number, with those at the ends more often than chance has it.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), Just(1 << 63), 0..300_u64, any::<u64>()]
}

pub(crate) fn small() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(u32::MAX), 0..300_u32, any::<u32>()]
}

/// Any double; of all that are no number only the one that JSON can say.
pub(crate) fn double() -> impl Strategy<Value = f64> {
    let any = number()
        .prop_map(f64::from_bits)
        .prop_map(|double| if double.is_nan() { f64::NAN } else { double });
    prop_oneof![Just(0.0), Just(-0.0), Just(f64::INFINITY), -1e6..1e6, any]
}

pub(crate) fn enum_number() -> impl Strategy<Value = i32> {
    prop_oneof![8 => 0..6_i32, 1 => any::<i32>(), 1 => 250..260_i32]
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-d]{1,2}",
        proptest::sample::select(vec![
            "http.route",
            "service.name",
            "GET",
            "a value that is longer than a cache line is"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
        "[xyz]{120,140}",
    ]
}

/// An id of `length` bytes, now and then an invalid one.
pub(crate) fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => vec(any::<u8>(), length),
        1 => Just(Vec::new()),
        1 => Just(vec![0; length]),
        1 => vec(any::<u8>(), 0..20),
    ]
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        1 => Just(None),
        6 => text().prop_map(Value::StringValue).prop_map(Some),
        2 => any::<bool>().prop_map(Value::BoolValue).prop_map(Some),
        3 => number().prop_map(|number| Some(Value::IntValue(number.cast_signed()))),
        2 => double().prop_map(Value::DoubleValue).prop_map(Some),
        2 => vec(any::<u8>(), 0..6).prop_map(Value::BytesValue).prop_map(Some),
        1 => any::<i32>().prop_map(Value::StringValueStrindex).prop_map(Some),
    ]
    .prop_map(|value| AnyValue { value });
    leaf.prop_recursive(5, 12, 4, |inner| {
        let entry = (text(), option::weighted(0.9, inner.clone())).prop_map(|(key, value)| KeyValue {
            key,
            value,
            key_strindex: 0,
        });
        prop_oneof![
            vec(inner, 0..4).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(entry, 0..4).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

pub(crate) fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (
        text(),
        option::weighted(0.95, value()),
        prop_oneof![9 => Just(0), 1 => any::<i32>()],
    )
        .prop_map(|(key, value, key_strindex)| KeyValue {
            key,
            value,
            key_strindex,
        });
    vec(attribute, 0..4)
}

pub(crate) fn resource() -> impl Strategy<Value = Option<Resource>> {
    let reference = (text(), vec(text(), 0..2)).prop_map(|(r#type, id_keys)| EntityRef {
        schema_url: String::new(),
        r#type,
        id_keys,
        description_keys: Vec::new(),
    });
    let resource = (attributes(), small(), vec(reference, 0..2)).prop_map(
        |(attributes, dropped_attributes_count, entity_refs)| Resource {
            attributes,
            dropped_attributes_count,
            entity_refs,
        },
    );
    option::weighted(0.9, resource)
}

pub(crate) fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    let scope = (text(), text(), attributes(), small()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    );
    option::weighted(0.9, scope)
}

fn traces() -> impl Strategy<Value = Request> {
    let scope_spans =
        (scope(), vec(span(), 0..4), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
            scope,
            spans,
            schema_url,
        });
    let resource_spans =
        (resource(), vec(scope_spans, 0..3), text()).prop_map(|(resource, scope_spans, schema_url)| {
            ResourceSpans {
                resource,
                scope_spans,
                schema_url,
            }
        });
    vec(resource_spans, 0..3)
        .prop_map(|resource_spans| Request::Traces(ExportTraceServiceRequest { resource_spans }))
}

fn span() -> impl Strategy<Value = Span> {
    let event = (number(), text(), attributes(), small()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (id(16), id(8), text(), attributes(), small(), small()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    );
    let status = (text(), enum_number()).prop_map(|(message, code)| Status { message, code });
    let parent = prop_oneof![Just(Vec::new()), id(8)];
    (
        (id(16), id(8), text(), parent, small(), text(), enum_number()),
        (
            number(),
            number(),
            attributes(),
            small(),
            vec(event, 0..3),
            small(),
        ),
        (vec(link, 0..3), small(), option::of(status)),
    )
        .prop_map(
            |(
                (trace_id, span_id, trace_state, parent_span_id, flags, name, kind),
                (start, end, attributes, dropped_attributes_count, events, dropped_events_count),
                (links, dropped_links_count, status),
            )| Span {
                trace_id,
                span_id,
                trace_state,
                parent_span_id,
                flags,
                name,
                kind,
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                attributes,
                dropped_attributes_count,
                events,
                dropped_events_count,
                links,
                dropped_links_count,
                status,
            },
        )
}

fn logs() -> impl Strategy<Value = Request> {
    let scope_logs =
        (scope(), vec(log(), 0..4), text()).prop_map(|(scope, log_records, schema_url)| ScopeLogs {
            scope,
            log_records,
            schema_url,
        });
    let resource_logs =
        (resource(), vec(scope_logs, 0..3), text()).prop_map(|(resource, scope_logs, schema_url)| {
            ResourceLogs {
                resource,
                scope_logs,
                schema_url,
            }
        });
    vec(resource_logs, 0..3)
        .prop_map(|resource_logs| Request::Logs(ExportLogsServiceRequest { resource_logs }))
}

fn log() -> impl Strategy<Value = LogRecord> {
    (
        (
            number(),
            number(),
            enum_number(),
            text(),
            option::of(value()),
            attributes(),
        ),
        (small(), small(), id(16), id(8), text()),
    )
        .prop_map(
            |(
                (time_unix_nano, observed_time_unix_nano, severity_number, severity_text, body, attributes),
                (dropped_attributes_count, flags, trace_id, span_id, event_name),
            )| LogRecord {
                time_unix_nano,
                observed_time_unix_nano,
                severity_number,
                severity_text,
                body,
                attributes,
                dropped_attributes_count,
                flags,
                trace_id,
                span_id,
                event_name,
            },
        )
}
