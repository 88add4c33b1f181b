//! How often paths that reached a place ended there, in the last two minutes and usually.

use aia_plugin_sdk::stats::{chance, float};
use aia_plugin_sdk::{Severity, Time};
use serde::{Deserialize, Serialize};

/// Ticks of the window. Two minutes: a service that is asked once in some seconds is to have passes enough.
pub(crate) const TICKS: usize = 12;

/// Least probability by which a difference counts as chance. Few places are tested: those where paths ended within the
/// window and usually don't. If that were a hundred, a window would differ by chance once in a thousand, and the demands
/// on count, share and two ticks in a row come on top.
const CHANCE: f64 = 1e-5;

/// The same for ticks in which a path ended, of those in which one came by. Requests of the same seconds aren't independent:
/// the same users ask for the same data. Ticks are less dependent, and few.
const CHANCE_OF_TICKS: f64 = 1e-3;

/// Ticks of the warm-up, in which everything is learned, also what is doubtful: a minute.
const WARM_UP_TICKS: u32 = 6;

/// Below this probability a window isn't learned as usual.
const DOUBTFUL: f64 = 1e-2;

/// Share of the passes that usually end, up to which an end is early. Where one of ten ends as a rule, ending is a branch
/// of the code like others, and how often it is taken follows the data.
const EARLY: f64 = 0.1;

/// Share of passes that have to end early to be told of, as for failed requests.
const LEAST: f64 = 0.05;

/// Passes from which a share of `MANY_SHARE` is high; with fewer, half have to end, and there must be `FEW` of them: the
/// same shares as for failed requests, which these are, though nobody says so.
const MANY: u64 = 30;
const MANY_SHARE: f64 = 0.2;
const FEW: u64 = 10;

/// Usual passes remembered: with more, all are halved, so that what is usual follows the last thousands of them.
const REMEMBERED: u64 = 4096;

/// Passes at a place.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Passes {
    /// Those that ended there or went on with anything but an error: where an error came next, `errors` tells of it, and
    /// when it comes no more, what comes in its place isn't odd for that.
    pub(crate) all: u64,
    /// Those that ended there.
    pub(crate) ended: u64,
    /// Ticks with passes, and those in which some ended.
    ticks: u64,
    ended_ticks: u64,
}

impl Passes {
    pub(crate) fn share(self) -> f64 {
        if self.all == 0 {
            0.0
        } else {
            float(self.ended) / float(self.all)
        }
    }

    /// Adds those of a tick.
    fn add_tick(&mut self, tick: Self) {
        self.all = self.all.saturating_add(tick.all);
        self.ended = self.ended.saturating_add(tick.ended);
        self.ticks = self.ticks.saturating_add(u64::from(tick.all > 0));
        self.ended_ticks = self.ended_ticks.saturating_add(u64::from(tick.ended > 0));
    }

    fn halve(&mut self) {
        let all = [
            &mut self.all,
            &mut self.ended,
            &mut self.ticks,
            &mut self.ended_ticks,
        ];
        for count in all {
            *count /= 2;
        }
    }
}

