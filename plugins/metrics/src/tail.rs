//! How rare a value is among those before it: a threshold with a fixed share of values beyond it, and a generalised
//! Pareto distribution fitted to how far beyond they were (peaks over threshold).
//!
//! The fit is by moments, so a handful of numbers is all that is kept. It needs no assumption about the bulk of the
//! values and no unit, and says by itself whether a tail is heavy.

use serde::{Deserialize, Serialize};

/// Share of values beyond the threshold: enough of them to fit a tail to within a few hundred values, few enough that
/// it is the tail.
pub(crate) const SHARE: f32 = 0.02;

/// How many excesses the assumption counts for that they are as wide as the values usually are. It keeps a tail of which
/// little has been seen from looking thin.
const PRIOR: f64 = 4.0;

/// What is at least so much of the record has been about as far out.
const NEAR: f64 = 0.5;

/// How much rarer than it has been so far a value may be believed to be that is no record: where a peak comes every
/// day, counting says more than any fitted curve.
const LUCK: f64 = 3.0;

/// What is beyond the threshold by less than so many times the mean of what is isn't looked at: whatever the shape of
/// the tail, one value in several hundred is as far out.
const DULL: f64 = 1.5;

/// Number of values after which old ones begin to be forgotten.
pub(crate) const MEMORY: f64 = 4000.0;

/// One side of a distribution: what is known of values beyond its threshold.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Tail {
    /// Mean and mean square of how far beyond it they were.
    mean: f32,
    square: f32,
    /// The farthest beyond it, and how many runs were about as far.
    record: f32,
    near: f32,
    /// Part of them that came after one that wasn't beyond it, less than 1: what comes in a run is one event.
    dependence: f32,
}

impl Tail {
    /// How many values in a row are usually beyond the threshold.
    pub(crate) fn run_length(&self) -> f64 {
        1.0 / (1.0 - f64::from(self.dependence))
    }

    /// Minus the decimal logarithm of the probability of a run of values as far beyond the threshold as this one.
    /// `share` is that of values beyond it, `seen` the number of values before, `scale` how wide they usually are.
    pub(crate) fn surprise(&self, excess: f64, share: f64, seen: f64, scale: f64) -> f64 {
        let share = share.max(1.0 / (seen + 1.0));
        let excesses = seen.min(MEMORY) * share;
        let weight = excesses + PRIOR;
        let mean = (f64::from(self.mean) * excesses + scale * PRIOR) / weight;
        // One value in fifty comes here, and most of those are of no interest: the logarithms are for the others.
        if excess < DULL * mean {
            return 0.0;
        }
        let square = (f64::from(self.square) * excesses + 2.0 * scale * scale * PRIOR) / weight;
        // The values of a run tell of the tail as much as one of them.
        let new = 1.0 - f64::from(self.dependence);
        let log = if mean > 0.0 {
            log_survival(excess, mean, square, excesses * new + 1.0)
        } else {
            // Nothing was ever beyond: all that is known is how many values there were.
            -libm::log(excesses + 1.0)
        };
        let surprise = -(libm::log(share * new) + log) * std::f64::consts::LOG10_E;
        if excess <= f64::from(self.record) {
            let counted = libm::log10(LUCK * (seen + 1.0) / f64::from(self.near).max(1.0));
            return surprise.min(counted);
        }
        surprise
    }

    /// Learns what is so far beyond the threshold, with the share of values that are: `rate` is the weight of a value,
    /// `is_new` whether the one before wasn't beyond it.
    pub(crate) fn learn(&mut self, excess: f64, share: f64, rate: f64, is_new: bool) {
        let mean = f64::from(self.mean);
        // Of the excesses, each weighs as much more than a value as they are rarer.
        let weight = (rate / share.max(1e-9)).min(0.25);
        let square = f64::from(self.square);
        self.mean = narrow(mean + weight * (excess - mean));
        let square = square + weight * (excess * excess - square);
        // The square of a large value has no room in what is kept.
        self.square = narrow(square.min(f64::from(f32::MAX)));
        let dependence = f64::from(self.dependence);
        let follows = if is_new { 0.0 } else { MOST_DEPENDENT };
        self.dependence = narrow(dependence + weight.min(0.1) * (follows - dependence));
        let record = f64::from(self.record);
        let new: f32 = if is_new { 1.0 } else { 0.0 };
        if excess > record {
            self.near = if excess * NEAR > record {
                1.0
            } else {
                self.near + new
            };
            self.record = narrow(excess);
        } else if excess > NEAR * record {
            self.near = self.near * narrow(1.0 - rate) + new;
        }
    }
}

