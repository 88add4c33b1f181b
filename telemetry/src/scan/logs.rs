//! Rows of log records.

use super::{
    Refused, Scratch,
    error::Breach,
    interner::row_index,
    sink::{Item, Mark, SignalSink, Sink, last},
};
use crate::columns::{Columns, LogColumns, Logs};

/// Scalars of a log record. Attributes are written at once.
#[derive(Default)]
pub(crate) struct LogRow {
    pub(crate) scope: u32,
    pub(crate) time: u64,
    pub(crate) observed_time: u64,
    pub(crate) severity_number: u8,
    pub(crate) severity_text: u32,
    /// Zero where it is missing or invalid.
    pub(crate) trace_id: [u64; 2],
    /// Zero where it is missing or invalid.
    pub(crate) span_id: u64,
    pub(crate) flags: u32,
    pub(crate) event_name: u32,
    pub(crate) dropped_attributes: u32,
}

const LOG_BYTES: u64 = 74;

/// Where a request's log records go.
pub(crate) struct LogSink {
    pub(crate) sink: Sink,
    pub(crate) logs: Logs,
    refused: Refused,
}

impl SignalSink for LogSink {
    fn new(sink: Sink) -> Self {
        Self {
            sink,
            logs: Logs::default(),
            refused: Refused::default(),
        }
    }

    fn finish(self) -> (Columns, Refused, Scratch) {
        let (common, scratch) = self.sink.finish();
        (
            Columns::Logs(LogColumns {
                common,
                logs: self.logs,
            }),
            self.refused,
            scratch,
        )
    }

    fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }
}

impl LogSink {
    /// Ends the log record that was begun at `mark`: writes its row, or takes back all of it if it is refused.
    #[inline]
    pub(crate) fn end_log(&mut self, row: &LogRow, body: Item, mark: Mark) -> Result<(), Breach> {
        let time = if row.time == 0 {
            row.observed_time
        } else {
            row.time
        };
        let table = &mut self.logs;
        if self.sink.is_overfull(&table.attributes, &table.attributes_end) {
            self.refused.attributes += 1;
            self.roll_back(mark);
            return Ok(());
        }
        if self.sink.is_too_old(time) {
            self.refused.too_old += 1;
            self.roll_back(mark);
            return Ok(());
        }
        self.sink.charge_row(LOG_BYTES)?;
        let [high, low] = row.trace_id;
        table.scope.push(row.scope);
        table.time.push(row.time);
        table.observed_time.push(row.observed_time);
        table.severity_number.push(row.severity_number);
        table.severity_text.push(row.severity_text);
        table.body_kind.push(body.kind);
        table.body_data.push(body.data);
        table.trace_id_high.push(high);
        table.trace_id_low.push(low);
        table.span_id.push(row.span_id);
        table.flags.push(row.flags);
        table.event_name.push(row.event_name);
        table.attributes_end.push(row_index(table.attributes.key.len()));
        table.dropped_attributes.push(row.dropped_attributes);
        Ok(())
    }

    #[cold]
    fn roll_back(&mut self, mark: Mark) {
        self.logs.attributes.truncate(last(&self.logs.attributes_end));
        self.sink.roll_back(mark);
    }
}
