//! The whole way from a request's bytes to signals: `errors` in Wasm against the same source natively.
//!
//! The way is what ingest and a session do with a request in memory: scan it, look for secrets, give it its id, seal the
//! segment, make its footer, hand the columns to the detector, tick every ten seconds. What isn't measured: HTTP and
//! decompression before it, the journal's write and the commit of what was found behind it.

use std::hint::black_box;

use aia::runtime::Batch;
use aia_telemetry::{
    Columns, Footer, IngestKey, KeyId, ProjectId, ProjectKeys, RedactConfig, Redactor, RootSecret,
    ScanLimits, Scratch, SignalType, TenantId, scan_protobuf,
};
use anyhow::{Context, Result, bail};
use prost::Message;

use super::{ROWS, any_row, load};
use crate::generate::{Random, START_NS, SpanShape, spans};
use crate::native::{self, Native};
use crate::result::{Figure, Goal, Outcome};
use crate::timing::{Case, alternate};

/// Between two requests, in nanoseconds: a tick comes every tenth one.
const INTERVAL_NS: u64 = 1_000_000_000;
/// Requests without an error at first: longer than `errors` takes to learn what was always there (120 s by default).
const HEALTHY_REQUESTS: usize = 150;
/// Requests before the clock runs: the healthy ones, and enough failing ones for the first signals.
const UNTIMED_REQUESTS: usize = HEALTHY_REQUESTS + 60;
/// Of the grid of ticks.
const TICK_NS: u64 = 10_000_000_000;

pub(super) fn run() -> Result<Outcome> {
    let requests = Requests::generate();
    let mut sandboxed = Sandboxed::open()?;
    let mut natively = Natively::open()?;
    let (mut ingest, mut scan) = (Ingest::new()?, Ingest::new()?);
    let (mut in_sandbox, mut in_native) = (0, 0);
    for _ in 0..UNTIMED_REQUESTS {
        in_sandbox += sandboxed.take(&requests)?;
        in_native += natively.take(&requests)?;
        ingest.clock.next(&requests)?;
        scan.clock.next(&requests)?;
    }
    let timings = alternate(&mut [
        Case::new("sandbox", || {
            in_sandbox += sandboxed.take(&requests)?;
            Ok(())
        }),
        Case::new("native", || {
            in_native += natively.take(&requests)?;
            Ok(())
        }),
        Case::new("ingest", || {
            let (body, now, _) = ingest.clock.next(&requests)?;
            black_box(ingest.work.take(body, now)?);
            Ok(())
        }),
        Case::new("scan", || {
            let (body, ..) = scan.clock.next(&requests)?;
            black_box(scan.work.scan(body)?);
            Ok(())
        }),
    ])?;
    let [sandbox, native, ingest, scan] = timings.as_slice() else {
        bail!("four cases gave {} timings", timings.len())
    };
    if in_sandbox == 0 || in_native == 0 {
        bail!("no signals: nothing was detected, so nothing was measured");
    }
    let quickest = 100.0 * (sandbox.least_ns - native.least_ns) / sandbox.least_ns;
    let [sandbox, native, ingest, scan] =
        [sandbox, native, ingest, scan].map(|timing| timing.median_ns / ROWS);
    let difference = sandbox - native;
    let share = |of: f64| 100.0 * difference / of;
    Ok(Outcome {
        figures: vec![
            Figure::new("a span, the whole way, detector in Wasm", sandbox, "ns"),
            Figure::new("a span, the whole way, detector native", native, "ns"),
            Figure::new("  of which scan", scan, "ns"),
            Figure::new("  of which redaction, id, seal, footer", ingest - scan, "ns"),
            Figure::new("  of which `errors` in Wasm", sandbox - ingest, "ns"),
            Figure::new("  of which `errors` native", native - ingest, "ns"),
            Figure::new("the sandbox's share of the way", share(sandbox), "%").goal(Goal::AtMost(10.0)),
            Figure::new("its share by each side's quickest round", quickest, "%"),
            Figure::new(
                "its share of scan and `errors` alone",
                share(sandbox - ingest + scan),
                "%",
            ),
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

/// What happens to a request before a detector sees it.
struct Work {
    scratch: Scratch,
    redactor: Redactor,
    keys: ProjectKeys,
    key: IngestKey,
}

impl Work {
    fn new() -> Result<Self> {
        let (tenant, project) = (TenantId::new("bench")?, ProjectId::new("shop")?);
        Ok(Self {
            scratch: Scratch::default(),
            redactor: Redactor::new(&RedactConfig::default())?,
            keys: ProjectKeys::derive(&RootSecret::new([7; 32]), &tenant, &project),
            key: IngestKey {
                tenant,
                project,
                key_id: KeyId::new("bench")?,
                version: 1,
            },
        })
    }

    fn scan(&mut self, body: &[u8]) -> Result<Columns> {
        let limits = ScanLimits::default();
        Ok(scan_protobuf(SignalType::Traces, black_box(body), &limits, &mut self.scratch)?.columns)
    }

    /// As ingest does it, up to the journal.
    fn take(&mut self, body: &[u8], now: u64) -> Result<Columns> {
        let mut columns = self.scan(body)?;
        black_box(self.redactor.redact(&mut columns));
        let header = self.keys.header(&columns, body, now, &self.key);
        black_box(self.keys.seal(&header, Some(&columns))?);
        black_box(Footer::of(&columns));
        Ok(columns)
    }
}

/// The way without a detector.
struct Ingest {
    work: Work,
    clock: Clock,
}

impl Ingest {
    fn new() -> Result<Self> {
        Ok(Self {
            work: Work::new()?,
            clock: Clock::new(),
        })
    }
}

struct Sandboxed {
    session: aia::runtime::Session,
    work: Work,
    clock: Clock,
    segment: u64,
}

impl Sandboxed {
    fn open() -> Result<Self> {
        let session = load("errors", aia_plugins::ERRORS)?.open_session("{}", None)?;
        Ok(Self {
            session,
            work: Work::new()?,
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
        let batch = Batch::new(self.work.take(body, now)?, now, self.segment, 0);
        signals += black_box(self.session.observe(&batch, &any_row)?).signals.len();
        Ok(signals)
    }
}

struct Natively {
    detector: Box<dyn Native>,
    work: Work,
    clock: Clock,
    segment: u64,
}

impl Natively {
    fn open() -> Result<Self> {
        Ok(Self {
            detector: native::open("errors")?,
            work: Work::new()?,
            clock: Clock::new(),
            segment: 0,
        })
    }

    fn take(&mut self, requests: &Requests) -> Result<usize> {
        let (body, now, tick) = self.clock.next(requests)?;
        let mut signals = 0;
        if tick {
            signals += self.detector.tick(now)?.len();
        }
        self.segment += 1;
        let columns = self.work.take(body, now)?;
        signals += black_box(self.detector.observe(columns, now, self.segment)?).len();
        Ok(signals)
    }
}
