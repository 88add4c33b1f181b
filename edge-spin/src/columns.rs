//! A batch of telemetry as the slots take it, made from columns without copying them.

use std::cell::RefCell;

use aia_edge::Place;
use aia_telemetry::Columns;

use crate::slots::bindings::aia::plugin::telemetry as wit;

/// A batch, made once for all plugins.
pub(crate) struct Batch {
    columns: RefCell<BatchColumns>,
    /// Spans, log records or points.
    pub(crate) rows: usize,
}

/// The three kinds of batches.
pub(crate) enum BatchColumns {
    Spans(Box<wit::SpanBatch>),
    Logs(Box<wit::LogBatch>),
    Metrics(Box<wit::MetricBatch>),
}

impl Batch {
    /// Takes over valid columns.
    pub(crate) fn new(columns: Columns) -> Self {
        let rows = columns.rows();
        let columns = match columns {
            Columns::Spans(columns) => BatchColumns::Spans(Box::new(columns.into())),
            Columns::Logs(columns) => BatchColumns::Logs(Box::new(columns.into())),
            Columns::Metrics(columns) => BatchColumns::Metrics(Box::new(columns.into())),
        };
        Self {
            columns: RefCell::new(columns),
            rows,
        }
    }

    /// Shows it as it lies there: the same segment has another ordinal in each session.
    pub(crate) fn with_place<T>(&self, place: Place, show: impl FnOnce(&BatchColumns) -> T) -> T {
        let mut columns = self.columns.borrow_mut();
        let common = match &mut *columns {
            BatchColumns::Spans(batch) => &mut batch.common,
            BatchColumns::Logs(batch) => &mut batch.common,
            BatchColumns::Metrics(batch) => &mut batch.common,
        };
        common.received_at = place.received_at;
        common.segment = place.segment;
        common.first_row = place.first_row;
        show(&columns)
    }
}

impl From<aia_telemetry::Common> for wit::Common {
    fn from(common: aia_telemetry::Common) -> Self {
        let aia_telemetry::Common {
            strings,
            bytes,
            nested,
            resources,
            scopes,
        } = common;
        Self {
            // Where it lies is said with each call.
            received_at: 0,
            segment: 0,
            first_row: 0,
            strings: strings.into(),
            bytes,
            nested: nested.into(),
            resources: resources.into(),
            scopes: scopes.into(),
        }
    }
}

/// Moves the fields of a struct of columns into the contract's record. Both sides are named in full, so a column that is
/// added to one of them doesn't compile until it is added here.
macro_rules! move_columns {
    ($($ours:ident as $name:ident { $($field:ident),* $(; $($record:ident),*)? })*) => {
        $(impl From<aia_telemetry::$ours> for wit::$name {
            fn from(columns: aia_telemetry::$ours) -> Self {
                let aia_telemetry::$ours { $($field,)* $($($record,)*)? } = columns;
                Self { $($field,)* $($($record: $record.into(),)*)? }
            }
        })*
    };
}

move_columns! {
    SpanColumns as SpanBatch { ; common, spans, events, links }
    LogColumns as LogBatch { ; common, logs }
    MetricColumns as MetricBatch {
        ; common, metrics, points, histograms, exponential_histograms, summaries, exemplars
    }
    Strings as Strings { ends, utf8 }
    Attributes as Attributes { key, kind, data }
    Resources as Resources { attributes_end, dropped_attributes, schema_url; attributes }
    Scopes as Scopes { resource, name, version, attributes_end, dropped_attributes, schema_url; attributes }
    Spans as Spans {
        scope, trace_id_high, trace_id_low, span_id, parent_span_id, trace_state, flags, name, kind, start_time,
        end_time, status_code, status_message, attributes_end, dropped_attributes, events_end, dropped_events,
        links_end, dropped_links; attributes
    }
    SpanEvents as SpanEvents { time, name, attributes_end, dropped_attributes; attributes }
    SpanLinks as SpanLinks {
        trace_id_high, trace_id_low, span_id, trace_state, flags, attributes_end, dropped_attributes; attributes
    }
    Logs as Logs {
        scope, time, observed_time, severity_number, severity_text, body_kind, body_data, trace_id_high,
        trace_id_low, span_id, flags, event_name, attributes_end, dropped_attributes; attributes
    }
    Metrics as Metrics { scope, name, description, unit, kind, temporality, monotonic, metadata_end, points_end; metadata }
    Points as Points { metric, start_time, time, flags, value_kind, value, attributes_end, exemplars_end; attributes }
    Histograms as Histograms {
        count, presence, sum, min, max, bucket_counts_end, bucket_counts, explicit_bounds_end, explicit_bounds
    }
    ExponentialHistograms as ExponentialHistograms {
        count, presence, sum, min, max, scale, zero_count, zero_threshold, positive_offset, positive_counts_end,
        positive_counts, negative_offset, negative_counts_end, negative_counts
    }
    Summaries as Summaries { count, sum, quantiles_end, quantile, quantile_value }
    Exemplars as Exemplars { time, value_kind, value, trace_id_high, trace_id_low, span_id, attributes_end; attributes }
}
