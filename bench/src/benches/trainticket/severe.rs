//! When incidents became high: one that a small trouble opened may be joined by the fault's signals later.

use std::collections::BTreeMap;

use aia::core::Replayed;
use aia::runtime::Severity;
use aia::server::default_scope;
use aia::store::{Incident, TimelineEvent};
use anyhow::Result;

use super::blame::rank;

/// By incident, the first moment at which it was of at least high severity, nanoseconds since the Unix epoch.
pub(super) type Moments = BTreeMap<String, u64>;

/// Finds these moments in timelines and signals.
pub(super) fn moments(replayed: &Replayed, incidents: &[Incident]) -> Result<Moments> {
    let tenant = default_scope()?.tenant;
    let mut moments = Moments::new();
    for incident in incidents {
        let timeline = replayed.store.timeline(&tenant, &incident.id)?;
        let signals = replayed.store.incident_signals(&tenant, &incident.id)?;
        let told = signals
            .iter()
            .filter(|signal| rank(signal.signal.severity) >= rank(Severity::High))
            .map(|signal| signal.received_at);
        let raised = timeline
            .iter()
            .filter(|event| rises(event))
            .map(|event| event.time);
        // By being merged with another one, it may be high without either.
        let merged = (rank(incident.severity) >= rank(Severity::High)).then_some(incident.updated_at);
        if let Some(moment) = told.chain(raised).min().or(merged) {
            moments.insert(incident.id.clone(), moment.max(incident.opened_at));
        }
    }
    Ok(moments)
}

/// Whether an event says that an incident became high or worse.
fn rises(event: &TimelineEvent) -> bool {
    let ends_high = |text: &str| {
        let (_, to) = text.split_once(" to ")?;
        let to = to.split(':').next()?;
        Some(matches!(to, "high" | "critical"))
    };
    event.kind == "severity" && ends_high(&event.text).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_are_read_from_the_timeline() {
        let event = |kind: &str, text: &str| TimelineEvent {
            time: 1,
            kind: kind.to_owned(),
            text: text.to_owned(),
            evidence: Vec::new(),
        };
        assert!(rises(&event("severity", "Severity rose from medium to high")));
        assert!(rises(&event(
            "severity",
            "Severity rose from high to critical: 5 services are affected"
        )));
        assert!(!rises(&event("severity", "Severity fell from high to medium")));
        assert!(!rises(&event("signal", "errors: 5 to high")));
    }
}
