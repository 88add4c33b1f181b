//! The trait of detectors, and what its calls give.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::bindings::detector::aia::plugin::signals::Signal;
use crate::bindings::detector::exports::aia::plugin::detector as wit;
use crate::manifest::Manifest;
use crate::time::Time;
use crate::view::{Logs, Metrics, Spans};

/// A detector reads telemetry in order and gives signals. One value holds the state for one project.
///
/// The host calls it in one order and never twice at once. It may take a [`snapshot`](Self::snapshot) after any
/// call and go on from it in another process: restoring one and going on must be the same as never having stopped.
/// [`Harness`](crate::testing::Harness) tests exactly that.
pub trait Detector: Sized + 'static {
    /// What the operator may set. Parsed from JSON; `{}` must give the default. Use [`NoConfig`](crate::NoConfig)
    /// where there is nothing to set, and `#[serde(default, deny_unknown_fields)]` otherwise.
    type Config: DeserializeOwned + Default;

    /// What it says of itself: always the same.
    fn manifest() -> Manifest;

    /// Opens a session, new or from a snapshot.
    ///
    /// # Errors
    /// When the configuration makes no sense, or the snapshot is damaged or of another version; the host then
    /// opens it once more without the snapshot.
    fn open(config: Self::Config, snapshot: Option<&[u8]>) -> Result<Self, OpenError>;

    /// Reads spans.
    ///
    /// # Errors
    /// When it can't go on: the host drops the session, as after a trap. Odd telemetry is no reason for that.
    fn observe_spans(&mut self, spans: Spans<'_>, out: &mut Outcome) -> Result<(), String> {
        let _ = (spans, out);
        Ok(())
    }

    /// Reads log records.
    ///
    /// # Errors
    /// As with [`observe_spans`](Self::observe_spans).
    fn observe_logs(&mut self, logs: Logs<'_>, out: &mut Outcome) -> Result<(), String> {
        let _ = (logs, out);
        Ok(())
    }

    /// Reads metrics.
    ///
    /// # Errors
    /// As with [`observe_spans`](Self::observe_spans).
    fn observe_metrics(&mut self, metrics: Metrics<'_>, out: &mut Outcome) -> Result<(), String> {
        let _ = (metrics, out);
        Ok(())
    }

    /// Time passes: called for every 10 seconds of the time of receipt, with a multiple of 10 seconds, before the
    /// batch that is later than it.
    ///
    /// # Errors
    /// As with [`observe_spans`](Self::observe_spans).
    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        let _ = (now, out);
        Ok(())
    }

    /// The whole state, at most 1 MiB; [`snapshot::encode`](crate::snapshot::encode) makes it.
    fn snapshot(&self) -> Vec<u8>;
}

/// Why a session can't be opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The configuration was refused: why.
    #[error("configuration refused: {0}")]
    Config(String),
    /// The snapshot was refused: why.
    #[error("snapshot refused: {0}")]
    Snapshot(String),
}

impl From<crate::snapshot::DecodeError> for OpenError {
    fn from(error: crate::snapshot::DecodeError) -> Self {
        Self::Snapshot(error.to_string())
    }
}

impl From<OpenError> for wit::OpenError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Config(why) => Self::Config(why),
            OpenError::Snapshot(why) => Self::Snapshot(why),
        }
    }
}

/// Takes what a call finds.
#[derive(Debug, Default)]
pub struct Outcome {
    signals: Vec<Signal>,
    logs: Vec<(Level, String)>,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// For an operator who looks.
    Info,
    /// For an operator.
    Warn,
}

/// The bits of the one NaN that leaves a plugin: which of its many encodings arithmetic gives differs between
/// machines.
const CANONICAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0000);

impl Outcome {
    /// Gives a signal.
    pub fn emit(&mut self, mut signal: Signal) {
        for measure in &mut signal.measures {
            canonicalise(&mut measure.value);
            if let Some(baseline) = &mut measure.baseline {
                canonicalise(baseline);
            }
        }
        self.signals.push(signal);
    }

    /// Logs a line: `out.log(Level::Info, format_args!("{dropped} traces dropped"))`.
    pub fn log(&mut self, level: Level, message: impl fmt::Display) {
        self.logs.push((level, message.to_string()));
    }

    /// The signals given so far.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The lines logged so far.
    #[must_use]
    pub fn logs(&self) -> &[(Level, String)] {
        &self.logs
    }

    /// Takes the signals out.
    #[must_use]
    pub fn into_signals(self) -> Vec<Signal> {
        self.signals
    }

    pub(crate) fn into_wit(self) -> wit::Outcome {
        let logs = self.logs.into_iter().map(|(level, message)| wit::LogLine {
            level: level.into(),
            message,
        });
        wit::Outcome {
            signals: self.signals,
            logs: logs.collect(),
        }
    }
}

impl From<Level> for wit::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
        }
    }
}

fn canonicalise(value: &mut f64) {
    if value.is_nan() {
        *value = CANONICAL_NAN;
    }
}
