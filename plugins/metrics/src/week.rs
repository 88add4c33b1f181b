//! How far this time of the week is from what is usual at this time of the day.
//!
//! Days differ: a shop has other weekends, a batch job runs on Mondays. The profile of the day learns the mean of the last
//! days; what is kept here is how far two hours of a day of the week are from it, in steps of one byte, since every series
//! has 84 of them. The profile is used only where it has shown for a week that it knows better than that of the day.

use serde::{Deserialize, Serialize};

use crate::tail::narrow;

/// Seconds of a week and of a slot.
const WEEK: u64 = 7 * 86_400;
const LENGTH: u64 = 7200;

/// Slots of a week, two hours each.
const SLOTS: usize = (WEEK / LENGTH) as usize;

/// Weeks after which the profile is compared with that of the day, and after which it may be used.
const COMPARED: u16 = 2;
const LEAST_WEEKS: u16 = 3;

/// Of how far slots are from the profile of the day, what may be left for the profile to be used, and to stay so.
const USEFUL: f32 = 0.6;
const STILL_USEFUL: f32 = 0.8;

/// Weeks from the one in which the profile began to be used until it hardly changes any more, and until it is known how
/// far values usually are from it: a whole one, weekend and all.
const SETTLED: u16 = 1;
const TRUSTED: u16 = 2;

/// How far a week moves what is usual: one odd Monday moves the next by a third. Until weeks are compared, the last one is
/// all that counts, since the profile of the day is still being learned, too.
const RATE: f32 = 1.0 / 3.0;

/// A slot can't be so many times as far from the profile of the day as slots usually are: an incident of hours is no
/// pattern, and would leave the steps too coarse for what is one.
const FAR: f32 = 8.0;

/// A profile of the week: per slot the usual distance from the profile of the day.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Week {
    /// In steps of `step`; none before the first one is over.
    slots: Vec<i8>,
    step: f32,
    /// Weeks learned from.
    weeks: u16,
    /// The slot being filled, the sum so far and the number of values in it.
    slot: u8,
    sum: f32,
    count: u16,
    /// Usual distance of slots from this profile, and from that of the day; of the last week, about.
    error: f32,
    plain: f32,
    is_used: bool,
    /// In which week it began to be used.
    since: u16,
}

impl Week {
    /// Whether the profile knows better than that of the day.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used
    }

    /// Whether it has been used for so long that it is known how far values usually are from it.
    pub(crate) fn is_trusted(&self) -> bool {
        self.is_used && self.weeks >= self.since.saturating_add(TRUSTED)
    }

    fn is_settled(&self) -> bool {
        self.is_used && self.weeks >= self.since.saturating_add(SETTLED)
    }

    /// How far the usual value of a time is from the profile of the day: between the middles of two slots.
    pub(crate) fn expected(&self, seconds: u64) -> f64 {
        if !self.is_used {
            return 0.0;
        }
        let (slot, into) = place(seconds);
        // 32 bits, as a time within a slot has fewer.
        let within = f64::from(into) / LENGTH as f64;
        let here = self.at(slot);
        if within < 0.5 {
            let before = self.at(slot + SLOTS - 1);
            before + (here - before) * (0.5 + within)
        } else {
            here + (self.at(slot + 1) - here) * (within - 0.5)
        }
    }

    fn at(&self, slot: usize) -> f64 {
        let steps = self.slots.get(slot % SLOTS).copied().unwrap_or_default();
        f64::from(steps) * f64::from(self.step)
    }

    /// Learns how far a value is from the profile of the day. Whether the profile has just begun or ceased to be used, or
    /// has settled: how far values usually are from it is to be learned anew.
    pub(crate) fn learn(&mut self, seconds: u64, distance: f64) -> bool {
        let (slot, _) = place(seconds);
        let (was_used, was_settled) = (self.is_used, self.is_settled());
        if slot != usize::from(self.slot) {
            self.close(slot);
        }
        self.count = self.count.saturating_add(1);
        self.sum += narrow(distance);
        was_used != self.is_used || was_settled != self.is_settled()
    }

    /// Takes the mean of the slot that is over into the profile.
    fn close(&mut self, next: usize) {
        if self.count > 0 {
            let mean = self.sum / f32::from(self.count);
            self.take(usize::from(self.slot), mean);
        }
        // A week is over where its slots begin again.
        if next < usize::from(self.slot) {
            self.weeks = self.weeks.saturating_add(1);
            self.refine();
        }
        self.slot = u8::try_from(next).unwrap_or_default();
        self.count = 0;
        self.sum = 0.0;
    }

    fn take(&mut self, slot: usize, mean: f32) {
        let before = narrow(self.at(slot));
        let is_known = self.weeks > COMPARED && self.plain > 0.0;
        let bound = if is_known { FAR * self.plain } else { f32::MAX };
        let mean = mean.max(-bound).min(bound);
        if self.weeks >= COMPARED {
            let rate = 1.0 / SLOTS as f32;
            self.error += rate * ((mean - before).abs() - self.error);
            self.plain += rate * (mean.abs() - self.plain);
            let useful = if self.is_used { STILL_USEFUL } else { USEFUL };
            let is_used = self.weeks >= LEAST_WEEKS && self.error < useful * self.plain;
            if is_used && !self.is_used {
                self.since = self.weeks;
            }
            self.is_used = is_used;
        }
        let rate = if self.weeks > COMPARED { RATE } else { 1.0 };
        self.set(slot, before + rate * (mean - before));
    }

    fn set(&mut self, slot: usize, value: f32) {
        if value == 0.0 && self.slots.is_empty() {
            return;
        }
        self.slots.resize(SLOTS, 0);
        if self.step == 0.0 {
            self.step = value.abs() / 64.0;
        }
        while value.abs() > 127.0 * self.step && self.step < f32::MAX / 256.0 {
            self.step = (2.0 * self.step).max(f32::MIN_POSITIVE);
            self.slots.iter_mut().for_each(|steps| *steps /= 2);
        }
        let steps = (value / self.step).round_ties_even();
        if let Some(slot) = self.slots.get_mut(slot) {
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and NaN is 0")]
            let steps = steps as i8;
            *slot = steps;
        }
    }

    /// Makes the steps smaller where they are larger than they need to be.
    fn refine(&mut self) {
        let largest = self.slots.iter().map(|steps| steps.unsigned_abs()).max();
        if largest.is_some_and(|largest| (1..32).contains(&largest)) {
            self.step *= 0.5;
            self.slots.iter_mut().for_each(|steps| *steps *= 2);
        }
    }
}

