//! When an analyst is to look at an incident.

use crate::incidents::rank;
use crate::store::{Ending, Incident, IncidentState, InvestigationRecord};

use super::InvestigationConfig;
use crate::clock::nanos;

/// Whether an analyst is to look at an incident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due {
    /// Yes.
    Now,
    /// When time has passed.
    Later,
    /// Not unless the incident changes.
    No,
}

/// Whether an analyst that looked at an incident `last` is to look again at `now` (nanoseconds since the Unix epoch, time of
/// the data): at once when it never did; a while after the opening, when the telemetry around it is in; when the incident
/// was laid at another service or got worse, though not too often. One that failed tries again a few times.
#[must_use]
pub fn due(
    config: &InvestigationConfig,
    incident: &Incident,
    last: Option<&InvestigationRecord>,
    now: u64,
) -> Due {
    if incident.state == IncidentState::Resolved {
        return Due::No;
    }
    let Some(last) = last else { return Due::Now };
    if matches!(last.ending, Ending::Failed(_)) && last.failures < config.attempts {
        return Due::Now;
    }
    let at = |time: u64| if now >= time { Due::Now } else { Due::Later };
    let settled = incident.opened_at.saturating_add(nanos(config.settle));
    if last.time < settled {
        return at(settled);
    }
    let has_changed = last.service != incident.service || rank(incident.severity) > rank(last.severity);
    if has_changed {
        return at(last.time.saturating_add(nanos(config.rest)));
    }
    Due::No
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Severity;

    const SECOND: u64 = 1_000_000_000;

    fn incident() -> Incident {
        Incident {
            id: "inc-1".to_owned(),
            project: "p".to_owned(),
            title: String::new(),
            state: IncidentState::Open,
            severity: Severity::Medium,
            service: "a".to_owned(),
            operation: String::new(),
            release: String::new(),
            affected: Vec::new(),
            start_time: 0,
            end_time: 0,
            opened_at: 1_000 * SECOND,
            updated_at: 1_000 * SECOND,
            count: 1,
            version: 1,
            lifecycle: crate::store::Lifecycle::default(),
        }
    }

    fn last(at: u64) -> InvestigationRecord {
        InvestigationRecord {
            incident: "inc-1".to_owned(),
            analyst: "x".to_owned(),
            time: at * SECOND,
            service: "a".to_owned(),
            severity: Severity::Medium,
            basis: String::new(),
            ending: Ending::Concluded,
            failures: 0,
        }
    }

    #[test]
    fn at_once_then_when_the_telemetry_is_in_then_when_it_changes() {
        let config = InvestigationConfig::default();
        let (open, at) = (incident(), |seconds: u64| seconds * SECOND);
        let due = |incident: &Incident, last: Option<&InvestigationRecord>, now| {
            due(&config, incident, last, at(now))
        };
        assert_eq!(due(&open, None, 1_000), Due::Now);
        assert_eq!(due(&open, Some(&last(1_000)), 1_059), Due::Later);
        assert_eq!(due(&open, Some(&last(1_000)), 1_060), Due::Now);
        assert_eq!(due(&open, Some(&last(1_060)), 9_000), Due::No);

        let moved = Incident {
            service: "b".to_owned(),
            ..incident()
        };
        assert_eq!(due(&moved, Some(&last(1_060)), 1_359), Due::Later);
        assert_eq!(due(&moved, Some(&last(1_060)), 1_360), Due::Now);
        let worse = Incident {
            severity: Severity::High,
            ..incident()
        };
        assert_eq!(due(&worse, Some(&last(1_060)), 1_360), Due::Now);
        let better = Incident {
            severity: Severity::Low,
            ..incident()
        };
        assert_eq!(due(&better, Some(&last(1_060)), 9_000), Due::No);
        let over = Incident {
            state: IncidentState::Resolved,
            ..incident()
        };
        assert_eq!(due(&over, None, 9_000), Due::No);
    }

    #[test]
    fn failures_are_tried_again_a_few_times() {
        let config = InvestigationConfig::default();
        let failed = |failures| InvestigationRecord {
            ending: Ending::Failed("trap".to_owned()),
            failures,
            ..last(1_060)
        };
        assert_eq!(
            due(&config, &incident(), Some(&failed(1)), 1_061 * SECOND),
            Due::Now
        );
        assert_eq!(
            due(
                &config,
                &incident(),
                Some(&failed(config.attempts)),
                9_000 * SECOND
            ),
            Due::No
        );
    }
}
