//! Alarms as an operator counts them.

use serde::Serialize;

use super::corpus::File;

/// What a detector's alarms came to. Neighbouring rows are one alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Windows.
    pub windows: usize,
    /// Windows with an alarm.
    pub found: usize,
    /// Alarms that touch no window.
    pub false_alarms: usize,
    /// Days judged.
    pub days: f64,
    /// Sum over the windows found, from their first row to the first alarm, in seconds.
    pub delay_seconds: f64,
}

impl Counts {
    /// Counts the alarms of a file; `is_alarm` has one value per row.
    #[must_use]
    pub fn of(file: &File, is_alarm: &[bool]) -> Self {
        let probation = file.probation();
        let mut counts = Self {
            windows: file.windows.len(),
            days: file.judged_days(),
            ..Self::default()
        };
        for window in &file.windows {
            let rows = window.first.max(probation)..=window.last;
            let at = rows
                .into_iter()
                .find(|row| is_alarm.get(*row).copied().unwrap_or_default());
            if let Some(row) = at
                && let (Some(start), Some(alarm)) = (file.rows.get(window.first), file.rows.get(row))
            {
                counts.found += 1;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "windows are far below 2^53 seconds long"
                )]
                let delay = alarm.seconds.saturating_sub(start.seconds) as f64;
                counts.delay_seconds += delay;
            }
        }
        let mut start = probation;
        let judged = is_alarm.get(probation..).unwrap_or_default();
        for run in judged.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            let touches = |window: &super::Window| window.first < end && start <= window.last;
            if run.first() == Some(&true) && !file.windows.iter().any(touches) {
                counts.false_alarms += 1;
            }
            start = end;
        }
        counts
    }

    /// Adds those of another file.
    pub fn add(&mut self, other: &Self) {
        self.windows += other.windows;
        self.found += other.found;
        self.false_alarms += other.false_alarms;
        self.days += other.days;
        self.delay_seconds += other.delay_seconds;
    }

    /// Of what was said, how much was right; nothing said is no value.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(self.found, self.found + self.false_alarms)
    }

    /// Of the windows, how many were found.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(self.found, self.windows)
    }

    /// The harmonic mean of both.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        ratio(2 * self.found, self.windows + self.found + self.false_alarms)
    }

    /// Mean time from the first row of a window to its first alarm.
    #[must_use]
    pub fn mean_delay_seconds(&self) -> Option<f64> {
        (self.found > 0).then(|| self.delay_seconds / count(self.found))
    }

    /// False alarms a day of data.
    #[must_use]
    pub fn false_alarms_a_day(&self) -> Option<f64> {
        (self.days > 0.0).then(|| count(self.false_alarms) / self.days)
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| count(part) / count(whole))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of alarms are far below 2^53")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::corpus::{Row, Window};

    #[test]
    fn neighbouring_rows_are_one_alarm() {
        let row = |minute: i64| Row {
            seconds: 60 * minute,
            value: 0.0,
        };
        let file = File {
            name: String::new(),
            rows: (0..100).map(row).collect(),
            windows: vec![
                Window { first: 40, last: 49 },
                Window { first: 60, last: 69 },
                Window { first: 90, last: 95 },
            ],
        };
        let mut alarms = vec![false; 100];
        // On probation; two false ones, one of three rows; one before a window and into it; one within.
        for row in [3, 20, 21, 22, 30, 38, 39, 40, 65, 66] {
            alarms[row] = true;
        }
        let counts = Counts::of(&file, &alarms);
        assert_eq!((counts.windows, counts.found, counts.false_alarms), (3, 2, 2));
        assert_eq!(counts.precision(), Some(0.5));
        assert_eq!(counts.recall(), Some(2.0 / 3.0));
        assert_eq!(counts.f1(), Some(4.0 / 7.0));
        assert_eq!(counts.mean_delay_seconds(), Some(150.0));
        assert_eq!(counts.days, 84.0 * 60.0 / 86_400.0);
        assert_eq!(Counts::default().precision(), None);
    }
}