/// Slot of a time, and seconds into it.
fn place(seconds: u64) -> (usize, u32) {
    let of_week = seconds % WEEK;
    (
        usize::try_from(of_week / LENGTH).unwrap_or_default(),
        u32::try_from(of_week % LENGTH).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds hourly distances for some weeks.
    fn weeks(week: &mut Week, range: std::ops::Range<u64>, distance: impl Fn(u64) -> f64) {
        for hour in range.start * 168..range.end * 168 {
            week.learn(hour * 3600, distance(hour));
        }
    }

    fn is_weekend(hour: u64) -> bool {
        hour % 168 >= 120
    }

    fn noise(hour: u64) -> f64 {
        f64::from(u32::try_from(hour * 7919 % 101).unwrap()) / 101.0 - 0.5
    }

    #[test]
    fn a_pattern_is_used_after_three_weeks_and_no_longer_than_it_holds() {
        let pattern = |hour| noise(hour) + if is_weekend(hour) { -50.0 } else { 20.0 };
        let mut week = Week::default();
        weeks(&mut week, 0..3, pattern);
        assert!(!week.is_used() && week.expected(0) == 0.0);
        weeks(&mut week, 3..4, pattern);
        assert!(week.is_used() && !week.is_trusted());
        weeks(&mut week, 4..6, pattern);
        assert!(week.is_trusted());
        let (monday, sunday) = (week.expected(12 * 3600), week.expected(150 * 3600));
        assert!((monday - 20.0).abs() < 2.0, "{monday}");
        assert!((sunday + 50.0).abs() < 2.0, "{sunday}");
        weeks(&mut week, 6..10, noise);
        assert!(!week.is_used());
    }

    #[test]
    fn it_takes_little_of_a_snapshot() {
        let mut week = Week::default();
        weeks(
            &mut week,
            0..40,
            |hour| if is_weekend(hour) { -1e20 } else { 3.0 },
        );
        let bytes = aia_plugin_sdk::snapshot::encode(1, &week).len() - 4;
        assert!(bytes <= 112, "{bytes}");
    }

    #[test]
    fn chance_makes_no_pattern() {
        let mut week = Week::default();
        for number in 1..30 {
            weeks(&mut week, number - 1..number, |hour| noise(hour * hour + number));
            assert!(!week.is_used(), "{number}");
        }
    }

    #[test]
    fn odd_hours_leave_steps_fine() {
        let mut week = Week::default();
        let pattern = |hour| if is_weekend(hour) { -1.0 } else { 0.5 };
        weeks(&mut week, 0..5, pattern);
        weeks(&mut week, 5..6, |hour| {
            if hour % 168 == 30 { 1e12 } else { pattern(hour) }
        });
        let sunday = week.expected(150 * 3600);
        assert!((sunday + 1.0).abs() < 0.1, "{sunday}");
    }

    #[test]
    fn extremes_stay_finite() {
        for extreme in [1e30, -1e30, 1e-40, 0.0] {
            let mut week = Week::default();
            weeks(
                &mut week,
                0..6,
                |hour| {
                    if is_weekend(hour) { extreme } else { 0.0 }
                },
            );
            assert!(week.expected(150 * 3600).is_finite(), "{extreme}");
            assert!(
                week.step.is_finite() && week.error.is_finite(),
                "{extreme} {week:?}"
            );
        }
    }
}
