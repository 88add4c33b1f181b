//! Batches of points.

use std::ops::Range;

use super::copy::{Copier, children, get, index, rebased, slice};
use crate::columns::{
    Attributes, Common, Exemplars, ExponentialHistograms, Histograms, MetricColumns, Metrics, Points,
    Summaries,
};

/// Copies points and their metrics, from metric `first_metric` on, which becomes the first of the next batch. The batch's
/// `common` is the copier's.
pub(super) fn metrics(
    copier: &mut Copier<'_>,
    columns: &MetricColumns,
    range: Range<usize>,
    first_metric: &mut usize,
) -> MetricColumns {
    let from = &columns.points;
    let mut attributes = Attributes::default();
    let (metrics, owners) = owners(copier, columns, &range, first_metric);
    let mut batch = MetricColumns {
        common: Common::default(),
        metrics,
        points: Points {
            metric: owners,
            start_time: slice(&from.start_time, range.clone()).to_vec(),
            time: slice(&from.time, range.clone()).to_vec(),
            flags: slice(&from.flags, range.clone()).to_vec(),
            value_kind: slice(&from.value_kind, range.clone()).to_vec(),
            value: Vec::with_capacity(range.len()),
            attributes_end: copier.attributes(
                &from.attributes,
                &from.attributes_end,
                range.clone(),
                &mut attributes,
            ),
            attributes,
            exemplars_end: rebased(&from.exemplars_end, range.clone()).collect(),
        },
        exemplars: exemplars(copier, &columns.exemplars, children(&from.exemplars_end, &range)),
        histograms: Histograms::default(),
        exponential_histograms: ExponentialHistograms::default(),
        summaries: Summaries::default(),
    };
    let values = slice(&from.value_kind, range.clone())
        .iter()
        .zip(slice(&from.value, range));
    for (kind, value) in values {
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

/// Copies the metrics of points `range`, and gives the points' column that names them.
fn owners(
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
        let points = children(&from.points_end, &(row..row + 1));
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
    let ends = copier.attributes(&from.metadata, &from.metadata_end, row..row + 1, &mut to.metadata);
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
    to.extend_from_slice(slice(from, children(ends, &(row..row.saturating_add(1)))));
}

fn exemplars(copier: &mut Copier<'_>, from: &Exemplars, range: Range<usize>) -> Exemplars {
    let mut attributes = Attributes::default();
    Exemplars {
        time: slice(&from.time, range.clone()).to_vec(),
        value_kind: slice(&from.value_kind, range.clone()).to_vec(),
        value: slice(&from.value, range.clone()).to_vec(),
        trace_id_high: slice(&from.trace_id_high, range.clone()).to_vec(),
        trace_id_low: slice(&from.trace_id_low, range.clone()).to_vec(),
        span_id: slice(&from.span_id, range.clone()).to_vec(),
        attributes_end: copier.attributes(&from.attributes, &from.attributes_end, range, &mut attributes),
        attributes,
    }
}
