//! A span as a row.

use super::fields::{Fields, at, children};
use super::value::first_line;
use super::{Row, RowKind};
use crate::columns::SpanColumns;

/// Most links that are listed.
const MAX_LINKS: usize = 16;

pub(super) fn describe(columns: &SpanColumns, row: usize) -> Option<Row> {
    let spans = &columns.spans;
    let span_id = *spans.span_id.get(row)?;
    let mut fields = Fields::new(&columns.common);
    let strings = &columns.common.strings;
    let name = strings.get(at(&spans.name, row));
    let kind = match at(&spans.kind, row) {
        1 => "INTERNAL",
        2 => "SERVER",
        3 => "CLIENT",
        4 => "PRODUCER",
        5 => "CONSUMER",
        _ => "",
    };
    let (start, end) = (at(&spans.start_time, row), at(&spans.end_time, row));
    fields.push("name", name);
    fields.push("kind", kind);
    if start != 0 && end >= start {
        fields.push("duration", &duration(end - start));
        fields.push("duration_ns", &(end - start).to_string());
    }
    fields.push(
        "status",
        match at(&spans.status_code, row) {
            1 => "OK",
            2 => "ERROR",
            _ => "",
        },
    );
    fields.push_string("status.message", at(&spans.status_message, row));
    match at(&spans.parent_span_id, row) {
        0 => {}
        parent => fields.push("parent_span_id", &format!("{parent:016x}")),
    }
    fields.push_string("trace_state", at(&spans.trace_state, row));
    push_events(&mut fields, columns, row);
    fields.push_attributes("", &spans.attributes, children(&spans.attributes_end, row));
    push_links(&mut fields, columns, row);
    fields.push_count("dropped_attributes", at(&spans.dropped_attributes, row));
    fields.push_count("dropped_events", at(&spans.dropped_events, row));
    fields.push_count("dropped_links", at(&spans.dropped_links, row));
    let scope = at(&spans.scope, row);
    fields.push_origin(scope);
    Some(Row {
        kind: RowKind::Span,
        time: start,
        service: fields.service(scope),
        trace: (at(&spans.trace_id_high, row), at(&spans.trace_id_low, row)),
        span_id,
        title: first_line(format!("{kind} {name}").trim()),
        fields: fields.list,
        fields_cut: fields.cut,
    })
}

/// Adds the events: the first exception's attributes by their own names (they begin with `exception.`), so that a claim can
/// refer to `exception.message`; the others numbered.
fn push_events(fields: &mut Fields<'_>, columns: &SpanColumns, row: usize) {
    let events = &columns.events;
    let range = children(&columns.spans.events_end, row);
    let is_exception = |event: &usize| columns.common.strings.get(at(&events.name, *event)) == "exception";
    let exception = range.clone().take(events.name.len()).find(is_exception);
    if let Some(exception) = exception {
        fields.push_attributes(
            "",
            &events.attributes,
            children(&events.attributes_end, exception),
        );
    }
    let start = at(&columns.spans.start_time, row);
    for (number, event) in range.enumerate() {
        let Some(name) = events.name.get(event) else {
            return;
        };
        if Some(event) == exception {
            continue;
        }
        fields.push_string(&format!("events[{number}].name"), *name);
        if let Some(after) = at(&events.time, event).checked_sub(start) {
            fields.push(&format!("events[{number}].after"), &duration(after));
        }
        let attributes = children(&events.attributes_end, event);
        fields.push_attributes(&format!("events[{number}]."), &events.attributes, attributes);
    }
}

fn push_links(fields: &mut Fields<'_>, columns: &SpanColumns, row: usize) {
    let links = &columns.links;
    for (number, link) in children(&columns.spans.links_end, row)
        .take(MAX_LINKS)
        .enumerate()
    {
        let (Some(high), Some(low), Some(span)) = (
            links.trace_id_high.get(link),
            links.trace_id_low.get(link),
            links.span_id.get(link),
        ) else {
            return;
        };
        fields.push(
            &format!("links[{number}]"),
            &format!("{high:016x}{low:016x}/{span:016x}"),
        );
    }
}

/// A duration for people: three or more digits in the unit that suits it.
#[must_use]
pub fn duration(nanoseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "only a few digits are shown")]
    let value = nanoseconds as f64;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", value / 1e6),
        _ => format!("{:.2} s", value / 1e9),
    }
}
