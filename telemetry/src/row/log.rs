//! A log record as a row.

use super::fields::{Fields, MAX_VALUE_BYTES, at, children};
use super::value::{first_line, render};
use super::{Row, RowKind};
use crate::columns::LogColumns;

pub(super) fn describe(columns: &LogColumns, row: usize) -> Option<Row> {
    let logs = &columns.logs;
    let scope = *logs.scope.get(row)?;
    let mut fields = Fields::new(&columns.common);
    let strings = &columns.common.strings;
    let severity = match (
        strings.get(at(&logs.severity_text, row)),
        at(&logs.severity_number, row),
    ) {
        ("", number) => severity_name(number),
        (text, _) => text,
    };
    let body = render(
        &columns.common,
        at(&logs.body_kind, row),
        at(&logs.body_data, row),
        MAX_VALUE_BYTES,
    );
    let event = strings.get(at(&logs.event_name, row));
    fields.push("severity", severity);
    fields.push("event_name", event);
    fields.push("body", &body);
    fields.push_attributes("", &logs.attributes, children(&logs.attributes_end, row));
    fields.push_count("dropped_attributes", at(&logs.dropped_attributes, row));
    fields.push_origin(scope);
    let what = if event.is_empty() { &body } else { event };
    let time = match at(&logs.time, row) {
        0 => at(&logs.observed_time, row),
        time => time,
    };
    Some(Row {
        kind: RowKind::Log,
        time,
        service: fields.service(scope),
        trace: (at(&logs.trace_id_high, row), at(&logs.trace_id_low, row)),
        span_id: at(&logs.span_id, row),
        title: first_line(format!("{severity} {}", first_line(what)).trim()),
        fields: fields.list,
        fields_cut: fields.cut,
    })
}

/// OTLP's short name of a severity number.
fn severity_name(number: u8) -> &'static str {
    match number {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "",
    }
}
