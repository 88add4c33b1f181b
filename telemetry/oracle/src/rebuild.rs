//! Columns turned back into messages, by nothing but what `wit/0.1.0/telemetry.wit` says of them.

use aia_telemetry::{Attributes, Common, LogColumns, SpanColumns, unpack_range, value_kind};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};

/// The request that columns say.
#[must_use]
pub fn traces(columns: &SpanColumns) -> ExportTraceServiceRequest {
    let common = &columns.common;
    let mut resource_spans: Vec<ResourceSpans> = resources(common)
        .map(|(resource, schema_url)| ResourceSpans {
            resource,
            schema_url,
            scope_spans: Vec::new(),
        })
        .collect();
    for (row, (scope, schema_url)) in scopes(common).enumerate() {
        let spans = (0..columns.spans.scope.len())
            .filter(|span| columns.spans.scope[*span] as usize == row)
            .map(|span| self::span(columns, span));
        let scope = ScopeSpans {
            scope,
            schema_url,
            spans: spans.collect(),
        };
        resource_spans[common.scopes.resource[row] as usize]
            .scope_spans
            .push(scope);
    }
    ExportTraceServiceRequest { resource_spans }
}

fn span(columns: &SpanColumns, row: usize) -> Span {
    let SpanColumns {
        common,
        spans,
        events,
        links,
    } = columns;
    Span {
        trace_id: trace_id(spans.trace_id_high[row], spans.trace_id_low[row]),
        span_id: span_id(spans.span_id[row]),
        trace_state: text(common, spans.trace_state[row]),
        parent_span_id: span_id(spans.parent_span_id[row]),
        flags: spans.flags[row],
        name: text(common, spans.name[row]),
        kind: spans.kind[row].into(),
        start_time_unix_nano: spans.start_time[row],
        end_time_unix_nano: spans.end_time[row],
        attributes: attributes(common, &spans.attributes, &spans.attributes_end, row),
        dropped_attributes_count: spans.dropped_attributes[row],
        events: range(&spans.events_end, row)
            .map(|row| Event {
                time_unix_nano: events.time[row],
                name: text(common, events.name[row]),
                attributes: attributes(common, &events.attributes, &events.attributes_end, row),
                dropped_attributes_count: events.dropped_attributes[row],
            })
            .collect(),
        dropped_events_count: spans.dropped_events[row],
        links: range(&spans.links_end, row)
            .map(|row| Link {
                trace_id: trace_id(links.trace_id_high[row], links.trace_id_low[row]),
                span_id: span_id(links.span_id[row]),
                trace_state: text(common, links.trace_state[row]),
                attributes: attributes(common, &links.attributes, &links.attributes_end, row),
                dropped_attributes_count: links.dropped_attributes[row],
                flags: links.flags[row],
            })
            .collect(),
        dropped_links_count: spans.dropped_links[row],
        status: Some(Status {
            message: text(common, spans.status_message[row]),
            code: spans.status_code[row].into(),
        }),
    }
}

/// The request that columns say.
#[must_use]
pub fn logs(columns: &LogColumns) -> ExportLogsServiceRequest {
    let common = &columns.common;
    let mut resource_logs: Vec<ResourceLogs> = resources(common)
        .map(|(resource, schema_url)| ResourceLogs {
            resource,
            schema_url,
            scope_logs: Vec::new(),
        })
        .collect();
    for (row, (scope, schema_url)) in scopes(common).enumerate() {
        let log_records = (0..columns.logs.scope.len())
            .filter(|log| columns.logs.scope[*log] as usize == row)
            .map(|log| self::log(columns, log));
        let scope = ScopeLogs {
            scope,
            schema_url,
            log_records: log_records.collect(),
        };
        resource_logs[common.scopes.resource[row] as usize]
            .scope_logs
            .push(scope);
    }
    ExportLogsServiceRequest { resource_logs }
}

