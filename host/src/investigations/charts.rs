//! Charts of the time around an incident: requests, errors and durations of a service, computed from its spans.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use aia_telemetry::{Columns, SignalType, SpanColumns, SpanReader, span_kind};

use super::gather::at;
use crate::log::{Log, LogError, ScanBudget, Wanted};
use crate::runtime::TimeRange;
use crate::store::{ChartRecord, ChartSeries, Scope};

/// Steps of a chart, at most.
const MAX_STEPS: u64 = 120;

/// Before and behind the incident, nanoseconds.
const BEFORE: u64 = 900 * SECOND;
const BEHIND: u64 = 300 * SECOND;

const SECOND: u64 = 1_000_000_000;

/// Growth of the buckets of durations: a quantile is off by at most 1%.
const GAMMA: f64 = 1.02;

/// What a chart is about: a service, and an operation of it if that isn't empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Subject {
    pub(super) service: String,
    pub(super) operation: String,
}

/// What happened in a step. Durations in buckets of logarithmic width.
#[derive(Clone, Debug, Default)]
struct Step {
    requests: u64,
    errors: u64,
    durations: BTreeMap<u16, u64>,
}

/// The steps of a service's requests, or of one operation.
struct Counted {
    /// Requests that are served.
    served: Vec<Step>,
    /// All spans, for services that send no kinds.
    all: Vec<Step>,
}

/// The grid of steps.
#[derive(Clone, Copy)]
struct Grid {
    start: u64,
    step: u64,
    steps: usize,
}

impl Grid {
    /// Around the incident, as far as anything is known of that time.
    fn around(during: TimeRange, known: &Range<u64>) -> Self {
        let start = during.start.saturating_sub(BEFORE);
        let start = start.max(known.start / SECOND * SECOND).min(during.start);
        let end = during.end.saturating_add(BEHIND);
        let end = end
            .min(known.end)
            .max(during.end)
            .max(start.saturating_add(SECOND));
        // Whole seconds, so that steps are the same for people and for charts.
        let step = (end - start)
            .div_ceil(MAX_STEPS)
            .div_ceil(SECOND)
            .max(1)
            .saturating_mul(SECOND);
        let steps = (end - start).div_ceil(step);
        Self {
            start,
            step,
            steps: usize::try_from(steps).unwrap_or(0),
        }
    }

    fn end(self) -> u64 {
        self.start
            .saturating_add(self.step.saturating_mul(self.steps as u64))
    }

    fn index(self, time: u64) -> Option<usize> {
        let index = usize::try_from(time.checked_sub(self.start)? / self.step).ok()?;
        (index < self.steps).then_some(index)
    }
}

/// The charts of these subjects around a time, up to `now`; a subject without a span has none.
///
/// # Errors
/// If the log can't be read.
pub(super) fn charts(
    log: &Log,
    scope: &Scope,
    during: TimeRange,
    subjects: &[Subject],
    budget: ScanBudget,
    now: u64,
) -> Result<Vec<ChartRecord>, LogError> {
    // What lies before the first telemetry or is yet to come isn't known, which is not the same as nothing.
    let known = log.known_since(scope)?..now;
    let grid = Grid::around(during, &known);
    let mut charts = Vec::new();
    for subject in subjects {
        let wanted = Wanted {
            start: grid.start,
            end: grid.end(),
            signal: Some(SignalType::Traces),
            service: subject.service.clone(),
            trace: (0, 0),
        };
        let mut counted = [Counted::new(grid), Counted::new(grid)];
        log.scan(scope, &wanted, budget, &mut |segment| {
            if let Some(Columns::Spans(columns)) = &segment.columns {
                count(columns, subject, grid, &mut counted);
            }
            ControlFlow::Continue(())
        })?;
        let [operation, service] = counted;
        let of_operation = (!subject.operation.is_empty())
            .then_some(operation.best())
            .flatten();
        let (name, steps) = match (of_operation, service.best()) {
            (Some(steps), _) => (format!("{} {}", subject.service, subject.operation), steps),
            (None, Some(steps)) => (subject.service.clone(), steps),
            (None, None) => continue,
        };
        charts.extend(draw(&name, &steps, grid, &known));
    }
    Ok(charts)
}

fn count(columns: &SpanColumns, subject: &Subject, grid: Grid, [operation, service]: &mut [Counted; 2]) {
    let reader = SpanReader::new(columns);
    let spans = &columns.spans;
    for row in 0..spans.span_id.len() {
        let start = at(&spans.start_time, row);
        let Some(index) = grid
            .index(start)
            .filter(|_| reader.service(row) == subject.service)
        else {
            continue;
        };
        let kind = spans.kind.get(row).copied().unwrap_or(0);
        let is_served = matches!(kind, span_kind::SERVER | span_kind::CONSUMER);
        let duration = at(&spans.end_time, row).saturating_sub(start);
        let has_failed = reader.has_failed(row);
        if is_served || kind <= span_kind::INTERNAL {
            service.add(index, is_served, duration, has_failed);
        }
        let is_of = |name: aia_telemetry::SpanOperation<'_>| name.name() == subject.operation;
        if !subject.operation.is_empty() && (is_of(reader.operation(row)) || is_of(reader.call(row))) {
            operation.add(index, is_served, duration, has_failed);
        }
    }
}

impl Counted {
    fn new(grid: Grid) -> Self {
        Self {
            served: vec![Step::default(); grid.steps],
            all: vec![Step::default(); grid.steps],
        }
    }

