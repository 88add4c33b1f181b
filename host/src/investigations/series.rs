//! Figures of metric series over a time range.
//!
//! A gauge's points are taken as they are, and so are sums that go up and down. Of sums that only grow it is the rate per
//! second: of a cumulative one between two points, of a delta over its own interval. Of distributions it is the mean of the
//! measurements between two points.

use std::collections::HashMap;
use std::ops::Range;

use aia_telemetry::{MetricColumns, value_kind, value_text};

use super::gather::{at, attribute_rows};
use super::operations::content_hash;
use crate::incidents::derived;
use crate::runtime::{Selector, TimeRange};
use crate::store::{Evidence, Scope};

/// Longest value of an attribute that is kept.
const MAX_VALUE_BYTES: usize = 256;

/// Attributes of a series that are listed.
const MAX_ATTRIBUTES: usize = 64;

/// OTLP's temporality of sums since a start.
const CUMULATIVE: u8 = 2;

/// What a series is told apart by, which is also what is said of it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    metric: String,
    service: String,
    unit: String,
    attributes: Vec<(String, String)>,
}

/// The last point of a cumulative series: time, count of measurements, sum.
type Last = (u64, f64, f64);

/// What is known of a series. Mean and deviation by Welford's method, which loses no digits.
#[derive(Default)]
struct Figures {
    count: u64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
    /// First and last value with their times: points may come in any order.
    first: (u64, f64),
    last: (u64, f64),
    before: Option<Last>,
}

/// Points of a range, gathered for figures.
pub(super) struct Table {
    during: TimeRange,
    service: String,
    metric: String,
    max_series: usize,
    /// By hash of the key; looked up in, never iterated.
    known: HashMap<blake3::Hash, Option<usize>>,
    series: Vec<(Key, Figures)>,
    is_full: bool,
}

/// One metric of a batch.
struct Metric<'a> {
    name: &'a str,
    unit: &'a str,
    kind: u8,
    is_cumulative: bool,
    is_monotonic: bool,
    scope: u32,
}

impl Table {
    pub(super) fn new(selector: &Selector, max_series: usize) -> Self {
        Self {
            during: selector.during,
            service: selector.service.clone(),
            metric: selector.operation.clone(),
            max_series,
            known: HashMap::new(),
            series: Vec::new(),
            is_full: false,
        }
    }

    /// Whether there were more series than are kept.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes in the points of a segment.
    pub(super) fn add(&mut self, columns: &MetricColumns) {
        let points = &columns.points;
        for (row, metric) in points.metric.iter().enumerate() {
            let time = at(&points.time, row);
            if !(self.during.start..self.during.end).contains(&time) {
                continue;
            }
            let metric = Metric::of(columns, *metric as usize);
            if !(self.metric.is_empty() || self.metric == metric.name) {
                continue;
            }
            let Some(index) = self.index(columns, row, &metric) else {
                continue;
            };
            if let Some((_, figures)) = self.series.get_mut(index) {
                figures.take(columns, row, &metric);
            }
        }
    }

    /// The place of a point's series, making it if there is room.
    fn index(&mut self, columns: &MetricColumns, row: usize, metric: &Metric<'_>) -> Option<usize> {
        let points = &columns.points;
        let attributes = attribute_rows(&points.attributes_end, row, points.attributes.key.len());
        let (own, resource) = (
            Attributes::of_points(columns, attributes),
            Attributes::of_resource(columns, metric.scope),
        );
        let mut hasher = blake3::Hasher::new();
        for text in [metric.name, metric.unit] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        own.hash(&mut hasher);
        resource.hash(&mut hasher);
        let hash = hasher.finalize();
        if let Some(index) = self.known.get(&hash) {
            return *index;
        }
        let resource = resource.texts("resource.");
        let service = resource.iter().find(|(name, _)| name == "resource.service.name");
        let service = service.map_or_else(String::new, |(_, value)| value.clone());
        if !(self.service.is_empty() || self.service == service) {
            return None;
        }
        if self.series.len() >= self.max_series {
            self.is_full = true;
            return None;
        }
        let mut attributes = own.texts("");
        attributes.extend(resource);
        attributes.truncate(MAX_ATTRIBUTES);
        let key = Key {
            metric: metric.name.to_owned(),
            service,
            unit: metric.unit_of_values(),
            attributes,
        };
        let index = self.series.len();
        self.series.push((key, Figures::default()));
        self.known.insert(hash, Some(index));
        Some(index)
    }

