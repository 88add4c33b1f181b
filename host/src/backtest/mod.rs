//! Back tests: a detector over what a data folder holds, its signals beside those that were given then.
//!
//! Reads beside a running host or without one, locks nothing and writes nothing. The detector begins without any state at
//! the first segment of the time asked for, and sees ticks and batches as it would in a host.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use aia_telemetry::{MAX_BATCH_ROWS, cut, ticks_between};
use serde::Serialize;

use crate::incidents::fingerprint_hash;
use crate::log::LogView;
use crate::runtime::{Batch, Outcome, Plugin, PluginError, Severity};
use crate::server::BackendError;
use crate::store::{Scope, Store};

/// Most fingerprints that are compared; more are counted.
const MAX_FINGERPRINTS: usize = 10_000;

/// What is to be tested, on what.
#[derive(Clone, Debug)]
pub struct BacktestOptions {
    /// The detector's file.
    pub plugin: PathBuf,
    /// Its configuration, JSON.
    pub config: String,
    /// Whose telemetry.
    pub scope: Scope,
    /// Only what was received at or after this, nanoseconds since the Unix epoch.
    pub from: u64,
    /// Only what was received at or before this.
    pub to: u64,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The file is no plugin.
    #[error("`{}` is no plugin that AIA would run", file.display())]
    Plugin {
        /// Which file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: BackendError,
    },
    /// The plugin finds nothing.
    #[error("`{}` is no detector", file.display())]
    NoDetector {
        /// Which file.
        file: PathBuf,
    },
    /// The detector failed.
    #[error("the detector fails on segment {segment}, received at {received_at}")]
    Failed {
        /// Sequence number.
        segment: u64,
        /// When.
        received_at: String,
        /// How.
        #[source]
        source: Box<PluginError>,
    },
    /// The detector can't be opened.
    #[error("the detector doesn't start")]
    Open(#[source] Box<PluginError>),
    /// There is nothing of that time.
    #[error("{scope} has no telemetry of that time")]
    Nothing {
        /// Whose.
        scope: Scope,
    },
    /// A part of the host failed.
    #[error("cannot {what}")]
    Host {
        /// What was being done.
        what: &'static str,
        /// Why.
        #[source]
        source: BackendError,
    },
}

impl BacktestError {
    /// What failed at this.
    pub(crate) fn host(what: &'static str) -> impl Fn(BackendError) -> Self {
        move |source| Self::Host { what, source }
    }
}

/// Whether a fingerprint was found now, then or both times.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// Both times.
    Same,
    /// Only by the tested file.
    OnlyNow,
    /// Only by what ran then.
    OnlyThen,
}

/// The signals of one fingerprint.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Found when.
    pub found: Match,
    /// The fingerprint.
    pub fingerprint: String,
    /// Kind of the first signal.
    pub kind: String,
    /// Worst severity: now, or then where there is none now.
    pub severity: Severity,
    /// Service of the first.
    pub service: String,
    /// Title of the first.
    pub title: String,
    /// Signals that the tested file gives.
    pub now: u64,
    /// Signals that were given then.
    pub then: u64,
    /// When the first came, nanoseconds since the Unix epoch: now, or then where there is none now.
    pub first_at: u64,
}

/// What a back test found.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtested {
    /// The detector's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Segments read.
    pub segments: u64,
    /// Segments that can't be read; read as empty ones.
    pub lost_segments: u64,
    /// Rows read.
    pub rows: u64,
    /// When the first segment was received, nanoseconds since the Unix epoch.
    pub start_time: u64,
    /// When the last one was.
    pub end_time: u64,
    /// Signals that the tested file gives.
    pub now: u64,
    /// Signals that the plugin of its name gave then.
    pub then: u64,
    /// By fingerprint: the same ones, those only now, those only then; each in order of time.
    pub signals: Vec<Compared>,
    /// Fingerprints beyond the limit, which aren't listed.
    pub more_fingerprints: u64,
}

