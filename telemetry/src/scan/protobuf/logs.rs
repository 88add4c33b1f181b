//! `ExportLogsServiceRequest`.

use super::{
    cursor::{Cursor, MessageType, fixed32, fixed64, length, varint},
    envelope::{ENVELOPE_FIELDS, REQUEST_FIELDS, Request},
    value,
};
use crate::scan::{
    error::ScanError,
    logs::{LogRow, LogSink},
    sink::{enum_number, span_id, trace_id},
};

const LOG_RECORD: MessageType = MessageType::new("LogRecord", &[1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]);
const TIME: u32 = fixed64(1);
const SEVERITY_NUMBER: u32 = varint(2);
const SEVERITY_TEXT: u32 = length(3);
const BODY: u32 = length(5);
const ATTRIBUTES: u32 = length(6);
const DROPPED_ATTRIBUTES: u32 = varint(7);
const FLAGS: u32 = fixed32(8);
const TRACE_ID: u32 = length(9);
const SPAN_ID: u32 = length(10);
const OBSERVED_TIME: u32 = fixed64(11);
const EVENT_NAME: u32 = length(12);

impl Request for LogSink {
    const REQUEST: MessageType = MessageType::new("ExportLogsServiceRequest", REQUEST_FIELDS);
    const RESOURCES: &'static str = "ExportLogsServiceRequest.resource_logs";
    const RESOURCE: MessageType = MessageType::new("ResourceLogs", ENVELOPE_FIELDS);
    const SCOPES: &'static str = "ResourceLogs.scope_logs";
    const SCOPE: MessageType = MessageType::new("ScopeLogs", ENVELOPE_FIELDS);
    const ROWS: &'static str = "ScopeLogs.log_records";

    fn row(&mut self, mut cursor: Cursor<'_>, scope: u32) -> Result<(), ScanError> {
        let mark = self.sink.mark();
        let mut row = LogRow {
            scope,
            ..LogRow::default()
        };
        let mut body = self.sink.open_value(0);
        while let Some(tag) = cursor.tag(&LOG_RECORD)? {
            match tag {
                TIME => row.time = cursor.fixed64("LogRecord.time_unix_nano")?,
                SEVERITY_NUMBER => {
                    row.severity_number = enum_number(cursor.int32("LogRecord.severity_number")?);
                }
                SEVERITY_TEXT => {
                    row.severity_text = value::text(&mut self.sink, &mut cursor, "LogRecord.severity_text")?;
                }
                BODY => value::any_value(&mut self.sink, cursor.message("LogRecord.body")?, &mut body)?,
                ATTRIBUTES => {
                    let item = value::key_value(&mut self.sink, &mut cursor, "LogRecord.attributes")?;
                    self.logs.attributes.push(item);
                }
                DROPPED_ATTRIBUTES => {
                    row.dropped_attributes = cursor.varint32("LogRecord.dropped_attributes_count")?;
                }
                FLAGS => row.flags = cursor.fixed32("LogRecord.flags")?,
                TRACE_ID => row.trace_id = trace_id(cursor.bytes("LogRecord.trace_id")?),
                SPAN_ID => row.span_id = span_id(cursor.bytes("LogRecord.span_id")?),
                OBSERVED_TIME => row.observed_time = cursor.fixed64("LogRecord.observed_time_unix_nano")?,
                EVENT_NAME => {
                    row.event_name = value::text(&mut self.sink, &mut cursor, "LogRecord.event_name")?;
                }
                _ => cursor.skip(tag, &LOG_RECORD)?,
            }
        }
        let body = self.sink.close_value(body, 0);
        self.end_log(&row, body, mark)
            .map_err(|breach| breach.at(cursor.offset(), "LogRecord"))
    }
}
