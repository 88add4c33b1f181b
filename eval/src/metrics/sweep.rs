//! The benchmark's score: what each row is worth if it is an alarm, and the sum for every threshold.

use super::corpus::{File, Window};
use super::profile::Profile;

/// How far behind a window a false alarm costs in full, in lengths of that window.
const FAR_BEHIND: f64 = 3.0;

/// The scaled sigmoid over the position relative to a window: -1 at its first row, 0 at its right end, above behind it.
/// From nearly 1 down to -1.
fn worth(position: f64) -> f64 {
    if position > FAR_BEHIND {
        -1.0
    } else {
        2.0 / (1.0 + libm::exp(5.0 * position)) - 1.0
    }
}

/// A row that is judged: its score, and what it is worth as an alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// What the detector gave, from 0 to 1.
    pub score: f64,
    /// Number of the window it lies in, over the whole corpus.
    pub window: Option<usize>,
    /// What an alarm there is worth: what it gives in a window, below 0 outside.
    pub worth: f64,
}

/// The sum over a corpus as a function of the threshold.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    rows: Vec<Judged>,
    windows: usize,
}

impl Sweep {
    /// Adds a file with the scores of its rows.
    pub fn add(&mut self, file: &File, scores: &[f64], profile: &Profile) {
        let probation = file.probation();
        for (index, score) in scores.iter().enumerate().skip(probation) {
            let (window, worth) = judge(&file.windows, index, profile);
            self.rows.push(Judged {
                score: *score,
                window: window.map(|window| self.windows + window),
                worth,
            });
        }
        self.windows += file.windows.len();
    }

    /// The rows added so far.
    #[must_use]
    pub fn rows(&self) -> &[Judged] {
        &self.rows
    }

    /// Number of windows added so far.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// The sum where rows with this score or a higher one are alarms: of each window its best alarm, or what missing it
    /// costs, and of all other alarms what each costs.
    #[must_use]
    pub fn sum(&self, threshold: f64, profile: &Profile) -> f64 {
        let mut best = vec![-profile.missed; self.windows];
        let mut sum = 0.0;
        for row in self.rows.iter().filter(|row| row.score >= threshold) {
            match row.window.and_then(|window| best.get_mut(window)) {
                Some(best) => *best = best.max(row.worth),
                None => sum += row.worth,
            }
        }
        sum + best.iter().sum::<f64>()
    }
}

/// The window and the worth of a row as an alarm.
fn judge(windows: &[Window], index: usize, profile: &Profile) -> (Option<usize>, f64) {
    let number = windows.partition_point(|window| window.last < index);
    if let Some(window) = windows.get(number).filter(|window| window.first <= index) {
        let length = count(window.last - window.first + 1);
        let position = -count(window.last - index + 1) / length;
        // So scaled that the first row of a window is worth all of it.
        return (Some(number), profile.found * worth(position) / worth(-1.0));
    }
    let before = number.checked_sub(1).and_then(|number| windows.get(number));
    let share = before.map_or(-1.0, |window| {
        // A window of one row has no length to measure by: anything behind it is far behind.
        let length = count(window.last - window.first);
        let behind = count(index - window.last);
        if length > 0.0 {
            worth(behind / length)
        } else {
            -1.0
        }
    });
    (None, profile.false_alarm * share)
}

/// The threshold with the highest sum, and that sum; of equal ones the highest threshold, which has the fewest alarms.
/// Above 1 there is no alarm at all.
#[must_use]
pub fn best_threshold(sweep: &Sweep, profile: &Profile) -> (f64, f64) {
    let mut rows: Vec<&Judged> = sweep.rows.iter().filter(|row| !row.score.is_nan()).collect();
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut windows = vec![-profile.missed; sweep.windows];
    let mut sum: f64 = windows.iter().sum();
    let mut best = (1.1, sum);
    let mut rows = rows.into_iter().peekable();
    while let Some(row) = rows.next() {
        match row.window.and_then(|window| windows.get_mut(window)) {
            Some(window) if row.worth > *window => {
                sum += row.worth - *window;
                *window = row.worth;
            }
            Some(_) => {}
            None => sum += row.worth,
        }
        let is_last_of_score = rows.peek().is_none_or(|next| next.score < row.score);
        if is_last_of_score && sum > best.1 {
            best = (row.score, sum);
        }
    }
    best
}

