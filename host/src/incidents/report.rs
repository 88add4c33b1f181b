//! What a reporter is given: the incident as stored, and a summary of sentences each of which names evidence that exists.

use std::collections::BTreeMap;

use aia_telemetry::TenantId;

use super::evidence::item;
use super::merged::follow;
use super::severity::word;
use crate::runtime::{
    Chart, Report, ReportState, ReportedConclusion, ReportedSignal, ReportedSuspect, Series, Signal,
    Statement, TimeRange, TimelineEntry, TraceId, Verdict,
};
use crate::store::{
    ChartRecord, ConclusionRecord, Evidence, Incident, IncidentState, PinnedSignal, Result, StatementRecord,
    Store, TimelineEvent,
};

/// Services that the summary has a sentence for; the rest stand in the list of affected ones.
const MAX_SENTENCES_ON_SERVICES: usize = 10;

/// Puts together the report of an incident, or of the one that it was merged into; none if the tenant has no incident of
/// that id.
///
/// # Errors
/// If the store fails.
pub fn assemble(store: &dyn Store, tenant: &TenantId, id: &str) -> Result<Option<Report>> {
    let Some(incident) = follow(store, tenant, id)? else {
        return Ok(None);
    };
    let id = incident.id.as_str();
    let signals = store.incident_signals(tenant, id)?;
    let timeline = store.timeline(tenant, id)?;
    let evidence = store.evidence(tenant, id)?;
    let concluded = Concluded {
        conclusions: store.conclusions(tenant, id)?,
        charts: store.charts(tenant, id)?,
    };
    Ok(Some(report(
        &incident, &signals, &timeline, &evidence, &concluded,
    )))
}

/// What investigations left.
struct Concluded {
    /// Newest first.
    conclusions: Vec<ConclusionRecord>,
    charts: Vec<ChartRecord>,
}

fn report(
    incident: &Incident,
    signals: &[PinnedSignal],
    timeline: &[TimelineEvent],
    evidence: &[Evidence],
    concluded: &Concluded,
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
        summary: cause(&concluded.conclusions, &existing)
            .into_iter()
            .chain(summary(incident, signals, &known))
            .collect(),
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
        conclusions: concluded
            .conclusions
            .iter()
            .map(|conclusion| reported_conclusion(conclusion, &existing))
            .collect(),
        charts: concluded.charts.iter().map(chart).collect(),
        exemplar: exemplar(signals, evidence, &known),
        evidence: evidence.iter().map(item).collect(),
        as_of: incident.updated_at,
    }
}

/// The cause in one sentence, as the newest conclusion that found one has it.
fn cause(conclusions: &[ConclusionRecord], existing: &dyn Fn(&[String]) -> Vec<String>) -> Option<Statement> {
    let found = conclusions
        .iter()
        .find(|conclusion| conclusion.verdict == Verdict::Cause)?;
    statements(&found.statements, existing).into_iter().next()
}

/// Checked sentences; one whose evidence isn't there any more is left out.
fn statements(records: &[StatementRecord], existing: &dyn Fn(&[String]) -> Vec<String>) -> Vec<Statement> {
    let statements = records.iter().map(|record| Statement {
        text: record.text.clone(),
        evidence: existing(&record.evidence),
    });
    statements
        .filter(|statement| !statement.evidence.is_empty())
        .collect()
}

fn reported_conclusion(
    conclusion: &ConclusionRecord,
    existing: &dyn Fn(&[String]) -> Vec<String>,
) -> ReportedConclusion {
    ReportedConclusion {
        analyst: conclusion.analyst.clone(),
        time: conclusion.time,
        verdict: conclusion.verdict,
        statements: statements(&conclusion.statements, existing),
        suspects: conclusion
            .suspects
            .iter()
            .map(|suspect| ReportedSuspect {
                service: suspect.service.clone(),
                operation: suspect.operation.clone(),
                release: suspect.release.clone(),
                code: suspect.code.clone(),
                probability: suspect.probability,
                reasons: statements(&suspect.reasons, existing),
            })
            .collect(),
        diff: conclusion.diff.clone(),
        dropped: conclusion.dropped,
    }
}

fn chart(chart: &ChartRecord) -> Chart {
    Chart {
        title: chart.title.clone(),
        unit: chart.unit.clone(),
        start: chart.start,
        step: chart.step.max(1),
        series: chart
            .series
            .iter()
            .map(|series| Series {
                name: series.name.clone(),
                values: series
                    .values
                    .iter()
                    .map(|value| value.unwrap_or(f64::NAN))
                    .collect(),
            })
            .collect(),
    }
}

/// The trace of a signal's evidence of which most spans are there; of several the first.
fn exemplar(signals: &[PinnedSignal], evidence: &[Evidence], known: &BTreeMap<&str, &Evidence>) -> TraceId {
    let mut spans: BTreeMap<&str, usize> = BTreeMap::new();
    for span in evidence.iter().filter(|evidence| evidence.kind == "span") {
        *spans.entry(&span.trace_id).or_default() += 1;
    }
    let shown = signals.iter().flat_map(|signal| &signal.evidence);
    let mut best: Option<(usize, &Evidence)> = None;
    for row in shown.filter_map(|id| known.get(id.as_str())) {
        let count = spans.get(row.trace_id.as_str()).copied().unwrap_or(0);
        if !row.trace_id.is_empty() && count > best.map_or(0, |(count, _)| count) {
            best = Some((count, row));
        }
    }
    best.map_or(TraceId { high: 0, low: 0 }, |(_, row)| item(row).trace)
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

fn state(state: IncidentState) -> ReportState {
    match state {
        IncidentState::Open => ReportState::Open,
        IncidentState::Acknowledged => ReportState::Acknowledged,
        IncidentState::Resolved => ReportState::Resolved,
        IncidentState::Regressed => ReportState::Regressed,
    }
}
