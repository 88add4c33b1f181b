//! One finding a service: which of the operations that are slow at a tick are to be told of.
//!
//! A service that is slow is so in several operations at once, and its callers queue up: their own time grows, too.
//! All that is one trouble. So the operations of a service are told of together, under the one that was found first,
//! and a service that waits for another slow one isn't told of at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aia_plugin_sdk::{Severity, Time};
use serde::{Deserialize, Serialize};

use crate::comparison::Comparison;
use crate::operation::Verdict;
use crate::operations::OperationId;
use crate::services::ServiceId;

/// How long a service must be quiet before what comes next may go by another operation's name.
const QUIET: Duration = Duration::from_secs(600);

/// Requests within a window below which nothing is worse than medium.
const MIN_REQUESTS: u64 = 30;

/// What an operation is called slow by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Basis {
    /// The time it spends by itself.
    SelfTime,
    /// The time its requests take: where that is spent couldn't be measured.
    Duration,
}

/// An operation that is slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slow {
    pub(crate) operation: OperationId,
    pub(crate) verdict: Verdict,
    pub(crate) comparison: Comparison,
    pub(crate) basis: Basis,
}

/// A service that is slow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Finding {
    pub(crate) service: ServiceId,
    /// Its slow operations, the one that loses the most time first.
    pub(crate) slow: Vec<Slow>,
    /// Other services that wait for it.
    pub(crate) affected: BTreeSet<ServiceId>,
    /// Whether users feel it.
    pub(crate) is_felt: bool,
    /// Whether nothing of it reaches the edge of the system.
    pub(crate) is_hidden: bool,
}

impl Finding {
    /// Whether it is of a service, or of one that this waits for.
    pub(crate) fn concerns(&self, service: ServiceId) -> bool {
        self.service == service || self.affected.contains(&service)
    }

    /// Whether its operations lost at least half as much time by themselves: then others need no cause of their own to
    /// have lost it, even where their spans came too late to be tied to it.
    pub(crate) fn accounts_for(&self, lost: u64) -> bool {
        let own = |sum: u64, slow: &Slow| sum.saturating_add(slow.comparison.lost());
        self.slow.iter().fold(0, own) >= lost / 2
    }

    /// Whether only the slowest of its requests are slower than usual.
    pub(crate) fn is_tail(&self) -> bool {
        self.slow.iter().all(|slow| !slow.comparison.is_median_shifted)
    }
}

/// A service that is slow or was lately.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Case {
    /// The operation that it goes by.
    pub(crate) lead: OperationId,
    last_found: Time,
    last_signal: Time,
}

/// All of them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Cases(BTreeMap<ServiceId, Case>);

impl Cases {
    /// Notes a finding, and gives the operation it goes by if it is to be signalled now.
    pub(crate) fn find(&mut self, finding: &Finding, now: Time, update: Duration) -> Option<OperationId> {
        let lead = finding.slow.first()?.operation;
        let case = self.0.entry(finding.service).or_insert(Case {
            lead,
            last_found: now,
            last_signal: Time::UNSET,
        });
        case.last_found = now;
        let is_due = !case.last_signal.is_set() || now.since(case.last_signal) >= update;
        is_due.then_some(case.lead)
    }

    /// Notes that a signal was given, by an operation's name.
    pub(crate) fn signalled(&mut self, service: ServiceId, lead: OperationId, now: Time) {
        if let Some(case) = self.0.get_mut(&service) {
            case.lead = lead;
            case.last_signal = now;
        }
    }

    /// Forgets what has been quiet.
    pub(crate) fn forget_quiet(&mut self, now: Time) {
        self.0.retain(|_, case| now.since(case.last_found) < QUIET);
    }
}

/// Groups slow operations by service, and leaves out the services that wait for another one. `place` gives the service
/// of an operation and those that wait for it.
pub(crate) fn findings<'a>(
    slow: Vec<Slow>,
    place: impl Fn(OperationId) -> Option<(ServiceId, Option<&'a BTreeSet<ServiceId>>)>,
) -> Vec<Finding> {
    let mut by_service: BTreeMap<ServiceId, Finding> = BTreeMap::new();
    for slow in slow {
        let Some((service, affected)) = place(slow.operation) else {
            continue;
        };
        let finding = by_service.entry(service).or_insert_with(|| Finding {
            service,
            ..Finding::default()
        });
        finding.affected.extend(affected.into_iter().flatten());
        finding.affected.remove(&service);
        finding.slow.push(slow);
    }
    for finding in by_service.values_mut() {
        finding
            .slow
            .sort_by_key(|slow| (std::cmp::Reverse(slow.comparison.lost()), slow.operation));
    }
    let waits = |finding: &Finding| {
        by_service.values().any(|other| {
            other.affected.contains(&finding.service) && !finding.affected.contains(&other.service)
        })
    };
    by_service
        .values()
        .filter(|finding| !waits(finding))
        .cloned()
        .collect()
}

