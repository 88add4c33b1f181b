//! `aia incidents`

use std::sync::Arc;

use serde::Serialize;

use super::{
    args::{Incidents, IncidentsCommand, ListIncidents, OfTenant},
    failure::Failure,
    output::{Colour, Output},
    text,
};
use crate::{
    api::{
        conclusion::Conclusion,
        incidents::{IncidentDetails, details},
        model,
    },
    config::Config,
    incidents::follow,
    server::Backend,
    store::{IncidentFilter, Store},
};

/// Longest title in a list, in characters.
const TITLE: usize = 90;

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    incidents: &Incidents,
    output: &mut Output,
) -> Result<(), Failure> {
    match &incidents.command {
        None => list(backend, config, &incidents.list, output),
        Some(IncidentsCommand::List(wanted)) => list(backend, config, wanted, output),
        Some(IncidentsCommand::Show { id, of }) => show(backend, config, id, of, output),
    }
}

/// Opens the store of a folder that is there: a mistyped name must not make a new one.
pub(super) fn open(backend: &dyn Backend, config: &Config) -> Result<Arc<dyn Store>, Failure> {
    if !config.data.is_dir() {
        return Err(Failure::NoData {
            data: config.data.clone(),
        });
    }
    open_or_make(backend, config)
}

/// Opens the store, making what isn't there.
pub(super) fn open_or_make(backend: &dyn Backend, config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let data = || config.data.clone();
    backend.store(config).map_err(|source| Failure::Open {
        what: "open the store",
        data: data(),
        source,
    })
}

#[derive(Serialize)]
struct List {
    incidents: Vec<model::Incident>,
}

fn list(
    backend: &dyn Backend,
    config: &Config,
    wanted: &ListIncidents,
    output: &mut Output,
) -> Result<(), Failure> {
    let filter = IncidentFilter {
        project: wanted.project.as_ref().map(|project| project.as_str().to_owned()),
        states: wanted.state.clone(),
        before: None,
        limit: wanted.limit,
    };
    let found = open(backend, config)?.incidents(&wanted.of.tenant, &filter)?;
    let incidents: Vec<_> = found.into_iter().map(model::Incident::from).collect();
    if output.json {
        return output.value(&List { incidents });
    }
    table(&incidents, output)
}

/// Prints incidents as a table.
pub(super) fn table(incidents: &[model::Incident], output: &mut Output) -> Result<(), Failure> {
    if incidents.is_empty() {
        return output.text("No incidents.");
    }
    let rows = incidents.iter().map(|incident| {
        vec![
            text::line(&incident.id).into_owned(),
            state(output, &incident.state),
            severity(output, &incident.severity),
            text::api_time(incident.opened_at.as_deref()),
            text::short(&incident.service, 40),
            incident.count.to_string(),
            text::short(&incident.title, TITLE),
        ]
    });
    let rows = rows.collect();
    output.table(
        &["ID", "STATE", "SEVERITY", "OPENED", "SERVICE", "COUNT", "TITLE"],
        rows,
    )
}

pub(super) fn show(
    backend: &dyn Backend,
    config: &Config,
    id: &str,
    of: &OfTenant,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = open(backend, config)?;
    // What was merged is shown where it went.
    let incident = follow(store.as_ref(), &of.tenant, id)?.ok_or_else(|| not_found(id))?;
    let found = details(store.as_ref(), &of.tenant, &incident.id)?.ok_or_else(|| not_found(id))?;
    if output.json {
        output.value(&found)
    } else {
        print(&found, output)
    }
}

/// There is no incident of that id.
pub(super) fn not_found(id: &str) -> Failure {
    Failure::NotFound {
        what: "incident",
        id: id.to_owned(),
        list: "aia incidents",
    }
}