fn log(columns: &LogColumns, row: usize) -> LogRecord {
    let LogColumns { common, logs } = columns;
    LogRecord {
        time_unix_nano: logs.time[row],
        observed_time_unix_nano: logs.observed_time[row],
        severity_number: logs.severity_number[row].into(),
        severity_text: text(common, logs.severity_text[row]),
        body: Some(value(common, logs.body_kind[row], logs.body_data[row])),
        attributes: attributes(common, &logs.attributes, &logs.attributes_end, row),
        dropped_attributes_count: logs.dropped_attributes[row],
        flags: logs.flags[row],
        trace_id: trace_id(logs.trace_id_high[row], logs.trace_id_low[row]),
        span_id: span_id(logs.span_id[row]),
        event_name: text(common, logs.event_name[row]),
    }
}

/// Each resource and its schema URL.
pub(crate) fn resources(common: &Common) -> impl Iterator<Item = (Option<Resource>, String)> {
    let table = &common.resources;
    (0..table.schema_url.len()).map(|row| {
        let resource = Resource {
            attributes: attributes(common, &table.attributes, &table.attributes_end, row),
            dropped_attributes_count: table.dropped_attributes[row],
            entity_refs: Vec::new(),
        };
        (Some(resource), text(common, table.schema_url[row]))
    })
}

/// Each scope and its schema URL.
pub(crate) fn scopes(common: &Common) -> impl Iterator<Item = (Option<InstrumentationScope>, String)> {
    let table = &common.scopes;
    (0..table.schema_url.len()).map(|row| {
        let scope = InstrumentationScope {
            name: text(common, table.name[row]),
            version: text(common, table.version[row]),
            attributes: attributes(common, &table.attributes, &table.attributes_end, row),
            dropped_attributes_count: table.dropped_attributes[row],
        };
        (Some(scope), text(common, table.schema_url[row]))
    })
}

/// The rows that row `row` owns, given its cumulative column.
pub(crate) fn range(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let start = if row == 0 { 0 } else { ends[row - 1] };
    start as usize..ends[row] as usize
}

pub(crate) fn attributes(common: &Common, table: &Attributes, ends: &[u32], row: usize) -> Vec<KeyValue> {
    range(ends, row)
        .map(|row| key_value(common, table, row))
        .collect()
}

fn key_value(common: &Common, table: &Attributes, row: usize) -> KeyValue {
    let value = value(common, table.kind[row], table.data[row]);
    KeyValue {
        key: text(common, table.key[row]),
        value: Some(value),
        key_strindex: 0,
    }
}

fn value(common: &Common, kind: u8, data: u64) -> AnyValue {
    let (first, count) = unpack_range(data);
    let rows = first as usize..first as usize + count as usize;
    let value = match kind {
        value_kind::EMPTY => return AnyValue { value: None },
        value_kind::STRING => Value::StringValue(text(common, u32::try_from(data).unwrap())),
        value_kind::BOOL => Value::BoolValue(data == 1),
        value_kind::INT => Value::IntValue(data.cast_signed()),
        value_kind::DOUBLE => Value::DoubleValue(f64::from_bits(data)),
        value_kind::BYTES => Value::BytesValue(common.bytes[rows].to_vec()),
        value_kind::ARRAY => {
            let values = rows.map(|row| {
                assert_eq!(common.nested.key[row], 0, "elements of an array have no key");
                value(common, common.nested.kind[row], common.nested.data[row])
            });
            Value::ArrayValue(ArrayValue {
                values: values.collect(),
            })
        }
        value_kind::KEY_VALUES => {
            let values = rows.map(|row| key_value(common, &common.nested, row));
            Value::KvlistValue(KeyValueList {
                values: values.collect(),
            })
        }
        _ => panic!("kind {kind}"),
    };
    AnyValue { value: Some(value) }
}

/// A string of the table.
#[must_use]
pub fn text(common: &Common, string: u32) -> String {
    let Common { strings, .. } = common;
    let bytes = &strings.utf8[range(&strings.ends, string as usize)];
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn trace_id(high: u64, low: u64) -> Vec<u8> {
    if high == 0 && low == 0 {
        Vec::new()
    } else {
        [high.to_be_bytes(), low.to_be_bytes()].concat()
    }
}

pub(crate) fn span_id(id: u64) -> Vec<u8> {
    if id == 0 {
        Vec::new()
    } else {
        id.to_be_bytes().to_vec()
    }
}
