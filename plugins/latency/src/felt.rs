//! What users feel: requests from outside that take far longer than they ever did, wherever their time is spent.
//!
//! Blame needs requests enough to see whose own time grew. Where few call a service, or its time is lost on the way to it,
//! nobody can be blamed for long, while those who wait at the edge of the system already do. So the edge is looked at by
//! itself: what is far beyond everything usual needs no knowledge of where it comes from.

use std::time::Duration;

use aia_plugin_sdk::Time;
use serde::{Deserialize, Serialize};

use crate::comparison::{Change, Comparison, P95};
use crate::sketch::Sketch;
use aia_plugin_sdk::stats::{chance, float};

/// A request is far slower if it takes so many times the usual 95th percentile, as for the median of what is high …
const FAR_FACTOR: u32 = 3;

/// … and a second more: about where people lose their train of thought.
const FAR_MICROS: u32 = 1_000_000;

/// A median is far slower by the same factor and a tenth of a second: most requests are, so that less of each counts.
const MEDIAN_MICROS: u32 = 100_000;

/// Share of requests that are far slower from which it is felt, and from which it is all that is felt.
const FELT_SHARE: f64 = 0.1;
const MOST: f64 = 0.5;

/// Far slower requests needed.
const MIN_FAR: u64 = 5;

/// Requests within a window below which nothing is said, as for what is usual: fewer have no 95th percentile.
const MIN_REQUESTS: u64 = 20;

/// Least probability by which it counts as chance. More than elsewhere: only the edge is tested, one operation or a few,
/// and as soon as something is known of it, a tenth of the requests three times beyond the usual tail is far below. It
/// matters in the first minutes only, when the tail itself is known from a handful of requests.
const CHANCE: f64 = 1e-3;

/// How long after somebody was blamed nothing is told of by itself: callers queue up behind what was slow.
const ECHO: Duration = Duration::from_secs(120);

/// How much users feel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Felt {
    /// The quantile that tells it best.
    pub(crate) change: Change<u32>,
    pub(crate) is_median: bool,
    /// Requests that are far slower than usual, and all.
    pub(crate) far: u64,
    pub(crate) count: u64,
    /// Time they lost within the window, in microseconds.
    pub(crate) lost: u64,
}

/// From when on a request is far slower than usual.
pub(crate) fn far_from(usual: &Sketch) -> Option<u32> {
    let p95 = usual.quantile_end(P95)?;
    Some(p95.saturating_mul(FAR_FACTOR).max(p95.saturating_add(FAR_MICROS)))
}

impl Felt {
    /// What is felt of a window; nothing if it isn't clear. `durations` compares the same two.
    pub(crate) fn new(usual: &Sketch, now: &Sketch, durations: &Comparison) -> Option<Self> {
        let count = now.count();
        if count < MIN_REQUESTS {
            return None;
        }
        let limit = far_from(usual)?;
        let (far, usual_far) = (now.count_above(limit), usual.count_above(limit));
        let is_tail = far >= MIN_FAR
            && float(far) >= FELT_SHARE * float(count)
            && chance(far, count, usual_far, usual.count()) < CHANCE;
        let median = durations.p50;
        let is_median = durations.is_median_shifted
            && median.grew_by(f64::from(FAR_FACTOR))
            && median.increase() >= MEDIAN_MICROS;
        (is_tail || is_median).then_some(Self {
            change: if is_median { median } else { durations.p95 },
            is_median,
            far,
            count,
            lost: durations.lost(),
        })
    }

    /// Whether it is so for most.
    pub(crate) fn is_most(&self) -> bool {
        float(self.far) >= MOST * float(self.count)
    }
}

/// Since when users feel an operation, and what became of that.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Feeling {
    /// Since when windows have been felt without a break.
    since: Time,
    /// When a service was last blamed for it.
    explained: Time,
    /// When it was last told of by itself.
    signalled: Time,
}

impl Feeling {
    /// Notes whether the last window was felt.
    pub(crate) fn note(&mut self, is_felt: bool, now: Time) {
        if !is_felt {
            self.since = Time::UNSET;
        } else if !self.since.is_set() {
            self.since = now;
        }
    }

    pub(crate) fn is_felt(&self) -> bool {
        self.since.is_set()
    }

    /// Notes that somebody is blamed for it.
    pub(crate) fn explain(&mut self, now: Time) {
        self.explained = now;
    }

    /// Whether it is to be told of by itself: when there was time to blame somebody, and nobody was for a while.
    pub(crate) fn is_due(&self, now: Time, patience: Duration, update: Duration) -> bool {
        let is_past = |time: Time, by: Duration| !time.is_set() || now.since(time) >= by;
        self.is_felt()
            && now.since(self.since) >= patience
            && is_past(self.explained, ECHO)
            && is_past(self.signalled, update)
    }

    /// Notes that it was told of.
    pub(crate) fn signalled(&mut self, now: Time) {
        self.signalled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::sketch::MAX_BUCKETS;

    fn sketch(durations: impl Iterator<Item = u32>) -> Sketch {
        let mut sketch = Sketch::default();
        durations.for_each(|millis| sketch.add(millis * 1000, MAX_BUCKETS));
        sketch
    }

    fn felt(usual: &Sketch, now: &Sketch) -> Option<Felt> {
        Felt::new(usual, now, &Comparison::new(usual, now, &Config::default())?)
    }

    /// So many requests from 100 to 300 ms, and so many of 2 s.
    fn with_slow(ordinary: u32, slow: u32) -> Sketch {
        sketch(
            (0..ordinary)
                .map(|n| 100 + n * 200 / ordinary)
                .chain((0..slow).map(|_| 2000)),
        )
    }

    #[test]
    fn a_part_that_waits_for_seconds_is_felt() {
        let found = felt(&with_slow(300, 0), &with_slow(50, 8)).unwrap();
        assert_eq!((found.far, found.count, found.is_median), (8, 58, false));
        assert!(!found.is_most());
        assert!(felt(&with_slow(300, 0), &with_slow(25, 25)).unwrap().is_most());
    }

    #[test]
    fn so_is_a_median_that_grew_threefold() {
        let usual = sketch((0..100).map(|n| 100 + n));
        let found = felt(&usual, &sketch((0..50).map(|n| 480 + n))).unwrap();
        assert!(found.is_median && found.far == 0);
    }

    #[test]
    fn a_few_slow_ones_and_a_little_slower_are_not() {
        let usual = with_slow(300, 0);
        assert_eq!(felt(&usual, &with_slow(55, 4)), None, "too few");
        assert_eq!(felt(&usual, &with_slow(11, 8)), None, "not enough requests");
        assert_eq!(felt(&usual, &with_slow(100, 8)), None, "less than a tenth");
        assert_eq!(felt(&with_slow(270, 30), &with_slow(50, 8)), None, "as usual");
        assert_eq!(
            felt(&with_slow(20, 0), &with_slow(52, 6)),
            None,
            "too little known"
        );
        assert_eq!(felt(&usual, &sketch((0..50).map(|n| 200 + n * 5))), None);
    }
}
