//! Divides columns by the time of their rows, and moves them in time: for replays, whose requests may hold what took
//! minutes.

use std::ops::Range;

use super::{copy, metrics, rows};
use crate::columns::Columns;

/// The rows of a request that fall into one interval.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// The latest time in it, in nanoseconds since the Unix epoch.
    pub time: u64,
    /// Its rows, in the order they had.
    pub columns: Columns,
}

/// Divides columns by the interval of `interval` nanoseconds (0 counts as 1), counted from the epoch, into which each row
/// falls: the interval of a span's end, a log record's observed time (its time where it has none), a point's time. The
/// pieces come in order of time.
///
/// A row without a time has that of the row before it, at the beginning that of the first row with one, and `otherwise`
/// where no row has one. Columns of one interval stay as they are. Of others, metrics without points are left out: they
/// belong to no time.
#[must_use]
pub fn split_by_time(columns: Columns, interval: u64, otherwise: u64) -> Vec<Piece> {
    let interval = interval.max(1);
    let mut times = times(&columns);
    fill(&mut times, otherwise);
    let Some(latest) = times.iter().copied().max() else {
        return Vec::new();
    };
    if times.iter().all(|time| time / interval == latest / interval) {
        return vec![Piece {
            time: latest,
            columns,
        }];
    }
    let mut order: Vec<usize> = (0..times.len()).collect();
    let slot = |row: usize| times.get(row).map_or(0, |time| time / interval);
    // Stable: rows of one interval keep their order.
    order.sort_by_key(|row| slot(*row));
    let mut copier = copy::Copier::new(columns.common());
    let mut pieces = Vec::new();
    for of_slot in order.chunk_by(|a, b| slot(*a) == slot(*b)) {
        let time = of_slot.iter().filter_map(|row| times.get(*row)).max();
        let ranges = ranges(of_slot);
        let mut piece = match &columns {
            Columns::Spans(columns) => Columns::Spans(rows::spans(&mut copier, columns, &ranges)),
            Columns::Logs(columns) => Columns::Logs(rows::logs(&mut copier, columns, &ranges)),
            Columns::Metrics(columns) => {
                let owners = metrics::owners_of(&mut copier, columns, &ranges);
                Columns::Metrics(metrics::points(&mut copier, columns, &ranges, owners))
            }
        };
        *piece.common_mut() = copier.finish();
        pieces.push(Piece {
            time: time.copied().unwrap_or(otherwise),
            columns: piece,
        });
    }
    pieces
}

/// The earliest and the latest time of the rows, as [`split_by_time`] takes them; none if there is no row.
#[must_use]
pub fn time_span(columns: &Columns, otherwise: u64) -> Option<(u64, u64)> {
    let mut times = times(columns);
    fill(&mut times, otherwise);
    Some((times.iter().copied().min()?, times.iter().copied().max()?))
}

/// Moves every time in the columns by `by` nanoseconds. Times that aren't set stay so, and none leaves the range of times.
pub fn shift_times(columns: &mut Columns, by: i64) {
    let shift = |times: &mut [u64]| {
        for time in times.iter_mut().filter(|time| **time != 0) {
            *time = time.saturating_add_signed(by).max(1);
        }
    };
    match columns {
        Columns::Spans(columns) => {
            shift(&mut columns.spans.start_time);
            shift(&mut columns.spans.end_time);
            shift(&mut columns.events.time);
        }
        Columns::Logs(columns) => {
            shift(&mut columns.logs.time);
            shift(&mut columns.logs.observed_time);
        }
        Columns::Metrics(columns) => {
            shift(&mut columns.points.start_time);
            shift(&mut columns.points.time);
            shift(&mut columns.exemplars.time);
        }
    }
}

/// When each row was known; 0 where it doesn't say.
fn times(columns: &Columns) -> Vec<u64> {
    match columns {
        Columns::Spans(columns) => {
            let spans = &columns.spans;
            let both = spans.start_time.iter().zip(&spans.end_time);
            both.map(|(start, end)| *start.max(end)).collect()
        }
        Columns::Logs(columns) => {
            let logs = &columns.logs;
            let both = logs.time.iter().zip(&logs.observed_time);
            both.map(|(time, observed)| if *observed == 0 { *time } else { *observed })
                .collect()
        }
        Columns::Metrics(columns) => columns.points.time.clone(),
    }
}

/// Gives rows without a time that of their neighbours.
fn fill(times: &mut [u64], otherwise: u64) {
    let mut last = times.iter().copied().find(|time| *time != 0).unwrap_or(otherwise);
    for time in times {
        if *time == 0 {
            *time = last;
        }
        last = *time;
    }
}

/// Ascending rows as ranges.
fn ranges(rows: &[usize]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in rows {
        match ranges.last_mut() {
            Some(range) if range.end == *row => range.end += 1,
            _ => ranges.push(*row..row + 1),
        }
    }
    ranges
}
