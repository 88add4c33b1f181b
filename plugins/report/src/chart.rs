//! A chart as it is drawn: few enough points, a scale with round ticks, and what was usual before the incident.

use aia_plugin_sdk::reporter::{Chart, TimeRange};

use crate::limits::{POINTS, SERIES};
use crate::number::{clock, moment};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Lengths between two ticks of time that people count in.
const TIME_STEPS: [u64; 18] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
];

/// What is drawn.
pub(crate) struct Plot<'a> {
    /// What it shows.
    pub(crate) title: &'a str,
    /// UCUM unit.
    pub(crate) unit: &'a str,
    /// Begin of the first point, nanoseconds since the Unix epoch.
    pub(crate) start: u64,
    /// Length of a point, nanoseconds.
    pub(crate) step: u64,
    /// Number of points of each line.
    pub(crate) points: usize,
    /// Steps that were averaged to one point.
    pub(crate) merged: usize,
    /// The lines.
    pub(crate) lines: Vec<Line<'a>>,
    /// Lines left out.
    pub(crate) more: usize,
    /// Values of the scale's ticks, rising; at least two. The first and the last are its ends.
    pub(crate) ticks: Vec<f64>,
    /// Part of the chart that the incident takes, in nanoseconds from its start.
    pub(crate) window: Option<(u64, u64)>,
}

/// A line.
pub(crate) struct Line<'a> {
    /// What it shows.
    pub(crate) name: &'a str,
    /// Its points; not a number where there is none.
    pub(crate) values: Vec<f64>,
    /// Median before the incident.
    pub(crate) before: Option<f64>,
    /// Median during the incident.
    pub(crate) during: Option<f64>,
    /// The highest value and when its step began.
    pub(crate) highest: Option<(f64, u64)>,
}

/// Prepares a chart; none if nothing was measured.
pub(crate) fn plot(chart: &Chart, during: TimeRange) -> Option<Plot<'_>> {
    let steps = chart.series.iter().map(|series| series.values.len()).max()?;
    let shown = chart.series.iter().take(SERIES);
    if !shown
        .clone()
        .any(|series| series.values.iter().any(|value| value.is_finite()))
    {
        return None;
    }
    let merged = steps.div_ceil(POINTS).max(1);
    let step = chart.step.max(1);
    let end = chart.start.saturating_add(step.saturating_mul(steps as u64));
    // An incident of a single moment has a window all the same.
    let (from, to) = (during.start, during.end.max(during.start.saturating_add(1)));
    let window = (from < end && to > chart.start).then(|| {
        (
            from.saturating_sub(chart.start),
            to.min(end).saturating_sub(chart.start),
        )
    });
    let begin_of = |position: usize| chart.start.saturating_add(step.saturating_mul(position as u64));
    let lines: Vec<Line<'_>> = shown
        .map(|series| {
            let seen = || {
                let values = series.values.iter().enumerate();
                values.filter(|(_, value)| value.is_finite())
            };
            let before = seen().filter(|(position, _)| begin_of(position + 1) <= from);
            let inside =
                seen().filter(|(position, _)| begin_of(*position) < to && begin_of(position + 1) > from);
            Line {
                name: &series.name,
                values: merge(&series.values, merged),
                before: median(before.map(|(_, value)| *value).collect()),
                during: median(inside.map(|(_, value)| *value).collect()),
                highest: seen()
                    .max_by(|(_, one), (_, other)| one.total_cmp(other))
                    .map(|(position, value)| (*value, begin_of(position))),
            }
        })
        .collect();
    let drawn = || {
        let lines = lines
            .iter()
            .flat_map(|line| line.values.iter().copied().chain(line.before));
        lines.filter(|value| value.is_finite())
    };
    let ticks = value_ticks(drawn().fold(0.0, f64::min), drawn().fold(0.0, f64::max));
    Some(Plot {
        title: &chart.title,
        unit: &chart.unit,
        start: chart.start,
        step: step.saturating_mul(merged as u64),
        points: steps.div_ceil(merged),
        merged,
        lines,
        more: chart.series.len().saturating_sub(SERIES),
        ticks,
        window,
    })
}

impl Plot<'_> {
    /// Nanoseconds from begin to end.
    pub(crate) fn length(&self) -> u64 {
        self.step.saturating_mul(self.points as u64).max(1)
    }

    /// Moments for ticks, as nanoseconds from the start, with their names.
    pub(crate) fn time_ticks(&self) -> Vec<(u64, String)> {
        let length = self.length();
        let step = TIME_STEPS
            .into_iter()
            .find(|step| length / step <= 5)
            .unwrap_or_else(|| (length / 5).div_ceil(DAY).max(1).saturating_mul(DAY));
        let first = self.start.div_ceil(step).saturating_mul(step);
        (0..=5_u64)
            .map(|position| first.saturating_add(step.saturating_mul(position)))
            .filter(|time| *time >= self.start && time - self.start <= length)
            .map(|time| (time - self.start, time_name(time, step)))
            .collect()
    }

    /// When a point begins.
    pub(crate) fn time_of(&self, position: usize) -> u64 {
        self.start
            .saturating_add(self.step.saturating_mul(position as u64))
    }
}

