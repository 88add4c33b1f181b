//! What is usual at this time of the day. Of the week, see `week`.

use serde::{Deserialize, Serialize};

use crate::tail::narrow;

/// Slots of a day, half an hour each.
const DAY_SLOTS: usize = 48;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The time of day tells something where the distance from its value is at most so much of that from the mean.
const USEFUL: f32 = 0.6;

/// A profile of the day: per slot the usual value, and the number of days that it was seen on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Season {
    slots: Vec<f32>,
    /// Days learned from, up to 255.
    days: u8,
    /// The slot being filled, the sum so far and the number of values in it.
    slot: u8,
    sum: f32,
    count: u16,
    /// Usual distance from the profile, and from the mean of all, once there are two days.
    error: f32,
    plain: f32,
}

impl Season {
    /// Slot of a time, and how far it is into it, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "less than a day of seconds")]
    fn place(seconds: u64) -> (usize, f64) {
        let length = DAY / DAY_SLOTS as u64;
        let of_day = seconds % DAY;
        (
            usize::try_from(of_day / length).unwrap_or_default(),
            (of_day % length) as f64 / length as f64,
        )
    }

    /// What is usual at a time, once a whole day was seen: between the middles of two slots.
    pub(crate) fn expected(&self, seconds: u64) -> Option<f64> {
        if self.days < 2 {
            return None;
        }
        let (slot, within) = Self::place(seconds);
        let at = |slot: usize| f64::from(self.slots.get(slot % DAY_SLOTS).copied().unwrap_or_default());
        let here = at(slot);
        Some(if within < 0.5 {
            let before = at(slot + DAY_SLOTS - 1);
            before + (here - before) * (0.5 + within)
        } else {
            here + (at(slot + 1) - here) * (within - 0.5)
        })
    }

    /// Whether the time of day tells more than the mean of all.
    pub(crate) fn is_useful(&self) -> bool {
        self.days >= 3 && self.error < USEFUL * self.plain
    }

    /// Learns a value; `expected` is what [`expected`](Self::expected) gave for its time, `mean` that of all.
    pub(crate) fn learn(&mut self, seconds: u64, value: f64, expected: Option<f64>, mean: f64, rate: f64) {
        let (slot, _) = Self::place(seconds);
        if let Some(expected) = expected {
            let error = f64::from(self.error);
            let plain = f64::from(self.plain);
            let rate = rate.max(0.002);
            self.error = narrow(error + rate * ((value - expected).abs() - error));
            self.plain = narrow(plain + rate * ((value - mean).abs() - plain));
        }
        if slot != usize::from(self.slot) {
            self.close(slot);
        }
        self.count = self.count.saturating_add(1);
        self.sum += narrow(value);
    }

    /// Takes the mean of the slot that is over into the profile.
    fn close(&mut self, next: usize) {
        if self.count > 0 {
            let usual = narrow(f64::from(self.sum) / f64::from(self.count));
            self.slots.resize(DAY_SLOTS, usual);
            let days = f64::from(self.days.clamp(1, 6));
            let mean = f64::from(usual);
            if let Some(slot) = self.slots.get_mut(usize::from(self.slot)) {
                let before = f64::from(*slot);
                *slot = if self.days == 0 {
                    usual
                } else {
                    narrow(before + (mean - before) / (days + 1.0))
                };
            }
        }
        // A day is over where its slots begin again.
        if next < usize::from(self.slot) {
            self.days = self.days.saturating_add(1);
        }
        self.slot = u8::try_from(next).unwrap_or_default();
        self.count = 0;
        self.sum = 0.0;
    }
}
