//! `ExportTraceServiceRequest`.

use super::{
    cursor::{Cursor, MessageType, fixed32, fixed64, length, varint},
    envelope::{ENVELOPE_FIELDS, REQUEST_FIELDS, Request},
    value,
};
use crate::scan::{
    error::ScanError,
    sink::{Sink, enum_number, span_id, trace_id},
    traces::{EventRow, LinkRow, SpanRow, TraceSink},
};

const SPAN: MessageType = MessageType::new("Span", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const TRACE_ID: u32 = length(1);
const SPAN_ID: u32 = length(2);
const TRACE_STATE: u32 = length(3);
const PARENT_SPAN_ID: u32 = length(4);
const NAME: u32 = length(5);
const KIND: u32 = varint(6);
const START_TIME: u32 = fixed64(7);
const END_TIME: u32 = fixed64(8);
const ATTRIBUTES: u32 = length(9);
const DROPPED_ATTRIBUTES: u32 = varint(10);
const EVENTS: u32 = length(11);
const DROPPED_EVENTS: u32 = varint(12);
const LINKS: u32 = length(13);
const DROPPED_LINKS: u32 = varint(14);
const STATUS: u32 = length(15);
const FLAGS: u32 = fixed32(16);

const STATUS_MESSAGE: MessageType = MessageType::new("Status", &[2, 3]);
const STATUS_TEXT: u32 = length(2);
const STATUS_CODE: u32 = varint(3);

const EVENT: MessageType = MessageType::new("Span.Event", &[1, 2, 3, 4]);
const EVENT_TIME: u32 = fixed64(1);
const EVENT_NAME: u32 = length(2);
const EVENT_ATTRIBUTES: u32 = length(3);
const EVENT_DROPPED_ATTRIBUTES: u32 = varint(4);

const LINK: MessageType = MessageType::new("Span.Link", &[1, 2, 3, 4, 5, 6]);
const LINK_TRACE_ID: u32 = length(1);
const LINK_SPAN_ID: u32 = length(2);
const LINK_TRACE_STATE: u32 = length(3);
const LINK_ATTRIBUTES: u32 = length(4);
const LINK_DROPPED_ATTRIBUTES: u32 = varint(5);
const LINK_FLAGS: u32 = fixed32(6);

impl Request for TraceSink {
    const REQUEST: MessageType = MessageType::new("ExportTraceServiceRequest", REQUEST_FIELDS);
    const RESOURCES: &'static str = "ExportTraceServiceRequest.resource_spans";
    const RESOURCE: MessageType = MessageType::new("ResourceSpans", ENVELOPE_FIELDS);
    const SCOPES: &'static str = "ResourceSpans.scope_spans";
    const SCOPE: MessageType = MessageType::new("ScopeSpans", ENVELOPE_FIELDS);
    const ROWS: &'static str = "ScopeSpans.spans";

    fn row(&mut self, mut cursor: Cursor<'_>, scope: u32) -> Result<(), ScanError> {
        let mark = self.sink.mark();
        let mut row = SpanRow {
            scope,
            ..SpanRow::default()
        };
        while let Some(tag) = cursor.tag(&SPAN)? {
            match tag {
                TRACE_ID => row.trace_id = trace_id(cursor.bytes("Span.trace_id")?),
                SPAN_ID => row.span_id = span_id(cursor.bytes("Span.span_id")?),
                TRACE_STATE => {
                    row.trace_state = value::text(&mut self.sink, &mut cursor, "Span.trace_state")?;
                }
                PARENT_SPAN_ID => {
                    let bytes = cursor.bytes("Span.parent_span_id")?;
                    row.parent_span_id = span_id(bytes);
                    row.parent_is_invalid = !matches!(bytes.len(), 0 | 8);
                }
                NAME => row.name = value::text(&mut self.sink, &mut cursor, "Span.name")?,
                KIND => row.kind = enum_number(cursor.int32("Span.kind")?),
                START_TIME => row.start_time = cursor.fixed64("Span.start_time_unix_nano")?,
                END_TIME => row.end_time = cursor.fixed64("Span.end_time_unix_nano")?,
                ATTRIBUTES => {
                    let item = value::key_value(&mut self.sink, &mut cursor, "Span.attributes")?;
                    self.spans.attributes.push(item);
                }
                DROPPED_ATTRIBUTES => {
                    row.dropped_attributes = cursor.varint32("Span.dropped_attributes_count")?;
                }
                EVENTS => event(self, cursor.message("Span.events")?)?,
                DROPPED_EVENTS => row.dropped_events = cursor.varint32("Span.dropped_events_count")?,
                LINKS => link(self, cursor.message("Span.links")?)?,
                DROPPED_LINKS => row.dropped_links = cursor.varint32("Span.dropped_links_count")?,
                STATUS => status(&mut self.sink, cursor.message("Span.status")?, &mut row)?,
                FLAGS => row.flags = cursor.fixed32("Span.flags")?,
                _ => cursor.skip(tag, &SPAN)?,
            }
        }
        self.end_span(&row, mark)
            .map_err(|breach| breach.at(cursor.offset(), "Span"))
    }
}

fn status(sink: &mut Sink, mut cursor: Cursor<'_>, row: &mut SpanRow) -> Result<(), ScanError> {
    while let Some(tag) = cursor.tag(&STATUS_MESSAGE)? {
        match tag {
            STATUS_TEXT => row.status_message = value::text(sink, &mut cursor, "Status.message")?,
            STATUS_CODE => row.status_code = enum_number(cursor.int32("Status.code")?),
            _ => cursor.skip(tag, &STATUS_MESSAGE)?,
        }
    }
    Ok(())
}

fn event(traces: &mut TraceSink, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut row = EventRow::default();
    while let Some(tag) = cursor.tag(&EVENT)? {
        match tag {
            EVENT_TIME => row.time = cursor.fixed64("Span.Event.time_unix_nano")?,
            EVENT_NAME => row.name = value::text(&mut traces.sink, &mut cursor, "Span.Event.name")?,
            EVENT_ATTRIBUTES => {
                let item = value::key_value(&mut traces.sink, &mut cursor, "Span.Event.attributes")?;
                traces.events.attributes.push(item);
            }
            EVENT_DROPPED_ATTRIBUTES => {
                row.dropped_attributes = cursor.varint32("Span.Event.dropped_attributes_count")?;
            }
            _ => cursor.skip(tag, &EVENT)?,
        }
    }
    traces
        .end_event(&row)
        .map_err(|breach| breach.at(cursor.offset(), "Span.Event"))
}

fn link(traces: &mut TraceSink, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut row = LinkRow::default();
    while let Some(tag) = cursor.tag(&LINK)? {
        match tag {
            LINK_TRACE_ID => row.trace_id = trace_id(cursor.bytes("Span.Link.trace_id")?),
            LINK_SPAN_ID => row.span_id = span_id(cursor.bytes("Span.Link.span_id")?),
            LINK_TRACE_STATE => {
                row.trace_state = value::text(&mut traces.sink, &mut cursor, "Span.Link.trace_state")?;
            }
            LINK_ATTRIBUTES => {
                let item = value::key_value(&mut traces.sink, &mut cursor, "Span.Link.attributes")?;
                traces.links.attributes.push(item);
            }
            LINK_DROPPED_ATTRIBUTES => {
                row.dropped_attributes = cursor.varint32("Span.Link.dropped_attributes_count")?;
            }
            LINK_FLAGS => row.flags = cursor.fixed32("Span.Link.flags")?,
            _ => cursor.skip(tag, &LINK)?,
        }
    }
    traces
        .end_link(&row)
        .map_err(|breach| breach.at(cursor.offset(), "Span.Link"))
}
