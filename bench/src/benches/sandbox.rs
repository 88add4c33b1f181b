//! The whole way from a request's bytes to signals: `errors` in Wasm against the same source natively.

use std::hint::black_box;

use aia::runtime::Batch;
use aia_plugin_errors::Errors;
use aia_plugin_sdk::{Detector, Outcome as DetectorOutcome, Spans, Time};
use aia_telemetry::{Columns, ScanLimits, Scratch, SignalType, scan_protobuf};
use anyhow::{Context, Result, bail};
use prost::Message;

use super::{ROWS, any_row, load, native};
use crate::generate::{Random, START_NS, SpanShape, spans};
use crate::result::{Figure, Goal, Outcome};
use crate::timing::{Case, alternate};

/// Between two requests, in nanoseconds: a tick comes every tenth one.
const INTERVAL_NS: u64 = 1_000_000_000;
/// Requests without an error at first: longer than `errors` takes to learn what was always there (120 s by default).
const HEALTHY_REQUESTS: usize = 150;
/// Of the grid of ticks.
const TICK_NS: u64 = 10_000_000_000;

pub(super) fn run() -> Result<Outcome> {
    let requests = Requests::generate();
    let mut sandboxed = Sandboxed::open()?;
    let mut natively = Natively::open()?;
    let (mut in_sandbox, mut in_native) = (0, 0);
    let timings = alternate(&mut [
        Case::new("sandbox", || {
            in_sandbox += sandboxed.take(&requests)?;
            Ok(())
        }),
        Case::new("native", || {
            in_native += natively.take(&requests)?;
            Ok(())
        }),
    ])?;
    let [sandbox, native] = timings.as_slice() else {
        bail!("two cases gave {} timings", timings.len())
    };
    if in_sandbox == 0 || in_native == 0 {
        bail!("no signals: nothing was detected, so nothing was measured");
    }
    let difference = 100.0 * (sandbox.median_ns - native.median_ns) / sandbox.median_ns;
    Ok(Outcome {
        figures: vec![
            Figure::new("a span, detector in Wasm", sandbox.median_ns / ROWS, "ns"),
            Figure::new("a span, detector native", native.median_ns / ROWS, "ns"),
            Figure::new("the sandbox's share of the way", difference, "%").goal(Goal::AtMost(10.0)),
        ],
        ..Outcome::default()
    })
}

/// What is sent. No two requests that follow each other are the same: a detector knows what it has seen.
struct Requests {
    healthy: Vec<Vec<u8>>,
    failing: Vec<Vec<u8>>,
}

impl Requests {
    fn generate() -> Self {
        let bodies = |seeds: std::ops::Range<u64>, errors_per_thousand| {
            let shape = SpanShape {
                errors_per_thousand,
                ..SpanShape::default()
            };
            seeds
                .map(|seed| spans(&mut Random::new(seed), &shape).encode_to_vec())
                .collect()
        };
        Self {
            healthy: bodies(1_000..1_008, 0),
            failing: bodies(2_000..2_160, 20),
        }
    }
}

/// One side's way through the requests, and when each comes.
struct Clock {
    now: u64,
    sent: usize,
}

impl Clock {
    fn new() -> Self {
        Self {
            now: START_NS / TICK_NS * TICK_NS,
            sent: 0,
        }
    }

    /// The next request, when it comes, and whether a tick is due before it. A detector first learns what is usual.
    fn next<'a>(&mut self, requests: &'a Requests) -> Result<(&'a [u8], u64, bool)> {
        self.now += INTERVAL_NS;
        self.sent += 1;
        let bodies = if self.sent <= HEALTHY_REQUESTS {
            &requests.healthy
        } else {
            &requests.failing
        };
        let body = bodies
            .get(self.sent % bodies.len().max(1))
            .context("no request was generated")?;
        Ok((body.as_slice(), self.now, self.now.is_multiple_of(TICK_NS)))
    }
}

struct Sandboxed {
    session: aia::runtime::Session,
    scratch: Scratch,
    clock: Clock,
    segment: u64,
}

impl Sandboxed {
    fn open() -> Result<Self> {
        let session = load("errors", aia_plugins::ERRORS)?.open_session("{}", None)?;
        Ok(Self {
            session,
            scratch: Scratch::default(),
            clock: Clock::new(),
            segment: 0,
        })
    }

    /// Takes a request in; how many signals came of it.
    fn take(&mut self, requests: &Requests) -> Result<usize> {
        let (body, now, tick) = self.clock.next(requests)?;
        let mut signals = 0;
        if tick {
            signals += self.session.tick(now, &any_row)?.signals.len();
        }
        self.segment += 1;
        let scanned = scan_protobuf(
            SignalType::Traces,
            black_box(body),
            &ScanLimits::default(),
            &mut self.scratch,
        )?;
        let batch = Batch::new(scanned.columns, now, self.segment, 0);
        signals += black_box(self.session.observe(&batch, &any_row)?).signals.len();
        Ok(signals)
    }
}

struct Natively {
    detector: Errors,
    scratch: Scratch,
    clock: Clock,
}

impl Natively {
    fn open() -> Result<Self> {
        let config = serde_json::from_str("{}").context("the default configuration of `errors`")?;
        let detector =
            Errors::open(config, None).map_err(|error| anyhow::anyhow!("opening `errors`: {error:?}"))?;
        Ok(Self {
            detector,
            scratch: Scratch::default(),
            clock: Clock::new(),
        })
    }

    fn take(&mut self, requests: &Requests) -> Result<usize> {
        let (body, now, tick) = self.clock.next(requests)?;
        let mut out = DetectorOutcome::default();
        if tick {
            self.detector
                .tick(Time::from_nanos(now), &mut out)
                .map_err(anyhow::Error::msg)?;
        }
        let scanned = scan_protobuf(
            SignalType::Traces,
            black_box(body),
            &ScanLimits::default(),
            &mut self.scratch,
        )?;
        let Columns::Spans(columns) = scanned.columns else {
            bail!("a request with spans gave something else")
        };
        let batch = native::span_batch(columns, now);
        self.detector
            .observe_spans(Spans::new(&batch), &mut out)
            .map_err(anyhow::Error::msg)?;
        Ok(black_box(out).into_signals().len())
    }
}
