//! The columns themselves, as `wit/0.1.0/telemetry.wit` defines them. Detectors read them through the views
//! ([`Spans`](crate::Spans), [`Logs`](crate::Logs), [`Metrics`](crate::Metrics)); a detector that wants the last
//! nanosecond may read them itself.

pub use crate::bindings::detector::aia::plugin::telemetry::{
    Attributes, Common, Exemplars, ExponentialHistograms, Histograms, LogBatch, Logs, MetricBatch, Metrics,
    Points, Resources, Scopes, SpanBatch, SpanEvents, SpanLinks, Spans, Strings, Summaries,
};
