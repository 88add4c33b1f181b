//! From single faults to figures.

use std::collections::BTreeSet;

use aia::runtime::Severity;
use aia::store::Incident;

use super::blame::{Blamed, Location};
use super::dataset::{Day, Fault};
use super::naive::Naive;
use super::severe::Moments;
use crate::result::{Figure, Goal, Outcome, Table};

/// What a replay of one fault gave.
pub(super) struct Found {
    /// Incidents opened before the fault was injected.
    pub(super) before: Vec<Incident>,
    /// Incidents opened since.
    pub(super) during: Vec<Incident>,
    /// When incidents became high.
    pub(super) high: Moments,
    /// When the fault was injected.
    pub(super) injected: u64,
    /// When its first minute began, and with it what isn't known to be quiet.
    pub(super) fault_begin: u64,
    /// Seconds of traces and logs before it was injected.
    pub(super) quiet_seconds: f64,
    pub(super) blamed: Blamed,
    pub(super) naive: Naive,
}

/// One fault.
pub(super) struct Scored {
    kind: String,
    row: Vec<String>,
    is_opened: bool,
    is_high: bool,
    is_false_alarm: bool,
    is_high_in_minutes: bool,
    is_normal_alarm: bool,
    false_incidents: usize,
    quiet_seconds: f64,
    culprit: Option<usize>,
    naive_error: Option<usize>,
    naive_slow: Option<usize>,
    code: Option<bool>,
}

/// The quiet minutes of a day.
pub(super) struct Quiet {
    pub(super) day: String,
    pub(super) minutes: usize,
    pub(super) rows: u64,
    pub(super) incidents: Vec<Incident>,
}

fn place(services: &[String], culprit: &str) -> Option<usize> {
    services
        .iter()
        .position(|service| service == culprit)
        .map(|at| at + 1)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// An incident in a few words.
fn words(incidents: &[Incident], high: &Moments) -> String {
    let words = incidents.iter().map(|incident| {
        let mut severity = severity(incident.severity).to_owned();
        if let Some(moment) = high.get(&incident.id) {
            let seconds = moment.saturating_sub(incident.opened_at) / 1_000_000_000;
            severity.push_str(&format!(" (after {seconds} s)"));
        }
        format!("{severity} {}: {}", incident.service, incident.title)
    });
    words.collect::<Vec<_>>().join("; ")
}

impl Scored {
    pub(super) fn new(day: &Day, fault: &Fault, found: Found) -> Self {
        let Found {
            before,
            during,
            high,
            injected,
            fault_begin,
            quiet_seconds,
            blamed,
            naive,
        } = found;
        let culprit = place(&blamed.services, &fault.service);
        let naive_error = place(&naive.latest_error, &fault.service);
        let naive_slow = place(&naive.slowest, &fault.service);
        let code = Location::is_code(&fault.cause)
            .then(|| blamed.code.as_ref().is_some_and(|code| code.is_in(&fault.cause)));
        let rank = |place: Option<usize>| place.map_or_else(|| "-".to_owned(), |place| place.to_string());
        let row = vec![
            format!(
                "{} {}",
                day.name,
                fault.inject_time.split(' ').next_back().unwrap_or_default()
            ),
            fault.kind.clone(),
            fault.service.clone(),
            words(&before, &high),
            words(&during, &high),
            blamed.services.join(", "),
            rank(culprit),
            rank(naive_error),
            rank(naive_slow),
            code.map_or_else(|| "-".to_owned(), |hit| hit.to_string()),
        ];
        Self {
            kind: fault.kind.clone(),
            row,
            is_opened: !during.is_empty() || high.values().any(|moment| *moment >= injected),
            is_high: high.values().any(|moment| *moment >= injected),
            is_false_alarm: high.values().any(|moment| *moment < injected),
            is_high_in_minutes: high.values().any(|moment| *moment >= fault_begin),
            is_normal_alarm: high.values().any(|moment| *moment < fault_begin),
            false_incidents: before.len(),
            quiet_seconds,
            culprit,
            naive_error,
            naive_slow,
            code,
        }
    }
}

/// Figures of these faults together.
struct Sum<'a>(Vec<&'a Scored>);