/// Time of day to the precision of the steps, or the date.
fn time_name(time: u64, step: u64) -> String {
    if step >= DAY {
        return moment(time).chars().skip(5).take(5).collect();
    }
    let letters = if step >= MINUTE { 5 } else { 8 };
    clock(time).chars().take(letters).collect()
}

/// Averages of so many neighbours each; what isn't finite counts for nothing.
fn merge(values: &[f64], neighbours: usize) -> Vec<f64> {
    values
        .chunks(neighbours.max(1))
        .map(|chunk| {
            let finite: Vec<f64> = chunk.iter().copied().filter(|value| value.is_finite()).collect();
            // Divided first, so that the largest numbers don't overflow; no number has no average.
            let count = finite.len() as f64;
            if finite.is_empty() {
                f64::NAN
            } else {
                finite.iter().map(|value| value / count).sum()
            }
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Three to seven round values from below the lowest to above the highest.
fn value_ticks(low: f64, high: f64) -> Vec<f64> {
    // Beyond this even differences overflow; the line runs along the chart's edge then.
    let (low, high) = (low.max(-1e300), high.min(1e300));
    let span = high - low;
    if span <= 1e-300 {
        return vec![0.0, 1.0];
    }
    let power = 10f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| span / step <= 5.0)
        .unwrap_or(10.0 * power);
    if !step.is_normal() {
        return vec![low, high];
    }
    let first = (low / step).floor();
    let last = (high / step).ceil().max(first + 1.0);
    (0..9)
        .map(|position| first + f64::from(position))
        .take_while(|number| *number <= last)
        .map(|number| number * step)
        .collect()
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::reporter::Series;

    use super::*;

    const START: u64 = 1_700_000_000 * SECOND;

    fn chart(values: &[f64]) -> Chart {
        Chart {
            title: "Duration".into(),
            unit: "s".into(),
            start: START,
            step: 10 * SECOND,
            series: vec![Series {
                name: "p95".into(),
                values: values.to_vec(),
            }],
        }
    }

    fn during(from: u64, to: u64) -> TimeRange {
        TimeRange {
            start: START + from * SECOND,
            end: START + to * SECOND,
        }
    }

    #[test]
    fn ticks_are_few_and_round() {
        let cases = [
            (0.0, 1.31, vec![0.0, 0.5, 1.0, 1.5]),
            (0.0, 100.0, vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            (-3.0, 4.0, vec![-4.0, -2.0, 0.0, 2.0, 4.0]),
            (0.0, 0.0, vec![0.0, 1.0]),
        ];
        for (low, high, expected) in cases {
            assert_eq!(value_ticks(low, high), expected, "{low} to {high}");
        }
        for (low, high) in [
            (0.0, f64::MAX),
            (f64::MIN, f64::MAX),
            (0.0, f64::MIN_POSITIVE),
            (0.0, 5e-324),
            (0.0, 1e-299),
            (-7.77, 1e12),
        ] {
            let ticks = value_ticks(low, high);
            assert!((2..=9).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|tick| tick.is_finite()));
            assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
        }
    }

    #[test]
    fn what_was_usual_is_told_from_what_is() {
        let chart = chart(&[1.0, 1.0, f64::NAN, 1.2, 5.0, 7.0, f64::INFINITY, 1.0]);
        let plot = plot(&chart, during(40, 60)).unwrap();
        let line = &plot.lines[0];
        assert_eq!((line.before, line.during), (Some(1.0), Some(7.0)));
        assert_eq!(line.highest, Some((7.0, START + 50 * SECOND)));
        assert_eq!(plot.window, Some((40 * SECOND, 60 * SECOND)));
        assert!(line.values[2].is_nan() && line.values[6].is_nan());
    }

    #[test]
    fn long_lines_are_averaged() {
        let chart = chart(&vec![2.0; 1_000]);
        let plot = plot(&chart, during(0, 10)).unwrap();
        assert_eq!((plot.merged, plot.points, plot.step), (5, 200, 50 * SECOND));
        assert_eq!(plot.lines[0].values, vec![2.0; 200]);
    }

    #[test]
    fn nothing_measured_is_no_plot() {
        assert!(plot(&chart(&[]), during(0, 1)).is_none());
        assert!(plot(&chart(&[f64::NAN, f64::INFINITY]), during(0, 1)).is_none());
        let mut empty = chart(&[]);
        empty.series.clear();
        assert!(plot(&empty, during(0, 1)).is_none());
    }

    #[test]
    fn time_has_round_ticks() {
        let chart = chart(&[1.0; 30]);
        let plot = plot(&chart, during(0, 0)).unwrap();
        let names: Vec<_> = plot.time_ticks().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["22:14", "22:15", "22:16", "22:17", "22:18"]);
        assert_eq!(plot.window, Some((0, 1)));
    }

    #[test]
    fn the_end_of_time_is_survived() {
        let mut chart = chart(&[1.0, f64::MAX, f64::MIN]);
        for (start, step) in [(u64::MAX, u64::MAX), (u64::MAX - 5, 1), (0, 0), (0, u64::MAX)] {
            (chart.start, chart.step) = (start, step);
            let during = TimeRange {
                start: u64::MAX,
                end: 0,
            };
            let plot = plot(&chart, during).unwrap();
            assert!(plot.time_ticks().len() <= 6);
            assert!(plot.ticks.iter().all(|tick| tick.is_finite()));
        }
    }
}