/// Runs the detector.
pub(crate) fn run(
    plugin: &Arc<Plugin>,
    view: &LogView,
    store: &dyn Store,
    options: &BacktestOptions,
) -> Result<Backtested, BacktestError> {
    let segments: Vec<(u64, u64)> = view
        .segments()
        .into_iter()
        .filter(|(_, received_at)| (options.from..=options.to).contains(received_at))
        .collect();
    let (Some((first, start_time)), Some((_, end_time))) =
        (segments.first().copied(), segments.last().copied())
    else {
        return Err(BacktestError::Nothing {
            scope: options.scope.clone(),
        });
    };
    // Read before the detector runs, which may take long.
    let given = store
        .signals(&options.scope, start_time, options.to)
        .map_err(|error| BacktestError::host("read the signals")(error.into()))?;
    let base = first - 1;
    let rows_of = |ordinal: u64| view.rows(base.checked_add(ordinal)?);
    let mut session = plugin
        .open_session(&options.config, None)
        .map_err(|error| BacktestError::Open(Box::new(error)))?;
    let mut comparison = Comparison::default();
    let (mut before, mut rows, mut lost_segments) = (0, 0, 0);
    for (sequence, listed_at) in &segments {
        let segment = match view.read(*sequence) {
            Ok(segment) => Some(segment),
            Err(error) if error.is_lost() => {
                tracing::warn!(
                    error = crate::chain(&error),
                    "a segment is lost; it counts as empty"
                );
                lost_segments += 1;
                None
            }
            Err(error) => return Err(BacktestError::host("read the log")(error.into())),
        };
        let received_at = (*listed_at).max(before);
        let failed = |source| BacktestError::Failed {
            segment: *sequence,
            received_at: crate::api::rfc3339(received_at).unwrap_or_default(),
            source: Box::new(source),
        };
        for tick in ticks_between(before, received_at) {
            let outcome = session.tick(tick, &rows_of).map_err(failed)?;
            comparison.take(plugin.name(), tick, outcome);
        }
        before = received_at;
        let Some(columns) = segment.and_then(|segment| segment.columns) else {
            continue;
        };
        rows += columns.rows() as u64;
        for (first_row, columns) in cut(columns, MAX_BATCH_ROWS) {
            let batch = Batch::new(columns, received_at, *sequence - base, first_row);
            let outcome = session.observe(&batch, &rows_of).map_err(failed)?;
            comparison.take(plugin.name(), received_at, outcome);
        }
    }
    for signal in given.iter().filter(|signal| signal.detector == plugin.name()) {
        comparison.add(
            &signal.fingerprint,
            &signal.signal,
            signal.received_at,
            Match::OnlyThen,
        );
    }
    let manifest = plugin.manifest();
    let (now, then) = (comparison.now, comparison.then);
    let more_fingerprints = comparison.more;
    Ok(Backtested {
        plugin: manifest.name.clone(),
        version: manifest.version.clone(),
        segments: segments.len() as u64,
        lost_segments,
        rows,
        start_time,
        end_time,
        now,
        then,
        signals: comparison.finish(),
        more_fingerprints,
    })
}

/// Signals by fingerprint.
#[derive(Default)]
struct Comparison {
    by_fingerprint: BTreeMap<String, Compared>,
    now: u64,
    then: u64,
    more: u64,
}

impl Comparison {
    fn take(&mut self, plugin: &str, received_at: u64, outcome: Outcome) {
        for signal in &outcome.signals {
            let fingerprint = fingerprint_hash(plugin, &signal.fingerprint);
            self.add(&fingerprint, signal, received_at, Match::OnlyNow);
        }
    }

    fn add(&mut self, fingerprint: &str, signal: &crate::runtime::Signal, received_at: u64, when: Match) {
        let is_now = when == Match::OnlyNow;
        *(if is_now { &mut self.now } else { &mut self.then }) += 1;
        if !self.by_fingerprint.contains_key(fingerprint) && self.by_fingerprint.len() >= MAX_FINGERPRINTS {
            self.more += 1;
            return;
        }
        let compared = self
            .by_fingerprint
            .entry(fingerprint.to_owned())
            .or_insert_with(|| Compared {
                found: when,
                fingerprint: fingerprint.to_owned(),
                kind: signal.kind.clone(),
                severity: signal.severity,
                service: signal.service.clone(),
                title: signal.title.clone(),
                now: 0,
                then: 0,
                first_at: received_at,
            });
        if compared.found != when {
            compared.found = Match::Same;
        }
        *(if is_now {
            &mut compared.now
        } else {
            &mut compared.then
        }) += 1;
        // What came now stands for itself; only its worst counts on.
        if (is_now || compared.now == 0)
            && crate::incidents::rank(signal.severity) > crate::incidents::rank(compared.severity)
        {
            compared.severity = signal.severity;
        }
    }

    fn finish(self) -> Vec<Compared> {
        let mut signals: Vec<_> = self.by_fingerprint.into_values().collect();
        signals.sort_by(|a, b| {
            (a.found, a.first_at, &a.fingerprint).cmp(&(b.found, b.first_at, &b.fingerprint))
        });
        signals
    }
}