/// The sum as the benchmark publishes it: 0 is a detector that never gives an alarm, 100 one that gives each at the
/// first row of its window and no other.
#[must_use]
pub fn normalised(sum: f64, windows: usize, profile: &Profile) -> f64 {
    let (perfect, null) = (count(windows) * profile.found, -count(windows) * profile.missed);
    if windows == 0 {
        return 0.0;
    }
    100.0 * (sum - null) / (perfect - null)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^53")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::corpus::Row;
    use crate::metrics::profile::PROFILES;

    const STANDARD: Profile = PROFILES[0];

    fn file(length: i64, windows: &[(usize, usize)]) -> File {
        let row = |second| Row {
            seconds: second,
            value: 0.0,
        };
        File {
            name: String::new(),
            rows: (0..length).map(row).collect(),
            windows: windows
                .iter()
                .map(|(first, last)| Window {
                    first: *first,
                    last: *last,
                })
                .collect(),
        }
    }

    fn scores(length: usize, alarms: &[usize]) -> Vec<f64> {
        (0..length)
            .map(|index| f64::from(u8::from(alarms.contains(&index))))
            .collect()
    }

    /// The sum of a file of 100 rows with a window from row 50 to 59, the first 15 rows on probation.
    fn sum(alarms: &[usize], profile: &Profile) -> f64 {
        let mut sweep = Sweep::default();
        sweep.add(&file(100, &[(50, 59)]), &scores(100, alarms), profile);
        sweep.sum(0.5, profile)
    }

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
    }

    #[test]
    fn is_what_one_computes_by_hand() {
        let full = 2.0 / (1.0 + (-5.0_f64).exp()) - 1.0;
        // Nothing said: the window is missed.
        assert_near(sum(&[], &STANDARD), -1.0);
        // At the first row: all of it.
        assert_near(sum(&[50], &STANDARD), 1.0);
        // At the sixth of ten rows: position -5/10.
        let middle = (2.0 / (1.0 + (-2.5_f64).exp()) - 1.0) / full;
        assert_near(middle, 0.848_283_639_957_513 / 0.986_614_298_151_430);
        assert_near(sum(&[55], &STANDARD), middle);
        // Later alarms of the same window change nothing.
        assert_near(sum(&[55, 56, 59], &STANDARD), middle);
        // One before any window costs 0.11; one on probation nothing.
        assert_near(sum(&[20, 55], &STANDARD), middle - 0.11);
        assert_near(sum(&[14, 55], &STANDARD), middle);
        assert_near(sum(&[15, 55], &STANDARD), middle - 0.11);
        // Three rows behind it: position 3/9. Thirty behind: more than three lengths.
        let behind = 2.0 / (1.0 + (5.0_f64 / 3.0).exp()) - 1.0;
        assert_near(sum(&[62], &STANDARD), -1.0 + 0.11 * behind);
        assert_near(sum(&[89], &STANDARD), -1.0 - 0.11);
    }

    #[test]
    fn profiles_weigh_differently() {
        assert_near(sum(&[20], &PROFILES[1]), -1.0 - 0.22);
        assert_near(sum(&[20], &PROFILES[2]), -2.0 - 0.11);
    }

    #[test]
    fn normalised_between_silence_and_perfection() {
        for profile in &PROFILES {
            assert_near(normalised(sum(&[], profile), 1, profile), 0.0);
            assert_near(normalised(sum(&[50], profile), 1, profile), 100.0);
        }
        assert_near(normalised(sum(&[20], &STANDARD), 1, &STANDARD), -5.5);
        assert_near(normalised(0.0, 0, &STANDARD), 0.0);
    }

    #[test]
    fn the_best_threshold_is_that_of_the_whole_corpus() {
        let mut sweep = Sweep::default();
        let (mut first, mut second) = (scores(100, &[]), scores(100, &[]));
        // Found at 0.6, with a false alarm at 0.7; found at 0.8 elsewhere.
        first[50] = 0.6;
        first[30] = 0.7;
        second[50] = 0.8;
        sweep.add(&file(100, &[(50, 59)]), &first, &STANDARD);
        sweep.add(&file(100, &[(50, 59)]), &second, &STANDARD);
        let (threshold, sum) = best_threshold(&sweep, &STANDARD);
        assert_near(threshold, 0.6);
        assert_near(sum, 2.0 - 0.11);
        assert_near(sweep.sum(threshold, &STANDARD), sum);
        // Where false alarms cost more than the window gives, nothing is said.
        let noisy = vec![1.0; 100];
        let mut sweep = Sweep::default();
        sweep.add(&file(100, &[(98, 99)]), &noisy, &STANDARD);
        assert_near(best_threshold(&sweep, &STANDARD).1, -1.0);
    }
}
