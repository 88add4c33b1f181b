//! A window compared with what is usual.

use crate::config::Config;
use aia_plugin_sdk::stats::{chance, float};

use crate::significance::CHANCE;
use crate::sketch::Sketch;

/// Durations that a baseline must have before anything is compared with it. Fewer have no 95th percentile.
pub(crate) const MIN_BASELINE: u64 = 20;

/// Thousandths of the quantiles compared.
pub(crate) const MEDIAN: u64 = 500;
pub(crate) const P95: u64 = 950;

/// A figure, with what it usually is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Change<T> {
    pub(crate) now: T,
    pub(crate) usual: T,
}

impl Change<u32> {
    /// Whether it grew as much as the operator demands.
    fn is_large(self, config: &Config) -> bool {
        self.grew_by(config.min_growth) && self.increase() >= config.min_increase_micros()
    }

    /// Whether it is at least so many times what it usually is.
    pub(crate) fn grew_by(self, factor: f64) -> bool {
        f64::from(self.now) >= factor * f64::from(self.usual.max(1))
    }

    /// By how much it grew.
    pub(crate) fn increase(self) -> u32 {
        self.now.saturating_sub(self.usual)
    }
}

/// Durations (or self times) of a window compared with the usual ones, in microseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) p50: Change<u32>,
    pub(crate) p95: Change<u32>,
    /// How many requests are compared, and how many of them are above the usual 95th percentile.
    pub(crate) count: u64,
    pub(crate) slow: u64,
    /// Whether the median or the 95th percentile clearly grew.
    pub(crate) is_median_shifted: bool,
    pub(crate) is_p95_shifted: bool,
}

impl Comparison {
    /// Compares; nothing where there are too few to compare.
    pub(crate) fn new(usual: &Sketch, now: &Sketch, config: &Config) -> Option<Self> {
        let (count, usual_count) = (now.count(), usual.count());
        if count < u64::from(config.min_count) || usual_count < MIN_BASELINE {
            return None;
        }
        let change = |thousandths| {
            Some(Change {
                now: now.quantile(thousandths)?,
                usual: usual.quantile(thousandths)?,
            })
        };
        let (p50, p95) = (change(MEDIAN)?, change(P95)?);
        let (usual_slow, slow) = usual.above(now, P95);
        let is_significant = |(usual_above, above)| chance(above, count, usual_above, usual_count) < CHANCE;
        Some(Self {
            p50,
            p95,
            count,
            slow,
            is_median_shifted: p50.is_large(config) && is_significant(usual.above(now, MEDIAN)),
            is_p95_shifted: p95.is_large(config) && is_significant((usual_slow, slow)),
        })
    }

    /// Whether it is clearly slower than usual.
    pub(crate) fn is_shifted(&self) -> bool {
        self.is_median_shifted || self.is_p95_shifted
    }

    /// The quantile that grew the most, of those that grew clearly.
    pub(crate) fn worst(&self) -> Change<u32> {
        let growth = |change: Change<u32>| f64::from(change.now) / f64::from(change.usual.max(1));
        if self.is_median_shifted && (!self.is_p95_shifted || growth(self.p50) > growth(self.p95)) {
            self.p50
        } else {
            self.p95
        }
    }

    /// Time lost within the window, roughly, in microseconds.
    pub(crate) fn lost(&self) -> u64 {
        let lost = |change: Change<u32>, share: u64| {
            u64::from(change.increase())
                .saturating_mul(self.count)
                .saturating_div(share)
        };
        lost(self.p50, 2).max(lost(self.p95, 20))
    }
}

/// Failures among the requests of a window compared with the usual share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Failures {
    /// Share of requests that fail.
    pub(crate) rate: Change<f64>,
    /// Whether it clearly rose.
    pub(crate) is_shifted: bool,
}

/// Failures within a window below which nothing is said of a rate.
const MIN_FAILED: u64 = 3;

/// Least increase of the rate that is worth a word.
const MIN_RISE: f64 = 0.05;

impl Failures {
    /// Compares; nothing where there are too few requests to compare.
    pub(crate) fn new(usual: (u64, u64), now: (u64, u64), config: &Config) -> Option<Self> {
        let ((usual_failed, usual_count), (failed, count)) = (usual, now);
        if count < u64::from(config.min_count) || usual_count < MIN_BASELINE {
            return None;
        }
        let rate = Change {
            now: float(failed.min(count)) / float(count),
            usual: float(usual_failed.min(usual_count)) / float(usual_count),
        };
        let is_large =
            failed >= MIN_FAILED && rate.now >= 2.0 * rate.usual && rate.now >= rate.usual + MIN_RISE;
        let is_shifted = is_large
            && chance(
                failed.min(count),
                count,
                usual_failed.min(usual_count),
                usual_count,
            ) < CHANCE;
        Some(Self { rate, is_shifted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::MAX_BUCKETS;

    fn sketch(durations: impl Iterator<Item = u32>) -> Sketch {
        let mut sketch = Sketch::default();
        durations.for_each(|micros| sketch.add(micros, MAX_BUCKETS));
        sketch
    }

    /// 100 durations around 100 ms, so many times as long.
    fn around(factor: u32) -> Sketch {
        sketch((0..100).map(|n| (80_000 + n * 400) * factor))
    }

    fn compare(usual: &Sketch, now: &Sketch) -> Option<Comparison> {
        Comparison::new(usual, now, &Config::default())
    }

    #[test]
    fn slower_by_a_factor_is_a_shift() {
        let same = compare(&around(1), &around(1)).unwrap();
        assert!(!same.is_shifted());
        let slower = compare(&around(1), &around(3)).unwrap();
        assert!(slower.is_median_shifted && slower.is_p95_shifted);
        assert_eq!((slower.count, slower.slow), (100, 100));
        assert!(slower.worst().grew_by(2.9) && !slower.worst().grew_by(3.1));
        assert!(!compare(&around(3), &around(1)).unwrap().is_shifted());
    }

    #[test]
    fn a_slow_part_shifts_the_tail_only() {
        let now = sketch((0..100).map(|n| if n % 4 == 0 { 900_000 } else { 80_000 + n * 400 }));
        let usual = sketch((0..1000).map(|n| 80_000 + n * 40));
        let found = compare(&usual, &now).unwrap();
        assert!(found.is_p95_shifted && !found.is_median_shifted);
        assert_eq!(found.worst(), found.p95);
    }

    #[test]
    fn small_and_short_differences_are_none() {
        let few = sketch((0..9).map(|_| 900_000));
        assert_eq!(compare(&around(1), &few), None);
        assert_eq!(compare(&few, &around(1)), None);
        // Ten times as slow, but nobody feels it.
        let tiny = |micros| sketch((0..100).map(move |_| micros));
        assert!(!compare(&tiny(100), &tiny(1000)).unwrap().is_shifted());
        // One request of a hundred.
        let one = sketch((0..100).map(|n| if n == 0 { 9_000_000 } else { 80_000 + n * 400 }));
        assert!(!compare(&around(1), &one).unwrap().is_shifted());
    }

    #[test]
    fn rates_rise_clearly_or_not() {
        let rise = |usual, now| Failures::new(usual, now, &Config::default()).unwrap().is_shifted;
        assert!(rise((1, 1000), (30, 100)));
        assert!(!rise((250, 1000), (30, 100)));
        assert!(!rise((0, 1000), (2, 100)));
        assert!(!rise((0, 30), (5, 20)));
        assert_eq!(Failures::new((0, 10), (9, 9), &Config::default()), None);
    }
}
