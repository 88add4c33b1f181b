//! What a reporter is given: the incident as stored, and a summary of sentences each of which names evidence that exists.

use std::collections::BTreeMap;

use aia_telemetry::TenantId;

use super::severity::word;
use crate::runtime::{
    EvidenceKind, Field, Item, Report, ReportState, ReportedSignal, Signal, Statement, TimeRange,
    TimelineEntry, TraceId,
};
use crate::store::{Evidence, Incident, IncidentState, PinnedSignal, Result, Store, TimelineEvent};

/// Services that the summary has a sentence for; the rest stand in the list of affected ones.
const MAX_SENTENCES_ON_SERVICES: usize = 10;

/// Puts together the report of an incident; none if the tenant has no incident of that id.
///
/// # Errors
/// If the store fails.
pub fn assemble(store: &dyn Store, tenant: &TenantId, id: &str) -> Result<Option<Report>> {
    let Some(incident) = store.incident(tenant, id)? else {
        return Ok(None);
    };
    let signals = store.incident_signals(tenant, id)?;
    let timeline = store.timeline(tenant, id)?;
    let evidence = store.evidence(tenant, id)?;
    Ok(Some(report(&incident, &signals, &timeline, &evidence)))
}

fn report(
    incident: &Incident,
    signals: &[PinnedSignal],
    timeline: &[TimelineEvent],
    evidence: &[Evidence],
) -> Report {
    let known: BTreeMap<&str, &Evidence> = evidence
        .iter()
        .map(|evidence| (evidence.id.as_str(), evidence))
        .collect();
    // A sentence may only point at what is there.
    let existing = |ids: &[String]| -> Vec<String> {
        ids.iter()
            .filter(|id| known.contains_key(id.as_str()))
            .cloned()
            .collect()
    };
    Report {
        incident: incident.id.clone(),
        title: incident.title.clone(),
        state: state(incident.state),
        severity: incident.severity,
        service: incident.service.clone(),
        operation: incident.operation.clone(),
        release: incident.release.clone(),
        affected: incident.affected.clone(),
        during: TimeRange {
            start: incident.start_time,
            end: incident.end_time,
        },
        summary: summary(incident, signals, &known),
        signals: signals
            .iter()
            .map(|signal| reported(signal, existing(&signal.evidence)))
            .collect(),
        timeline: timeline
            .iter()
            .map(|event| TimelineEntry {
                time: event.time,
                kind: event.kind.clone(),
                text: event.text.clone(),
                evidence: existing(&event.evidence),
            })
            .collect(),
        conclusions: Vec::new(),
        charts: Vec::new(),
        exemplar: TraceId { high: 0, low: 0 },
        evidence: evidence.iter().map(item).collect(),
        as_of: incident.updated_at,
    }
}

/// The facts in sentences. One without evidence is left out.
fn summary(
    incident: &Incident,
    signals: &[PinnedSignal],
    known: &BTreeMap<&str, &Evidence>,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut say = |text: String, evidence: Vec<String>| {
        if !evidence.is_empty() {
            statements.push(Statement { text, evidence });
        }
    };
    let origins: Vec<&PinnedSignal> = signals
        .iter()
        .filter(|signal| signal.signal.service == incident.service)
        .collect();
    let rows = |signals: &[&PinnedSignal], service: &str| -> Vec<String> {
        let mut rows: Vec<String> = Vec::new();
        for id in signals.iter().flat_map(|signal| &signal.evidence) {
            if known
                .get(id.as_str())
                .is_some_and(|evidence| evidence.service == service)
                && !rows.contains(id)
            {
                rows.push(id.clone());
            }
        }
        rows.truncate(5);
        rows
    };
    if let Some(first) = origins.first() {
        let signal = &first.signal;
        say(
            format!("{}: {}", place(signal), what(signal)),
            rows(&origins, &incident.service),
        );
    }
    if let Some(worst) = origins.iter().max_by_key(|signal| signal.signal.count) {
        for measure in &worst.signal.measures {
            let baseline = measure.baseline.map_or_else(String::new, |usual| {
                format!(" (usually {})", figure(usual, &measure.unit))
            });
            let text = format!(
                "{} was {}{baseline}.",
                measure.name,
                figure(measure.value, &measure.unit)
            );
            say(text, rows(&[worst], &incident.service));
        }
    }
    let changed = origins
        .iter()
        .find_map(|signal| Some((*signal, detail(&signal.signal, "release.previous")?)));
    if let Some((signal, previous)) = changed {
        let text = format!(
            "It came with release {} of {}; release {previous} before it did not show it.",
            signal.signal.release, signal.signal.service
        );
        say(text, rows(&origins, &incident.service));
    }
    let all: Vec<&PinnedSignal> = signals.iter().collect();
    for service in incident.affected.iter().take(MAX_SENTENCES_ON_SERVICES) {
        say(
            format!("{service} complains too: the trouble passed through it."),
            rows(&all, service),
        );
    }
    if signals.len() > 1 {
        let text = format!(
            "{} signals say so, {} occurrences in all; the severity is {}.",
            signals.len(),
            incident.count,
            word(incident.severity)
        );
        let mut evidence: Vec<String> = signals
            .iter()
            .filter_map(|signal| signal.evidence.first().cloned())
            .collect();
        evidence.retain(|id| known.contains_key(id.as_str()));
        evidence.dedup();
        evidence.truncate(10);
        say(text, evidence);
    }
    statements
}

