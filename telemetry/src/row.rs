//! One row of telemetry, rendered for people, analysts and reports: a span with its events, a log record or a metric point,
//! as named texts. Bounded: what is too long is cut and marked.

mod fields;
mod log;
mod point;
mod span;
mod value;

use serde::Serialize;

use crate::columns::Columns;

pub(crate) use fields::resource_text;
pub use fields::{MAX_FIELDS, MAX_VALUE_BYTES, children as child_range};
pub use span::duration;
pub use value::render as value_text;

/// What a row is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowKind {
    /// A span.
    Span,
    /// A log record.
    Log,
    /// A metric point.
    Point,
}

/// A row of telemetry as texts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Row {
    /// What it is.
    pub kind: RowKind,
    /// When it began or happened, nanoseconds since the Unix epoch; 0 if unknown.
    pub time: u64,
    /// `service.name`; empty if it has none.
    pub service: String,
    /// Its trace id in two halves; both 0 if it belongs to none.
    pub trace: (u64, u64),
    /// The span it is or belongs to; 0 if to none.
    pub span_id: u64,
    /// One line, such as `SERVER POST /charge`.
    pub title: String,
    /// Names and values, in the order of their use to a reader: its own, its attributes, then `scope.…` and `resource.…`.
    /// At most [`MAX_FIELDS`], each value at most [`MAX_VALUE_BYTES`] and a mark that says how much was cut. A span's
    /// first exception stands in `exception.…`, every other event in `events[<n>].…`.
    pub fields: Vec<(String, String)>,
    /// Number of fields that were left out.
    pub fields_cut: u32,
}

/// Renders row `row` of columns; none if there is no such row.
#[must_use]
pub fn describe_row(columns: &Columns, row: u32) -> Option<Row> {
    match columns {
        Columns::Spans(columns) => span::describe(columns, row as usize),
        Columns::Logs(columns) => log::describe(columns, row as usize),
        Columns::Metrics(columns) => point::describe(columns, row as usize),
    }
}

/// The trace id of row `row` in two halves: a span's or log record's own, a metric point's from its first exemplar that has
/// one. None if there is no such row, or if it belongs to no trace.
#[must_use]
pub fn trace_of(columns: &Columns, row: u32) -> Option<(u64, u64)> {
    let row = row as usize;
    let ids = |high: &[u64], low: &[u64], row: usize| {
        Some((*high.get(row)?, *low.get(row)?)).filter(|halves| *halves != (0, 0))
    };
    match columns {
        Columns::Spans(columns) => ids(&columns.spans.trace_id_high, &columns.spans.trace_id_low, row),
        Columns::Logs(columns) => ids(&columns.logs.trace_id_high, &columns.logs.trace_id_low, row),
        Columns::Metrics(columns) => {
            let exemplars = &columns.exemplars;
            fields::children(&columns.points.exemplars_end, row)
                // Bounded even if the ends are wrong.
                .take(exemplars.trace_id_high.len())
                .find_map(|exemplar| ids(&exemplars.trace_id_high, &exemplars.trace_id_low, exemplar))
        }
    }
}

#[cfg(test)]
mod tests;
