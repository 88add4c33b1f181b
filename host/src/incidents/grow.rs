//! How a signal changes its incident, and how two incidents become one: pure, so that the same is done when signals
//! arrive and when an incident is put together anew.

use std::collections::BTreeSet;

use super::Rules;
use super::severity::{self, MINUTE, word};
use crate::runtime::Severity;
use crate::store::{
    Incident, IncidentState, IncidentTransaction, Lifecycle, PinnedSignal, Result, TimelineEvent, TraceToPin,
};

/// Most other services that an incident lists.
const MAX_AFFECTED: usize = 100;

/// Most traces that are pinned in full.
const MAX_TRACES: usize = 3;

/// An incident that a signal opens, before the signal joins it.
pub(super) fn open(project: &str, pinned: &PinnedSignal) -> Incident {
    let signal = &pinned.signal;
    // Of the first signal's id, so that whoever decides anew gives it the same.
    let id: String = pinned.id.chars().take(12).collect();
    Incident {
        id: format!("inc-{id}"),
        project: project.to_owned(),
        title: signal.title.clone(),
        state: IncidentState::Open,
        severity: signal.severity,
        service: signal.service.clone(),
        operation: signal.operation.clone(),
        release: signal.release.clone(),
        affected: Vec::new(),
        start_time: signal.start_time,
        end_time: signal.end_time,
        opened_at: pinned.received_at,
        updated_at: pinned.received_at,
        count: 0,
        version: 0,
        lifecycle: Lifecycle::default(),
    }
}

/// Adds a signal to an incident; gives the events that makes, as kind and text.
pub(super) fn add(
    incident: &mut Incident,
    pinned: &PinnedSignal,
    rules: &Rules,
) -> Vec<(&'static str, String)> {
    let signal = &pinned.signal;
    let mut events = Vec::new();
    // The signal of the service behind: what was blamed so far only passed the trouble on. Where services call each
    // other, each may say so of the other: blame goes on and never back.
    let passed = &incident.lifecycle.passed;
    if signal.affected.contains(&incident.service)
        && signal.service != incident.service
        && !signal.service.is_empty()
        && !passed.contains(&signal.service)
        && passed.len() < MAX_AFFECTED
    {
        events.push((
            "laid",
            format!(
                "Laid at {} instead of {}",
                name(&signal.service),
                name(&incident.service)
            ),
        ));
        incident.title.clone_from(&signal.title);
        lay(incident, &signal.service, &signal.operation, &signal.release);
    }
    let others = signal.affected.iter().chain([&signal.service]);
    affect(incident, others.cloned().collect());
    incident.start_time = incident.start_time.min(signal.start_time);
    incident.end_time = incident.end_time.max(signal.end_time);
    incident.updated_at = incident.updated_at.max(pinned.received_at);
    incident.count = incident.count.saturating_add(signal.count);
    incident.version += 1;
    let lifecycle = &mut incident.lifecycle;
    lifecycle.signals += 1;
    if incident.state.is_open() {
        lifecycle.active_at = lifecycle.active_at.max(pinned.received_at);
        severity::note(
            &mut lifecycle.recent,
            pinned.received_at,
            signal.severity,
            signal.count,
        );
        lifecycle.weighed = lifecycle.weighed.max(pinned.received_at / MINUTE);
        events.extend(weigh(incident, pinned.received_at, rules));
    }
    events
}

/// Sets the severity to what it is now; gives the event if it changed.
pub(super) fn weigh(incident: &mut Incident, now: u64, rules: &Rules) -> Option<(&'static str, String)> {
    let (severity, reason) = severity::of(incident, now, rules);
    let before = std::mem::replace(&mut incident.severity, severity);
    let verb = match severity::rank(severity).cmp(&severity::rank(before)) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => "rose",
        std::cmp::Ordering::Less => "fell",
    };
    let mut text = format!("Severity {verb} from {} to {}", word(before), word(severity));
    if let Some(reason) = reason {
        text.push_str(&format!(": {reason}"));
    }
    Some(("severity", text))
}

/// Blames another service; the one before is affected from now on.
fn lay(incident: &mut Incident, service: &str, operation: &str, release: &str) {
    operation.clone_into(&mut incident.operation);
    release.clone_into(&mut incident.release);
    let before = std::mem::replace(&mut incident.service, service.to_owned());
    incident.lifecycle.passed.push(before.clone());
    affect(incident, vec![before]);
}

