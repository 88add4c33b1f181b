//! Rows of spans, events and links.

use super::{
    Refused, Scratch,
    error::Breach,
    interner::row_index,
    sink::{Mark, SignalSink, Sink, last},
};
use crate::columns::{Attributes, Columns, SpanColumns, SpanEvents, SpanLinks, Spans};

/// Scalars of a span. Attributes, events and links are written at once.
#[derive(Default)]
pub(crate) struct SpanRow {
    pub(crate) scope: u32,
    /// Zero where it is missing or invalid.
    pub(crate) trace_id: [u64; 2],
    /// Zero where it is missing or invalid.
    pub(crate) span_id: u64,
    pub(crate) parent_span_id: u64,
    /// Whether the parent's id was neither empty nor of 8 bytes.
    pub(crate) parent_is_invalid: bool,
    pub(crate) trace_state: u32,
    pub(crate) flags: u32,
    pub(crate) name: u32,
    pub(crate) kind: u8,
    pub(crate) start_time: u64,
    pub(crate) end_time: u64,
    pub(crate) status_code: u8,
    pub(crate) status_message: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
}

/// Scalars of an event.
#[derive(Default)]
pub(crate) struct EventRow {
    pub(crate) time: u64,
    pub(crate) name: u32,
    pub(crate) dropped_attributes: u32,
}

/// Scalars of a link. An invalid id is zero.
#[derive(Default)]
pub(crate) struct LinkRow {
    pub(crate) trace_id: [u64; 2],
    pub(crate) span_id: u64,
    pub(crate) trace_state: u32,
    pub(crate) flags: u32,
    pub(crate) dropped_attributes: u32,
}

const SPAN_BYTES: u64 = 94;
const EVENT_BYTES: u64 = 20;
const LINK_BYTES: u64 = 40;

/// Where a request's spans go.
pub(crate) struct TraceSink {
    pub(crate) sink: Sink,
    pub(crate) spans: Spans,
    pub(crate) events: SpanEvents,
    pub(crate) links: SpanLinks,
    /// Whether an event or link of the span being read has too many attributes.
    is_overfull: bool,
    refused: Refused,
}

impl SignalSink for TraceSink {
    fn new(sink: Sink) -> Self {
        Self {
            spans: Spans::with_capacity(sink.likely_rows(), sink.likely_attributes()),
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            is_overfull: false,
            refused: Refused::default(),
            sink,
        }
    }

    fn finish(self) -> (Columns, Refused, Scratch) {
        let Self {
            sink,
            spans,
            events,
            links,
            is_overfull: _,
            refused,
        } = self;
        let (common, scratch) = sink.finish();
        (
            Columns::Spans(SpanColumns {
                common,
                spans,
                events,
                links,
            }),
            refused,
            scratch,
        )
    }

    fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }
}

impl TraceSink {
    /// Ends the span that was begun at `mark`: writes its row, or takes back all of it if it is refused.
    #[inline]
    pub(crate) fn end_span(&mut self, row: &SpanRow, mark: Mark) -> Result<(), Breach> {
        let spans = &self.spans;
        let is_overfull = std::mem::take(&mut self.is_overfull)
            || self.sink.is_overfull(&spans.attributes, &spans.attributes_end);
        let refused = &mut self.refused;
        let counted = if row.trace_id == [0, 0] {
            Some(&mut refused.trace_id)
        } else if row.span_id == 0 {
            Some(&mut refused.span_id)
        } else if row.parent_is_invalid {
            Some(&mut refused.parent_span_id)
        } else if is_overfull {
            Some(&mut refused.attributes)
        } else if self.sink.is_too_old(row.end_time) {
            Some(&mut refused.too_old)
        } else {
            None
        };
        if let Some(counted) = counted {
            *counted += 1;
            self.roll_back(mark);
        } else {
            self.sink.charge_row(SPAN_BYTES)?;
            self.push_span(row);
        }
        Ok(())
    }

