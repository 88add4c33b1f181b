//! `ExportTraceServiceRequest`.

use serde::de::MapAccess;

use super::{
    envelope::Request,
    message::{Element, List, Message, Object, skip},
    scalar,
    value::attributes,
};
use crate::scan::{
    error::Breach,
    sink::{self, Mark},
    traces::{EventRow, LinkRow, SpanRow, TraceSink},
};

const KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

impl Request for TraceSink {
    type Row = Span;

    const REQUEST: &'static str = "ExportTraceServiceRequest";
    const RESOURCES: &'static str = "resourceSpans";
    const RESOURCE: &'static str = "ResourceSpans";
    const SCOPES: &'static str = "scopeSpans";
    const SCOPE: &'static str = "ScopeSpans";
    const ROWS: &'static str = "spans";

    fn row(scan: &mut Self) -> Span {
        let sink = &scan.sink;
        Span {
            mark: sink.mark(),
            row: SpanRow {
                scope: sink.next_scope(),
                ..SpanRow::default()
            },
        }
    }
}

pub(in crate::scan) struct Span {
    mark: Mark,
    row: SpanRow,
}

impl Message<TraceSink> for Span {
    const NAME: &'static str = "Span";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut TraceSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let row = &mut self.row;
        match key {
            "traceId" => row.trace_id = scalar::trace_id(map)?,
            "spanId" => row.span_id = scalar::span_id(map)?,
            "traceState" => row.trace_state = scalar::text(scan, map)?,
            "parentSpanId" => {
                let hex: scalar::Hex = map.next_value()?;
                row.parent_span_id = sink::span_id(hex.bytes());
                row.parent_is_invalid = !matches!(hex.bytes().len(), 0 | 8);
            }
            "flags" => row.flags = scalar::integer(map)?,
            "name" => row.name = scalar::text(scan, map)?,
            "kind" => row.kind = scalar::enum_number(map, KINDS)?,
            "startTimeUnixNano" => row.start_time = scalar::integer(map)?,
            "endTimeUnixNano" => row.end_time = scalar::integer(map)?,
            "attributes" => attributes(scan, map, |scan, item| scan.spans.attributes.push(item))?,
            "droppedAttributesCount" => row.dropped_attributes = scalar::integer(map)?,
            "events" => map.next_value_seed(List {
                scan,
                begin: |_: &mut TraceSink| EventRow::default(),
            })?,
            "droppedEventsCount" => row.dropped_events = scalar::integer(map)?,
            "links" => map.next_value_seed(List {
                scan,
                begin: |_: &mut TraceSink| LinkRow::default(),
            })?,
            "droppedLinksCount" => row.dropped_links = scalar::integer(map)?,
            "status" => map.next_value_seed(Object {
                message: &mut Status(row),
                scan,
            })?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Element<TraceSink> for Span {
    fn end(self, scan: &mut TraceSink) -> Result<(), Breach> {
        scan.end_span(&self.row, self.mark)
    }
}

struct Status<'x>(&'x mut SpanRow);

impl Message<TraceSink> for Status<'_> {
    const NAME: &'static str = "Status";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut TraceSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "message" => self.0.status_message = scalar::text(scan, map)?,
            "code" => self.0.status_code = scalar::enum_number(map, STATUS_CODES)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Message<TraceSink> for EventRow {
    const NAME: &'static str = "Span.Event";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut TraceSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "timeUnixNano" => self.time = scalar::integer(map)?,
            "name" => self.name = scalar::text(scan, map)?,
            "attributes" => attributes(scan, map, |scan, item| scan.events.attributes.push(item))?,
            "droppedAttributesCount" => self.dropped_attributes = scalar::integer(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Element<TraceSink> for EventRow {
    fn end(self, scan: &mut TraceSink) -> Result<(), Breach> {
        scan.end_event(&self)
    }
}

impl Message<TraceSink> for LinkRow {
    const NAME: &'static str = "Span.Link";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut TraceSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "traceId" => self.trace_id = scalar::trace_id(map)?,
            "spanId" => self.span_id = scalar::span_id(map)?,
            "traceState" => self.trace_state = scalar::text(scan, map)?,
            "attributes" => attributes(scan, map, |scan, item| scan.links.attributes.push(item))?,
            "droppedAttributesCount" => self.dropped_attributes = scalar::integer(map)?,
            "flags" => self.flags = scalar::integer(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Element<TraceSink> for LinkRow {
    fn end(self, scan: &mut TraceSink) -> Result<(), Breach> {
        scan.end_link(&self)
    }
}
