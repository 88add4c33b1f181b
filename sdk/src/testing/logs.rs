//! Batches of log records.

use super::builder::{CommonBuilder, no_attributes};
use super::value::TestValue;
use crate::columns::{LogBatch, Logs};
use crate::ids::{SpanId, TraceId};
use crate::time::Time;

/// A log record to be put into a batch.
#[derive(Clone, Debug)]
pub struct TestLog {
    body: TestValue,
    severity: u8,
    event: String,
    time: Time,
    trace: TraceId,
    span: SpanId,
    attributes: Vec<(String, TestValue)>,
}

impl TestLog {
    /// A log record of a severity number that belongs to no trace.
    #[must_use]
    pub fn new(severity: u8, body: impl Into<TestValue>) -> Self {
        Self {
            body: body.into(),
            severity,
            event: String::new(),
            time: Time::UNSET,
            trace: TraceId::default(),
            span: SpanId::default(),
            attributes: Vec::new(),
        }
    }

    /// Sets when it happened; the batch's time of receipt by default.
    #[must_use]
    pub fn at(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    /// Sets trace (second half of its id) and span.
    #[must_use]
    pub fn within(mut self, trace: u64, span: u64) -> Self {
        self.trace = TraceId { high: 0, low: trace };
        self.span = SpanId(span);
        self
    }

    /// Makes it an event.
    #[must_use]
    pub fn event(mut self, name: &str) -> Self {
        self.event = name.into();
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<TestValue>) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// Adds the attributes of an exception.
    #[must_use]
    pub fn exception(self, exception_type: &str, message: &str, stacktrace: &str) -> Self {
        self.attribute("exception.type", exception_type)
            .attribute("exception.message", message)
            .attribute("exception.stacktrace", stacktrace)
    }
}

/// Makes batches of log records.
#[derive(Clone, Debug)]
pub struct LogBatchBuilder {
    common: CommonBuilder,
    logs: Logs,
}

impl LogBatchBuilder {
    /// An empty batch that reached AIA at `received_at`.
    #[must_use]
    pub fn new(received_at: Time) -> Self {
        let mut common = CommonBuilder::new();
        common.columns().received_at = received_at.as_nanos();
        let logs = Logs {
            scope: Vec::new(),
            time: Vec::new(),
            observed_time: Vec::new(),
            severity_number: Vec::new(),
            severity_text: Vec::new(),
            body_kind: Vec::new(),
            body_data: Vec::new(),
            trace_id_high: Vec::new(),
            trace_id_low: Vec::new(),
            span_id: Vec::new(),
            flags: Vec::new(),
            event_name: Vec::new(),
            attributes_end: Vec::new(),
            attributes: no_attributes(),
            dropped_attributes: Vec::new(),
        };
        Self { common, logs }
    }

    /// Begins a resource; the records that follow belong to it.
    #[must_use]
    pub fn resource(mut self, attributes: &[(&str, &str)]) -> Self {
        self.common.resource(attributes);
        self
    }

    /// Adds a log record.
    #[must_use]
    pub fn log(mut self, log: TestLog) -> Self {
        let received_at = self.common.columns().received_at;
        let logs = &mut self.logs;
        logs.scope.push(self.common.last_scope());
        logs.time.push(if log.time.is_set() {
            log.time.as_nanos()
        } else {
            received_at
        });
        logs.observed_time.push(received_at);
        logs.severity_number.push(log.severity);
        logs.severity_text.push(0);
        let (kind, data) = self.common.value(&log.body);
        logs.body_kind.push(kind);
        logs.body_data.push(data);
        logs.trace_id_high.push(log.trace.high);
        logs.trace_id_low.push(log.trace.low);
        logs.span_id.push(log.span.0);
        logs.flags.push(0);
        logs.event_name.push(self.common.text(&log.event));
        let end = self.common.attributes(&mut logs.attributes, &log.attributes);
        logs.attributes_end.push(end);
        logs.dropped_attributes.push(0);
        self
    }

    /// The batch.
    #[must_use]
    pub fn build(self) -> LogBatch {
        LogBatch {
            common: self.common.build(),
            logs: self.logs,
        }
    }
}
