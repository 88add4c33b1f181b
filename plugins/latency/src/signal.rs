//! Signals, in words and figures.

use std::collections::BTreeSet;
use std::time::Duration;

use aia_plugin_sdk::semconv::clip;
use aia_plugin_sdk::{Detail, Fingerprint, Measure, RowId, Severity, Signal, Time};

use crate::cases::{Basis, Finding, Slow, severity};
use crate::comparison::{Change, Comparison, Failures};
use crate::felt::Felt;
use crate::operation::{Operation, Role, Verdict};
use crate::pending::Evidence;
use crate::services::{ReleaseChange, Service};
use aia_plugin_sdk::stats::float;

/// The kinds of signals.
pub(crate) const SLOW: &str = "latency.slow";
pub(crate) const FELT: &str = "latency.felt";
pub(crate) const ERROR_RATE: &str = "latency.failures";

/// Version of the fingerprints. Whatever changes their parts raises it.
const FINGERPRINT_VERSION: u32 = 1;

/// Longest title that the contract allows, in bytes.
const MAX_TITLE_BYTES: usize = 300;

/// How long before the first slow request a release may have come that is named as its likely companion.
const RELEASE_WINDOW: Duration = Duration::from_secs(600);

/// How long after it a release may have been seen first: its first span ends later than it begins.
const RELEASE_LAG: Duration = Duration::from_secs(30);

/// Makes the signal of a slow service. `operation` is that of the finding's first; `lead` names the case.
pub(crate) fn slow(
    finding: &Finding,
    slow: &Slow,
    (operation, lead): (&Operation, &Operation),
    service: &Service,
    evidence: Vec<Evidence>,
    names: &Names<'_>,
) -> Signal {
    let verdict = &slow.verdict;
    let since = verdict.since;
    let change = service.change().filter(|change| {
        let seen = change.first_seen;
        seen <= since.after(RELEASE_LAG) && since <= seen.after(RELEASE_WINDOW)
    });
    let (mut rows, mut roots): (Vec<RowId>, Vec<RowId>) = (Vec::new(), Vec::new());
    let (mut count, mut start, mut end) = (0, since, Time::UNSET);
    for evidence in evidence {
        count += evidence.slow;
        if evidence.start.is_set() {
            start = start.min(evidence.start);
        }
        end = end.max(evidence.end);
        for exemplar in evidence.slowest {
            rows.push(exemplar.row);
            roots.push(exemplar.root);
        }
    }
    let mut listed = BTreeSet::new();
    rows.extend(roots);
    rows.retain(|row| listed.insert(*row));
    rows.truncate(MAX_ROWS);
    // By name: numbers follow who sent first.
    let affected: BTreeSet<String> = finding
        .affected
        .iter()
        .filter_map(|id| (names.service)(*id))
        .collect();
    Signal {
        kind: SLOW.to_owned(),
        severity: severity(finding, change.is_some()),
        fingerprint: fingerprint(SLOW, &service.name, &lead.name),
        title: title(slow, &operation.name, &service.name),
        service: service.name.clone(),
        operation: operation.name.clone(),
        release: service.release().to_owned(),
        affected: affected.into_iter().collect(),
        start_time: start.as_nanos(),
        end_time: end.max(start).as_nanos(),
        count,
        measures: measures(verdict),
        details: details(finding, slow, operation.role, change, names),
        evidence: rows,
    }
}

/// Most rows that a signal of a slow service names.
const MAX_ROWS: usize = 16;

/// Names by number.
pub(crate) struct Names<'a> {
    /// A service's.
    pub(crate) service: &'a dyn Fn(u32) -> Option<String>,
    /// An operation's.
    pub(crate) operation: &'a dyn Fn(u32) -> Option<String>,
}

/// Makes the signal of an operation that fails more often than usual. It is never worse than low: the detector `errors`
/// finds the failures themselves, knows where they began and opens the incident; this one joins it with how many
/// requests it costs.
pub(crate) fn error_rate(
    operation: &Operation,
    service: &Service,
    verdict: &Verdict,
    failures: Failures,
    evidence: &Evidence,
) -> Signal {
    let rate = failures.rate;
    let text = format!(
        "{} of {} fails for {} of requests, usually {}",
        operation.name,
        named(&service.name),
        percent(rate.now),
        percent(rate.usual),
    );
    Signal {
        kind: ERROR_RATE.to_owned(),
        severity: Severity::Low,
        fingerprint: fingerprint(ERROR_RATE, &service.name, &operation.name),
        title: clip(&text, MAX_TITLE_BYTES).to_owned(),
        service: service.name.clone(),
        operation: operation.name.clone(),
        release: service.release().to_owned(),
        affected: Vec::new(),
        start_time: evidence.start.as_nanos(),
        end_time: evidence.end.as_nanos(),
        count: evidence.failed,
        measures: measures(verdict),
        details: Vec::new(),
        evidence: evidence.failed_rows.clone(),
    }
}

/// Makes the signal of an operation that is far slower for those outside.
pub(crate) fn felt(
    operation: &Operation,
    service: &Service,
    (verdict, felt): (&Verdict, Felt),
    evidence: Evidence,
) -> Signal {
    let change = felt.change;
    let text = format!(
        "{} of {} is {} slower than usual for its users ({} {}, usually {})",
        operation.name,
        named(&service.name),
        times(change),
        if felt.is_median { "median" } else { "p95" },
        duration(change.now),
        duration(change.usual),
    );
    let mut rows: Vec<RowId> = evidence.slowest.iter().map(|exemplar| exemplar.row).collect();
    rows.truncate(MAX_ROWS);
    Signal {
        kind: FELT.to_owned(),
        severity: if felt.is_most() {
            Severity::Critical
        } else {
            Severity::High
        },
        fingerprint: fingerprint(FELT, &service.name, &operation.name),
        title: clip(&text, MAX_TITLE_BYTES).to_owned(),
        service: service.name.clone(),
        operation: operation.name.clone(),
        release: service.release().to_owned(),
        affected: Vec::new(),
        start_time: evidence.start.as_nanos(),
        end_time: evidence.end.as_nanos(),
        count: evidence.slow,
        measures: measures(verdict),
        details: Vec::new(),
        evidence: rows,
    }
}