/// The passes of a place over time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Counts {
    /// By tick, the current one last.
    window: Vec<Passes>,
    pub(crate) usual: Passes,
    /// Since when too many ended; not set if they don't.
    pub(crate) odd_since: Time,
    /// Ticks in a row in which it was so.
    odd_ticks: u32,
    /// Ticks since something is known for usual, up to those of the warm-up.
    warm_up_ticks: u32,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            window: vec![Passes::default(); TICKS],
            usual: Passes::default(),
            odd_since: Time::UNSET,
            odd_ticks: 0,
            warm_up_ticks: 0,
        }
    }

    pub(crate) fn add(&mut self, is_end: bool) {
        if let Some(current) = self.window.last_mut() {
            current.all += 1;
            current.ended += u64::from(is_end);
        }
    }

    /// The passes of the window.
    pub(crate) fn now(&self) -> Passes {
        let mut sum = Passes::default();
        for passes in &self.window {
            sum.add_tick(*passes);
        }
        sum
    }

    /// Whether paths don't usually end there.
    pub(crate) fn is_end_early(&self) -> bool {
        self.usual.all > 0 && self.usual.share() <= EARLY
    }

    /// Whether what is usual has been learned for long enough.
    fn is_warm(&self) -> bool {
        self.warm_up_ticks >= WARM_UP_TICKS
    }

    /// Judges the window and ends the tick. Whether paths have ended early for two ticks.
    pub(crate) fn tick(&mut self, now: Time, min_count: u32, relearn_seconds: u64) -> bool {
        let passes = self.now();
        let probability = if self.is_end_early() {
            chance(passes.ended, passes.all, self.usual.ended, self.usual.all)
        } else {
            1.0
        };
        let is_odd = probability < CHANCE
            && passes.ended >= u64::from(min_count)
            && self.is_warm()
            && chance(
                passes.ended_ticks,
                passes.ticks,
                self.usual.ended_ticks,
                self.usual.ticks,
            ) < CHANCE_OF_TICKS
            && passes.share() >= self.usual.share() + LEAST;
        self.odd_ticks = if is_odd {
            self.odd_ticks.saturating_add(1)
        } else {
            0
        };
        if !is_odd {
            self.odd_since = Time::UNSET;
        } else if !self.odd_since.is_set() {
            self.odd_since = now;
        }
        let is_lasting = is_odd && now.since(self.odd_since).as_secs() >= relearn_seconds;
        // The window moves on.
        self.window.rotate_left(1);
        if let Some(current) = self.window.last_mut() {
            let oldest = std::mem::take(current);
            // What came before the first early end of a doubtful window isn't part of the trouble.
            if !self.is_warm() || probability >= DOUBTFUL || oldest.ended == 0 || is_lasting {
                self.usual.add_tick(oldest);
            }
        }
        if self.usual.all > 0 {
            self.warm_up_ticks = self.warm_up_ticks.saturating_add(1).min(WARM_UP_TICKS);
        }
        if self.usual.all > REMEMBERED {
            self.usual.halve();
        }
        self.odd_ticks >= 2
    }

    /// How bad that is.
    pub(crate) fn severity(passes: Passes) -> Severity {
        let share = passes.share();
        if passes.all >= MANY && share >= MANY_SHARE || passes.all >= FEW && share >= 0.5 {
            Severity::High
        } else {
            Severity::Medium
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks of so many passes and ends; how many of them were odd.
    fn run(counts: &mut Counts, from: u64, ticks: u64, all: u32, ended: u32) -> usize {
        let odd = (0..ticks).filter(|tick| {
            for n in 0..all {
                counts.add(n < ended);
            }
            counts.tick(Time::from_secs(1000 + 10 * (from + tick)), 5, 1800)
        });
        odd.count()
    }

    #[test]
    fn what_never_ended_is_told_of_when_it_does() {
        let mut counts = Counts::new();
        assert_eq!(run(&mut counts, 0, 24, 5, 0), 0);
        assert!(run(&mut counts, 24, 12, 5, 3) > 0);
        assert_eq!(counts.usual.ended, 0, "that isn't learned");
        assert_eq!(Counts::severity(counts.now()), Severity::High);
        run(&mut counts, 36, 220, 5, 3);
        assert_eq!(
            run(&mut counts, 256, 40, 5, 3),
            0,
            "after half an hour it is usual"
        );
    }

    #[test]
    fn branches_of_the_code_are_not() {
        let mut counts = Counts::new();
        run(&mut counts, 0, 24, 8, 3);
        assert_eq!(run(&mut counts, 24, 24, 8, 8), 0);
        assert!(counts.usual.ended > 0);
    }

    #[test]
    fn few_are_chance() {
        let mut counts = Counts::new();
        run(&mut counts, 0, 24, 1, 0);
        assert_eq!(run(&mut counts, 24, 4, 1, 1), 0);
        let mut counts = Counts::new();
        assert_eq!(run(&mut counts, 0, 100, 5, 4), 0, "nothing to compare with");
    }
}
