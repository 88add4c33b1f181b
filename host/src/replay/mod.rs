//! Replays: recorded OTLP through the pipeline of `aia up`, at full speed and in the time of the data.
//!
//! [`source`] reads files request by request, [`merge`] puts them in the order of time and cuts those that took long into
//! pieces of one tick, [`player`] appends the pieces to the log and lets the sessions consume them. Nothing depends on the
//! machine's clock or on threads: the same files give the same incidents, down to their ids.

mod error;
mod merge;
mod player;
mod source;
#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::time::Duration;

pub use error::{Flaw, ReplayError};
pub(crate) use player::{Parts, play};
pub use source::Input;
pub(crate) use source::Recording;

use crate::store::Scope;

/// What is to be replayed, and how.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// The files.
    pub inputs: Vec<Input>,
    /// The data folder to keep it in; a throw-away one by default.
    pub into: Option<PathBuf>,
    /// Tenant and project that it becomes telemetry of.
    pub scope: Scope,
    /// Time that passes behind the last row, so that detectors end what they wait for.
    pub settle: Duration,
    /// Whether damaged requests are passed over.
    pub keep_going: bool,
}

impl ReplayOptions {
    /// Default of [`ReplayOptions::settle`]: longer than first-party detectors wait for anything.
    pub const SETTLE: Duration = Duration::from_secs(120);
}

/// How far a replay is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes read, in both phases together.
    pub read: u64,
    /// Rows that went in.
    pub rows: u64,
}

/// The two times that files are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Finding out what happened when.
    Indexing,
    /// Sending it through the pipeline.
    Playing,
}

/// What was replayed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Requests that carried telemetry.
    pub requests: u64,
    /// Spans that went in.
    pub spans: u64,
    /// Log records that went in.
    pub log_records: u64,
    /// Metric points that went in.
    pub points: u64,
    /// Spans that were refused for an invalid id.
    pub refused_rows: u64,
    /// Rows of requests that came twice.
    pub duplicate_rows: u64,
    /// Rows that came later than their time, since their file was too disordered.
    pub late_rows: u64,
    /// Requests that are damaged and were passed over.
    pub skipped_requests: u64,
    /// The first of them, in words.
    pub skipped: Vec<String>,
    /// The earliest time of the data, nanoseconds since the Unix epoch.
    pub start_time: u64,
    /// The latest.
    pub end_time: u64,
}

impl Summary {
    /// Rows of all kinds that went in.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.spans + self.log_records + self.points
    }

    fn skip(&mut self, error: &ReplayError, most_told: usize) {
        self.skipped_requests += 1;
        if self.skipped.len() < most_told {
            self.skipped.push(crate::chain(error));
        }
    }
}
