//! OTLP requests straight into columns: no message objects in between, nothing allocated by what a sender claims.
//!
//! Two front ends read the two encodings of OTLP, [`scan_protobuf`] and [`scan_json`]; both write through the same
//! sinks, so that what a message means is written down once:
//!
//! - **Unknown fields** are skipped at every level. `Resource.entity_refs`, `KeyValue.key_strindex` and
//!   `AnyValue.string_value_strindex` are in development in OTLP and count as unknown.
//! - **Merging** is protobuf's: of a scalar or a oneof the last one wins, repeated fields and messages that come in
//!   several parts add up. What is replaced is not looked at for errors twice.
//! - **Spans with an invalid id** (all zero or of the wrong length; a parent may be missing) and rows of any signal with too
//!   many attributes or from too long ago are left out and counted in [`Refused`]. An invalid id of a log record, link or exemplar counts as absent, as OTLP demands.
//! - **Texts** are stored once each, in order of first appearance, and checked to be UTF-8 when they are new.

mod error;
mod interner;
mod json;
mod limits;
mod logs;
mod metrics;
mod protobuf;
mod sink;
mod traces;

pub use error::ScanError;
pub use limits::ScanLimits;

use interner::Interner;
use logs::LogSink;
use metrics::MetricSink;
use sink::{Item, SignalSink, Sink};
use traces::TraceSink;

use crate::columns::{Columns, SignalType};

/// What a scan gives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scanned {
    /// What the request carried.
    pub columns: Columns,
    /// What was left out of it.
    pub refused: Refused,
}

/// Rows that were left out, by reason, each counted under the first that applies. Log records and points have no id that
/// they could be refused for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Refused {
    /// The trace id hasn't 16 bytes or is all zero.
    pub trace_id: u32,
    /// The span id hasn't 8 bytes or is all zero.
    pub span_id: u32,
    /// The parent's span id is neither empty nor has 8 bytes.
    pub parent_span_id: u32,
    /// More attributes than [`ScanLimits::max_attributes`].
    pub attributes: u32,
    /// From before [`ScanLimits::oldest`].
    pub too_old: u32,
}

impl Refused {
    /// Number of rows left out: `rejected_spans`, `rejected_log_records` or `rejected_data_points` of OTLP's partial
    /// success.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.by_reason()
            .iter()
            .fold(0, |total, (.., rows)| total.saturating_add(*rows))
    }

    /// Each reason as a metric's label and in words, with its number of rows.
    #[must_use]
    pub fn by_reason(&self) -> [(&'static str, &'static str, u32); 5] {
        [
            ("trace-id", "with an invalid trace id", self.trace_id),
            ("span-id", "with an invalid span id", self.span_id),
            (
                "parent-span-id",
                "with an invalid parent span id",
                self.parent_span_id,
            ),
            ("attributes", "with too many attributes", self.attributes),
            ("too-old", "too old", self.too_old),
        ]
    }

    /// What the sender is told; empty if nothing was left out.
    #[must_use]
    pub fn message(&self, signal: SignalType) -> String {
        let rows = match signal {
            SignalType::Traces => "spans",
            SignalType::Logs => "log records",
            SignalType::Metrics => "data points",
        };
        let reasons: Vec<String> = self
            .by_reason()
            .iter()
            .filter(|(.., rows)| *rows > 0)
            .map(|(_, words, rows)| format!("{rows} {words}"))
            .collect();
        if reasons.is_empty() {
            String::new()
        } else {
            format!("{rows} were refused: {}", reasons.join(", "))
        }
    }
}

/// What scans use again and again, one after the other: keep one for each thread.
pub struct Scratch {
    interner: Interner,
    items: Vec<Item>,
}

impl Scratch {
    /// A scratch whose hash is seeded by `seed`, which senders must not be able to guess. For WebAssembly, where std
    /// has no randomness of its own; elsewhere use [`Scratch::default`].
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        Self {
            interner: Interner::new(seed),
            items: Vec::new(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            interner: Interner::with_random_seed(),
            items: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The seed is a secret.
        formatter.debug_struct("Scratch").finish_non_exhaustive()
    }
}

/// Scans the protobuf encoding of `Export{Trace,Logs,Metrics}ServiceRequest`.
///
/// # Errors
///
/// [`ScanError`] if the body isn't one, or goes beyond a limit. Nothing of it counts then.
pub fn scan_protobuf(
    signal: SignalType,
    body: &[u8],
    limits: &ScanLimits,
    scratch: &mut Scratch,
) -> Result<Scanned, ScanError> {
    match signal {
        SignalType::Traces => scan::<TraceSink>(body, limits, scratch, protobuf::read),
        SignalType::Logs => scan::<LogSink>(body, limits, scratch, protobuf::read),
        SignalType::Metrics => scan::<MetricSink>(body, limits, scratch, protobuf::read),
    }
}

/// Scans the JSON encoding of `Export{Trace,Logs,Metrics}ServiceRequest`.
///
/// Where OTLP/JSON is strict this is lenient as other receivers are: 32-bit numbers may be strings as 64-bit ones may,
/// and enums may be given by their names. `null` is "not set" everywhere. Ids must be hex, of either case.
///
/// # Errors
///
/// [`ScanError`] if the body isn't one, or goes beyond a limit. Nothing of it counts then.
pub fn scan_json(
    signal: SignalType,
    body: &[u8],
    limits: &ScanLimits,
    scratch: &mut Scratch,
) -> Result<Scanned, ScanError> {
    match signal {
        SignalType::Traces => scan::<TraceSink>(body, limits, scratch, json::read),
        SignalType::Logs => scan::<LogSink>(body, limits, scratch, json::read),
        SignalType::Metrics => scan::<MetricSink>(body, limits, scratch, json::read),
    }
}

fn scan<S: SignalSink>(
    body: &[u8],
    limits: &ScanLimits,
    scratch: &mut Scratch,
    read: fn(&mut S, &[u8]) -> Result<(), ScanError>,
) -> Result<Scanned, ScanError> {
    if body.len() as u64 > limits.max_body_bytes.into() {
        return Err(ScanError::Body {
            length: body.len(),
            limit: limits.max_body_bytes,
        });
    }
    let mut sink = S::new(Sink::new(body, limits, std::mem::take(scratch)));
    let result = read(&mut sink, body);
    let (columns, refused, used) = sink.finish();
    *scratch = used;
    result.map(|()| Scanned { columns, refused })
}
