//! What the API says of incidents. Separate from the store's rows, so that a change there can't change the API unseen:
//! times are RFC 3339, ids are strings, and nothing appears that isn't listed here.

use serde::Serialize;

use super::time::rfc3339;
use crate::{
    runtime::{Severity, Signal},
    store,
};

/// An incident.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Incident {
    /// Its id, such as `inc-7f3a09c2e1`.
    pub(crate) id: String,
    /// The project it belongs to.
    pub(crate) project: String,
    /// One line for a person.
    pub(crate) title: String,
    /// `open`, `acknowledged`, `resolved` or `regressed`.
    pub(crate) state: String,
    /// `low`, `medium`, `high` or `critical`: the worst of its recent signals, and a step more if it spreads or grows.
    pub(crate) severity: String,
    /// Service where it began; empty if unknown.
    pub(crate) service: String,
    /// Operation there; empty if unknown.
    pub(crate) operation: String,
    /// Release there; empty if unknown.
    pub(crate) release: String,
    /// Other services that complain.
    pub(crate) affected: Vec<String>,
    /// First occurrence.
    #[schema(format = DateTime)]
    pub(crate) start_time: Option<String>,
    /// Last occurrence.
    #[schema(format = DateTime)]
    pub(crate) end_time: Option<String>,
    /// When AIA opened it.
    #[schema(format = DateTime)]
    pub(crate) opened_at: Option<String>,
    /// When AIA last changed it.
    #[schema(format = DateTime)]
    pub(crate) updated_at: Option<String>,
    /// Occurrences counted.
    pub(crate) count: u64,
    /// Rises with every change; in quotes, its `ETag`.
    pub(crate) version: u64,
    /// When it was resolved; `null` if it isn't.
    #[schema(format = DateTime)]
    pub(crate) resolved_at: Option<String>,
    /// Who resolved it; empty if it isn't.
    pub(crate) resolved_by: String,
    /// Id of the incident it was merged into; empty if it wasn't.
    pub(crate) merged_into: String,
    /// Release in which it came back; empty if it didn't, or that is unknown.
    pub(crate) regressed_in: String,
    /// Id of the incident of the same trouble that was resolved long before; empty if there is none.
    pub(crate) follows: String,
    /// Id of the incident it was split off; empty if it wasn't.
    pub(crate) split_from: String,
}

/// Something that was changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Change {
    /// Its id.
    pub(crate) id: String,
    /// The project it belongs to.
    pub(crate) project: String,
    /// When it happened.
    #[schema(format = DateTime)]
    pub(crate) time: Option<String>,
    /// `deploy`, `config`, `flag`, `infrastructure` or `other`.
    pub(crate) kind: String,
    /// The service; empty if it concerns none, or all.
    pub(crate) service: String,
    /// The release that came; empty if unknown.
    pub(crate) release: String,
    /// The release that went; empty if unknown.
    pub(crate) release_previous: String,
    /// Who did it; empty if unknown.
    pub(crate) author: String,
    /// In words.
    pub(crate) text: String,
    /// Where to read more.
    pub(crate) link: String,
    /// `cli`, `api`, or `telemetry` if nobody told but telemetry showed it.
    pub(crate) source: String,
    /// When AIA was told.
    #[schema(format = DateTime)]
    pub(crate) received_at: Option<String>,
}

/// What a detector found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IncidentSignal {
    /// Its id.
    pub(crate) id: String,
    /// Name of the detector.
    pub(crate) detector: String,
    /// What makes it the same trouble as another one.
    pub(crate) fingerprint: String,
    /// Kind, such as `errors.exception`.
    pub(crate) kind: String,
    /// `low`, `medium`, `high` or `critical`.
    pub(crate) severity: String,
    /// One line for a person.
    pub(crate) title: String,
    /// Service where the trouble began; empty if unknown.
    pub(crate) service: String,
    /// Operation there; empty if unknown.
    pub(crate) operation: String,
    /// Release there; empty if unknown.
    pub(crate) release: String,
    /// Other services that complain of it.
    pub(crate) affected: Vec<String>,
    /// First occurrence counted.
    #[schema(format = DateTime)]
    pub(crate) start_time: Option<String>,
    /// Last occurrence counted.
    #[schema(format = DateTime)]
    pub(crate) end_time: Option<String>,
    /// When the telemetry that shows it was received.
    #[schema(format = DateTime)]
    pub(crate) received_at: Option<String>,
    /// Occurrences between the two.
    pub(crate) count: u64,
    /// Figures.
    pub(crate) measures: Vec<Measure>,
    /// Facts in words.
    pub(crate) details: Vec<Detail>,
    /// Ids of the evidence that shows it.
    pub(crate) evidence: Vec<String>,
}

/// A figure, with what it usually is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Measure {
    /// Its name.
    pub(crate) name: String,
    /// Its unit in UCUM.
    pub(crate) unit: String,
    /// What it is now.
    pub(crate) value: f64,
    /// What it usually is, where that is known.
    pub(crate) baseline: Option<f64>,
}

