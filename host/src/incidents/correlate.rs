//! Which incident a signal belongs to. One failing service is one incident, however many services complain: a signal
//! joins the incident of its fingerprint, else one whose evidence shares a trace with it, else one that is its cause or
//! its effect, else it opens one.

use std::collections::BTreeSet;

use crate::runtime::{Severity, Signal};
use crate::store::{
    Evidence, Incident, IncidentState, IncidentTransaction, PinnedSignal, Result, TimelineEvent,
};

/// How long behind an incident's last change a signal of a neighbouring service still counts as its cause or effect,
/// nanoseconds. Five minutes: detectors hold traces for seconds and repeat what goes on every half minute.
pub(super) const CAUSAL_WINDOW: u64 = 300_000_000_000;

/// Least severity that opens an incident; a lower signal joins one or is only kept.
const OPENS: Severity = Severity::Medium;

/// Signals of an incident whose evidence is pinned and which stand in its timeline. What goes on for hours repeats itself:
/// later ones still count, and still raise the severity.
const MAX_RECORDED: u64 = 200;

/// Most other services that an incident lists.
const MAX_AFFECTED: usize = 100;

/// A signal with its evidence.
#[derive(Clone, Debug)]
pub struct Found {
    /// The signal; its incident is yet to be decided.
    pub signal: PinnedSignal,
    /// Its evidence.
    pub evidence: Vec<Evidence>,
}

/// What a decision did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Decided {
    /// Incidents opened.
    pub opened: u64,
}

/// Puts signals where they belong.
///
/// # Errors
/// If the store fails; the transaction is to be rolled back then.
pub fn decide(transaction: &mut dyn IncidentTransaction, project: &str, found: &[Found]) -> Result<Decided> {
    let mut decided = Decided::default();
    for found in found {
        place(transaction, project, found, &mut decided)?;
    }
    Ok(decided)
}

fn place(
    transaction: &mut dyn IncidentTransaction,
    project: &str,
    found: &Found,
    decided: &mut Decided,
) -> Result<()> {
    let signal = &found.signal.signal;
    let traces = traces(&found.evidence);
    let mut pinned = found.signal.clone();
    let existing = existing(transaction, &pinned, &traces)?;
    let mut incident = match existing {
        Some(incident) => {
            pinned.incident.clone_from(&incident.id);
            if incident.version >= MAX_RECORDED {
                pinned.evidence.clear();
            }
            if !transaction.put_signal(&pinned)? {
                return Ok(());
            }
            incident
        }
        None if rank(signal.severity) < rank(OPENS) => {
            transaction.put_signal(&pinned)?;
            return Ok(());
        }
        None => {
            let incident = open(project, &pinned);
            pinned.incident.clone_from(&incident.id);
            if !transaction.put_signal(&pinned)? {
                return Ok(());
            }
            decided.opened += 1;
            let text = format!("Opened by {}: {}", pinned.detector, signal.title);
            transaction.add_event(&incident.id, &event(&pinned, "opened", text))?;
            incident
        }
    };
    join(transaction, &mut incident, &pinned)?;
    let mut services: Vec<&str> = incident.affected.iter().map(String::as_str).collect();
    services.push(&incident.service);
    services.push(&signal.service);
    services.retain(|service| !service.is_empty());
    transaction.link(&incident.id, &pinned.fingerprint, &services, &traces)?;
    if incident.version <= MAX_RECORDED {
        for evidence in &found.evidence {
            transaction.pin(&incident.id, evidence)?;
        }
    }
    transaction.put_incident(&incident)
}

