//! Batches of points.

use std::ops::Range;
use std::slice::from_ref;

use super::copy::{Copier, Rows, children, children_of, get, index, pick, picked, rebased, slice};
use crate::columns::{
    Attributes, Common, Exemplars, ExponentialHistograms, Histograms, MetricColumns, Metrics, Points,
    Summaries,
};

/// Copies points. Their metrics were copied before, and `owners` names these. The batch's `common` is the copier's.
pub(super) fn points(
    copier: &mut Copier<'_>,
    columns: &MetricColumns,
    rows: Rows<'_>,
    (metrics, owners): (Metrics, Vec<u32>),
) -> MetricColumns {
    let from = &columns.points;
    let mut attributes = Attributes::default();
    let mut batch = MetricColumns {
        common: Common::default(),
        metrics,
        points: Points {
            metric: owners,
            start_time: pick(&from.start_time, rows),
            time: pick(&from.time, rows),
            flags: pick(&from.flags, rows),
            value_kind: pick(&from.value_kind, rows),
            value: Vec::new(),
            attributes_end: copier.attributes(&from.attributes, &from.attributes_end, rows, &mut attributes),
            attributes,
            exemplars_end: rebased(&from.exemplars_end, rows),
        },
        exemplars: exemplars(copier, &columns.exemplars, &children(&from.exemplars_end, rows)),
        histograms: Histograms::default(),
        exponential_histograms: ExponentialHistograms::default(),
        summaries: Summaries::default(),
    };
    batch.points.value.reserve(batch.points.time.len());
    for (kind, value) in picked(&from.value_kind, rows).zip(picked(&from.value, rows)) {
        let row = usize::try_from(*value).unwrap_or(usize::MAX);
        batch.points.value.push(match kind {
            3 => histogram(&columns.histograms, row, &mut batch.histograms),
            4 => exponential_histogram(
                &columns.exponential_histograms,
                row,
                &mut batch.exponential_histograms,
            ),
            5 => summary(&columns.summaries, row, &mut batch.summaries),
            _ => *value,
        });
    }
    batch
}

/// Copies the metrics that have these points, and gives the points' column that names them.
pub(super) fn owners_of(
    copier: &mut Copier<'_>,
    columns: &MetricColumns,
    rows: Rows<'_>,
) -> (Metrics, Vec<u32>) {
    let mut metrics = Metrics::default();
    let mut owners = Vec::new();
    let mut last = None;
    for owner in picked(&columns.points.metric, rows) {
        if last != Some(*owner) {
            metric(copier, &columns.metrics, *owner as usize, &mut metrics);
            // The end is that of the metric before until its own points are there.
            metrics.points_end.push(index(owners.len()));
            last = Some(*owner);
        }
        owners.push(index(metrics.name.len() - 1));
        if let Some(end) = metrics.points_end.last_mut() {
            *end += 1;
        }
    }
    (metrics, owners)
}

/// Copies the metrics of points `range`, from metric `first_metric` on, which becomes the first of the next batch, and gives the points' column that names them.
pub(super) fn owners(
    copier: &mut Copier<'_>,
    columns: &MetricColumns,
    range: &Range<usize>,
    first_metric: &mut usize,
) -> (Metrics, Vec<u32>) {
    let from = &columns.metrics;
    let is_last = range.end >= columns.points.metric.len();
    let mut metrics = Metrics::default();
    let mut owners = Vec::with_capacity(range.len());
    for row in *first_metric..from.points_end.len() {
        let points = children_of(&from.points_end, &(row..row + 1));
        if points.start >= range.end && !is_last {
            break;
        }
        owners.resize(
            points.end.clamp(range.start, range.end) - range.start,
            index(metrics.name.len()),
        );
        metric(copier, from, row, &mut metrics);
        metrics.points_end.push(index(owners.len()));
        if points.end > range.end {
            break;
        }
        *first_metric = row + 1;
    }
    (metrics, owners)
}

