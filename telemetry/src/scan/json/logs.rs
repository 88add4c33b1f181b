//! `ExportLogsServiceRequest`.

use serde::de::MapAccess;

use super::{
    envelope::Request,
    message::{Element, Message, Object, skip},
    scalar,
    value::{Value, attributes},
};
use crate::scan::{
    error::Breach,
    logs::{LogRow, LogSink},
    sink::Mark,
};

const SEVERITIES: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

impl Request for LogSink {
    type Row = LogRecord;

    const REQUEST: &'static str = "ExportLogsServiceRequest";
    const RESOURCES: &'static str = "resourceLogs";
    const RESOURCE: &'static str = "ResourceLogs";
    const SCOPES: &'static str = "scopeLogs";
    const SCOPE: &'static str = "ScopeLogs";
    const ROWS: &'static str = "logRecords";

    fn row(scan: &mut Self) -> LogRecord {
        let sink = &scan.sink;
        let row = LogRow {
            scope: sink.next_scope(),
            ..LogRow::default()
        };
        LogRecord {
            mark: sink.mark(),
            row,
            body: Value(sink.open_value(0)),
        }
    }
}

pub(in crate::scan) struct LogRecord {
    mark: Mark,
    row: LogRow,
    body: Value,
}

impl Message<LogSink> for LogRecord {
    const NAME: &'static str = "LogRecord";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut LogSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let row = &mut self.row;
        match key {
            "timeUnixNano" => row.time = scalar::integer(map)?,
            "observedTimeUnixNano" => row.observed_time = scalar::integer(map)?,
            "severityNumber" => row.severity_number = scalar::enum_number(map, SEVERITIES)?,
            "severityText" => row.severity_text = scalar::text(scan, map)?,
            "body" => map.next_value_seed(Object {
                message: &mut self.body,
                scan,
            })?,
            "attributes" => attributes(scan, map, |scan, item| scan.logs.attributes.push(item))?,
            "droppedAttributesCount" => row.dropped_attributes = scalar::integer(map)?,
            "flags" => row.flags = scalar::integer(map)?,
            "traceId" => row.trace_id = scalar::trace_id(map)?,
            "spanId" => row.span_id = scalar::span_id(map)?,
            "eventName" => row.event_name = scalar::text(scan, map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Element<LogSink> for LogRecord {
    fn end(self, scan: &mut LogSink) -> Result<(), Breach> {
        let body = scan.sink.close_value(self.body.0, 0);
        scan.end_log(&self.row, body, self.mark)
    }
}
