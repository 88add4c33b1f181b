//! One series of numbers, and how unusual each of them is.
//!
//! Five things are derived from the values, and each has its own two tails: the value, its change, where values have
//! been for a short while compared with a longer one, how much they vary, and how far they are from what is usual at
//! this time of the day, or of the week. The most surprising of them is the value's surprise.

use aia_plugin_sdk::Time;
use serde::{Deserialize, Serialize};

use crate::feature::{Four, One, Weight};
use crate::season::Season;
use crate::tail::{MEMORY, narrow};
use crate::week::Week;

/// Surprise that is a score of one half.
const HALF: f64 = 6.0;

/// Farther from the first value than this nothing is told apart: so that what is kept stays finite.
const LARGEST: f64 = 1e30;

/// Values after which surprise counts in full: a tail of fewer is a guess.
const TRUSTED: f64 = 150.0;

/// Differences from the time of day from which what is usual of them is learned.
const SEASONED: f64 = 400.0;

/// Weight of a new value in short and longer means.
const SHORT: f64 = 1.0 / 8.0;
const LONG: f64 = 1.0 / 64.0;

/// The means lie so far behind: their difference is that many values' growth.
const GROWTH: f64 = 1.0 / (1.0 / LONG - 1.0 / SHORT);

/// How many values it takes until what was told of is news again.
const REST: f64 = 200.0;

/// How much more surprising than what was just told of a value has to be.
const NEWS: f64 = 1.5;

/// Below this, a tenth of a per mille of values and more, nothing is worth a score.
const CALM: f64 = 2.0;

/// Longer than so many usual intervals is a gap: what is before it isn't compared with what is behind.
const GAP: f64 = 10.0;

/// Ways of a value to be unusual that are independent of one another. There are ten tails, but what is in one is mostly
/// in others, too; two is what keeps series of chance within the budget (`tests/scenarios/budget.rs`).
const TAILS: f64 = 2.0;

/// A false alarm a week, among all series of a project.
const BUDGET_SECONDS: f64 = 604_800.0;

/// What is unusual about a value.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Finding {
    /// The value by itself is far out.
    Spike,
    /// It jumped from what was just before.
    Jump,
    /// Values are elsewhere than they have been for a while.
    Shift,
    /// They vary more, or less, than they do.
    Unrest,
    /// They aren't what they are at this time of the day, or of the week.
    Season,
}

/// How unusual a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// From 0, nothing new, to 1, impossible. What was just told of isn't news, so one event scores about once.
    pub anomaly: f64,
    /// The surprise where it is news, else 0.
    pub news: f64,
    /// Minus the decimal logarithm of the probability of something so far out.
    pub surprise: f64,
    /// What is most unusual about it.
    pub finding: Finding,
    /// Whether that is above what is usual.
    pub is_high: bool,
    /// Whether the value is among the one in fifty that are farthest out, by itself or for this time of the day or week.
    pub is_out: bool,
}

impl Score {
    const NONE: Self = Self {
        anomaly: 0.0,
        news: 0.0,
        surprise: 0.0,
        finding: Finding::Spike,
        is_high: true,
        is_out: false,
    };
}

/// Surprise from which on the product tells of a value: such that the budget of false alarms is
/// divided among all series of a project, this many, the values that this one has in a week, one every so many seconds,
/// and the ways in which each value may be unusual.
#[must_use]
pub fn alarm_surprise(series: usize, interval_seconds: f64, false_alarms_a_week: f64) -> f64 {
    let values = TAILS * BUDGET_SECONDS / interval_seconds.clamp(1.0, 86_400.0);
    #[expect(clippy::cast_precision_loss, reason = "there are few thousand series")]
    let all = values * series.max(1) as f64 / false_alarms_a_week.max(1e-3);
    libm::log10(all).max(3.0)
}

/// A series. Its state is some hundred bytes, whatever it is given.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Series {
    /// The first value: what is kept is relative to it, so that large numbers keep their small differences.
    origin: f64,
    /// Time of the last value, and the usual time between two, in seconds.
    time: Time,
    interval: f32,
    seen: u32,
    last: f32,
    /// Means of values, of how much they change, and of how far they are from the time of day's, or of the week's.
    short: f32,
    long: f32,
    unrest: f32,
    off: f32,
    /// Values, changes, shifts and unrest.
    features: Four,
    offs: One,
    season: Season,
    week: Week,
    /// Differences from the time of day's that were learned from.
    seasoned: u32,
    /// The surprise that was told of, and how many values ago.
    told: f32,
    since: u16,
}

impl Series {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of values so far.
    #[must_use]
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Time of the last value.
    #[must_use]
    pub fn time(&self) -> Time {
        self.time
    }

    /// Usual time between two values, in seconds; 0 before the second one.
    #[must_use]
    pub fn interval_seconds(&self) -> f64 {
        f64::from(self.interval)
    }

    /// What is usual: the mean of its values.
    #[must_use]
    pub fn usual(&self) -> f64 {
        self.origin + f64::from(self.features.centre())
    }

    /// How many values in a row are usually far out, where any are.
    pub(crate) fn run_length(&self) -> f64 {
        self.features.run_length()
    }

