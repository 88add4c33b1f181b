//! Telemetry from the wire to sealed segments: OTLP to columns, redaction, segments and their ids, ingest keys,
//! batch cutting and the answers of the protocol. No I/O and no clock, so that the host, the Worker and the Spin app run
//! the same code.

mod column;
mod columns;

pub use columns::{
    Attributes, Columns, Common, Exemplars, ExponentialHistograms, Histograms, LogColumns, Logs, MAX_VALUE_DEPTH,
    MetricColumns, Metrics, Points, Resources, Scopes, SignalType, SpanColumns, SpanEvents, SpanLinks, Spans, Strings,
    Summaries, pack_range, unpack_range, value_kind,
};
