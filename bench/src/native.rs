//! First-party detectors run natively, on what the scanner gives. The columns are moved, not copied.

use aia_plugin_sdk::{Detector, Logs, Metrics, Outcome, Spans, Time, columns as sdk};
use aia_telemetry::Columns;
use anyhow::{Context, Result, bail};

pub use aia_plugin_sdk::Signal;

/// A detector with its state, compiled for this machine instead of into a sandbox.
pub trait Native {
    /// Reads the rows of a segment.
    ///
    /// # Errors
    /// What the detector fails with.
    fn observe(&mut self, columns: Columns, received_at: u64, segment: u64) -> Result<Vec<Signal>>;

    /// Lets time pass, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// What the detector fails with.
    fn tick(&mut self, now: u64) -> Result<Vec<Signal>>;

    /// The whole state.
    fn snapshot(&self) -> Vec<u8>;

    /// Goes on from its own snapshot.
    ///
    /// # Errors
    /// If the detector refuses it.
    fn restore(&mut self) -> Result<()>;
}

/// A first-party detector of that name, new.
///
/// # Errors
/// If there is none.
pub fn open(name: &str) -> Result<Box<dyn Native>> {
    Ok(match name {
        "errors" => boxed::<aia_plugin_errors::Errors>()?,
        "latency" => boxed::<aia_plugin_latency::Latency>()?,
        "logs" => boxed::<aia_plugin_logs::LogLines>()?,
        "metrics" => boxed::<aia_plugin_metrics::MetricsDetector>()?,
        "paths" => boxed::<aia_plugin_paths::Paths>()?,
        _ => bail!("there is no detector {name}"),
    })
}

fn boxed<D: Detector>() -> Result<Box<dyn Native>> {
    Ok(Box::new(Running(opened::<D>(None)?)))
}

fn opened<D: Detector>(snapshot: Option<&[u8]>) -> Result<D> {
    let config = serde_json::from_str("{}").context("the default configuration")?;
    D::open(config, snapshot).context("opening a detector natively")
}

struct Running<D>(D);

impl<D: Detector> Native for Running<D> {
    fn observe(&mut self, columns: Columns, received_at: u64, segment: u64) -> Result<Vec<Signal>> {
        let mut out = Outcome::default();
        match columns {
            Columns::Spans(columns) => {
                let batch = span_batch(columns, received_at, segment);
                self.0.observe_spans(Spans::new(&batch), &mut out)
            }
            Columns::Logs(columns) => {
                let batch = log_batch(columns, received_at, segment);
                self.0.observe_logs(Logs::new(&batch), &mut out)
            }
            Columns::Metrics(columns) => {
                let batch = metric_batch(columns, received_at, segment);
                self.0.observe_metrics(Metrics::new(&batch), &mut out)
            }
        }
        .map_err(anyhow::Error::msg)?;
        Ok(out.into_signals())
    }

    fn tick(&mut self, now: u64) -> Result<Vec<Signal>> {
        let mut out = Outcome::default();
        self.0
            .tick(Time::from_nanos(now), &mut out)
            .map_err(anyhow::Error::msg)?;
        Ok(out.into_signals())
    }

    fn snapshot(&self) -> Vec<u8> {
        self.0.snapshot()
    }

    fn restore(&mut self) -> Result<()> {
        self.0 = opened(Some(&self.0.snapshot()))?;
        Ok(())
    }
}

fn common(common: aia_telemetry::Common, received_at: u64, segment: u64) -> sdk::Common {
    let aia_telemetry::Common {
        strings,
        bytes,
        nested,
        resources,
        scopes,
    } = common;
    sdk::Common {
        received_at,
        segment,
        first_row: 0,
        strings: strings.convert(),
        bytes,
        nested: nested.convert(),
        resources: resources.convert(),
        scopes: scopes.convert(),
    }
}

fn span_batch(columns: aia_telemetry::SpanColumns, received_at: u64, segment: u64) -> sdk::SpanBatch {
    sdk::SpanBatch {
        common: common(columns.common, received_at, segment),
        spans: columns.spans.convert(),
        events: columns.events.convert(),
        links: columns.links.convert(),
    }
}

fn log_batch(columns: aia_telemetry::LogColumns, received_at: u64, segment: u64) -> sdk::LogBatch {
    sdk::LogBatch {
        common: common(columns.common, received_at, segment),
        logs: columns.logs.convert(),
    }
}

fn metric_batch(columns: aia_telemetry::MetricColumns, received_at: u64, segment: u64) -> sdk::MetricBatch {
    sdk::MetricBatch {
        common: common(columns.common, received_at, segment),
        metrics: columns.metrics.convert(),
        points: columns.points.convert(),
        histograms: columns.histograms.convert(),
        exponential_histograms: columns.exponential_histograms.convert(),
        summaries: columns.summaries.convert(),
        exemplars: columns.exemplars.convert(),
    }
}

/// `From` can't be implemented here: both types are foreign.
trait Convert {
    type Into;
    fn convert(self) -> Self::Into;
}

macro_rules! move_columns {
    ($($name:ident { $($field:ident),* $(; $($record:ident),*)? })*) => {
        $(impl Convert for aia_telemetry::$name {
            type Into = sdk::$name;
            fn convert(self) -> sdk::$name {
                let aia_telemetry::$name { $($field,)* $($($record,)*)? } = self;
                sdk::$name { $($field,)* $($($record: $record.convert(),)*)? }
            }
        })*
    };
}

move_columns! {
    Strings { ends, utf8 }
    Attributes { key, kind, data }
    Resources { attributes_end, dropped_attributes, schema_url; attributes }
    Scopes { resource, name, version, attributes_end, dropped_attributes, schema_url; attributes }
    Spans {
        scope, trace_id_high, trace_id_low, span_id, parent_span_id, trace_state, flags, name, kind, start_time,
        end_time, status_code, status_message, attributes_end, dropped_attributes, events_end, dropped_events,
        links_end, dropped_links; attributes
    }
    SpanEvents { time, name, attributes_end, dropped_attributes; attributes }
    SpanLinks {
        trace_id_high, trace_id_low, span_id, trace_state, flags, attributes_end, dropped_attributes; attributes
    }
    Logs {
        scope, time, observed_time, severity_number, severity_text, body_kind, body_data, trace_id_high,
        trace_id_low, span_id, flags, event_name, attributes_end, dropped_attributes; attributes
    }
    Metrics { scope, name, description, unit, kind, temporality, monotonic, metadata_end, points_end; metadata }
    Points { metric, start_time, time, flags, value_kind, value, attributes_end, exemplars_end; attributes }
    Histograms {
        count, presence, sum, min, max, bucket_counts_end, bucket_counts, explicit_bounds_end, explicit_bounds
    }
    ExponentialHistograms {
        count, presence, sum, min, max, scale, zero_count, zero_threshold, positive_offset, positive_counts_end,
        positive_counts, negative_offset, negative_counts_end, negative_counts
    }
    Summaries { count, sum, quantiles_end, quantile, quantile_value }
    Exemplars { time, value_kind, value, trace_id_high, trace_id_low, span_id, attributes_end; attributes }
}