    /// The figures as evidence, by metric, service and attributes. A series without a value (a sum that was seen once) is
    /// left out.
    pub(super) fn finish(mut self, scope: &Scope) -> Vec<Evidence> {
        self.series.retain(|(_, figures)| figures.count > 0);
        self.series.sort_by(|a, b| a.0.cmp(&b.0));
        let series = std::mem::take(&mut self.series);
        series
            .into_iter()
            .map(|(key, figures)| self.evidence(scope, key, &figures))
            .collect()
    }

    fn evidence(&self, scope: &Scope, key: Key, figures: &Figures) -> Evidence {
        let Key {
            metric,
            service,
            unit,
            attributes,
        } = key;
        let mut fields = vec![
            ("metric".to_owned(), metric.clone()),
            ("unit".to_owned(), unit.clone()),
        ];
        for (name, value) in [
            ("count", figures.count.to_string()),
            ("mean", figures.mean.to_string()),
            ("deviation", figures.deviation().to_string()),
            ("min", figures.min.to_string()),
            ("max", figures.max.to_string()),
            ("first", figures.first.1.to_string()),
            ("last", figures.last.1.to_string()),
            ("start", self.during.start.to_string()),
            ("end", self.during.end.to_string()),
        ] {
            fields.push((name.to_owned(), value));
        }
        // An attribute can't take the place of a figure: the first of a name counts.
        fields.extend(attributes);
        fields.retain(|(_, value)| !value.is_empty());
        let title = format!("{service} {metric}: mean {:.4} {unit}", figures.mean);
        let hash = content_hash(scope, &service, &fields);
        Evidence {
            time: self.during.start,
            service,
            title,
            fields,
            ..derived("series", format!("se-{hash}"))
        }
    }
}

impl<'a> Metric<'a> {
    fn of(columns: &'a MetricColumns, metric: usize) -> Self {
        let metrics = &columns.metrics;
        let string = |column: &[u32]| {
            let index = column.get(metric).copied().unwrap_or(0);
            columns.common.strings.get(index)
        };
        let byte = |column: &[u8]| column.get(metric).copied().unwrap_or(0);
        Self {
            name: string(&metrics.name),
            unit: string(&metrics.unit),
            kind: byte(&metrics.kind),
            is_cumulative: byte(&metrics.temporality) == CUMULATIVE,
            is_monotonic: byte(&metrics.monotonic) != 0,
            scope: metrics.scope.get(metric).copied().unwrap_or(u32::MAX),
        }
    }

    fn is_rate(&self) -> bool {
        self.kind == 2 && self.is_monotonic
    }

    fn unit_of_values(&self) -> String {
        match (self.is_rate(), self.unit) {
            (false, unit) => unit.to_owned(),
            (true, "" | "1") => "1/s".to_owned(),
            (true, unit) => format!("{unit}/s"),
        }
    }
}

