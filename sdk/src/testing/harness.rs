//! Feeds a detector as a host does.

use crate::bindings::detector::aia::plugin::signals::Signal;
use crate::columns::{LogBatch, MetricBatch, SpanBatch};
use crate::config;
use crate::detector::{Detector, Level, Outcome};
use crate::manifest::TelemetryKind;
use crate::time::Time;
use crate::view::{Logs, Metrics, Spans};

/// Distance of two ticks.
const TICK_NANOS: u64 = 10_000_000_000;

/// Feeds a detector as a host does: numbers the segments, leaves out what the manifest doesn't read, issues the ticks due on the 10-second grid of the time of
/// receipt, and collects the signals.
///
/// It runs the detector twice, once without interruption and once restored from a snapshot before every call, and
/// panics where the two differ in what they give or in their snapshots: a detector tested with it keeps its promise
/// that restoring is the same as never having stopped.
#[derive(Debug)]
pub struct Harness<D: Detector> {
    config: String,
    detector: D,
    segments: u64,
    next_tick: Option<u64>,
    signals: Vec<Signal>,
    logs: Vec<(Level, String)>,
    checks_restoring: bool,
}

#[expect(
    clippy::panic,
    reason = "a harness for tests reports by panicking, as assertions do"
)]
impl<D: Detector> Harness<D> {
    /// A new session with the default configuration.
    ///
    /// # Panics
    /// When the detector doesn't open, as any call here when the detector fails.
    #[must_use]
    pub fn new() -> Self {
        Self::with_config("{}")
    }

    /// A new session with a configuration in JSON.
    ///
    /// # Panics
    /// When the detector doesn't open.
    #[must_use]
    pub fn with_config(json: &str) -> Self {
        Self {
            config: json.into(),
            detector: open(json, None),
            segments: 0,
            next_tick: None,
            signals: Vec::new(),
            logs: Vec::new(),
            checks_restoring: true,
        }
    }

    /// Leaves the check of restoring out, for tests with so much input that it would take too long.
    #[must_use]
    pub fn without_restoring(mut self) -> Self {
        self.checks_restoring = false;
        self
    }

    /// Feeds spans, after the ticks that are due.
    ///
    /// # Panics
    /// When the detector fails, or a restored one does otherwise.
    pub fn spans(&mut self, mut batch: SpanBatch) -> &mut Self {
        batch.common.segment = self.begin(batch.common.received_at);
        if !D::manifest().is_read(TelemetryKind::Spans) {
            return self;
        }
        self.call(|detector, out| detector.observe_spans(Spans::new(&batch), out))
    }

    /// Feeds log records, after the ticks that are due.
    ///
    /// # Panics
    /// When the detector fails, or a restored one does otherwise.
    pub fn logs(&mut self, mut batch: LogBatch) -> &mut Self {
        batch.common.segment = self.begin(batch.common.received_at);
        if !D::manifest().is_read(TelemetryKind::Logs) {
            return self;
        }
        self.call(|detector, out| detector.observe_logs(Logs::new(&batch), out))
    }

    /// Feeds metrics, after the ticks that are due.
    ///
    /// # Panics
    /// When the detector fails, or a restored one does otherwise.
    pub fn metrics(&mut self, mut batch: MetricBatch) -> &mut Self {
        batch.common.segment = self.begin(batch.common.received_at);
        if !D::manifest().is_read(TelemetryKind::Metrics) {
            return self;
        }
        self.call(|detector, out| detector.observe_metrics(Metrics::new(&batch), out))
    }

    /// Lets time pass without telemetry.
    ///
    /// # Panics
    /// When the detector fails, or a restored one does otherwise.
    pub fn silence_until(&mut self, time: Time) -> &mut Self {
        self.ticks_until(time.as_nanos());
        self
    }

    /// The signals given so far.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// Takes out the signals given since the last time.
    pub fn take_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.signals)
    }

    /// The lines logged so far.
    #[must_use]
    pub fn lines(&self) -> &[(Level, String)] {
        &self.logs
    }

    /// The snapshot as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.detector.snapshot()
    }

    /// The detector.
    #[must_use]
    pub fn detector(&self) -> &D {
        &self.detector
    }

    fn begin(&mut self, received_at: u64) -> u64 {
        self.ticks_until(received_at);
        self.segments += 1;
        self.segments
    }

    /// Issues the ticks up to `time`; the first time seen only sets the grid.
    fn ticks_until(&mut self, time: u64) {
        let next = self.next_tick.get_or_insert((time / TICK_NANOS + 1) * TICK_NANOS);
        let mut due = *next;
        while due <= time {
            self.call(|detector, out| detector.tick(Time::from_nanos(due), out));
            due += TICK_NANOS;
        }
        self.next_tick = Some(due);
    }

    fn call(&mut self, call: impl Fn(&mut D, &mut Outcome) -> Result<(), String>) -> &mut Self {
        let run = |detector: &mut D| {
            let mut out = Outcome::default();
            if let Err(error) = call(detector, &mut out) {
                panic!("the detector failed: {error}");
            }
            out
        };
        if self.checks_restoring {
            let mut restored: D = open(&self.config, Some(&self.detector.snapshot()));
            let (expected, found) = (run(&mut self.detector), run(&mut restored));
            assert_eq!(
                found.signals(),
                expected.signals(),
                "a restored detector gives other signals"
            );
            assert_eq!(
                found.logs(),
                expected.logs(),
                "a restored detector logs other lines"
            );
            assert!(
                restored.snapshot() == self.detector.snapshot(),
                "a restored detector's snapshot differs"
            );
            self.keep(expected);
        } else {
            let out = run(&mut self.detector);
            self.keep(out);
        }
        self
    }

    fn keep(&mut self, out: Outcome) {
        self.logs.extend_from_slice(out.logs());
        self.signals.extend(out.into_signals());
    }
}

impl<D: Detector> Default for Harness<D> {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    clippy::panic,
    reason = "a harness for tests reports by panicking, as assertions do"
)]
fn open<D: Detector>(json: &str, snapshot: Option<&[u8]>) -> D {
    let config = config::parse(json).unwrap_or_else(|error| panic!("the configuration was refused: {error}"));
    D::open(config, snapshot).unwrap_or_else(|error| panic!("the detector doesn't open: {error}"))
}