fn metric(copier: &mut Copier<'_>, from: &Metrics, row: usize, to: &mut Metrics) {
    to.scope.push(copier.scope(get(&from.scope, row)));
    to.name.push(copier.string(get(&from.name, row)));
    to.description.push(copier.string(get(&from.description, row)));
    to.unit.push(copier.string(get(&from.unit, row)));
    to.kind.push(get(&from.kind, row));
    to.temporality.push(get(&from.temporality, row));
    to.monotonic.push(get(&from.monotonic, row));
    let ends = copier.attributes(
        &from.metadata,
        &from.metadata_end,
        from_ref(&(row..row + 1)),
        &mut to.metadata,
    );
    to.metadata_end.extend(ends);
}

fn histogram(from: &Histograms, row: usize, to: &mut Histograms) -> u64 {
    to.count.push(get(&from.count, row));
    to.presence.push(get(&from.presence, row));
    to.sum.push(get(&from.sum, row));
    to.min.push(get(&from.min, row));
    to.max.push(get(&from.max, row));
    copy_numbers(
        &from.bucket_counts,
        &from.bucket_counts_end,
        row,
        &mut to.bucket_counts,
    );
    to.bucket_counts_end.push(index(to.bucket_counts.len()));
    copy_numbers(
        &from.explicit_bounds,
        &from.explicit_bounds_end,
        row,
        &mut to.explicit_bounds,
    );
    to.explicit_bounds_end.push(index(to.explicit_bounds.len()));
    to.count.len() as u64 - 1
}

fn exponential_histogram(from: &ExponentialHistograms, row: usize, to: &mut ExponentialHistograms) -> u64 {
    to.count.push(get(&from.count, row));
    to.presence.push(get(&from.presence, row));
    to.sum.push(get(&from.sum, row));
    to.min.push(get(&from.min, row));
    to.max.push(get(&from.max, row));
    to.scale.push(get(&from.scale, row));
    to.zero_count.push(get(&from.zero_count, row));
    to.zero_threshold.push(get(&from.zero_threshold, row));
    to.positive_offset.push(get(&from.positive_offset, row));
    copy_numbers(
        &from.positive_counts,
        &from.positive_counts_end,
        row,
        &mut to.positive_counts,
    );
    to.positive_counts_end.push(index(to.positive_counts.len()));
    to.negative_offset.push(get(&from.negative_offset, row));
    copy_numbers(
        &from.negative_counts,
        &from.negative_counts_end,
        row,
        &mut to.negative_counts,
    );
    to.negative_counts_end.push(index(to.negative_counts.len()));
    to.count.len() as u64 - 1
}

fn summary(from: &Summaries, row: usize, to: &mut Summaries) -> u64 {
    to.count.push(get(&from.count, row));
    to.sum.push(get(&from.sum, row));
    copy_numbers(&from.quantile, &from.quantiles_end, row, &mut to.quantile);
    copy_numbers(
        &from.quantile_value,
        &from.quantiles_end,
        row,
        &mut to.quantile_value,
    );
    to.quantiles_end.push(index(to.quantile.len()));
    to.count.len() as u64 - 1
}

fn copy_numbers(from: &[u64], ends: &[u32], row: usize, to: &mut Vec<u64>) {
    to.extend_from_slice(slice(from, children_of(ends, &(row..row.saturating_add(1)))));
}

fn exemplars(copier: &mut Copier<'_>, from: &Exemplars, rows: Rows<'_>) -> Exemplars {
    let mut attributes = Attributes::default();
    Exemplars {
        time: pick(&from.time, rows),
        value_kind: pick(&from.value_kind, rows),
        value: pick(&from.value, rows),
        trace_id_high: pick(&from.trace_id_high, rows),
        trace_id_low: pick(&from.trace_id_low, rows),
        span_id: pick(&from.span_id, rows),
        attributes_end: copier.attributes(&from.attributes, &from.attributes_end, rows, &mut attributes),
        attributes,
    }
}