impl Figures {
    fn take(&mut self, columns: &MetricColumns, row: usize, metric: &Metric<'_>) {
        let points = &columns.points;
        let (time, start) = (at(&points.time, row), at(&points.start_time, row));
        let data = at(&points.value, row);
        let table_row = usize::try_from(data).unwrap_or(usize::MAX);
        let kind = points.value_kind.get(row).copied().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "figures for people and for comparing")]
        let float = |value: u64| value as f64;
        #[expect(clippy::cast_precision_loss, reason = "figures for people and for comparing")]
        let value = match kind {
            1 => data.cast_signed() as f64,
            2 => f64::from_bits(data),
            3..=5 => {
                let (count, sum) = match kind {
                    3 => (&columns.histograms.count, &columns.histograms.sum),
                    4 => (
                        &columns.exponential_histograms.count,
                        &columns.exponential_histograms.sum,
                    ),
                    _ => (&columns.summaries.count, &columns.summaries.sum),
                };
                let (count, sum) = (float(at(count, table_row)), f64::from_bits(at(sum, table_row)));
                let is_cumulative = metric.is_cumulative || kind == 5;
                let (count, sum) = if is_cumulative {
                    let Some(since) = self.since((time, count, sum)) else {
                        return;
                    };
                    (since.1, since.2)
                } else {
                    (count, sum)
                };
                if count <= 0.0 {
                    return;
                }
                self.put(time, sum / count);
                return;
            }
            _ => return,
        };
        if !metric.is_rate() {
            self.put(time, value);
        } else if metric.is_cumulative {
            if let Some((seconds, _, grown)) = self.since((time, 0.0, value)) {
                self.put(time, grown / (float(seconds) / 1e9));
            }
        } else if start != 0 && start < time {
            self.put(time, value / (float(time - start) / 1e9));
        }
    }

    /// Nanoseconds, measurements and sum since the point before; none for the first one, or one out of order. A counter that
    /// shrank began anew.
    fn since(&mut self, (time, count, sum): Last) -> Option<Last> {
        let before = self.before.filter(|before| before.0 < time);
        if before.is_none() && self.before.is_some() {
            return None;
        }
        self.before = Some((time, count, sum));
        let (then, count_then, sum_then) = before?;
        let is_new = sum < sum_then || count < count_then;
        let (count_then, sum_then) = if is_new {
            (0.0, 0.0)
        } else {
            (count_then, sum_then)
        };
        Some((time - then, count - count_then, sum - sum_then))
    }

    fn put(&mut self, time: u64, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.count == 0 {
            (self.min, self.max) = (value, value);
            (self.first, self.last) = ((time, value), (time, value));
        }
        self.count += 1;
        #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^53 points")]
        let count = self.count as f64;
        let off = value - self.mean;
        self.mean += off / count;
        self.squares += off * (value - self.mean);
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
        if time < self.first.0 {
            self.first = (time, value);
        }
        if time >= self.last.0 {
            self.last = (time, value);
        }
    }

    fn deviation(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^53 points")]
        let count = self.count.max(1) as f64;
        (self.squares / count).max(0.0).sqrt()
    }
}

/// Some attributes of a batch.
struct Attributes<'a> {
    columns: &'a MetricColumns,
    table: &'a aia_telemetry::Attributes,
    rows: Range<usize>,
}

impl<'a> Attributes<'a> {
    fn of_points(columns: &'a MetricColumns, rows: Range<usize>) -> Self {
        Self {
            columns,
            table: &columns.points.attributes,
            rows,
        }
    }

    fn of_resource(columns: &'a MetricColumns, scope: u32) -> Self {
        let resources = &columns.common.resources;
        let resource = columns.common.scopes.resource.get(scope as usize);
        let rows = resource.map_or(0..0, |resource| {
            attribute_rows(
                &resources.attributes_end,
                *resource as usize,
                resources.attributes.key.len(),
            )
        });
        Self {
            columns,
            table: &resources.attributes,
            rows,
        }
    }

    fn row(&self, row: usize) -> Option<(&'a str, u8, u64)> {
        let key = self.columns.common.strings.get(*self.table.key.get(row)?);
        Some((key, *self.table.kind.get(row)?, *self.table.data.get(row)?))
    }

    /// Adds all of them to a hash that is the same in every batch.
    fn hash(&self, hasher: &mut blake3::Hasher) {
        for (key, kind, data) in self.rows.clone().filter_map(|row| self.row(row)) {
            hasher.update(&(key.len() as u64).to_le_bytes());
            hasher.update(key.as_bytes());
            hasher.update(&[kind]);
            match kind {
                value_kind::BOOL | value_kind::INT | value_kind::DOUBLE => hasher.update(&data.to_le_bytes()),
                _ => {
                    let text = value_text(&self.columns.common, kind, data, MAX_VALUE_BYTES);
                    hasher.update(&(text.len() as u64).to_le_bytes());
                    hasher.update(text.as_bytes())
                }
            };
        }
        hasher.update(&u64::MAX.to_le_bytes());
    }

    /// Names and values, in the order of the names.
    fn texts(&self, prefix: &str) -> Vec<(String, String)> {
        let rows = self.rows.clone().filter_map(|row| self.row(row));
        let mut texts: Vec<_> = rows
            .take(MAX_ATTRIBUTES)
            .map(|(key, kind, data)| {
                let value = value_text(&self.columns.common, kind, data, MAX_VALUE_BYTES);
                (format!("{prefix}{key}"), value)
            })
            .collect();
        texts.sort();
        texts
    }
}

#[cfg(test)]
mod tests;
