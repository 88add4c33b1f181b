//! The grid of ticks: between two segments a session's owner issues the ticks that are due, by the same rule on every
//! runtime, so that a replay sees the same.

/// Nanoseconds between two ticks.
pub const TICK_INTERVAL: u64 = 10_000_000_000;

/// Most ticks between two segments: an hour's. After a longer silence only the last ones are issued; detectors take a tick
/// as "it is now so late", not as "10 seconds have passed".
pub const MAX_TICKS: u64 = 360;

/// The ticks due between two segments: the multiples of [`TICK_INTERVAL`] in `(previous, now]`, in order; of more than
/// [`MAX_TICKS`] the last ones.
///
/// `previous` is the time of receipt of the segment before, or 0 if there was none: a session has no time before its first
/// segment, so that gives no ticks. If time goes backwards there are none either.
pub fn ticks_between(previous: u64, now: u64) -> impl Iterator<Item = u64> {
    let last = now / TICK_INTERVAL;
    let before = if previous == 0 {
        last
    } else {
        previous / TICK_INTERVAL
    };
    let first = (before + 1).max((last + 1).saturating_sub(MAX_TICKS));
    (first..=last).map(|tick| tick * TICK_INTERVAL)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const NONE: [u64; 0] = [];

    fn ticks(previous: u64, now: u64) -> Vec<u64> {
        ticks_between(previous, now).collect()
    }

    #[test]
    fn the_grid_is_absolute() {
        assert_eq!(ticks(11 * SECOND, 19 * SECOND), NONE);
        assert_eq!(ticks(11 * SECOND, 20 * SECOND), [20 * SECOND]);
        assert_eq!(ticks(20 * SECOND, 20 * SECOND), NONE);
        assert_eq!(
            ticks(20 * SECOND - 1, 40 * SECOND),
            [20 * SECOND, 30 * SECOND, 40 * SECOND]
        );
        assert_eq!(ticks(40 * SECOND, 20 * SECOND), NONE);
        assert_eq!(ticks(0, 1_674_981_234 * SECOND), NONE);
    }

    #[test]
    fn a_long_silence_gives_its_last_hour() {
        let now = 1_674_981_239 * SECOND;
        let ticks = ticks(SECOND, now);
        assert_eq!(ticks.len(), 360);
        assert_eq!(ticks.first(), Some(&(1_674_977_640 * SECOND)));
        assert_eq!(ticks.last(), Some(&(1_674_981_230 * SECOND)));
        assert_eq!(ticks_between(1, u64::MAX).count(), 360);
    }

    proptest! {
        #[test]
        fn stopping_in_between_changes_nothing(start in 1..u64::MAX / 2, steps in prop::collection::vec(0..300 * SECOND, 1..9)) {
            let end = start + steps.iter().sum::<u64>();
            let mut at = start;
            let mut stepwise = Vec::new();
            for step in steps {
                stepwise.extend(ticks_between(at, at + step));
                at += step;
            }
            prop_assert_eq!(stepwise, ticks(start, end));
        }
    }
}
