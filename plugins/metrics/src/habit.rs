//! What a metric does again and again, in one instance or another.
//!
//! A series alone can't know that of the forty pods that send its metric one stands still for some minutes every hour:
//! in each of them that comes once in two days. So what lasts is counted by the metric's name, across services.

use std::collections::BTreeMap;
use std::time::Duration;

use aia_plugin_sdk::Time;
use serde::{Deserialize, Serialize};

/// What turns unusual within so long of each other is one episode.
const EPISODE: Duration = Duration::from_secs(300);

/// After so long an episode counts a third of what it did.
const DAY_SECONDS: f64 = 86_400.0;

/// Episodes from which on the next one is a habit: about what comes more than twice a day. A metric that is right twice
/// a day is worth being woken for, and one that is wrong so often is silent from the third time on.
const HABIT: f32 = 1.5;

/// Episodes of one metric. Each takes at most 20 bytes of a snapshot, all of them 8 KiB.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Habit {
    /// Their number, old ones counting less.
    count: f32,
    /// When the last one began, and whether it was one too many.
    start: Time,
    is_habit: bool,
}

/// The episodes of all metrics.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Habits {
    habits: BTreeMap<u16, Habit>,
}

impl Habits {
    /// Counts what has begun to last in a series of this metric; whether that is its habit.
    pub(crate) fn count(&mut self, metric: u16, time: Time) -> bool {
        let habit = self.habits.entry(metric).or_default();
        let passed = time.since(habit.start);
        if habit.count > 0.0 && passed <= EPISODE {
            return habit.is_habit;
        }
        habit.count *= crate::tail::narrow(libm::exp(-passed.as_secs_f64() / DAY_SECONDS));
        habit.is_habit = habit.count >= HABIT;
        habit.count += 1.0;
        habit.start = time;
        habit.is_habit
    }

    /// Forgets metrics that are no longer known.
    pub(crate) fn keep(&mut self, is_known: impl Fn(u16) -> bool) {
        self.habits.retain(|metric, _| is_known(*metric));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_a_habit_and_what_comes_together_counts_once() {
        let mut habits = Habits::default();
        let hour = |number: u64| Time::from_secs(1_000_000 + 3600 * number);
        for _ in 0..10 {
            assert!(!habits.count(7, hour(0)));
        }
        assert!(!habits.count(7, hour(2)));
        assert!(habits.count(7, hour(4)));
        assert!(!habits.count(8, hour(4)), "another metric");
        assert!(!habits.count(7, hour(100)), "days later");
    }
}
