//! What a plugin author writes against.
//!
//! A detector reads telemetry and gives signals. This is a whole one: it reports a service whose requests take longer
//! than a limit, once in ten seconds.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! use aia_plugin_sdk::{
//!     Detector, Fingerprint, Manifest, Measure, OpenError, Outcome, RowId, Severity, Signal, SpanKind, Spans, Time,
//!     export_detector, snapshot,
//! };
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
//! struct Config {
//!     limit_ms: u64,
//! }
//!
//! impl Default for Config {
//!     fn default() -> Self {
//!         Self { limit_ms: 1000 }
//!     }
//! }
//!
//! struct Slow {
//!     limit: Duration,
//!     seen: BTreeMap<String, Vec<(u64, RowId)>>,
//! }
//!
//! impl Detector for Slow {
//!     type Config = Config;
//!
//!     fn manifest() -> Manifest {
//!         Manifest::new("slow", "0.1.0", "Finds services that answer slowly")
//!             .config_schema(r#"{"properties":{"limit-ms":{"type":"integer","default":1000}}}"#)
//!             .signal("slow.requests", "Requests took longer than the limit")
//!     }
//!
//!     fn open(config: Config, snapshot: Option<&[u8]>) -> Result<Self, OpenError> {
//!         let seen = snapshot.map(|bytes| snapshot::decode(1, bytes)).transpose()?.unwrap_or_default();
//!         Ok(Self { limit: Duration::from_millis(config.limit_ms), seen })
//!     }
//!
//!     fn observe_spans(&mut self, batch: Spans<'_>, _: &mut Outcome) -> Result<(), String> {
//!         for span in batch.spans().filter(|span| span.kind() == SpanKind::Server) {
//!             if span.duration() > self.limit {
//!                 let rows = self.seen.entry(span.resource().service_name().into()).or_default();
//!                 // State is bounded: a detector sees whatever anybody sends.
//!                 if rows.len() < 16 {
//!                     rows.push((span.start_time().as_nanos(), span.row()));
//!                 }
//!             }
//!         }
//!         Ok(())
//!     }
//!
//!     fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
//!         for (service, rows) in std::mem::take(&mut self.seen) {
//!             out.emit(Signal {
//!                 kind: "slow.requests".into(),
//!                 severity: Severity::Low,
//!                 fingerprint: Fingerprint { version: 1, parts: vec![service.clone()] },
//!                 title: format!("{service} answers slowly"),
//!                 service,
//!                 operation: String::new(),
//!                 release: String::new(),
//!                 affected: Vec::new(),
//!                 start_time: rows.iter().map(|(time, _)| *time).min().unwrap_or_default(),
//!                 end_time: now.as_nanos(),
//!                 count: rows.len() as u64,
//!                 measures: vec![Measure {
//!                     name: "slow.requests".into(),
//!                     unit: "{request}".into(),
//!                     value: rows.len() as f64,
//!                     baseline: None,
//!                 }],
//!                 details: Vec::new(),
//!                 evidence: rows.into_iter().map(|(_, row)| row).collect(),
//!             });
//!         }
//!         Ok(())
//!     }
//!
//!     fn snapshot(&self) -> Vec<u8> {
//!         snapshot::encode(1, &self.seen)
//!     }
//! }
//!
//! export_detector!(Slow);
//!
//! // And its test: the harness feeds it as a host does, and restores it from a snapshot before every call.
//! use aia_plugin_sdk::testing::{Harness, SpanBatchBuilder, TestSpan};
//!
//! let now = Time::from_secs(1_700_000_000);
//! let span = TestSpan::new("GET /").kind(SpanKind::Server).at(now, Duration::from_secs(3));
//! let mut harness = Harness::<Slow>::with_config(r#"{"limit-ms": 500}"#);
//! harness
//!     .spans(SpanBatchBuilder::new(now).resource(&[("service.name", "shop")]).span(span).build())
//!     .silence_until(now.after(Duration::from_secs(30)));
//! assert_eq!(harness.signals().len(), 1);
//! assert_eq!(harness.signals()[0].title, "shop answers slowly");
//! ```
//!
//! The crate's `Cargo.toml` says `crate-type = ["cdylib", "rlib"]`; it is built for `wasm32-unknown-unknown`, and
//! `wasm-tools component new` (or the crate `wit-component`) makes a component of it that imports no function.
//!
//! - Detectors implement [`Detector`]; [`Analyst`] and [`Reporter`] are the other two kinds of plugins.
//! - Telemetry is read through views ([`Spans`], [`Logs`], [`Metrics`]) over columns that cross the sandbox as single
//!   copies. Look attributes up by a [`Key`] where there are many spans, or by several [`Keys`] at once, and compare a
//!   [`Text`] by its number where many rows have the same.
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
pub mod reporter;
pub mod semconv;
pub mod snapshot;
pub mod testing;
mod time;
mod view;

pub use analyst::Analyst;
pub use bindings::detector::aia::plugin::signals::{Detail, Fingerprint, Measure, RowId, Severity, Signal};
pub use config::NoConfig;
pub use detector::{Detector, Level, OpenError, Outcome};
pub use ids::{SpanId, TraceId};
pub use manifest::{Kind, Limits, Manifest, SignalKind};
pub use reporter::Reporter;
pub use time::Time;
pub use view::{
    AttributeKey, Attributes, Buckets, Event, Exemplar, ExponentialHistogram, Found, Histogram, Key, Keys,
    Link, List, LogRecord, Logs, Metric, MetricKind, Metrics, Number, Point, PointValue, Resource, Scope,
    Span, SpanKind, Spans, Status, Summary, Temporality, Text, Value,
};
