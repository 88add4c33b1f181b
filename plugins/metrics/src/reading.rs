//! The number that a point stands for: a gauge's value, a counter's rate, a high quantile of a distribution.

use std::time::Duration;

use aia_plugin_sdk::stats::float;
use aia_plugin_sdk::{
    ExponentialHistogram, Histogram, Metric, MetricKind, Point, PointValue, Summary, Temporality, Time,
};
use serde::{Deserialize, Serialize};

/// The quantile of distributions that is looked at.
const QUANTILE: f64 = 0.95;

/// Measurements from which on a distribution has a quantile worth looking at.
const MIN_COUNT: u64 = 20;

/// Buckets of a cumulative histogram kept at most, to subtract them from the next ones.
pub(crate) const MAX_BUCKETS: usize = 160;

/// How far ahead of the time of receipt a point's clock may be.
const FUTURE: Duration = Duration::from_secs(300);

/// What the next point of a cumulative series is compared with.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Previous {
    start: Time,
    time: Time,
    value: f64,
    /// Scale and first bucket of exponential histograms.
    scale: i32,
    offset: i32,
    counts: Vec<u64>,
}

impl Previous {
    /// Buckets kept.
    pub(crate) fn buckets(&self) -> usize {
        self.counts.len()
    }
}

/// Counts of neighbouring buckets and where each ends.
struct Buckets {
    counts: Vec<u64>,
    scale: i32,
    offset: i32,
    bounds: Vec<f64>,
}

/// Reads a point; nothing where it can't be compared with others: the first of a cumulative series, one behind a
/// reset, one with too few measurements. `time` is the point's, as far as it is to be believed, `room` is how many buckets there is room for.
pub(crate) fn read(
    metric: Metric<'_>,
    point: Point<'_>,
    time: Time,
    previous: &mut Option<Box<Previous>>,
    room: usize,
) -> Option<f64> {
    let is_cumulative = metric.temporality() == Temporality::Cumulative;
    match point.value() {
        PointValue::Empty => None,
        PointValue::Number(number) => {
            let value = number.as_f64();
            if metric.kind() != MetricKind::Sum || !metric.is_monotonic() {
                return Some(value);
            }
            if is_cumulative {
                let seconds = passed(time, previous)?;
                let before = replace(previous, point.start_time(), time, value);
                // A counter that begins again has less than before.
                return before
                    .filter(|before| *before <= value)
                    .map(|before| (value - before) / seconds);
            }
            let seconds = point.time().since(point.start_time()).as_secs_f64();
            Some(if point.start_time().is_set() && seconds > 0.0 {
                value / seconds
            } else {
                value
            })
        }
        PointValue::Histogram(histogram) => {
            let buckets = of_histogram(histogram);
            distribution(buckets, is_cumulative, (point.start_time(), time), previous, room)
        }
        PointValue::ExponentialHistogram(histogram) => {
            let buckets = of_exponential(histogram);
            distribution(buckets, is_cumulative, (point.start_time(), time), previous, room)
        }
        PointValue::Summary(summary) => of_summary(summary),
    }
}

/// The time of a point. Without one it is as of when it came, and so is what claims to come from the future: nothing
/// sent later would ever be later than that.
pub(crate) fn plausible(time: Time, now: Time) -> Time {
    if time.is_set() && time <= now.after(FUTURE) {
        time
    } else {
        now
    }
}

/// Seconds since the last point. Nothing for one that is late or comes twice; the first one passes by as a second.
fn passed(time: Time, previous: &Option<Box<Previous>>) -> Option<f64> {
    let Some(before) = previous else { return Some(1.0) };
    (time > before.time).then(|| time.since(before.time).as_secs_f64())
}

/// Puts a value in the place of the one before, which it gives, if both count from the same start.
fn replace(previous: &mut Option<Box<Previous>>, start: Time, time: Time, value: f64) -> Option<f64> {
    let same = previous
        .as_deref()
        .filter(|before| before.start == start)
        .map(|before| before.value);
    let of_now = previous.get_or_insert_default();
    of_now.start = start;
    of_now.time = time;
    of_now.value = value;
    same
}