/// The incident that a signal belongs to, if there is one.
fn existing(
    transaction: &mut dyn IncidentTransaction,
    pinned: &PinnedSignal,
    traces: &[[u8; 16]],
) -> Result<Option<Incident>> {
    if let Some(incident) = transaction.open_by_fingerprint(&pinned.fingerprint)? {
        return Ok(Some(incident));
    }
    if let Some(incident) = transaction.open_by_traces(traces)?.into_iter().next() {
        return Ok(Some(incident));
    }
    let signal = &pinned.signal;
    let mut services: Vec<&str> = signal.affected.iter().map(String::as_str).collect();
    services.push(&signal.service);
    services.retain(|service| !service.is_empty());
    let since = pinned.received_at.saturating_sub(CAUSAL_WINDOW);
    let neighbours = transaction.open_by_services(&services, since)?;
    Ok(neighbours
        .into_iter()
        .find(|incident| is_causal(incident, signal)))
}

/// Whether one of the two complains of the other: sharing a service that both merely passed through proves nothing.
fn is_causal(incident: &Incident, signal: &Signal) -> bool {
    let is_effect = incident.affected.contains(&signal.service);
    let is_cause = !incident.service.is_empty() && signal.affected.contains(&incident.service);
    is_effect || is_cause
}

fn open(project: &str, pinned: &PinnedSignal) -> Incident {
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
    }
}

/// Adds a signal to an incident.
fn join(
    transaction: &mut dyn IncidentTransaction,
    incident: &mut Incident,
    pinned: &PinnedSignal,
) -> Result<()> {
    let signal = &pinned.signal;
    if (1..MAX_RECORDED).contains(&incident.version) {
        let text = format!("{}: {} (×{})", pinned.detector, signal.title, signal.count);
        transaction.add_event(&incident.id, &event(pinned, "signal", text))?;
    }
    // The signal of the service behind: what was blamed so far only passed the trouble on.
    if signal.affected.contains(&incident.service) && signal.service != incident.service {
        let text = format!(
            "Laid at {} instead of {}",
            name(&signal.service),
            name(&incident.service)
        );
        transaction.add_event(&incident.id, &event(pinned, "laid", text))?;
        incident.title.clone_from(&signal.title);
        incident.operation.clone_from(&signal.operation);
        incident.release.clone_from(&signal.release);
        let before = std::mem::replace(&mut incident.service, signal.service.clone());
        incident.affected.push(before);
    }
    if rank(signal.severity) > rank(incident.severity) {
        let text = format!(
            "Severity rose from {} to {}",
            word(incident.severity),
            word(signal.severity)
        );
        transaction.add_event(&incident.id, &event(pinned, "severity", text))?;
        incident.severity = signal.severity;
    }
    let affected: BTreeSet<String> = incident
        .affected
        .drain(..)
        .chain(signal.affected.iter().cloned())
        .chain([signal.service.clone()])
        .filter(|service| !service.is_empty() && *service != incident.service)
        .take(MAX_AFFECTED)
        .collect();
    incident.affected = affected.into_iter().collect();
    incident.start_time = incident.start_time.min(signal.start_time);
    incident.end_time = incident.end_time.max(signal.end_time);
    incident.updated_at = incident.updated_at.max(pinned.received_at);
    incident.count = incident.count.saturating_add(signal.count);
    incident.version += 1;
    Ok(())
}

fn event(pinned: &PinnedSignal, kind: &str, text: String) -> TimelineEvent {
    TimelineEvent {
        time: pinned.received_at,
        kind: kind.to_owned(),
        text,
        evidence: pinned.evidence.clone(),
    }
}

fn name(service: &str) -> &str {
    if service.is_empty() {
        "an unknown service"
    } else {
        service
    }
}

/// The distinct traces of evidence.
fn traces(evidence: &[Evidence]) -> Vec<[u8; 16]> {
    let ids: BTreeSet<u128> = evidence
        .iter()
        .filter_map(|evidence| u128::from_str_radix(&evidence.trace_id, 16).ok())
        .collect();
    ids.into_iter().map(u128::to_be_bytes).collect()
}

/// Severities in order.
pub(crate) fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Critical => 3,
    }
}

/// A severity in words.
pub(crate) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
