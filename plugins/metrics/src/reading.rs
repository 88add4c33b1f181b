//! The number that a point stands for: a gauge's value, a counter's rate, a high quantile of a distribution.

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

/// How far ahead of the time of receipt a point's clock may be, in nanoseconds.
const FUTURE: u64 = 300_000_000_000;

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

/// Neighbouring buckets, read where they lie.
trait Buckets: Copy {
    fn scale(self) -> i32;

    fn offset(self) -> i32;

    /// How many there are; one more than are looked at, where there are too many.
    fn len(self) -> usize;

    fn counts(self) -> impl Iterator<Item = u64>;

    /// How many have an end; those behind them have none.
    fn ends(self) -> usize;

    /// Where a bucket ends.
    fn end(self, index: usize) -> Option<f64>;
}

impl Buckets for Histogram<'_> {
    fn scale(self) -> i32 {
        0
    }

    fn offset(self) -> i32 {
        0
    }

    fn len(self) -> usize {
        self.bucket_counts().take(MAX_BUCKETS + 1).count()
    }

    fn counts(self) -> impl Iterator<Item = u64> {
        self.bucket_counts()
    }

    fn ends(self) -> usize {
        self.explicit_bounds().count()
    }

    fn end(self, index: usize) -> Option<f64> {
        self.explicit_bounds().nth(index)
    }
}

/// What isn't above zero is the first bucket.
impl Buckets for ExponentialHistogram<'_> {
    fn scale(self) -> i32 {
        self.scale().clamp(-10, 20)
    }

    fn offset(self) -> i32 {
        self.positive().offset
    }

    fn len(self) -> usize {
        1 + self.positive().counts().take(MAX_BUCKETS).count()
    }

    fn counts(self) -> impl Iterator<Item = u64> {
        let negative = self.negative().counts();
        let below = negative.fold(self.zero_count(), u64::saturating_add);
        std::iter::once(below).chain(self.positive().counts())
    }

    fn ends(self) -> usize {
        usize::MAX
    }

    fn end(self, index: usize) -> Option<f64> {
        let index = u32::try_from(index).ok()?;
        if index == 0 {
            return Some(0.0);
        }
        let width = libm::exp2(-f64::from(Buckets::scale(self)));
        let end = f64::from(self.positive().offset) + f64::from(index);
        Some(libm::exp2((end * width).clamp(-1000.0, 1000.0)))
    }
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
        PointValue::Histogram(histogram) => distribution(
            histogram,
            is_cumulative,
            (point.start_time(), time),
            previous,
            room,
        ),
        PointValue::ExponentialHistogram(histogram) => distribution(
            histogram,
            is_cumulative,
            (point.start_time(), time),
            previous,
            room,
        ),
        PointValue::Summary(summary) => of_summary(summary),
    }
}

/// The time of a point. Without one it is as of when it came, and so is what claims to come from the future: nothing
/// sent later would ever be later than that.
pub(crate) fn plausible(time: Time, now: Time) -> Time {
    if time.is_set() && time.as_nanos() <= now.as_nanos().saturating_add(FUTURE) {
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
    buckets: impl Buckets,
    is_cumulative: bool,
    (start, time): (Time, Time),
    previous: &mut Option<Box<Previous>>,
    room: usize,
) -> Option<f64> {
    let len = buckets.len();
    if len > MAX_BUCKETS {
        return None;
    }
    let (ends, end) = (buckets.ends(), |index| buckets.end(index));
    if !is_cumulative {
        return quantile(|| buckets.counts(), ends, end);
    }
    passed(time, previous)?;
    let kept = previous.as_deref().map_or(0, Previous::buckets);
    if len > room.saturating_add(kept) {
        return None;
    }
    let (scale, offset) = (buckets.scale(), buckets.offset());
    let goes_on = previous.as_deref().is_some_and(|before| {
        before.start == start
            && (before.scale, before.offset) == (scale, offset)
            && before.counts.len() <= len
            && before
                .counts
                .iter()
                .zip(buckets.counts())
                .all(|(before, now)| *before <= now)
    });
    let before = previous.get_or_insert_default();
    let found = if goes_on {
        let counts = &before.counts;
        let since = || {
            let zeros = counts.iter().copied().chain(std::iter::repeat(0));
            buckets.counts().zip(zeros).map(|(now, before)| now - before)
        };
        quantile(since, ends, end)
    } else {
        None
    };
    (before.start, before.time, before.value) = (start, time, 0.0);
    (before.scale, before.offset) = (scale, offset);
    before.counts.clear();
    // As many as there are and no more: they are kept for long.
    before.counts.reserve_exact(len);
    before.counts.extend(buckets.counts());
    found
}

/// The quantile, between the bounds of its bucket.
fn quantile<I: Iterator<Item = u64>>(
    counts: impl Fn() -> I,
    ends: usize,
    end: impl Fn(usize) -> Option<f64>,
) -> Option<f64> {
    let all = counts().fold(0_u64, u64::saturating_add);
    if all < MIN_COUNT {
        return None;
    }
    let rank = QUANTILE * float(all);
    let begin = |index: usize| match index.checked_sub(1) {
        Some(before) => end(before),
        None => Some(end(0).map_or(0.0, |first| first.min(0.0))),
    };
    let (mut sum, mut len) = (0.0, 0);
    for (index, count) in counts().enumerate() {
        if index >= ends {
            // The last bucket has no end: all that is known is where it begins.
            return begin(index).filter(|low| low.is_finite());
        }
        let count = float(count);
        if count > 0.0 && sum + count >= rank {
            let (low, high) = (begin(index)?, end(index)?);
            let value = low + (high - low) * ((rank - sum) / count);
            return Some(value).filter(|value| value.is_finite());
        }
        sum += count;
        len = index + 1;
    }
    begin(len).filter(|low| low.is_finite())
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
        let of = |counts: &[u64], bounds: &[f64]| {
            quantile(
                || counts.iter().copied(),
                bounds.len(),
                |index| bounds.get(index).copied(),
            )
        };
        assert_eq!(of(&[100, 0, 0, 0], &bounds), Some(9.5));
        assert_eq!(of(&[0, 90, 10, 0], &bounds), Some(35.0));
        assert_eq!(of(&[0, 0, 0, 100], &bounds), Some(50.0));
        assert_eq!(of(&[5, 5, 5, 4], &bounds), None, "too few");
        assert_eq!(of(&[u64::MAX, u64::MAX], &[1.0]), Some(0.95));
        assert_eq!(of(&[30], &[]), Some(0.0));
    }
}