/// The quantile of what was measured since the last point.
fn distribution(
    buckets: Buckets,
    is_cumulative: bool,
    (start, time): (Time, Time),
    previous: &mut Option<Box<Previous>>,
    room: usize,
) -> Option<f64> {
    if buckets.counts.len() > MAX_BUCKETS {
        return None;
    }
    let Buckets {
        counts,
        scale,
        offset,
        bounds,
    } = buckets;
    if !is_cumulative {
        return quantile(&counts, &bounds);
    }
    passed(time, previous)?;
    let kept = previous.as_deref().map_or(0, Previous::buckets);
    if counts.len() > room.saturating_add(kept) {
        return None;
    }
    let before = previous.take().filter(|before| {
        before.start == start
            && (before.scale, before.offset) == (scale, offset)
            && before.counts.len() <= counts.len()
            && before
                .counts
                .iter()
                .zip(&counts)
                .all(|(before, now)| before <= now)
    });
    let since = before.map(|before| {
        let zeros = before.counts.iter().copied().chain(std::iter::repeat(0));
        let rest: Vec<u64> = counts
            .iter()
            .zip(zeros)
            .map(|(now, before)| now - before)
            .collect();
        rest
    });
    *previous = Some(Box::new(Previous {
        start,
        time,
        value: 0.0,
        scale,
        offset,
        counts,
    }));
    quantile(&since?, &bounds)
}

fn of_histogram(histogram: Histogram<'_>) -> Buckets {
    Buckets {
        // One more than is looked at, to see that there are too many.
        counts: histogram.bucket_counts().take(MAX_BUCKETS + 1).collect(),
        scale: 0,
        offset: 0,
        bounds: histogram.explicit_bounds().take(MAX_BUCKETS).collect(),
    }
}

fn of_exponential(histogram: ExponentialHistogram<'_>) -> Buckets {
    let positive = histogram.positive();
    let below: u64 = histogram
        .negative()
        .counts()
        .fold(histogram.zero_count(), u64::saturating_add);
    let mut counts = vec![below];
    counts.extend(positive.counts().take(MAX_BUCKETS));
    let scale = histogram.scale().clamp(-10, 20);
    let width = libm::exp2(-f64::from(scale));
    let mut bounds = vec![0.0];
    for index in (0_i32..).take(counts.len() - 1) {
        let end = f64::from(positive.offset) + f64::from(index) + 1.0;
        bounds.push(libm::exp2((end * width).clamp(-1000.0, 1000.0)));
    }
    Buckets {
        counts,
        scale,
        offset: positive.offset,
        bounds,
    }
}

/// The quantile, between the bounds of its bucket.
fn quantile(counts: &[u64], bounds: &[f64]) -> Option<f64> {
    let all = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if all < MIN_COUNT {
        return None;
    }
    let rank = QUANTILE * float(all);
    let mut sum = 0.0;
    let mut low = bounds.first().map_or(0.0, |first| first.min(0.0));
    for (index, count) in counts.iter().enumerate() {
        // The last bucket has no end: all that is known is where it begins.
        let Some(high) = bounds.get(index).copied() else {
            return Some(low).filter(|low| low.is_finite());
        };
        let count = float(*count);
        if count > 0.0 && sum + count >= rank {
            let value = low + (high - low) * ((rank - sum) / count);
            return Some(value).filter(|value| value.is_finite());
        }
        sum += count;
        low = high;
    }
    Some(low).filter(|low| low.is_finite())
}

/// The quantile next to the one looked at; without any, nothing.
fn of_summary(summary: Summary<'_>) -> Option<f64> {
    let mut best: Option<(f64, f64)> = None;
    for (quantile, value) in summary.quantiles() {
        let distance = (quantile - QUANTILE).abs();
        if distance.is_finite() && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, value));
        }
    }
    best.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let bounds = [10.0, 20.0, 50.0];
        assert_eq!(quantile(&[100, 0, 0, 0], &bounds), Some(9.5));
        assert_eq!(quantile(&[0, 90, 10, 0], &bounds), Some(35.0));
        assert_eq!(quantile(&[0, 0, 0, 100], &bounds), Some(50.0));
        assert_eq!(quantile(&[5, 5, 5, 4], &bounds), None, "too few");
        assert_eq!(quantile(&[u64::MAX, u64::MAX], &[1.0]), Some(0.95));
        assert_eq!(quantile(&[30], &[]), Some(0.0));
    }
}