/// A fact in words.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Detail {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

/// Something that happened to an incident.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TimelineEvent {
    /// When.
    #[schema(format = DateTime)]
    pub(crate) time: Option<String>,
    /// What kind of event.
    pub(crate) kind: String,
    /// In words.
    pub(crate) text: String,
    /// Ids of the evidence that shows it.
    pub(crate) evidence: Vec<String>,
}

/// A piece of evidence: a row of telemetry, or figures, a signal or a change that an analyst was given.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Evidence {
    /// Its id, such as `ev-…-17`, or `op-…`.
    pub(crate) id: String,
    /// `span`, `log` or `point` of a row; `operation`, `series`, `signal` or `change`.
    pub(crate) kind: String,
    /// When.
    #[schema(format = DateTime)]
    pub(crate) time: Option<String>,
    /// Service; empty if unknown.
    pub(crate) service: String,
    /// Trace id in hex; empty if it has none.
    pub(crate) trace_id: String,
    /// Span id in hex; empty if it has none.
    pub(crate) span_id: String,
    /// One line for a person.
    pub(crate) title: String,
    /// Segment the row lies in; empty if it is no row.
    pub(crate) segment: String,
    /// Row there.
    pub(crate) row: u32,
    /// Its values.
    pub(crate) fields: Vec<Detail>,
}

impl From<store::Incident> for Incident {
    fn from(incident: store::Incident) -> Self {
        Self {
            id: incident.id,
            project: incident.project,
            title: incident.title,
            state: incident.state.as_str().to_owned(),
            severity: severity(incident.severity).to_owned(),
            service: incident.service,
            operation: incident.operation,
            release: incident.release,
            affected: incident.affected,
            start_time: rfc3339(incident.start_time),
            end_time: rfc3339(incident.end_time),
            opened_at: rfc3339(incident.opened_at),
            updated_at: rfc3339(incident.updated_at),
            count: incident.count,
            version: incident.version,
            resolved_at: rfc3339(incident.lifecycle.resolved_at),
            resolved_by: incident.lifecycle.resolved_by,
            merged_into: incident.lifecycle.merged_into,
            regressed_in: incident.lifecycle.regressed_in,
            follows: incident.lifecycle.follows,
            split_from: incident.lifecycle.split_from,
        }
    }
}

impl From<store::ChangeRecord> for Change {
    fn from(change: store::ChangeRecord) -> Self {
        Self {
            id: change.id,
            project: change.project,
            time: rfc3339(change.time),
            kind: change.kind.as_str().to_owned(),
            service: change.service,
            release: change.release,
            release_previous: change.release_previous,
            author: change.author,
            text: change.text,
            link: change.link,
            source: change.source.as_str().to_owned(),
            received_at: rfc3339(change.received_at),
        }
    }
}

impl From<store::PinnedSignal> for IncidentSignal {
    fn from(pinned: store::PinnedSignal) -> Self {
        let Signal {
            kind,
            severity: level,
            title,
            service,
            operation,
            release,
            affected,
            start_time,
            end_time,
            count,
            ..
        } = pinned.signal;
        let measures = pinned.signal.measures.into_iter().map(|measure| Measure {
            name: measure.name,
            unit: measure.unit,
            value: measure.value,
            baseline: measure.baseline,
        });
        let details = pinned.signal.details.into_iter();
        Self {
            id: pinned.id,
            detector: pinned.detector,
            fingerprint: pinned.fingerprint,
            kind,
            severity: severity(level).to_owned(),
            title,
            service,
            operation,
            release,
            affected,
            start_time: rfc3339(start_time),
            end_time: rfc3339(end_time),
            received_at: rfc3339(pinned.received_at),
            count,
            measures: measures.collect(),
            details: details
                .map(|detail| Detail {
                    name: detail.name,
                    value: detail.value,
                })
                .collect(),
            evidence: pinned.evidence,
        }
    }
}

impl From<store::TimelineEvent> for TimelineEvent {
    fn from(event: store::TimelineEvent) -> Self {
        let store::TimelineEvent {
            time,
            kind,
            text,
            evidence,
        } = event;
        Self {
            time: rfc3339(time),
            kind,
            text,
            evidence,
        }
    }
}

impl From<store::Evidence> for Evidence {
    fn from(evidence: store::Evidence) -> Self {
        let fields = evidence.fields.into_iter();
        Self {
            id: evidence.id,
            kind: evidence.kind,
            time: rfc3339(evidence.time),
            service: evidence.service,
            trace_id: evidence.trace_id,
            span_id: evidence.span_id,
            title: evidence.title,
            segment: evidence.segment,
            row: evidence.row,
            fields: fields.map(|(name, value)| Detail { name, value }).collect(),
        }
    }
}

/// A severity's name, as in the contract.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