impl Sum<'_> {
    fn count(&self, is: impl Fn(&Scored) -> bool) -> usize {
        self.0.iter().filter(|scored| is(scored)).count()
    }

    fn within(&self, place: impl Fn(&Scored) -> Option<usize>, top: usize) -> usize {
        self.count(|scored| place(scored).is_some_and(|place| place <= top))
    }

    fn tops(&self, place: impl Fn(&Scored) -> Option<usize> + Copy) -> String {
        let [one, three, five] = [1, 3, 5].map(|top| self.within(place, top));
        format!("{one}/{three}/{five}")
    }

    fn row(&self, name: &str) -> Vec<String> {
        let with_code = self.count(|scored| scored.code.is_some());
        let code = self.count(|scored| scored.code == Some(true));
        vec![
            name.to_owned(),
            self.0.len().to_string(),
            self.count(|scored| scored.is_opened).to_string(),
            self.count(|scored| scored.is_high).to_string(),
            self.count(|scored| scored.is_false_alarm).to_string(),
            self.tops(|scored| scored.culprit),
            if with_code == 0 {
                "-".to_owned()
            } else {
                format!("{code} of {with_code}")
            },
            self.tops(|scored| scored.naive_error),
            self.tops(|scored| scored.naive_slow),
        ]
    }
}

fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// All figures.
pub(super) fn outcome(scored: &[Scored], quiet: &[Quiet]) -> Outcome {
    let kinds: BTreeSet<&str> = scored.iter().map(|scored| scored.kind.as_str()).collect();
    let all = Sum(scored.iter().collect());
    let mut rows: Vec<_> = kinds
        .into_iter()
        .map(|kind| Sum(scored.iter().filter(|scored| scored.kind == kind).collect()).row(kind))
        .collect();
    rows.push(all.row("all"));
    let by_type = Table {
        name: "by_type",
        head: vec![
            "fault",
            "faults",
            "found",
            "high",
            "false alarm",
            "culprit 1/3/5",
            "code at 1",
            "latest error 1/3/5",
            "slowest 1/3/5",
        ],
        rows,
        is_printed: true,
    };
    let faults = Table {
        name: "faults",
        head: vec![
            "fault",
            "type",
            "service",
            "incidents before",
            "incidents since",
            "suspects",
            "culprit",
            "latest error",
            "slowest",
            "code",
        ],
        rows: scored.iter().map(|scored| scored.row.clone()).collect(),
        is_printed: false,
    };
    let days = Table {
        name: "quiet_days",
        head: vec!["day", "minutes", "rows", "incidents", "what"],
        rows: quiet
            .iter()
            .map(|quiet| {
                vec![
                    quiet.day.clone(),
                    quiet.minutes.to_string(),
                    quiet.rows.to_string(),
                    quiet.incidents.len().to_string(),
                    words(&quiet.incidents, &Moments::new()),
                ]
            })
            .collect(),
        is_printed: false,
    };
    let count = scored.len();
    let with_code = all.count(|scored| scored.code.is_some());
    let naive = all
        .within(|scored| scored.naive_error, 1)
        .max(all.within(|scored| scored.naive_slow, 1));
    let false_incidents: usize = scored.iter().map(|scored| scored.false_incidents).sum();
    let quiet_minutes = scored.iter().map(|scored| scored.quiet_seconds).sum::<f64>() / 60.0;
    let metric_minutes: usize = quiet.iter().map(|quiet| quiet.minutes).sum();
    let metric_incidents: usize = quiet.iter().map(|quiet| quiet.incidents.len()).sum();
    let clean = count - all.count(|scored| scored.is_false_alarm);
    let in_fault = all.count(|scored| scored.is_high);
    Outcome {
        figures: vec![
            Figure::new("faults", count as f64, ""),
            Figure::new("high incident in the fault", share(in_fault, count), "%").goal(Goal::AtLeast(50.0)),
            Figure::new("no high incident before it", share(clean, count), "%").goal(Goal::AtLeast(100.0)),
            Figure::new(
                "high incident in the fault's minutes",
                share(all.count(|scored| scored.is_high_in_minutes), count),
                "%",
            ),
            Figure::new(
                "no high incident in the normal minute",
                share(count - all.count(|scored| scored.is_normal_alarm), count),
                "%",
            ),
            Figure::new(
                "culprit at 1",
                share(all.within(|scored| scored.culprit, 1), count),
                "%",
            )
            .goal(Goal::AtLeast(2.0 * share(naive, count))),
            Figure::new(
                "culprit in 3",
                share(all.within(|scored| scored.culprit, 3), count),
                "%",
            ),
            Figure::new(
                "culprit in 5",
                share(all.within(|scored| scored.culprit, 5), count),
                "%",
            ),
            Figure::new(
                "code region at 1",
                share(all.count(|scored| scored.code == Some(true)), with_code),
                "%",
            ),
            Figure::new("best naive at 1", share(naive, count), "%"),
            Figure::new(
                "incidents per quiet minute",
                false_incidents as f64 / quiet_minutes.max(1.0),
                "",
            ),
            Figure::new(
                "incidents per quiet hour of metrics",
                60.0 * metric_incidents as f64 / (metric_minutes.max(1)) as f64,
                "",
            ),
        ],
        tables: vec![by_type, faults, days],
    }
}