    fn push_span(&mut self, row: &SpanRow) {
        let table = &mut self.spans;
        let [high, low] = row.trace_id;
        table.scope.push(row.scope);
        table.trace_id_high.push(high);
        table.trace_id_low.push(low);
        table.span_id.push(row.span_id);
        table.parent_span_id.push(row.parent_span_id);
        table.trace_state.push(row.trace_state);
        table.flags.push(row.flags);
        table.name.push(row.name);
        table.kind.push(row.kind);
        table.start_time.push(row.start_time);
        table.end_time.push(row.end_time);
        table.status_code.push(row.status_code);
        table.status_message.push(row.status_message);
        table.attributes_end.push(row_index(table.attributes.key.len()));
        table.dropped_attributes.push(row.dropped_attributes);
        table.events_end.push(row_index(self.events.time.len()));
        table.dropped_events.push(row.dropped_events);
        table.links_end.push(row_index(self.links.span_id.len()));
        table.dropped_links.push(row.dropped_links);
    }

    #[cold]
    fn roll_back(&mut self, mark: Mark) {
        self.spans.attributes.truncate(last(&self.spans.attributes_end));
        self.events.truncate(last(&self.spans.events_end));
        self.links.truncate(last(&self.spans.links_end));
        self.sink.roll_back(mark);
    }

    pub(crate) fn end_event(&mut self, row: &EventRow) -> Result<(), Breach> {
        self.sink.charge(EVENT_BYTES)?;
        let table = &mut self.events;
        self.is_overfull |= self.sink.is_overfull(&table.attributes, &table.attributes_end);
        table.time.push(row.time);
        table.name.push(row.name);
        table.attributes_end.push(row_index(table.attributes.key.len()));
        table.dropped_attributes.push(row.dropped_attributes);
        Ok(())
    }

    pub(crate) fn end_link(&mut self, row: &LinkRow) -> Result<(), Breach> {
        self.sink.charge(LINK_BYTES)?;
        let table = &mut self.links;
        self.is_overfull |= self.sink.is_overfull(&table.attributes, &table.attributes_end);
        let [high, low] = row.trace_id;
        table.trace_id_high.push(high);
        table.trace_id_low.push(low);
        table.span_id.push(row.span_id);
        table.trace_state.push(row.trace_state);
        table.flags.push(row.flags);
        table.attributes_end.push(row_index(table.attributes.key.len()));
        table.dropped_attributes.push(row.dropped_attributes);
        Ok(())
    }
}

impl Spans {
    fn with_capacity(rows: usize, attributes: usize) -> Self {
        Self {
            scope: Vec::with_capacity(rows),
            trace_id_high: Vec::with_capacity(rows),
            trace_id_low: Vec::with_capacity(rows),
            span_id: Vec::with_capacity(rows),
            parent_span_id: Vec::with_capacity(rows),
            trace_state: Vec::with_capacity(rows),
            flags: Vec::with_capacity(rows),
            name: Vec::with_capacity(rows),
            kind: Vec::with_capacity(rows),
            start_time: Vec::with_capacity(rows),
            end_time: Vec::with_capacity(rows),
            status_code: Vec::with_capacity(rows),
            status_message: Vec::with_capacity(rows),
            attributes_end: Vec::with_capacity(rows),
            attributes: Attributes::with_capacity(attributes),
            dropped_attributes: Vec::with_capacity(rows),
            events_end: Vec::with_capacity(rows),
            dropped_events: Vec::with_capacity(rows),
            links_end: Vec::with_capacity(rows),
            dropped_links: Vec::with_capacity(rows),
        }
    }
}

impl SpanEvents {
    fn truncate(&mut self, rows: usize) {
        let Self {
            time,
            name,
            attributes_end,
            attributes,
            dropped_attributes,
        } = self;
        time.truncate(rows);
        name.truncate(rows);
        attributes_end.truncate(rows);
        attributes.truncate(attributes_end.last().map_or(0, |end| *end as usize));
        dropped_attributes.truncate(rows);
    }
}

impl SpanLinks {
    fn truncate(&mut self, rows: usize) {
        let Self {
            trace_id_high,
            trace_id_low,
            span_id,
            trace_state,
            flags,
            attributes_end,
            attributes,
            dropped_attributes,
        } = self;
        trace_id_high.truncate(rows);
        trace_id_low.truncate(rows);
        span_id.truncate(rows);
        trace_state.truncate(rows);
        flags.truncate(rows);
        attributes_end.truncate(rows);
        attributes.truncate(attributes_end.last().map_or(0, |end| *end as usize));
        dropped_attributes.truncate(rows);
    }
}