    fn add(&mut self, index: usize, is_served: bool, duration: u64, has_failed: bool) {
        let served = self.served.get_mut(index).filter(|_| is_served);
        for step in served.into_iter().chain(self.all.get_mut(index)) {
            step.requests += 1;
            step.errors += u64::from(has_failed);
            *step.durations.entry(bucket(duration)).or_default() += 1;
        }
    }

    /// What is served, else all there is.
    fn best(self) -> Option<Vec<Step>> {
        let has_some = |steps: &[Step]| steps.iter().any(|step| step.requests > 0);
        [self.served, self.all].into_iter().find(|steps| has_some(steps))
    }
}

fn draw(name: &str, steps: &[Step], grid: Grid, known: &Range<u64>) -> [ChartRecord; 3] {
    #[expect(clippy::cast_precision_loss, reason = "figures for charts")]
    let rate = |count: u64| count as f64 / (grid.step as f64 / 1e9);
    let starts = (0..).map(|index: u64| grid.start.saturating_add(grid.step.saturating_mul(index)));
    let is_known: Vec<bool> = starts
        .take(grid.steps)
        .map(|start| start.saturating_add(grid.step) > known.start && start < known.end)
        .collect();
    let line = |name: &str, value: &dyn Fn(&Step) -> Option<f64>| ChartSeries {
        name: name.to_owned(),
        values: steps
            .iter()
            .zip(&is_known)
            .map(|(step, is_known)| value(step).filter(|_| *is_known))
            .collect(),
    };
    let chart = |what: &str, unit: &str, series| ChartRecord {
        title: format!("{what} of {name}"),
        unit: unit.to_owned(),
        start: grid.start,
        step: grid.step,
        series,
    };
    [
        chart(
            "Requests",
            "{request}/s",
            vec![line("requests", &|step| Some(rate(step.requests)))],
        ),
        chart(
            "Errors",
            "{error}/s",
            vec![line("errors", &|step| Some(rate(step.errors)))],
        ),
        chart(
            "Duration",
            "s",
            vec![
                line("p50", &|step| step.quantile(50)),
                line("p95", &|step| step.quantile(95)),
            ],
        ),
    ]
}

/// The bucket of a duration; 0 is up to a microsecond.
fn bucket(nanoseconds: u64) -> u16 {
    #[expect(clippy::cast_precision_loss, reason = "only the logarithm is wanted")]
    let microseconds = nanoseconds as f64 / 1e3;
    if microseconds <= 1.0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 2,300: the logarithm of 2^64 to this base"
    )]
    let bucket = (microseconds.ln() / GAMMA.ln()).ceil() as u16;
    bucket
}

impl Step {
    /// A quantile of the durations in seconds; none if there are none.
    fn quantile(&self, percent: u64) -> Option<f64> {
        let rank = (self.requests * percent).div_ceil(100).max(1);
        let mut passed = 0;
        let bucket = self.durations.iter().find_map(|(bucket, count)| {
            passed += count;
            (passed >= rank).then_some(*bucket)
        })?;
        // The middle of the bucket, seen in ratios.
        Some(GAMMA.powf(f64::from(bucket) - 0.5) / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_have_at_most_120_whole_seconds_around_the_incident() {
        for length in [0, 1, 60, 3_600, 1_000_000] {
            let during = TimeRange {
                start: 10_000 * SECOND,
                end: (10_000 + length) * SECOND,
            };
            let grid = Grid::around(during, &(0..u64::MAX));
            assert!(
                grid.steps <= 120 && grid.step.is_multiple_of(SECOND),
                "{length}: {}",
                grid.steps
            );
            assert_eq!(grid.start, 9_100 * SECOND);
            assert!(grid.end() >= during.end + BEHIND);
            assert_eq!(grid.index(grid.start), Some(0));
            assert_eq!((grid.index(grid.start - 1), grid.index(grid.end())), (None, None));
        }
        let grid = Grid::around(
            TimeRange {
                start: 5,
                end: u64::MAX,
            },
            &(0..u64::MAX),
        );
        assert!(grid.steps <= 120);
    }

    #[test]
    fn grids_begin_and_end_with_what_is_known_but_have_the_whole_incident() {
        let during = TimeRange {
            start: 10_000 * SECOND,
            end: 10_060 * SECOND,
        };
        let known = |start, end| start * SECOND..end * SECOND;
        let grid = Grid::around(during, &known(9_940, 10_100));
        assert_eq!((grid.start, grid.step), (9_940 * SECOND, 2 * SECOND));
        assert_eq!(grid.end(), 10_100 * SECOND);
        let grid = Grid::around(during, &known(10_020, 10_030));
        assert!(grid.start <= during.start && grid.end() >= during.end);
    }

    #[test]
    fn quantiles_are_right_to_one_percent() {
        let mut step = Step::default();
        for milliseconds in 1..=1_000_u64 {
            step.requests += 1;
            *step
                .durations
                .entry(bucket(milliseconds * 1_000_000))
                .or_default() += 1;
        }
        for (percent, expected) in [(50, 0.5), (95, 0.95)] {
            let found = step.quantile(percent).unwrap();
            assert!((found / expected - 1.0).abs() < 0.011, "{percent}: {found}");
        }
        assert_eq!(Step::default().quantile(50), None);
        assert!(bucket(u64::MAX) < 3_000 && bucket(0) == 0);
    }
}