    /// How much it grows, or falls, from value to value, a short mean against a longer one. Nothing where it doesn't, or
    /// where that is less than the given part of how much it changes in either direction.
    #[must_use]
    pub fn growth(&self, steadiness: f64) -> Option<f64> {
        let growth = (f64::from(self.short) - f64::from(self.long)) * GROWTH;
        (growth != 0.0 && growth.abs() >= steadiness * f64::from(self.unrest)).then_some(growth)
    }

    /// The value that one in fifty is above.
    pub(crate) fn highest(&self) -> f64 {
        self.origin + f64::from(self.features.highest())
    }

    /// Takes the next value and says how unusual it is, given those before. What isn't a number, or isn't later than
    /// the one before, is passed over.
    pub fn observe(&mut self, time: Time, value: f64) -> Score {
        if !value.is_finite() || (self.seen > 0 && time <= self.time) {
            return Score::NONE;
        }
        let seen = f64::from(self.seen);
        let fresh = 1.0 / (seen + 1.0);
        let rate = fresh.max(1.0 / MEMORY);
        if self.seen == 0 {
            self.origin = value;
        }
        let value = f64::from(narrow((value - self.origin).clamp(-LARGEST, LARGEST)));
        if self.pass(time, seen, rate) {
            self.resume(value);
        }
        let short = SHORT.max(fresh);
        let change = value - f64::from(self.last);
        self.last = narrow(value);
        let level = advance(&mut self.short, value, short);
        let longer = advance(&mut self.long, value, LONG.max(fresh));
        let unrest = advance(&mut self.unrest, change.abs(), short);
        let derived = [value, change, level - longer, unrest].map(narrow);
        let mut best = self.features.observe(derived, Weight::new(seen, rate));
        let mut is_out = self.features.is_out();
        let mut is_season = false;
        let seconds = time.as_nanos() / 1_000_000_000;
        let mean = f64::from(self.features.centre());
        let expected = self.season.expected(seconds);
        self.season.learn(seconds, value, expected, mean, rate);
        if let Some(expected) = expected {
            let distance = value - expected;
            let off = advance(&mut self.off, distance - self.week.expected(seconds), short);
            if self.week.learn(seconds, distance) {
                // Differences from one profile are larger than those from the other.
                self.offs = One::default();
                self.seasoned = 0;
            }
            let seasoned = f64::from(self.seasoned);
            let rate = 1.0 / (seasoned + 1.0).min(MEMORY);
            let verdict = self.offs.observe([narrow(off)], Weight::new(seasoned, rate));
            self.seasoned = self.seasoned.saturating_add(1);
            let is_known = if self.week.is_used() {
                self.week.is_trusted()
            } else {
                self.season.is_useful()
            };
            if seasoned >= SEASONED && is_known {
                is_out |= self.offs.is_out();
                if verdict.surprise > best.surprise {
                    best = verdict;
                    is_season = true;
                }
            }
        }
        self.seen = self.seen.saturating_add(1);
        if best.surprise <= 0.0 {
            self.since = self.since.saturating_add(1);
            return Score {
                is_out,
                ..Score::NONE
            };
        }
        let finding = match best.feature {
            _ if is_season => Finding::Season,
            0 => Finding::Spike,
            1 => Finding::Jump,
            2 => Finding::Shift,
            _ => Finding::Unrest,
        };
        let surprise = best.surprise * (seen * (1.0 / TRUSTED)).min(1.0);
        let news = self.news(surprise);
        Score {
            anomaly: if news > 0.0 { news / (news + HALF) } else { 0.0 },
            news,
            surprise,
            finding,
            is_high: best.is_high,
            is_out,
        }
    }

    /// Notes the time of a value; whether there was a gap before it.
    fn pass(&mut self, time: Time, seen: f64, rate: f64) -> bool {
        let passed = seconds_of(time.as_nanos().saturating_sub(self.time.as_nanos()));
        self.time = time;
        if seen < 1.0 {
            return false;
        }
        let interval = f64::from(self.interval);
        if seen < 2.0 {
            self.interval = narrow(passed);
            return false;
        }
        let is_gap = passed > GAP * interval;
        let rate = rate.max(0.02);
        self.interval = narrow(interval + rate * (passed.min(GAP * interval) - interval));
        is_gap
    }

    /// Goes on behind a gap as if the value had been there before.
    fn resume(&mut self, value: f64) {
        self.last = narrow(value);
        self.short = self.last;
        self.long = self.last;
        self.off = 0.0;
    }

    /// What of a surprise is news: all of it, or nothing where as much was just told of.
    fn news(&mut self, surprise: f64) -> f64 {
        let rested = (f64::from(self.since) * (1.0 / REST)).min(1.0);
        self.since = self.since.saturating_add(1);
        let bar = f64::from(self.told) * (1.0 - rested) * NEWS;
        if surprise < CALM || surprise <= bar {
            return 0.0;
        }
        self.told = narrow(surprise);
        self.since = 0;
        surprise
    }
}

/// Nanoseconds as seconds.
#[inline]
#[expect(
    clippy::cast_precision_loss,
    reason = "years by microseconds are precise enough"
)]
fn seconds_of(nanos: u64) -> f64 {
    nanos as f64 * 1e-9
}

/// Moves a mean towards a value and gives it.
fn advance(mean: &mut f32, value: f64, weight: f64) -> f64 {
    let before = f64::from(*mean);
    let after = before + weight * (value - before);
    *mean = narrow(after);
    after
}
