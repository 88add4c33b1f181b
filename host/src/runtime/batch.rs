//! A batch of telemetry as plugins take it, made from columns without copying them.

use aia_telemetry::Columns;

use super::Call;
use super::bindings::manifest::exports::aia::plugin::manifest::TelemetryKind;
use super::bindings::telemetry::aia::plugin::telemetry as wit;

/// What a session observes in one call.
#[derive(Debug)]
pub struct Batch {
    pub(super) columns: BatchColumns,
    segment: u64,
    first_row: u32,
    rows: u32,
}

/// The three kinds of batches.
#[derive(Debug)]
pub(super) enum BatchColumns {
    Spans(Box<wit::SpanBatch>),
    Logs(Box<wit::LogBatch>),
    Metrics(Box<wit::MetricBatch>),
}

impl Batch {
    /// Takes over the columns of a segment, or of a piece of it.
    ///
    /// `received_at` is the segment's, in nanoseconds since the Unix epoch; `segment` is its ordinal in the session,
    /// from 1; `first_row` is the row of the segment that is row 0 here. The columns must be valid, as the scanners
    /// and the reader of segments make them: plugins rely on it.
    #[must_use]
    pub fn new(columns: Columns, received_at: u64, segment: u64, first_row: u32) -> Self {
        let rows = u32::try_from(columns.rows()).unwrap_or(u32::MAX);
        let columns = match columns {
            Columns::Spans(columns) => {
                let aia_telemetry::SpanColumns {
                    common,
                    spans,
                    events,
                    links,
                } = columns;
                BatchColumns::Spans(Box::new(wit::SpanBatch {
                    common: common_of(common, received_at, segment, first_row),
                    spans: spans.into(),
                    events: events.into(),
                    links: links.into(),
                }))
            }
            Columns::Logs(columns) => {
                let aia_telemetry::LogColumns { common, logs } = columns;
                let common = common_of(common, received_at, segment, first_row);
                BatchColumns::Logs(Box::new(wit::LogBatch {
                    common,
                    logs: logs.into(),
                }))
            }
            Columns::Metrics(columns) => {
                let aia_telemetry::MetricColumns {
                    common,
                    metrics,
                    points,
                    histograms,
                    exponential_histograms,
                    summaries,
                    exemplars,
                } = columns;
                BatchColumns::Metrics(Box::new(wit::MetricBatch {
                    common: common_of(common, received_at, segment, first_row),
                    metrics: metrics.into(),
                    points: points.into(),
                    histograms: histograms.into(),
                    exponential_histograms: exponential_histograms.into(),
                    summaries: summaries.into(),
                    exemplars: exemplars.into(),
                }))
            }
        };
        Self {
            columns,
            segment,
            first_row,
            rows,
        }
    }

    /// Rows that evidence can name: spans, log records or metric points.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Ordinal of its segment in the session.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.segment
    }

    /// The first row of its segment that lies behind this batch.
    #[must_use]
    pub fn end_row(&self) -> u32 {
        self.first_row.saturating_add(self.rows)
    }

    /// Gives the batch another ordinal: the same segment has a different one in each session.
    pub fn set_segment(&mut self, segment: u64) {
        self.segment = segment;
        let common = match &mut self.columns {
            BatchColumns::Spans(batch) => &mut batch.common,
            BatchColumns::Logs(batch) => &mut batch.common,
            BatchColumns::Metrics(batch) => &mut batch.common,
        };
        common.segment = segment;
    }

    /// The kind of its rows.
    pub(super) fn kind(&self) -> TelemetryKind {
        match self.columns {
            BatchColumns::Spans(_) => TelemetryKind::Spans,
            BatchColumns::Logs(_) => TelemetryKind::Logs,
            BatchColumns::Metrics(_) => TelemetryKind::Metrics,
        }
    }

    pub(super) fn call(&self) -> Call {
        match self.columns {
            BatchColumns::Spans(_) => Call::ObserveSpans,
            BatchColumns::Logs(_) => Call::ObserveLogs,
            BatchColumns::Metrics(_) => Call::ObserveMetrics,
        }
    }
}

fn common_of(common: aia_telemetry::Common, received_at: u64, segment: u64, first_row: u32) -> wit::Common {
    let aia_telemetry::Common {
        strings,
        bytes,
        nested,
        resources,
        scopes,
    } = common;
    wit::Common {
        received_at,
        segment,
        first_row,
        strings: strings.into(),
        bytes,
        nested: nested.into(),
        resources: resources.into(),
        scopes: scopes.into(),
    }
}

/// Moves the fields of a struct of columns into the contract's record of the same name. Both sides are named in
/// full, so a column that is added to one of them doesn't compile until it is added here.
macro_rules! move_columns {
    ($($name:ident { $($field:ident),* $(; $($record:ident),*)? })*) => {
        $(impl From<aia_telemetry::$name> for wit::$name {
            fn from(columns: aia_telemetry::$name) -> Self {
                let aia_telemetry::$name { $($field,)* $($($record,)*)? } = columns;
                Self { $($field,)* $($($record: $record.into(),)*)? }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_moved_not_copied() {
        let mut columns = aia_telemetry::SpanColumns::default();
        columns.spans.span_id = vec![1, 2, 3];
        columns.common.strings.utf8 = b"text".to_vec();
        let (ids, texts) = (
            columns.spans.span_id.as_ptr(),
            columns.common.strings.utf8.as_ptr(),
        );

        let batch = Batch::new(Columns::Spans(columns), 7, 8, 9);

        assert_eq!((batch.rows(), batch.segment(), batch.end_row()), (3, 8, 12));
        let BatchColumns::Spans(spans) = &batch.columns else {
            panic!("spans stay spans")
        };
        assert_eq!(
            (
                spans.common.received_at,
                spans.common.segment,
                spans.common.first_row
            ),
            (7, 8, 9)
        );
        assert_eq!(
            (spans.spans.span_id.as_ptr(), spans.common.strings.utf8.as_ptr()),
            (ids, texts)
        );
    }

    #[test]
    fn the_ordinal_can_be_changed() {
        for columns in [
            Columns::Spans(aia_telemetry::SpanColumns::default()),
            Columns::Logs(aia_telemetry::LogColumns::default()),
            Columns::Metrics(aia_telemetry::MetricColumns::default()),
        ] {
            let mut batch = Batch::new(columns, 7, 1, 0);
            batch.set_segment(5);

            assert_eq!(batch.segment(), 5);
            let common = match &batch.columns {
                BatchColumns::Spans(batch) => &batch.common,
                BatchColumns::Logs(batch) => &batch.common,
                BatchColumns::Metrics(batch) => &batch.common,
            };
            assert_eq!((common.segment, common.received_at), (5, 7));
        }
    }
}
