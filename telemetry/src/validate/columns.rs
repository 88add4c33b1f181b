//! The tables of each signal.

use super::{InvalidColumns, indexes, length, numbers, range, values::Values};
use crate::columns::{Common, LogColumns, MetricColumns, Metrics, SpanColumns};

/// Checks that columns of a table have as many rows as its first.
macro_rules! same_length {
    ($table:ident: $first:ident, $($column:ident),* $(,)?) => {
        $(length(concat!(stringify!($table), ".", stringify!($column)), $table.$column.len(), $table.$first.len())?;)*
    };
}

/// Checks columns of string indexes.
macro_rules! string_indexes {
    ($values:ident, $table:ident: $($column:ident),* $(,)?) => {
        $(indexes(concat!(stringify!($table), ".", stringify!($column)), &$table.$column, $values.strings())?;)*
    };
}

/// Checks a table's attributes and the column that divides them.
macro_rules! attributes {
    ($values:ident, $table:ident: $attributes:ident, $ends:ident) => {
        $values.attributes(
            concat!(stringify!($table), ".", stringify!($attributes)),
            [
                concat!(stringify!($table), ".", stringify!($attributes), ".key"),
                concat!(stringify!($table), ".", stringify!($attributes), ".kind"),
                concat!(stringify!($table), ".", stringify!($attributes), ".data"),
            ],
            &$table.$attributes,
        )?;
        range(
            concat!(stringify!($table), ".", stringify!($ends)),
            &$table.$ends,
            $table.$attributes.key.len(),
        )?;
    };
}

pub(super) fn common(common: &Common, values: &mut Values) -> Result<(), InvalidColumns> {
    let resources = &common.resources;
    same_length!(resources: schema_url, attributes_end, dropped_attributes);
    string_indexes!(values, resources: schema_url);
    attributes!(values, resources: attributes, attributes_end);

    let scopes = &common.scopes;
    same_length!(scopes: resource, name, version, attributes_end, dropped_attributes, schema_url);
    indexes("scopes.resource", &scopes.resource, resources.schema_url.len())?;
    string_indexes!(values, scopes: name, version, schema_url);
    attributes!(values, scopes: attributes, attributes_end);
    Ok(())
}

pub(super) fn spans(columns: &SpanColumns, values: &mut Values) -> Result<(), InvalidColumns> {
    let SpanColumns {
        common,
        spans,
        events,
        links,
    } = columns;
    same_length!(
        spans: span_id, scope, trace_id_high, trace_id_low, parent_span_id, trace_state, flags, name, kind, start_time,
        end_time, status_code, status_message, attributes_end, dropped_attributes, events_end, dropped_events,
        links_end, dropped_links,
    );
    indexes("spans.scope", &spans.scope, common.scopes.resource.len())?;
    string_indexes!(values, spans: trace_state, name, status_message);
    if spans.span_id.contains(&0) {
        return Err(InvalidColumns::Number {
            column: "spans.span_id",
            number: 0,
        });
    }
    if spans
        .trace_id_high
        .iter()
        .zip(&spans.trace_id_low)
        .any(|halves| halves == (&0, &0))
    {
        return Err(InvalidColumns::Number {
            column: "spans.trace_id_high",
            number: 0,
        });
    }
    attributes!(values, spans: attributes, attributes_end);
    range("spans.events_end", &spans.events_end, events.time.len())?;
    range("spans.links_end", &spans.links_end, links.span_id.len())?;

    same_length!(events: time, name, attributes_end, dropped_attributes);
    string_indexes!(values, events: name);
    attributes!(values, events: attributes, attributes_end);

    same_length!(
        links: span_id, trace_id_high, trace_id_low, trace_state, flags, attributes_end, dropped_attributes,
    );
    string_indexes!(values, links: trace_state);
    attributes!(values, links: attributes, attributes_end);
    Ok(())
}

pub(super) fn logs(columns: &LogColumns, values: &mut Values) -> Result<(), InvalidColumns> {
    let LogColumns { common, logs } = columns;
    same_length!(
        logs: scope, time, observed_time, severity_number, severity_text, body_kind, body_data, trace_id_high,
        trace_id_low, span_id, flags, event_name, attributes_end, dropped_attributes,
    );
    indexes("logs.scope", &logs.scope, common.scopes.resource.len())?;
    string_indexes!(values, logs: severity_text, event_name);
    for (kind, data) in logs.body_kind.iter().zip(&logs.body_data) {
        values.value("logs.body", *kind, *data)?;
    }
    attributes!(values, logs: attributes, attributes_end);
    Ok(())
}

pub(super) fn metrics(columns: &MetricColumns, values: &mut Values) -> Result<(), InvalidColumns> {
    let MetricColumns {
        common,
        metrics,
        points,
        ..
    } = columns;
    same_length!(
        metrics: scope, name, description, unit, kind, temporality, monotonic, metadata_end, points_end,
    );
    indexes("metrics.scope", &metrics.scope, common.scopes.resource.len())?;
    string_indexes!(values, metrics: name, description, unit);
    numbers("metrics.kind", &metrics.kind, 5)?;
    numbers("metrics.monotonic", &metrics.monotonic, 1)?;
    metric_kinds(metrics)?;
    attributes!(values, metrics: metadata, metadata_end);

    same_length!(points: metric, start_time, time, flags, value_kind, value, attributes_end, exemplars_end);
    attributes!(values, points: attributes, attributes_end);
    range("metrics.points_end", &metrics.points_end, points.metric.len())?;
    owners(columns)?;
    range(
        "points.exemplars_end",
        &points.exemplars_end,
        columns.exemplars.time.len(),
    )?;
    point_values(columns)?;
    histograms(columns)?;
    exemplars(columns, values)
}

