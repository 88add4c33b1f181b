//! `/api/v1/incidents` and what is below.

#![expect(
    unused_qualifications,
    reason = "utoipa's macro qualifies the types in `params`"
)]

use std::sync::Arc;

use aia_telemetry::TenantId;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    Api,
    acts::etag,
    auth::Caller,
    blocking,
    conclusion::Conclusion,
    model,
    problem::{Problem, ProblemDocument},
    time::{parse, rfc3339},
};
use crate::incidents::follow;
use crate::store::{Cursor, IncidentFilter, IncidentState, Store, StoreError};

/// Incidents on one page unless asked for otherwise, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those in this state: `open`, `acknowledged`, `resolved` or `regressed`; several separated by commas.
    state: Option<String>,
    /// Only those of this project.
    project: Option<String>,
    /// At most so many: 1 to 500, 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// Only those opened before this time, or what `next` of the page before says.
    before: Option<String>,
}

/// A page of incidents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct IncidentPage {
    /// Newest first.
    incidents: Vec<model::Incident>,
    /// `before` of the next page: the last one's time and id; `null` on the last page.
    next: Option<String>,
}

/// All of an incident.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IncidentDetails {
    /// The incident.
    pub(crate) incident: model::Incident,
    /// What detectors found, in the order it came.
    pub(crate) signals: Vec<model::IncidentSignal>,
    /// What analysts concluded, newest first.
    pub(crate) conclusions: Vec<Conclusion>,
    /// What happened to it.
    pub(crate) timeline: Vec<model::TimelineEvent>,
    /// The rows of telemetry that show it, and what else conclusions refer to.
    pub(crate) evidence: Vec<model::Evidence>,
}

/// Reads all of an incident; `None` if the tenant has none of that id. Blocks.
///
/// # Errors
/// What the store says.
pub(crate) fn details(
    store: &dyn Store,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<IncidentDetails>, StoreError> {
    let Some(incident) = store.incident(tenant, id)? else {
        return Ok(None);
    };
    Ok(Some(IncidentDetails {
        incident: incident.into(),
        signals: store
            .incident_signals(tenant, id)?
            .into_iter()
            .map(Into::into)
            .collect(),
        conclusions: store
            .conclusions(tenant, id)?
            .into_iter()
            .map(Into::into)
            .collect(),
        timeline: store.timeline(tenant, id)?.into_iter().map(Into::into).collect(),
        evidence: store.evidence(tenant, id)?.into_iter().map(Into::into).collect(),
    }))
}

impl Wanted {
    fn filter(self) -> Result<IncidentFilter, Problem> {
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=LARGEST_PAGE).contains(&limit) {
            return Err(Problem::parameter(format!(
                "`limit` is a number from 1 to {LARGEST_PAGE}"
            )));
        }
        let state = |name: &str| {
            let problem =
                || Problem::parameter("`state` is `open`, `acknowledged`, `resolved` or `regressed`");
            IncidentState::parse(name).ok_or_else(problem)
        };
        let before = |text: String| {
            let (time, id) = text
                .split_once('/')
                .map_or((text.as_str(), None), |(time, id)| (time, Some(id.to_owned())));
            let opened_at = parse(time).ok_or_else(|| {
                Problem::parameter("`before` is a time such as `2026-11-23T12:00:05Z`, or `next` of a page")
            })?;
            Ok(Cursor { opened_at, id })
        };
        Ok(IncidentFilter {
            project: self.project,
            states: self
                .state
                .map_or(Ok(Vec::new()), |names| names.split(',').map(state).collect())?,
            before: self.before.map(before).transpose()?,
            limit,
        })
    }
}

/// Lists incidents, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/incidents",
    tag = "incidents",
    params(Wanted),
    responses(
        (status = OK, body = IncidentPage, description = "A page of incidents"),
        (status = BAD_REQUEST, body = ProblemDocument, content_type = "application/problem+json", description = "A parameter is unknown or wrong"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<IncidentPage>, Problem> {
    let filter = query(wanted)?.filter()?;
    let limit = filter.limit;
    let store = Arc::clone(&api.store);
    let incidents = blocking(move || store.incidents(&caller.tenant, &filter)).await?;
    let next = incidents
        .last()
        .filter(|_| incidents.len() >= limit)
        .and_then(|last| Some(format!("{}/{}", rfc3339(last.opened_at)?, last.id)));
    Ok(Json(IncidentPage {
        incidents: incidents.into_iter().map(Into::into).collect(),
        next,
    }))
}

/// Shows one incident with its signals, conclusions, timeline and evidence.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}",
    tag = "incidents",
    params(("id" = String, Path, description = "Id of the incident")),
    responses(
        (status = OK, body = IncidentDetails, description = "The incident; its `ETag` is what `If-Match` of a write wants"),
        (status = PERMANENT_REDIRECT, description = "It was merged: `Location` is where it went"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
        (status = NOT_FOUND, body = ProblemDocument, content_type = "application/problem+json", description = "No such incident"),
    )
)]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("incident");
    let Path(id) = id.map_err(|_| missing())?;
    let store = Arc::clone(&api.store);
    let found = blocking(move || details(store.as_ref(), &caller.tenant, &id)).await?;
    let found = found.ok_or_else(missing)?;
    let into = &found.incident.merged_into;
    if !into.is_empty() {
        let location = HeaderValue::from_str(&format!("/api/v1/incidents/{into}"));
        let location = location.map_err(|error| Problem::internal(&error))?;
        return Ok((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response());
    }
    let etag = etag(found.incident.version);
    Ok(([(header::ETAG, etag)], Json(found)).into_response())
}

/// Shows one piece of an incident's evidence.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}/evidence/{evidence}",
    tag = "incidents",
    params(
        ("id" = String, Path, description = "Id of the incident"),
        ("evidence" = String, Path, description = "Id of the evidence"),
    ),
    responses(
        (status = OK, body = model::Evidence, description = "The evidence"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
        (status = NOT_FOUND, body = ProblemDocument, content_type = "application/problem+json", description = "No such incident or evidence"),
    )
)]
pub(super) async fn evidence(
    State(api): State<Api>,
    caller: Caller,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<model::Evidence>, Problem> {
    let missing = || Problem::not_found("evidence");
    let Path((incident, id)) = ids.map_err(|_| missing())?;
    let store = Arc::clone(&api.store);
    // Evidence moves with what is merged.
    let found = blocking(move || {
        let incident = follow(store.as_ref(), &caller.tenant, &incident)?;
        incident.map_or(Ok(Vec::new()), |incident| {
            store.evidence(&caller.tenant, &incident.id)
        })
    });
    let evidence = found.await?.into_iter().find(|evidence| evidence.id == id);
    evidence.map(|found| Json(found.into())).ok_or_else(missing)
}

/// Query parameters, or what is wrong with them: names of parameters, nothing else.
pub(super) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query
        .map(|Query(query)| query)
        .map_err(|rejection| Problem::parameter(rejection.body_text()))
}