/// Of operations of which only durations are known, callers among them, the one that is usually the quickest: a caller
/// never is quicker than whom it waits for.
pub(crate) fn innermost(slow: Vec<Slow>) -> Option<Slow> {
    slow.into_iter()
        .min_by_key(|slow| (slow.comparison.p50.usual, slow.operation))
}

/// How bad it is, by how much slower most requests are, and by whether a release or others' waiting goes with it.
pub(crate) fn severity(finding: &Finding, is_new_in_release: bool) -> Severity {
    let worst = finding
        .slow
        .iter()
        .map(|slow| of_operation(slow, !finding.affected.is_empty()))
        .max();
    match worst {
        Some(Severity::Medium) if finding.is_hidden && !is_new_in_release => Severity::Low,
        Some(Severity::Low | Severity::Medium) if finding.is_felt => Severity::High,
        Some(Severity::Medium) if is_new_in_release => Severity::High,
        worst => worst.unwrap_or(Severity::Low),
    }
}

fn of_operation(slow: &Slow, is_waited_for: bool) -> Severity {
    let comparison = slow.comparison;
    let median = comparison.p50;
    let is_many = comparison.count >= MIN_REQUESTS && slow.basis == Basis::SelfTime;
    let grew = |factor, micros| {
        comparison.is_median_shifted && median.grew_by(factor) && median.increase() >= micros
    };
    if is_many && grew(10.0, 1_000_000) {
        Severity::Critical
    } else if is_many && grew(3.0, 100_000) {
        Severity::High
    } else if is_waited_for || comparison.worst().grew_by(2.0) {
        Severity::Medium
    } else {
        Severity::Low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Change;

    fn slow(operation: OperationId, usual: u32, now: u32) -> Slow {
        let change = Change { now, usual };
        let comparison = Comparison {
            p50: change,
            p95: change,
            count: 100,
            slow: 90,
            is_median_shifted: true,
            is_p95_shifted: true,
        };
        let verdict = Verdict {
            durations: None,
            self_times: Some(comparison),
            failures: None,
            felt: None,
            is_slow_itself: true,
            is_slow: false,
            since: Time::from_secs(1),
        };
        Slow {
            operation,
            verdict,
            comparison,
            basis: Basis::SelfTime,
        }
    }

    #[test]
    fn one_finding_a_service_and_none_for_those_who_wait() {
        let waiting = BTreeSet::from([1, 2]);
        let all = vec![
            slow(10, 1000, 9000),
            slow(30, 1000, 2000),
            slow(31, 1000, 90_000),
            slow(40, 1000, 3000),
        ];
        // Operation 31 is of service 3, and so on; 1 and 2 wait for 3.
        let found = findings(all, |operation| {
            Some((operation / 10, (operation == 31).then_some(&waiting)))
        });
        let services: Vec<_> = found.iter().map(|finding| finding.service).collect();
        assert_eq!(services, [3, 4]);
        let operations: Vec<_> = found[0].slow.iter().map(|slow| slow.operation).collect();
        assert_eq!(operations, [31, 30]);
        assert_eq!(found[0].affected, waiting);
    }

    #[test]
    fn a_case_keeps_its_name_while_it_lasts() {
        let mut cases = Cases::default();
        let update = Duration::from_secs(30);
        let finding = |operation| Finding {
            service: 1,
            slow: vec![slow(operation, 1, 9)],
            ..Finding::default()
        };
        assert_eq!(cases.find(&finding(10), Time::from_secs(10), update), Some(10));
        cases.signalled(1, 10, Time::from_secs(10));
        assert_eq!(cases.find(&finding(11), Time::from_secs(30), update), None);
        assert_eq!(cases.find(&finding(11), Time::from_secs(40), update), Some(10));
        cases.forget_quiet(Time::from_secs(640));
        assert_eq!(cases.find(&finding(11), Time::from_secs(650), update), Some(11));
    }

    #[test]
    fn severity_follows_size_and_spread() {
        let of = |usual, now, affected: &[ServiceId], is_new| {
            let finding = Finding {
                service: 1,
                slow: vec![slow(10, usual, now)],
                affected: affected.iter().copied().collect(),
                is_felt: false,
                is_hidden: false,
            };
            severity(&finding, is_new)
        };
        assert_eq!(of(100_000, 160_000, &[], false), Severity::Low);
        assert_eq!(of(100_000, 160_000, &[2], false), Severity::Medium);
        assert_eq!(of(100_000, 250_000, &[], false), Severity::Medium);
        assert_eq!(of(100_000, 250_000, &[], true), Severity::High);
        assert_eq!(of(100_000, 400_000, &[], false), Severity::High);
        assert_eq!(of(10_000, 40_000, &[], false), Severity::Medium);
        assert_eq!(of(100_000, 1_500_000, &[], false), Severity::Critical);
    }
}