/// Checks that each point names the metric in whose range it lies and has a value of its kind.
fn owners(columns: &MetricColumns) -> Result<(), InvalidColumns> {
    let mut first = 0;
    let metrics = columns.metrics.kind.iter().zip(&columns.metrics.points_end);
    for (metric, (kind, end)) in (0_u32..).zip(metrics) {
        let end = *end as usize;
        let values = columns.points.value_kind.get(first..end).unwrap_or(&[]);
        let fits = |value: &u8| match kind {
            1 | 2 => *value <= 2,
            3..=5 => value == kind,
            _ => false,
        };
        if let Some(other) = values.iter().find(|value| !fits(value)) {
            return Err(InvalidColumns::Number {
                column: "points.value_kind",
                number: (*other).into(),
            });
        }
        let points = columns.points.metric.get(first..end).unwrap_or(&[]);
        if let Some(other) = points.iter().find(|owner| **owner != metric) {
            return Err(InvalidColumns::Number {
                column: "points.metric",
                number: (*other).into(),
            });
        }
        first = end;
    }
    Ok(())
}

/// Checks that temporality and monotonicity are only where their kind of metric has them.
fn metric_kinds(metrics: &Metrics) -> Result<(), InvalidColumns> {
    let flags = metrics.temporality.iter().zip(&metrics.monotonic);
    for (kind, (temporality, monotonic)) in metrics.kind.iter().zip(flags) {
        if *temporality != 0 && !matches!(kind, 2..=4) {
            return Err(InvalidColumns::Number {
                column: "metrics.temporality",
                number: (*temporality).into(),
            });
        }
        if *monotonic != 0 && *kind != 2 {
            return Err(InvalidColumns::Number {
                column: "metrics.monotonic",
                number: (*monotonic).into(),
            });
        }
    }
    Ok(())
}

/// Checks that 0 stands in sums, minima and maxima that aren't set.
fn extents(column: &'static str, presence: &[u8], values: [&[u64]; 3]) -> Result<(), InvalidColumns> {
    for (bit, values) in values.iter().enumerate() {
        let unset = presence
            .iter()
            .zip(*values)
            .find(|(presence, value)| *presence & 1 << bit == 0 && **value != 0);
        if let Some((_, value)) = unset {
            return Err(InvalidColumns::Number {
                column,
                number: *value,
            });
        }
    }
    Ok(())
}

fn point_values(columns: &MetricColumns) -> Result<(), InvalidColumns> {
    const COLUMN: &str = "points.value";
    let points = &columns.points;
    for (kind, value) in points.value_kind.iter().zip(&points.value) {
        let rows = match kind {
            0..=2 => continue,
            3 => columns.histograms.count.len(),
            4 => columns.exponential_histograms.count.len(),
            5 => columns.summaries.count.len(),
            _ => {
                return Err(InvalidColumns::Number {
                    column: "points.value_kind",
                    number: (*kind).into(),
                });
            }
        };
        if *value >= rows as u64 {
            return Err(InvalidColumns::Index {
                column: COLUMN,
                index: *value,
                rows,
            });
        }
    }
    Ok(())
}

fn histograms(columns: &MetricColumns) -> Result<(), InvalidColumns> {
    let MetricColumns {
        histograms,
        exponential_histograms,
        summaries,
        ..
    } = columns;
    same_length!(histograms: count, presence, sum, min, max, bucket_counts_end, explicit_bounds_end);
    numbers("histograms.presence", &histograms.presence, 7)?;
    let values = [histograms.sum.as_slice(), &histograms.min, &histograms.max];
    extents("histograms", &histograms.presence, values)?;
    range(
        "histograms.bucket_counts_end",
        &histograms.bucket_counts_end,
        histograms.bucket_counts.len(),
    )?;
    range(
        "histograms.explicit_bounds_end",
        &histograms.explicit_bounds_end,
        histograms.explicit_bounds.len(),
    )?;

    same_length!(
        exponential_histograms: count, presence, sum, min, max, scale, zero_count, zero_threshold, positive_offset,
        positive_counts_end, negative_offset, negative_counts_end,
    );
    let table = exponential_histograms;
    numbers("exponential_histograms.presence", &table.presence, 7)?;
    extents(
        "exponential_histograms",
        &table.presence,
        [table.sum.as_slice(), &table.min, &table.max],
    )?;
    range(
        "exponential_histograms.positive_counts_end",
        &table.positive_counts_end,
        table.positive_counts.len(),
    )?;
    range(
        "exponential_histograms.negative_counts_end",
        &table.negative_counts_end,
        table.negative_counts.len(),
    )?;

    same_length!(summaries: count, sum, quantiles_end);
    same_length!(summaries: quantile, quantile_value);
    range(
        "summaries.quantiles_end",
        &summaries.quantiles_end,
        summaries.quantile.len(),
    )
}

fn exemplars(columns: &MetricColumns, values: &mut Values) -> Result<(), InvalidColumns> {
    let exemplars = &columns.exemplars;
    same_length!(exemplars: time, value_kind, value, trace_id_high, trace_id_low, span_id, attributes_end);
    numbers("exemplars.value_kind", &exemplars.value_kind, 2)?;
    attributes!(values, exemplars: attributes, attributes_end);
    Ok(())
}