fn place(signal: &Signal) -> String {
    let service = if signal.service.is_empty() {
        "an unknown service"
    } else {
        &signal.service
    };
    let mut place = service.to_owned();
    if !signal.operation.is_empty() {
        place.push_str(&format!(", operation {}", signal.operation));
    }
    if !signal.release.is_empty() {
        place.push_str(&format!(", release {}", signal.release));
    }
    place
}

fn what(signal: &Signal) -> String {
    match (
        detail(signal, "exception.type"),
        detail(signal, "exception.message"),
    ) {
        (Some(kind), Some(message)) => format!("{kind}, “{message}”"),
        (Some(kind), None) => kind.to_owned(),
        _ => signal.title.clone(),
    }
}

fn detail<'a>(signal: &'a Signal, name: &str) -> Option<&'a str> {
    signal
        .details
        .iter()
        .find(|detail| detail.name == name)
        .map(|detail| detail.value.as_str())
}

/// A figure as people read it.
fn figure(value: f64, unit: &str) -> String {
    let number = if value == value.trunc() && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    };
    match unit {
        "" | "1" => number,
        // UCUM's annotations are meant to be read.
        unit => format!("{number} {}", unit.replace(['{', '}'], "")),
    }
}

fn reported(signal: &PinnedSignal, evidence: Vec<String>) -> ReportedSignal {
    let Signal {
        kind,
        severity,
        title,
        service,
        operation,
        release,
        start_time,
        end_time,
        count,
        measures,
        details,
        ..
    } = signal.signal.clone();
    ReportedSignal {
        detector: signal.detector.clone(),
        kind,
        severity,
        title,
        service,
        operation,
        release,
        during: TimeRange {
            start: start_time,
            end: end_time,
        },
        count,
        measures,
        details,
        evidence,
    }
}

fn item(evidence: &Evidence) -> Item {
    let kind = match evidence.kind.as_str() {
        "log" => EvidenceKind::Log,
        "point" => EvidenceKind::Point,
        _ => EvidenceKind::Span,
    };
    let trace = u128::from_str_radix(&evidence.trace_id, 16).unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a trace id")]
    let trace = TraceId {
        high: (trace >> 64) as u64,
        low: trace as u64,
    };
    Item {
        id: evidence.id.clone(),
        kind,
        time: evidence.time,
        service: evidence.service.clone(),
        trace,
        span_id: u64::from_str_radix(&evidence.span_id, 16).unwrap_or(0),
        title: evidence.title.clone(),
        fields: evidence
            .fields
            .iter()
            .map(|(name, value)| Field {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
    }
}

fn state(state: IncidentState) -> ReportState {
    match state {
        IncidentState::Open => ReportState::Open,
        IncidentState::Acknowledged => ReportState::Acknowledged,
        IncidentState::Resolved => ReportState::Resolved,
        IncidentState::Regressed => ReportState::Regressed,
    }
}