fn affect(incident: &mut Incident, services: Vec<String>) {
    let affected: BTreeSet<String> = incident
        .affected
        .drain(..)
        .chain(services)
        .filter(|service| !service.is_empty() && *service != incident.service)
        .take(MAX_AFFECTED)
        .collect();
    incident.affected = affected.into_iter().collect();
}

/// Remembers a trace to be pinned in full, if there is room.
pub(super) fn want_trace(traces: &mut Vec<TraceToPin>, trace: &TraceToPin) {
    if traces.len() < MAX_TRACES && traces.iter().all(|known| known.trace != trace.trace) {
        traces.push(trace.clone());
    }
}

/// Merges an incident into another one, which the caller stores. `origin` says which of the two knows where it began.
pub(super) fn merge(
    transaction: &mut dyn IncidentTransaction,
    keep: &mut Incident,
    mut gone: Incident,
    origin: Origin,
    at: u64,
    by: &str,
) -> Result<()> {
    transaction.absorb(&gone.id, &keep.id)?;
    let text = format!("{} was merged into this by {by}: {}", gone.id, gone.title);
    transaction.add_event(&keep.id, &event(at, "merged", text))?;
    if origin == Origin::Gone && gone.service != keep.service {
        keep.title.clone_from(&gone.title);
        lay(keep, &gone.service, &gone.operation, &gone.release);
        keep.lifecycle.passed.retain(|passed| *passed != gone.service);
    }
    let mut services = gone.affected.clone();
    services.push(gone.service.clone());
    affect(keep, services);
    keep.start_time = keep.start_time.min(gone.start_time);
    keep.end_time = keep.end_time.max(gone.end_time);
    keep.updated_at = keep.updated_at.max(at);
    keep.count = keep.count.saturating_add(gone.count);
    keep.version += 1;
    let lifecycle = &mut keep.lifecycle;
    lifecycle.signals = lifecycle.signals.saturating_add(gone.lifecycle.signals);
    lifecycle.changes = lifecycle.changes.saturating_add(gone.lifecycle.changes);
    for trace in &gone.lifecycle.traces {
        want_trace(&mut lifecycle.traces, trace);
    }
    if gone.state.is_open() {
        lifecycle.active_at = lifecycle.active_at.max(gone.lifecycle.active_at);
        for minute in &gone.lifecycle.recent {
            let at = minute.minute.saturating_mul(MINUTE);
            severity::note(&mut lifecycle.recent, at, minute.severity, minute.count);
        }
        if severity::rank(gone.severity) > severity::rank(keep.severity) {
            keep.severity = gone.severity;
        }
    }

    let text = format!("Merged into {} by {by}", keep.id);
    transaction.add_event(&gone.id, &event(at, "merged", text))?;
    resolve(&mut gone, at, by);
    gone.lifecycle.merged_into.clone_from(&keep.id);
    transaction.put_incident(&gone)
}

/// Which of two incidents knows where the trouble began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// The one that stays.
    Keep,
    /// The one that is merged into it.
    Gone,
}

/// Ends an incident.
pub(super) fn resolve(incident: &mut Incident, at: u64, by: &str) {
    incident.state = IncidentState::Resolved;
    incident.lifecycle.resolved_at = at;
    by.clone_into(&mut incident.lifecycle.resolved_by);
    incident.updated_at = incident.updated_at.max(at);
    incident.version += 1;
}

/// An incident of nothing but these signals, for when some were split off. None without signals.
pub(super) fn anew(project: &str, signals: &[PinnedSignal], rules: &Rules) -> Option<Incident> {
    let mut incident = open(project, signals.first()?);
    for signal in signals {
        // What happened then stands in the timeline already.
        let _events = add(&mut incident, signal, rules);
    }
    Some(incident)
}

pub(super) fn event(time: u64, kind: &str, text: String) -> TimelineEvent {
    TimelineEvent {
        time,
        kind: kind.to_owned(),
        text,
        evidence: Vec::new(),
    }
}

/// Whether a signal of this severity opens an incident; a lower one joins one or is only kept.
pub(super) fn opens(severity: Severity) -> bool {
    severity::rank(severity) >= severity::rank(Severity::Medium)
}

fn name(service: &str) -> &str {
    if service.is_empty() {
        "an unknown service"
    } else {
        service
    }
}
