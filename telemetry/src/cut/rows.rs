//! Batches of spans and log records.

use std::ops::Range;

use super::copy::{Copier, children, rebased, slice};
use crate::columns::{Attributes, Common, LogColumns, Logs, SpanColumns, SpanEvents, SpanLinks, Spans};

/// Copies spans. The batch's `common` is the copier's.
pub(super) fn spans(copier: &mut Copier<'_>, columns: &SpanColumns, range: Range<usize>) -> SpanColumns {
    let from = &columns.spans;
    let mut attributes = Attributes::default();
    let spans = Spans {
        scope: copier.scopes(&from.scope, range.clone()),
        trace_id_high: slice(&from.trace_id_high, range.clone()).to_vec(),
        trace_id_low: slice(&from.trace_id_low, range.clone()).to_vec(),
        span_id: slice(&from.span_id, range.clone()).to_vec(),
        parent_span_id: slice(&from.parent_span_id, range.clone()).to_vec(),
        trace_state: copier.strings(&from.trace_state, range.clone()),
        flags: slice(&from.flags, range.clone()).to_vec(),
        name: copier.strings(&from.name, range.clone()),
        kind: slice(&from.kind, range.clone()).to_vec(),
        start_time: slice(&from.start_time, range.clone()).to_vec(),
        end_time: slice(&from.end_time, range.clone()).to_vec(),
        status_code: slice(&from.status_code, range.clone()).to_vec(),
        status_message: copier.strings(&from.status_message, range.clone()),
        attributes_end: copier.attributes(
            &from.attributes,
            &from.attributes_end,
            range.clone(),
            &mut attributes,
        ),
        attributes,
        dropped_attributes: slice(&from.dropped_attributes, range.clone()).to_vec(),
        events_end: rebased(&from.events_end, range.clone()).collect(),
        dropped_events: slice(&from.dropped_events, range.clone()).to_vec(),
        links_end: rebased(&from.links_end, range.clone()).collect(),
        dropped_links: slice(&from.dropped_links, range.clone()).to_vec(),
    };
    let events = events(copier, &columns.events, children(&from.events_end, &range));
    let links = links(copier, &columns.links, children(&from.links_end, &range));
    SpanColumns {
        common: Common::default(),
        spans,
        events,
        links,
    }
}

fn events(copier: &mut Copier<'_>, from: &SpanEvents, range: Range<usize>) -> SpanEvents {
    let mut attributes = Attributes::default();
    SpanEvents {
        time: slice(&from.time, range.clone()).to_vec(),
        name: copier.strings(&from.name, range.clone()),
        attributes_end: copier.attributes(
            &from.attributes,
            &from.attributes_end,
            range.clone(),
            &mut attributes,
        ),
        attributes,
        dropped_attributes: slice(&from.dropped_attributes, range).to_vec(),
    }
}

fn links(copier: &mut Copier<'_>, from: &SpanLinks, range: Range<usize>) -> SpanLinks {
    let mut attributes = Attributes::default();
    SpanLinks {
        trace_id_high: slice(&from.trace_id_high, range.clone()).to_vec(),
        trace_id_low: slice(&from.trace_id_low, range.clone()).to_vec(),
        span_id: slice(&from.span_id, range.clone()).to_vec(),
        trace_state: copier.strings(&from.trace_state, range.clone()),
        flags: slice(&from.flags, range.clone()).to_vec(),
        attributes_end: copier.attributes(
            &from.attributes,
            &from.attributes_end,
            range.clone(),
            &mut attributes,
        ),
        attributes,
        dropped_attributes: slice(&from.dropped_attributes, range).to_vec(),
    }
}

/// Copies log records. The batch's `common` is the copier's.
pub(super) fn logs(copier: &mut Copier<'_>, columns: &LogColumns, range: Range<usize>) -> LogColumns {
    let from = &columns.logs;
    let mut attributes = Attributes::default();
    let bodies = slice(&from.body_kind, range.clone())
        .iter()
        .zip(slice(&from.body_data, range.clone()));
    let logs = Logs {
        scope: copier.scopes(&from.scope, range.clone()),
        time: slice(&from.time, range.clone()).to_vec(),
        observed_time: slice(&from.observed_time, range.clone()).to_vec(),
        severity_number: slice(&from.severity_number, range.clone()).to_vec(),
        severity_text: copier.strings(&from.severity_text, range.clone()),
        body_kind: slice(&from.body_kind, range.clone()).to_vec(),
        body_data: bodies.map(|(kind, data)| copier.value(*kind, *data, 0)).collect(),
        trace_id_high: slice(&from.trace_id_high, range.clone()).to_vec(),
        trace_id_low: slice(&from.trace_id_low, range.clone()).to_vec(),
        span_id: slice(&from.span_id, range.clone()).to_vec(),
        flags: slice(&from.flags, range.clone()).to_vec(),
        event_name: copier.strings(&from.event_name, range.clone()),
        attributes_end: copier.attributes(
            &from.attributes,
            &from.attributes_end,
            range.clone(),
            &mut attributes,
        ),
        attributes,
        dropped_attributes: slice(&from.dropped_attributes, range).to_vec(),
    };
    LogColumns {
        common: Common::default(),
        logs,
    }
}
