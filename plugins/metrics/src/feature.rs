//! What is usual of numbers derived from a series: where each is, how wide, and its two tails.
//!
//! Every value moves the centres and thresholds of all of them; that is written for four at once, without branches, and
//! in 32 bits, so that compilers take vectors for it. One in fifty is beyond a threshold: only then are tails looked at.

use serde::{Deserialize, Serialize};

use crate::tail::{SHARE, Tail, narrow};

/// Values from which what is usual is learned before anything is said.
const WARM_UP: f64 = 40.0;

/// Values after which the threshold moves in smaller steps.
const SETTLED: f64 = 300.0;

/// How far from the centre a value counts, in usual distances: one can't move what is usual far.
const FAR: f32 = 10.0;

/// The least distance of values that aren't the same.
const LEAST: f32 = 1e-30;

/// Weights of a value, the same for all features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    /// Values that were learned from.
    seen: f64,
    rate: f32,
    /// For the share: the first values would move it too much.
    slow: f32,
    /// How far a threshold moves, in usual distances.
    step: f32,
    far: f32,
}

impl Weight {
    /// The weight of a value after `seen` others, at the rate at which they are forgotten.
    #[inline]
    pub(crate) fn new(seen: f64, rate: f64) -> Self {
        let rate = narrow(rate);
        Self {
            seen,
            rate,
            slow: rate.min(SHARE),
            step: if seen < SETTLED { 0.5 } else { 0.2 },
            far: if seen < WARM_UP { f32::MAX } else { FAR },
        }
    }
}

/// What was said of a value: what is most surprising of the features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) surprise: f64,
    /// Which feature that is.
    pub(crate) feature: usize,
    /// Whether it is above what is usual.
    pub(crate) is_high: bool,
}

impl Verdict {
    /// Nothing surprising.
    pub(crate) const NONE: Self = Self {
        surprise: 0.0,
        feature: 0,
        is_high: true,
    };
}

/// Features side by side, each with a centre, the usual distance from it, two thresholds and the share beyond them.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Features<A, T> {
    centre: A,
    scale: A,
    high: A,
    low: A,
    high_share: A,
    low_share: A,
    tails: T,
    /// Which thresholds the value before was beyond, a bit for each.
    beyond: u8,
}

/// Features of every value.
pub(crate) type Four = Features<[f32; 4], [[Tail; 2]; 4]>;

/// A feature that not every value has.
pub(crate) type One = Features<[f32; 1], [[Tail; 2]; 1]>;

impl Four {
    /// Where the first one usually is.
    #[inline]
    pub(crate) fn centre(&self) -> f32 {
        let [first, ..] = self.centre;
        first
    }

    /// The value that one in fifty of the first ones is above.
    pub(crate) fn highest(&self) -> f32 {
        let [first, ..] = self.high;
        first
    }

    /// How many values in a row are usually beyond a threshold of the first one, where any are.
    pub(crate) fn run_length(&self) -> f64 {
        let [[high, low], ..] = &self.tails;
        high.run_length().max(low.run_length())
    }
}

macro_rules! features {
    ($name:ty, $count:literal) => {
        impl $name {
            /// Whether the last value of the first one was beyond a threshold.
            #[inline]
            pub(crate) fn is_out(&self) -> bool {
                self.beyond & 3 != 0
            }

            /// Takes the next ones, and says how surprising they are.
            #[inline]
            pub(crate) fn observe(&mut self, values: [f32; $count], weight: Weight) -> Verdict {
                let mut verdict = Verdict::NONE;
                if weight.seen < 1.0 {
                    self.start(values);
                    return verdict;
                }
                let mut beyond = 0_u8;
                for lane in 0..$count {
                    beyond |= u8::from(values[lane] > self.high[lane]) << (2 * lane);
                    beyond |= u8::from(values[lane] < self.low[lane]) << (2 * lane + 1);
                }
                if beyond != 0 {
                    verdict = self.exceed(values, beyond, weight);
                }
                self.beyond = beyond;
                for lane in 0..$count {
                    let value = values[lane];
                    let centre = self.centre[lane];
                    let scale = self.scale[lane];
                    let bound = (scale * weight.far).min(f32::MAX);
                    let distance = (value - centre).max(-bound).min(bound);
                    // Where nothing ever moved, the least that can be.
                    let least = if value == centre { 0.0 } else { LEAST };
                    let scale = scale + weight.rate * (distance.abs().max(least) - scale);
                    self.centre[lane] = centre + weight.rate * distance;
                    self.scale[lane] = scale;
                    let step = weight.step * scale;
                    let (up, down) = (step * (1.0 - SHARE), step * SHARE);
                    let above = value - self.high[lane];
                    let below = self.low[lane] - value;
                    let (is_above, is_below) = (above > 0.0, below > 0.0);
                    self.high[lane] += if is_above { up.min(above) } else { -down };
                    self.low[lane] -= if is_below { up.min(below) } else { -down };
                    let share = self.high_share[lane];
                    self.high_share[lane] = share + weight.slow * (if is_above { 1.0 } else { 0.0 } - share);
                    let share = self.low_share[lane];
                    self.low_share[lane] = share + weight.slow * (if is_below { 1.0 } else { 0.0 } - share);
                }
                verdict
            }

            /// Begins at the first values.
            #[cold]
            fn start(&mut self, values: [f32; $count]) {
                self.centre = values;
                self.high = values;
                self.low = values;
                self.high_share = [SHARE; $count];
                self.low_share = [SHARE; $count];
            }

            /// Looks at what is beyond a threshold, and has its tail learn it.
            #[inline(never)]
            fn exceed(&mut self, values: [f32; $count], beyond: u8, weight: Weight) -> Verdict {
                let mut best = Verdict::NONE;
                for lane in 0..$count {
                    let sides = [
                        (values[lane] - self.high[lane], self.high_share[lane]),
                        (self.low[lane] - values[lane], self.low_share[lane]),
                    ];
                    for (side, (excess, share)) in sides.into_iter().enumerate() {
                        let bit = 1 << (2 * lane + side);
                        if beyond & bit == 0 {
                            continue;
                        }
                        let (excess, share) = (f64::from(excess), f64::from(share));
                        let tail = &mut self.tails[lane][side];
                        if weight.seen >= WARM_UP {
                            let surprise =
                                tail.surprise(excess, share, weight.seen, f64::from(self.scale[lane]));
                            if surprise > best.surprise {
                                best = Verdict {
                                    surprise,
                                    feature: lane,
                                    is_high: side == 0,
                                };
                            }
                        }
                        let is_new = self.beyond & bit == 0;
                        tail.learn(excess, share, f64::from(weight.slow), is_new);
                    }
                }
                best
            }
        }
    };
}

features!(Four, 4);
features!(One, 1);
