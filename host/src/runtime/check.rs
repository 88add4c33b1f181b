//! Whether what a detector gives is within the limits and names rows that exist.

use super::bindings::detector::aia::plugin::signals::{RowId, Signal};
use super::bindings::detector::exports::aia::plugin::detector::{Level, LogLine, Outcome};
use super::error::printable;
use super::{Failure, Limits, Manifest};

/// Rows of the segments that a session has consumed before the current one.
pub trait KnownRows {
    /// Number of rows of the session's segment with this ordinal; `None` if there is none, or it has expired. Asked
    /// once for each row of evidence that isn't the current segment's.
    fn rows_of(&self, segment: u64) -> Option<u32>;
}

impl<F: Fn(u64) -> Option<u32>> KnownRows for F {
    fn rows_of(&self, segment: u64) -> Option<u32> {
        self(segment)
    }
}

/// How far a session has read: the current segment and the rows of it that it was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) rows: u32,
}

/// What an outcome is checked against.
pub(super) struct Check<'a> {
    pub(super) limits: &'a Limits,
    pub(super) manifest: &'a Manifest,
    /// `None` before the first batch that this instance was given.
    pub(super) position: Option<Position>,
    pub(super) earlier: &'a dyn KnownRows,
}

impl Check<'_> {
    /// The outcome if all of it is valid, its log lines cut to what is kept.
    pub(super) fn outcome(&self, mut outcome: Outcome) -> Result<Outcome, Failure> {
        let limits = self.limits;
        at_most(
            || "a list".to_owned(),
            "signals",
            "signals",
            outcome.signals.len(),
            limits.signals,
        )?;
        for (index, signal) in outcome.signals.iter().enumerate() {
            self.signal(index, signal)?;
        }
        cut_logs(&mut outcome.logs, limits);
        Ok(outcome)
    }

    fn signal(&self, index: usize, signal: &Signal) -> Result<(), Failure> {
        let limits = self.limits;
        let invalid = |what: &str| {
            Err(Failure::Invalid {
                what: format!("signal {index} {what}"),
            })
        };
        let of = |what: &'static str| move || format!("signal {index} {what}");

        if !self.manifest.signals.iter().any(|kind| kind.name == signal.kind) {
            let kind = printable(&signal.kind, limits.log_line_bytes);
            return invalid(&format!("the kind `{kind}`, which its manifest doesn't list"));
        }
        let parts = &signal.fingerprint.parts;
        at_most(
            of("a fingerprint"),
            "fingerprint-parts",
            "parts",
            parts.len(),
            limits.fingerprint_parts,
        )?;
        if parts.is_empty() {
            return invalid("a fingerprint without parts");
        }
        for part in parts {
            let maximum = limits.fingerprint_part_bytes;
            at_most(
                of("a part of a fingerprint"),
                "fingerprint-part-bytes",
                "bytes",
                part.len(),
                maximum,
            )?;
        }
        at_most(
            of("a title"),
            "title-bytes",
            "bytes",
            signal.title.len(),
            limits.title_bytes,
        )?;
        self.text(of("a service"), &signal.service)?;
        self.text(of("an operation"), &signal.operation)?;
        self.text(of("a release"), &signal.release)?;
        at_most(
            of("a list"),
            "affected",
            "affected services",
            signal.affected.len(),
            limits.affected,
        )?;
        for service in &signal.affected {
            self.text(of("an affected service"), service)?;
        }
        if signal.start_time > signal.end_time {
            return invalid("a start behind its end");
        }
        at_most(
            of("a list"),
            "measures",
            "measures",
            signal.measures.len(),
            limits.measures,
        )?;
        for measure in &signal.measures {
            self.text(of("a measure's name"), &measure.name)?;
            self.text(of("a measure's unit"), &measure.unit)?;
            // Neither JSON nor a reader knows what to do with the others.
            if !measure.value.is_finite() || measure.baseline.is_some_and(|baseline| !baseline.is_finite()) {
                let name = printable(&measure.name, limits.log_line_bytes);
                return invalid(&format!("a measure `{name}` that is no finite number"));
            }
        }
        at_most(
            of("a list"),
            "details",
            "details",
            signal.details.len(),
            limits.details,
        )?;
        for detail in &signal.details {
            self.text(of("a detail's name"), &detail.name)?;
            at_most(
                of("a detail"),
                "detail-bytes",
                "bytes",
                detail.value.len(),
                limits.detail_bytes,
            )?;
        }
        at_most(
            of("a list"),
            "evidence",
            "rows of evidence",
            signal.evidence.len(),
            limits.evidence,
        )?;
        if signal.evidence.is_empty() {
            return invalid("no evidence");
        }
        signal.evidence.iter().try_for_each(|row| self.row(index, *row))
    }

    fn text(&self, subject: impl FnOnce() -> String, text: &str) -> Result<(), Failure> {
        at_most(subject, "text-bytes", "bytes", text.len(), self.limits.text_bytes)
    }

    fn row(&self, signal: usize, row: RowId) -> Result<(), Failure> {
        let RowId { segment, row } = row;
        let rows = match self.position {
            Some(position) if position.segment == segment => Some(position.rows),
            Some(position) if position.segment < segment => None,
            _ if segment == 0 => None,
            _ => self.earlier.rows_of(segment),
        };
        let has = match rows {
            Some(rows) if row < rows => return Ok(()),
            Some(rows) => format!("has {rows} rows"),
            None => "this session hasn't read".to_owned(),
        };
        Err(Failure::Row {
            signal,
            segment,
            row,
            has,
        })
    }
}

/// Fails if there is more than allowed; the subject is only put together then.
pub(super) fn at_most(
    subject: impl FnOnce() -> String,
    limit: &'static str,
    unit: &'static str,
    current: usize,
    maximum: usize,
) -> Result<(), Failure> {
    if current <= maximum {
        return Ok(());
    }
    let (current, maximum) = (current as u64, maximum as u64);
    Err(Failure::TooMuch {
        subject: subject(),
        limit,
        unit,
        current,
        maximum,
    })
}

/// Keeps so many log lines, each so long, and says how many there were more.
fn cut_logs(logs: &mut Vec<LogLine>, limits: &Limits) {
    let dropped = logs.len().saturating_sub(limits.log_lines);
    logs.truncate(limits.log_lines);
    for line in logs.iter_mut() {
        line.message = printable(&line.message, limits.log_line_bytes);
    }
    if dropped > 0 {
        let message = format!("{dropped} more log lines were dropped (limit `log-lines`)");
        logs.push(LogLine {
            level: Level::Warn,
            message,
        });
    }
}
