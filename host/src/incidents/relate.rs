//! Which incidents a signal has to do with, and how that is known.

use crate::runtime::Signal;
use crate::store::{Incident, IncidentTransaction, PinnedSignal, Result};

/// How long behind an incident's last signal another one of a neighbouring service still counts as its cause or effect,
/// nanoseconds. Five minutes: detectors hold traces for seconds and repeat what goes on every half minute.
pub(super) const CAUSAL_WINDOW: u64 = 300_000_000_000;

/// Open incidents that a signal has to do with.
#[derive(Debug, Default)]
pub(super) struct Related {
    /// Those it belongs to: it is their effect, or shares a trace with their origin. Belonging to two of them proves
    /// nothing about the two: a gateway passes on the trouble of everything behind it.
    pub(super) belongs: Vec<Incident>,
    /// Those that belong to it: it is laid at their service, or names their service as one that complains of it. All of
    /// them are one trouble.
    pub(super) proven: Vec<Incident>,
}

pub(super) fn related(
    transaction: &mut dyn IncidentTransaction,
    pinned: &PinnedSignal,
    traces: &[[u8; 16]],
) -> Result<Related> {
    let signal = &pinned.signal;
    let mut related = Related::default();
    let add = |to: &mut Vec<Incident>, incident: Incident| {
        if to.iter().all(|known| known.id != incident.id) {
            to.push(incident);
        }
    };
    for (incident, seen_by) in transaction.open_by_traces(traces)? {
        // A trace that only some third service brought ties nothing: it may pass the trouble of both on.
        let is_tied = incident.service.is_empty()
            || signal.service.is_empty()
            || ["", &incident.service, &signal.service]
                .into_iter()
                .any(|service| seen_by.contains(service));
        if is_tied {
            add(&mut related.belongs, incident);
        }
    }
    let mut services: Vec<&str> = signal.affected.iter().map(String::as_str).collect();
    services.push(&signal.service);
    services.retain(|service| !service.is_empty());
    let since = pinned.received_at.saturating_sub(CAUSAL_WINDOW);
    for incident in transaction.open_by_services(&services, since)? {
        if incident.lifecycle.active_at < since {
            // Somebody touched it later; no signal did.
            continue;
        }
        if is_proven(&incident, signal) {
            // What somebody took apart isn't put together again.
            if incident.lifecycle.split_from.is_empty() {
                related.belongs.retain(|known| known.id != incident.id);
                add(&mut related.proven, incident);
            }
        } else if incident.affected.contains(&signal.service) {
            add(&mut related.belongs, incident);
        }
    }
    Ok(related)
}

/// Whether the incident's trouble is the signal's: of the same service, or of one that complains of it.
fn is_proven(incident: &Incident, signal: &Signal) -> bool {
    !incident.service.is_empty()
        && (incident.service == signal.service || signal.affected.contains(&incident.service))
}
