//! Cuts long columns into batches: the one rule by which it is done, whatever the runtime.
//!
//! A batch has at most so many rows (spans, log records, points), consecutive ones, and only the texts, resources,
//! scopes and metrics that they use. Columns that aren't too long stay as they are. A metric may be cut between two
//! of its points: each part then has the metric's row. A metric without points goes with the point behind it, and with the
//! last point if none is.
//!
//! For replays, [`split_by_time`] divides what a recording has in one request by the time of its rows.

mod copy;
mod metrics;
mod rows;
mod split;

use std::slice::from_ref;

pub use split::{Piece, shift_times, split_by_time, time_span};

use crate::columns::{Columns, Common};

/// Most rows of a batch that plugins are given, unless a runtime has reason for less.
///
/// Arbitrary but measured: a crossing costs so little that larger batches gain nothing, and an answer to 8,192 rows comes
/// well within a plugin's time.
pub const MAX_BATCH_ROWS: u32 = 8192;

/// Cuts columns into batches of at most `max_rows` rows (0 counts as 1), each with the row of `columns` that is its first.
/// There is always one, be it empty. Columns must be valid, as scans give them and
/// [`validate`](crate::validate()) has checked them; of others rows may be lost.
#[must_use]
pub fn cut(columns: Columns, max_rows: u32) -> Vec<(u32, Columns)> {
    let max_rows = max_rows.max(1) as usize;
    let rows = columns.rows();
    if rows <= max_rows {
        return vec![(0, columns)];
    }
    let mut copier = copy::Copier::new(columns.common());
    let mut batches = Vec::with_capacity(rows.div_ceil(max_rows));
    let mut first_metric = 0;
    for first in (0..rows).step_by(max_rows) {
        let range = first..rows.min(first.saturating_add(max_rows));
        let rows = from_ref(&range);
        let mut batch = match &columns {
            Columns::Spans(columns) => Columns::Spans(rows::spans(&mut copier, columns, rows)),
            Columns::Logs(columns) => Columns::Logs(rows::logs(&mut copier, columns, rows)),
            Columns::Metrics(columns) => {
                let owners = metrics::owners(&mut copier, columns, &range, &mut first_metric);
                Columns::Metrics(metrics::points(&mut copier, columns, rows, owners))
            }
        };
        let common: Common = copier.finish();
        *batch.common_mut() = common;
        batches.push((copy::index(first), batch));
    }
    batches
}
