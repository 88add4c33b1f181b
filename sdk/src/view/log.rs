//! Log records.

use super::common::{Resource, Scope, at, range, rows, text};
use super::key::{AttributeKey, Key, Keys};
use super::text::Text;
use super::value::{Attributes, STRING, Value};
use crate::bindings::detector::aia::plugin::signals::RowId;
use crate::columns::LogBatch;
use crate::ids::{SpanId, TraceId};
use crate::time::Time;

/// A batch of log records.
#[derive(Clone, Copy, Debug)]
pub struct Logs<'a> {
    batch: &'a LogBatch,
}

impl<'a> Logs<'a> {
    /// A view of these columns.
    #[must_use]
    pub fn new(batch: &'a LogBatch) -> Self {
        Self { batch }
    }

    /// The log records, in order.
    pub fn records(self) -> impl Iterator<Item = LogRecord<'a>> {
        (0..rows(&self.batch.logs.scope)).map(move |index| LogRecord {
            batch: self.batch,
            index,
        })
    }

    /// How many log records there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.batch.logs.scope.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// When the batch reached AIA.
    #[must_use]
    pub fn received_at(self) -> Time {
        Time::from_nanos(self.batch.common.received_at)
    }

    /// Finds an attribute's key for quick look-ups in this batch.
    #[must_use]
    pub fn key(self, name: &str) -> Key {
        Key::find(&self.batch.common, name)
    }

    /// Finds several attributes' keys at once.
    #[must_use]
    pub fn keys<const N: usize>(self, names: [&str; N]) -> Keys<N> {
        Keys::find_all(&self.batch.common, names)
    }
}

/// A log record.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    batch: &'a LogBatch,
    index: u32,
}

impl<'a> LogRecord<'a> {
    /// The row, to be named as evidence.
    #[must_use]
    pub fn row(self) -> RowId {
        let common = &self.batch.common;
        RowId {
            segment: common.segment,
            row: common.first_row.saturating_add(self.index),
        }
    }

    /// When it happened; where the source didn't know, when it was collected.
    #[must_use]
    pub fn time(self) -> Time {
        match at(&self.batch.logs.time, self.index) {
            0 => Time::from_nanos(at(&self.batch.logs.observed_time, self.index)),
            time => Time::from_nanos(time),
        }
    }

    /// OTLP severity number: 0 unspecified, 1–4 trace, 5–8 debug, 9–12 info, 13–16 warn, 17–20 error, 21–24 fatal.
    #[must_use]
    pub fn severity(self) -> u8 {
        at(&self.batch.logs.severity_number, self.index)
    }

    /// The source's own name of the severity; empty if it isn't set.
    #[must_use]
    pub fn severity_text(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.logs.severity_text, self.index),
        )
    }

    /// What was logged.
    #[must_use]
    pub fn body(self) -> Value<'a> {
        let logs = &self.batch.logs;
        Value::new(
            &self.batch.common,
            at(&logs.body_kind, self.index),
            at(&logs.body_data, self.index),
        )
    }

    /// What was logged, if it is a text; not yet read.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number of a string is the lower half"
    )]
    pub fn body_text(self) -> Option<Text<'a>> {
        let logs = &self.batch.logs;
        (at(&logs.body_kind, self.index) == STRING)
            .then(|| Text::new(&self.batch.common.strings, at(&logs.body_data, self.index) as u32))
    }

    /// The trace it belongs to; not set if to none.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        let logs = &self.batch.logs;
        TraceId {
            high: at(&logs.trace_id_high, self.index),
            low: at(&logs.trace_id_low, self.index),
        }
    }

    /// The span it belongs to; not set if to none.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        SpanId(at(&self.batch.logs.span_id, self.index))
    }

    /// Name of the event; empty for a log record that is no event.
    #[must_use]
    pub fn event_name(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.logs.event_name, self.index),
        )
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let logs = &self.batch.logs;
        Attributes::new(
            &self.batch.common,
            &logs.attributes,
            range(&logs.attributes_end, self.index),
        )
    }

    /// An attribute, by name or [`Key`].
    #[must_use]
    pub fn attribute(self, key: impl AttributeKey) -> Option<Value<'a>> {
        self.attributes().get(key)
    }

    /// The library that logged it.
    #[must_use]
    pub fn scope(self) -> Scope<'a> {
        Scope {
            common: &self.batch.common,
            index: at(&self.batch.logs.scope, self.index),
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn resource(self) -> Resource<'a> {
        self.scope().resource()
    }
}
