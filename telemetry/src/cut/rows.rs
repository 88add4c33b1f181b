//! Batches of spans and log records.

use super::copy::{Copier, Rows, children, pick, picked, rebased};
use crate::columns::{Attributes, Common, LogColumns, Logs, SpanColumns, SpanEvents, SpanLinks, Spans};

/// Copies spans. The batch's `common` is the copier's.
pub(super) fn spans(copier: &mut Copier<'_>, columns: &SpanColumns, rows: Rows<'_>) -> SpanColumns {
    let from = &columns.spans;
    let mut attributes = Attributes::default();
    let spans = Spans {
        scope: copier.scopes(&from.scope, rows),
        trace_id_high: pick(&from.trace_id_high, rows),
        trace_id_low: pick(&from.trace_id_low, rows),
        span_id: pick(&from.span_id, rows),
        parent_span_id: pick(&from.parent_span_id, rows),
        trace_state: copier.strings(&from.trace_state, rows),
        flags: pick(&from.flags, rows),
        name: copier.strings(&from.name, rows),
        kind: pick(&from.kind, rows),
        start_time: pick(&from.start_time, rows),
        end_time: pick(&from.end_time, rows),
        status_code: pick(&from.status_code, rows),
        status_message: copier.strings(&from.status_message, rows),
        attributes_end: copier.attributes(&from.attributes, &from.attributes_end, rows, &mut attributes),
        attributes,
        dropped_attributes: pick(&from.dropped_attributes, rows),
        events_end: rebased(&from.events_end, rows),
        dropped_events: pick(&from.dropped_events, rows),
        links_end: rebased(&from.links_end, rows),
        dropped_links: pick(&from.dropped_links, rows),
    };
    let events = events(copier, &columns.events, &children(&from.events_end, rows));
    let links = links(copier, &columns.links, &children(&from.links_end, rows));
    SpanColumns {
        common: Common::default(),
        spans,
        events,
        links,
    }
}

fn events(copier: &mut Copier<'_>, from: &SpanEvents, rows: Rows<'_>) -> SpanEvents {
    let mut attributes = Attributes::default();
    SpanEvents {
        time: pick(&from.time, rows),
        name: copier.strings(&from.name, rows),
        attributes_end: copier.attributes(&from.attributes, &from.attributes_end, rows, &mut attributes),
        attributes,
        dropped_attributes: pick(&from.dropped_attributes, rows),
    }
}

fn links(copier: &mut Copier<'_>, from: &SpanLinks, rows: Rows<'_>) -> SpanLinks {
    let mut attributes = Attributes::default();
    SpanLinks {
        trace_id_high: pick(&from.trace_id_high, rows),
        trace_id_low: pick(&from.trace_id_low, rows),
        span_id: pick(&from.span_id, rows),
        trace_state: copier.strings(&from.trace_state, rows),
        flags: pick(&from.flags, rows),
        attributes_end: copier.attributes(&from.attributes, &from.attributes_end, rows, &mut attributes),
        attributes,
        dropped_attributes: pick(&from.dropped_attributes, rows),
    }
}

/// Copies log records. The batch's `common` is the copier's.
pub(super) fn logs(copier: &mut Copier<'_>, columns: &LogColumns, rows: Rows<'_>) -> LogColumns {
    let from = &columns.logs;
    let mut attributes = Attributes::default();
    let bodies = picked(&from.body_kind, rows).zip(picked(&from.body_data, rows));
    let logs = Logs {
        scope: copier.scopes(&from.scope, rows),
        time: pick(&from.time, rows),
        observed_time: pick(&from.observed_time, rows),
        severity_number: pick(&from.severity_number, rows),
        severity_text: copier.strings(&from.severity_text, rows),
        body_kind: pick(&from.body_kind, rows),
        body_data: bodies.map(|(kind, data)| copier.value(*kind, *data, 0)).collect(),
        trace_id_high: pick(&from.trace_id_high, rows),
        trace_id_low: pick(&from.trace_id_low, rows),
        span_id: pick(&from.span_id, rows),
        flags: pick(&from.flags, rows),
        event_name: copier.strings(&from.event_name, rows),
        attributes_end: copier.attributes(&from.attributes, &from.attributes_end, rows, &mut attributes),
        attributes,
        dropped_attributes: pick(&from.dropped_attributes, rows),
    };
    LogColumns {
        common: Common::default(),
        logs,
    }
}
