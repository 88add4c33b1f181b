//! What a plugin author writes against.
//!
//! A detector reads telemetry and gives signals. This is a whole one with its test, as `aia plugin new` makes it:
//!
#![doc = concat!("```\n", include_str!("../templates/detector.rs"), "```\n")]
//!
//! The crate's `Cargo.toml` says `crate-type = ["cdylib", "rlib"]`; `aia plugin build` builds it for
//! `wasm32-unknown-unknown` and makes a component of it that imports no function.
//!
//! - Detectors implement [`Detector`]; [`Analyst`] and [`Reporter`] are the other two kinds of plugins.
//! - Telemetry is read through views ([`Spans`], [`Logs`], [`Metrics`]) over columns that cross the sandbox as single
//!   copies. Look attributes up by a [`Key`] where there are many spans, or by several [`Keys`] at once, and compare a
//!   [`Text`] by its number where many rows have the same; a [`Memo`] remembers by such numbers.
//! - What the semantic conventions say of a span (its operation, its peer, its failure) is in [`semconv`].
//! - Be deterministic: iterate over a `BTreeMap`, not over a `HashMap`; take time from batches and ticks. The SDK
//!   sees to NaNs.
//! - Bound the state: a snapshot is at most [`snapshot::MAX_BYTES`] long.
//! - On native targets a detector is an ordinary type: tests and benches call the trait directly.

pub mod analyst;
#[doc(hidden)]
pub mod bindings;
pub mod columns;
mod config;
mod detector;
#[doc(hidden)]
pub mod guest;
mod ids;
mod macros;
mod manifest;
mod memo;
pub mod reporter;
pub mod semconv;
pub mod snapshot;
pub mod stats;
pub mod testing;
mod time;
mod view;

pub use analyst::Analyst;
pub use bindings::detector::aia::plugin::signals::{Detail, Fingerprint, Measure, RowId, Severity, Signal};
pub use config::NoConfig;
pub use detector::{Detector, Level, OpenError, Outcome};
pub use ids::{SpanId, TraceId};
pub use manifest::{Kind, Limits, Manifest, SignalKind, TelemetryKind};
pub use memo::Memo;
pub use reporter::Reporter;
pub use time::Time;
pub use view::{
    Attribute, AttributeKey, Attributes, Buckets, Event, Exemplar, ExponentialHistogram, Found, Histogram,
    Key, Keys, Link, List, LogRecord, Logs, Metric, MetricKind, Metrics, Number, Point, PointValue, Resource,
    Scope, Span, SpanKind, Spans, Status, Summary, Temporality, Text, Value,
};