/// Of the values beyond a threshold, the most that are taken to follow another one: runs of twenty.
const MOST_DEPENDENT: f64 = 0.95;

/// The logarithm of the probability that a generalised Pareto distribution exceeds a value, of which so many
/// independent ones had this mean and mean square. It is that of the next one, not of the curve that fits best: few
/// leave open how heavy a tail is, and that makes it heavier.
fn log_survival(excess: f64, mean: f64, square: f64, count: f64) -> f64 {
    let variance = (square - mean * mean).max(1e-12 * square);
    let ratio = if variance > 0.0 {
        mean * mean / variance
    } else {
        1.0
    };
    // A tail that ends somewhere isn't believed: what lies behind its end would be impossible.
    let shape = (0.5 * (1.0 - ratio)).max(0.0) + 1.0 / count;
    let scale = 0.5 * mean * (1.0 + ratio);
    -libm::log1p(shape * excess / scale) / shape
}

/// To what is kept. Values are bounded before they come here, so that all that is linear in them stays finite.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::{One, Weight};

    /// Evenly spread numbers from 0 to 1, in no order.
    fn noise(index: u32) -> f64 {
        (f64::from(index) * 0.618_033_988_75).fract()
    }

    /// Learns by the rules of features, and says how surprising a value is.
    fn surprise(values: impl Iterator<Item = f64>, probe: f64) -> f64 {
        let (mut feature, mut seen) = (One::default(), 0.0);
        for value in values {
            let rate = (1.0_f64 / (seen + 1.0)).max(1.0 / MEMORY);
            feature.observe([narrow(value)], Weight::new(seen, rate));
            seen += 1.0;
        }
        let verdict = feature.observe([narrow(probe)], Weight::new(seen, 1.0 / MEMORY));
        verdict.surprise
    }

    #[test]
    fn what_is_exponential_has_about_its_own_probability() {
        for value in [6.0, 9.0, 12.0] {
            let found = surprise((0..5000).map(|index| -libm::log(1.0 - noise(index))), value);
            let expected = value * std::f64::consts::LOG10_E;
            assert!(
                (found / expected - 1.0).abs() < 0.35,
                "{value}: {found} {expected}"
            );
        }
    }

    #[test]
    fn a_heavy_tail_is_seen_to_be_heavy() {
        let light = surprise((0..5000).map(|index| -libm::log(1.0 - noise(index))), 60.0);
        let heavy = surprise((0..5000).map(|index| libm::pow(1.0 - noise(index), -0.5)), 60.0);
        assert!(heavy < 0.5 * light, "{heavy} {light}");
    }

    #[test]
    fn few_values_leave_open_how_heavy_a_tail_is() {
        let of = |count| surprise((0..count).map(|index| -libm::log(1.0 - noise(index))), 20.0);
        assert!(of(200) < 0.8 * of(5000), "{} {}", of(200), of(5000));
    }

    #[test]
    fn what_comes_again_and_again_is_counted() {
        let values = || (0..5000).map(|index| if index % 250 == 249 { 100.0 } else { noise(index) });
        assert!(surprise(values(), 100.0) < 3.0);
        assert!(surprise(values(), 1000.0) > 4.0);
    }

    #[test]
    fn nothing_is_ever_not_a_number() {
        for value in [0.0, -0.0, 1e-300, 1e30, -1e30] {
            for probe in [0.0, 1.0, 1e30] {
                let values = (0..100).map(|index| if index % 7 == 0 { value } else { 0.0 });
                assert!(!surprise(values, probe).is_nan(), "{value} {probe}");
            }
        }
    }
}