fn print(found: &IncidentDetails, output: &mut Output) -> Result<(), Failure> {
    let incident = &found.incident;
    output.text(&format!("{}\n", text::line(&incident.title)))?;
    let mut facts = vec![
        ("id", text::line(&incident.id).into_owned()),
        ("state", state(output, &incident.state)),
        ("resolved by", text::line(&incident.resolved_by).into_owned()),
        ("came back in", text::line(&incident.regressed_in).into_owned()),
        ("follows", text::line(&incident.follows).into_owned()),
        ("split off", text::line(&incident.split_from).into_owned()),
        ("severity", severity(output, &incident.severity)),
        ("project", text::line(&incident.project).into_owned()),
        ("service", text::line(&incident.service).into_owned()),
        ("operation", text::line(&incident.operation).into_owned()),
        ("release", text::line(&incident.release).into_owned()),
        (
            "also affected",
            text::line(&incident.affected.join(", ")).into_owned(),
        ),
        ("first seen", text::api_time(incident.start_time.as_deref())),
        ("last seen", text::api_time(incident.end_time.as_deref())),
        ("occurrences", incident.count.to_string()),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| format!("  {name:<14} {value}\n"))
        .collect();
    output.text(&facts.concat())?;

    if let Some(conclusion) = found.conclusions.first() {
        print_conclusion(conclusion, output)?;
    }
    if !found.timeline.is_empty() {
        output.text("\nTimeline")?;
        let rows = found.timeline.iter().map(|event| {
            vec![
                text::api_time(event.time.as_deref()),
                text::line(&event.kind).into_owned(),
                text::short(&event.text, TITLE),
            ]
        });
        output.table(&["TIME", "EVENT", "WHAT"], rows.collect())?;
    }
    if !found.signals.is_empty() {
        output.text("\nSignals")?;
        let rows = found.signals.iter().map(|signal| {
            vec![
                text::line(&signal.detector).into_owned(),
                severity(output, &signal.severity),
                signal.count.to_string(),
                text::short(&signal.title, TITLE),
            ]
        });
        let rows = rows.collect();
        output.table(&["DETECTOR", "SEVERITY", "COUNT", "TITLE"], rows)?;
    }
    // The rows that signals name; those of their traces are many.
    let (named, traced): (Vec<_>, Vec<_>) = found.evidence.iter().partition(|evidence| {
        let mut ids = found.signals.iter().flat_map(|signal| &signal.evidence);
        ids.any(|id| *id == evidence.id)
    });
    if !named.is_empty() {
        output.text("\nEvidence")?;
        let rows = named.iter().map(|evidence| {
            vec![
                text::line(&evidence.id).into_owned(),
                text::api_time(evidence.time.as_deref()),
                text::line(&evidence.kind).into_owned(),
                text::short(&evidence.service, 40),
                text::short(&evidence.title, TITLE),
            ]
        });
        output.table(&["ID", "TIME", "KIND", "SERVICE", "WHAT"], rows.collect())?;
    }
    if !traced.is_empty() {
        let count = traced.len();
        output.text(&format!(
            "and {count} further rows of their traces; `--json` lists them"
        ))?;
    }
    Ok(())
}

/// The newest conclusion: what an analyst says, and whom it suspects.
fn print_conclusion(conclusion: &Conclusion, output: &mut Output) -> Result<(), Failure> {
    let verdict = match conclusion.verdict.as_str() {
        "cause" => "found the cause",
        "no-code-cause" => "found no cause in the code",
        _ => "found not enough evidence",
    };
    output.text(&format!(
        "\nAnalysis: {} {verdict}",
        text::line(&conclusion.analyst)
    ))?;
    let statements = conclusion.statements.iter();
    let mut lines: Vec<_> = statements
        .map(|statement| format!("  {}\n", text::line(&statement.text)))
        .collect();
    if conclusion.dropped > 0 {
        lines.push(format!(
            "  ({} of its claims did not stand the check)\n",
            conclusion.dropped
        ));
    }
    output.text(&lines.concat())?;
    if conclusion.suspects.is_empty() {
        return Ok(());
    }
    let rows = conclusion.suspects.iter().map(|suspect| {
        let reason = suspect.reasons.first().map_or("", |reason| reason.text.as_str());
        vec![
            format!("{:.0} %", suspect.probability * 100.0),
            text::short(&suspect.service, 40),
            text::short(&suspect.operation, 40),
            text::short(&suspect.release, 20),
            text::short(&suspect.code, 40),
            text::short(reason, TITLE),
        ]
    });
    output.table(
        &["SUSPECT", "SERVICE", "OPERATION", "RELEASE", "CODE", "WHY"],
        rows.collect(),
    )
}

fn state(output: &Output, state: &str) -> String {
    match state {
        "open" | "regressed" => output.coloured(Colour::Red, state),
        "acknowledged" => output.coloured(Colour::Yellow, state),
        "resolved" => output.coloured(Colour::Green, state),
        other => text::line(other).into_owned(),
    }
}

pub(super) fn severity(output: &Output, severity: &str) -> String {
    match severity {
        "critical" => output.coloured(Colour::Magenta, severity),
        "high" => output.coloured(Colour::Red, severity),
        "medium" => output.coloured(Colour::Yellow, severity),
        "low" => output.coloured(Colour::Cyan, severity),
        other => text::line(other).into_owned(),
    }
}