fn fingerprint(kind: &str, service: &str, operation: &str) -> Fingerprint {
    Fingerprint {
        version: FINGERPRINT_VERSION,
        parts: [kind, service, operation].map(str::to_owned).to_vec(),
    }
}

fn named(service: &str) -> &str {
    if service.is_empty() {
        "an unnamed service"
    } else {
        service
    }
}

fn title(slow: &Slow, operation: &str, service: &str) -> String {
    // What a user feels, if that grew; else what the operation spends by itself.
    let felt = slow.verdict.durations.filter(Comparison::is_shifted);
    let (comparison, of) = match (felt, slow.basis) {
        (Some(durations), _) => (durations, ""),
        (None, Basis::Duration) => (slow.comparison, ""),
        (None, Basis::SelfTime) => (slow.comparison, " of its own time"),
    };
    let change = comparison.worst();
    let quantile = if change == comparison.p95 { "p95" } else { "median" };
    let text = format!(
        "{operation} of {} is {} slower than usual ({quantile}{of} {}, usually {})",
        named(service),
        times(change),
        duration(change.now),
        duration(change.usual),
    );
    clip(&text, MAX_TITLE_BYTES).to_owned()
}

/// Such as `4.2×`; from ten on without a fraction.
fn times(change: Change<u32>) -> String {
    let tenths = u64::from(change.now) * 10 / u64::from(change.usual.max(1));
    match (tenths / 10, tenths % 10) {
        (whole @ 10.., _) | (whole, 0) => format!("{whole}×"),
        (whole, tenth) => format!("{whole}.{tenth}×"),
    }
}

/// Such as `310 ms`, `1.3 s`.
fn duration(micros: u32) -> String {
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        1_000_000..10_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => format!("{} s", micros / 1_000_000),
    }
}

/// Such as `12.5%`.
fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn measures(verdict: &Verdict) -> Vec<Measure> {
    let mut measures = Vec::new();
    let mut add = |name: &str, unit: &str, value: f64, baseline: Option<f64>| {
        measures.push(Measure {
            name: name.to_owned(),
            unit: unit.to_owned(),
            value,
            baseline,
        });
    };
    let millis = |micros: u32| f64::from(micros) / 1000.0;
    if let Some(found) = verdict.durations {
        for (name, change) in [
            ("latency.duration.p50", found.p50),
            ("latency.duration.p95", found.p95),
        ] {
            add(name, "ms", millis(change.now), Some(millis(change.usual)));
        }
        add("latency.requests", "{request}", float(found.count), None);
    }
    if let Some(found) = verdict.self_times {
        for (name, change) in [
            ("latency.self_time.p50", found.p50),
            ("latency.self_time.p95", found.p95),
        ] {
            add(name, "ms", millis(change.now), Some(millis(change.usual)));
        }
    }
    if let Some(found) = verdict.self_times.or(verdict.durations) {
        let share = float(found.slow) / float(found.count.max(1));
        add("latency.slow_share", "1", share, Some(0.05));
    }
    if let Some(failures) = verdict.failures {
        add(
            "latency.failures",
            "1",
            failures.rate.now,
            Some(failures.rate.usual),
        );
    }
    measures
}

fn details(
    finding: &Finding,
    slow: &Slow,
    role: Role,
    change: Option<ReleaseChange<'_>>,
    names: &Names<'_>,
) -> Vec<Detail> {
    let spent = match (slow.basis, role) {
        (Basis::SelfTime, Role::Serve) => "in the service itself: what it calls is left out",
        (Basis::SelfTime, Role::Call) => {
            "in what is called, or on the way there: spans of the called are left out"
        }
        (Basis::Duration, _) => "not known: too few of its traces were held",
    };
    let others = finding
        .slow
        .iter()
        .filter(|other| other.operation != slow.operation);
    let others: Vec<String> = others
        .filter_map(|other| (names.operation)(other.operation))
        .take(MAX_LISTED)
        .collect();
    let release = change.map(|change| (change.previous.to_owned(), change.first_seen.to_string()));
    let (previous, first_seen) = release.unwrap_or_default();
    let details = [
        ("latency.since", slow.verdict.since.to_string()),
        ("latency.spent", spent.to_owned()),
        ("latency.operations", others.join("\n")),
        ("release.previous", previous),
        ("release.first_seen", first_seen),
    ];
    let known = details.into_iter().filter(|(_, value)| !value.is_empty());
    known
        .map(|(name, value)| Detail {
            name: name.to_owned(),
            value,
        })
        .collect()
}

/// Most other operations of the service that a signal lists.
const MAX_LISTED: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        let cases = [
            (0, "0 µs"),
            (999, "999 µs"),
            (1250, "1.2 ms"),
            (310_999, "310 ms"),
            (1_310_000, "1.3 s"),
            (75_000_000, "75 s"),
        ];
        for (micros, expected) in cases {
            assert_eq!(duration(micros), expected);
        }
        for (now, expected) in [(42, "4.2×"), (40, "4×"), (125, "12×"), (5, "0.5×")] {
            assert_eq!(times(Change { now, usual: 10 }), expected);
        }
        assert_eq!(
            times(Change {
                now: u32::MAX,
                usual: 0
            }),
            "4294967295×"
        );
        assert_eq!(percent(0.125), "12.5%");
    }
}
