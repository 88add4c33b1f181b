//! Finding the rows of a trace: footers say which segments may hold some, those are opened.

use std::sync::Arc;

use aia_telemetry::{Columns, Footer, Row, SegmentId, describe_row};

use super::{LogError, Shared};
use crate::store::Scope;

/// A row of a trace.
#[derive(Clone, Debug)]
pub struct TraceRow {
    /// The segment it lies in.
    pub segment: SegmentId,
    /// Its row there.
    pub row: u32,
    /// What it says.
    pub content: Row,
}

pub(super) fn trace(shared: &Shared, scope: &Scope, trace_id: [u8; 16]) -> Result<Vec<TraceRow>, LogError> {
    let id = u128::from_be_bytes(trace_id);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a trace id")]
    let (high, low) = ((id >> 64) as u64, id as u64);
    let mut found = Vec::new();
    let failed = |source| LogError::Block {
        scope: scope.clone(),
        sequence: 0,
        source,
    };
    for record in shared.blocks.all(scope).map_err(failed)? {
        let entries = match shared.blocks.footer(&record) {
            Ok(entries) => entries,
            Err(error) => {
                skip_lost(shared, failed(error))?;
                continue;
            }
        };
        let candidates = entries.iter().filter(|entry| {
            entry
                .footer
                .as_ref()
                .is_some_and(|footer| footer.may_contain_trace(high, low))
        });
        for entry in candidates {
            let bytes = shared
                .blocks
                .bytes(&record, entry.offset, entry.length)
                .map_err(failed);
            match bytes.and_then(|bytes| shared.open_segment(scope, entry.sequence, entry.id, &bytes)) {
                Ok(segment) => collect(segment.id, segment.columns.as_ref(), high, low, &mut found),
                Err(error) => skip_lost(shared, error)?,
            }
        }
    }
    for (sequence, footer) in tail(shared, scope) {
        if footer.is_some_and(|footer| !footer.may_contain_trace(high, low)) {
            continue;
        }
        match shared.read_keeping(scope, sequence) {
            Ok(segment) => collect(segment.id, segment.columns.as_ref(), high, low, &mut found),
            Err(error) => skip_lost(shared, error)?,
        }
    }
    Ok(found)
}

/// What is lost is reported and left out: the rest of a trace is worth having. Anything else ends the look-up.
pub(super) fn skip_lost(shared: &Shared, error: LogError) -> Result<(), LogError> {
    if !error.is_lost() {
        return Err(error);
    }
    shared.metrics.segment_lost();
    tracing::error!(error = crate::chain(&error), "a look-up leaves out what is lost");
    Ok(())
}

/// What lies in the journal.
pub(super) fn tail(shared: &Shared, scope: &Scope) -> Vec<(u64, Option<Arc<Footer>>)> {
    let state = shared.state.lock();
    let Some(project) = state.projects.get(scope) else {
        return Vec::new();
    };
    let telemetry = project.tail.iter().filter(|(_, entry)| entry.signal.is_some());
    telemetry
        .map(|(sequence, entry)| (*sequence, entry.footer.clone()))
        .collect()
}

fn collect(segment: SegmentId, columns: Option<&Columns>, high: u64, low: u64, found: &mut Vec<TraceRow>) {
    let Some(columns) = columns else { return };
    for row in rows_of_trace(columns, high, low) {
        if let Some(content) = describe_row(columns, row) {
            found.push(TraceRow {
                segment,
                row,
                content,
            });
        }
    }
}

/// Rows of spans and log records that belong to a trace.
fn rows_of_trace(columns: &Columns, high: u64, low: u64) -> Vec<u32> {
    let (highs, lows) = match columns {
        Columns::Spans(columns) => (&columns.spans.trace_id_high, &columns.spans.trace_id_low),
        Columns::Logs(columns) => (&columns.logs.trace_id_high, &columns.logs.trace_id_low),
        // The trace of an exemplar is not that of its point.
        Columns::Metrics(_) => return Vec::new(),
    };
    let rows = (0_u32..).zip(highs.iter().zip(lows));
    rows.filter(|(_, ids)| *ids == (&high, &low))
        .map(|(row, _)| row)
        .collect()
}
