//! What people do to incidents: `POST /api/v1/incidents/{id}/…`. Every write names the version it was decided on in
//! `If-Match`, so that two people at once don't lose one another's work.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{
    Api,
    auth::Caller,
    body::read,
    model,
    problem::{Problem, ProblemDocument},
};
use crate::{
    clock,
    incidents::{Act, ActError, act},
};

/// Longest lists of signals and fingerprints.
const MAX_CHOSEN: usize = 1_000;

/// What may be said to an act.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// Stands in the timeline; at most 10,000 bytes.
    #[serde(default)]
    text: String,
}

/// A merge.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    /// Id of the incident that takes over signals, evidence, fingerprints and timeline.
    into: String,
    /// Stands in the timeline; at most 10,000 bytes.
    #[serde(default)]
    text: String,
}

/// A split. At least one signal or fingerprint, and not all of the incident.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    /// Ids of signals that become an incident of their own.
    #[serde(default)]
    signals: Vec<String>,
    /// Fingerprints whose signals do, those to come as well.
    #[serde(default)]
    fingerprints: Vec<String>,
    /// Stands in the timeline; at most 10,000 bytes.
    #[serde(default)]
    text: String,
}

/// A note.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// Stands in the timeline; at most 10,000 bytes.
    text: String,
}

/// Declares a route of an act: all differ in name, body and what is done, and agree in everything that can go wrong.
macro_rules! route {
    ($(#[$doc:meta])* $name:ident, $path:literal, $body:ty, $status:ident, $said:literal, $take:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            tag = "incidents",
            params(
                ("id" = String, Path, description = "Id of the incident"),
                ("if-match" = Option<String>, Header, description = "Its `ETag`, or `*` for any; notes can do without"),
            ),
            request_body = $body,
            responses(
                (status = $status, body = model::Incident, description = $said),
                (status = BAD_REQUEST, body = ProblemDocument, content_type = "application/problem+json", description = "The body is wrong"),
                (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
                (status = FORBIDDEN, body = ProblemDocument, content_type = "application/problem+json", description = "The token only reads"),
                (status = NOT_FOUND, body = ProblemDocument, content_type = "application/problem+json", description = "No such incident"),
                (status = CONFLICT, body = ProblemDocument, content_type = "application/problem+json", description = "The incident's state doesn't allow it, or it was merged"),
                (status = PRECONDITION_FAILED, body = ProblemDocument, content_type = "application/problem+json", description = "It has changed since `If-Match`"),
                (status = PAYLOAD_TOO_LARGE, body = ProblemDocument, content_type = "application/problem+json", description = "The body is too large"),
                (status = UNSUPPORTED_MEDIA_TYPE, body = ProblemDocument, content_type = "application/problem+json", description = "The body isn't JSON"),
                (status = PRECONDITION_REQUIRED, body = ProblemDocument, content_type = "application/problem+json", description = "`If-Match` is missing"),
            )
        )]
        pub(super) async fn $name(
            State(api): State<Api>,
            caller: Caller,
            id: Result<Path<String>, PathRejection>,
            headers: HeaderMap,
            body: Body,
        ) -> Result<Response, Problem> {
            caller.demand_operator()?;
            let body: $body = read(&headers, body).await?;
            let take: fn($body) -> (Act, String) = $take;
            let (act, text) = take(body);
            perform(api, caller, id, &headers, act, text, StatusCode::$status).await
        }
    };
}

route! {
    /// Takes an incident up.
    acknowledge, "/api/v1/incidents/{id}/acknowledge", Words, OK, "The incident, acknowledged",
    |words| (Act::Acknowledge, words.text)
}
route! {
    /// Says that an incident is over.
    resolve, "/api/v1/incidents/{id}/resolve", Words, OK, "The incident, resolved",
    |words| (Act::Resolve, words.text)
}
route! {
    /// Says that a resolved incident isn't over.
    reopen, "/api/v1/incidents/{id}/reopen", Words, OK, "The incident, open",
    |words| (Act::Reopen, words.text)
}
route! {
    /// Merges an incident into another one, which takes over everything it holds.
    merge, "/api/v1/incidents/{id}/merge", Merge, OK, "The incident that took over",
    |merge| (Act::Merge { into: merge.into }, merge.text)
}
route! {
    /// Makes an incident of its own of some of an incident's signals.
    split, "/api/v1/incidents/{id}/split", Split, CREATED, "The new incident",
    |split| (Act::Split { signals: split.signals, fingerprints: split.fingerprints }, split.text)
}
route! {
    /// Adds a note to an incident's timeline.
    note, "/api/v1/incidents/{id}/notes", Note, CREATED, "The incident",
    |note| (Act::Note, note.text)
}

async fn perform(
    api: Api,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
    wanted: Act,
    text: String,
    status: StatusCode,
) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| Problem::not_found("incident"))?;
    if let Act::Split {
        signals,
        fingerprints,
    } = &wanted
        && signals.len() + fingerprints.len() > MAX_CHOSEN
    {
        return Err(Problem::body(format!(
            "name at most {MAX_CHOSEN} signals and fingerprints"
        )));
    }
    let expected = match if_match(headers)? {
        Match::Missing if wanted == Act::Note => None,
        Match::Missing => return Err(Problem::precondition_required()),
        Match::Any => None,
        Match::Version(version) => Some(version),
    };
    let store = Arc::clone(&api.store);
    let by = format!("token {}", caller.token);
    let done = tokio::task::spawn_blocking(move || {
        act(
            store.as_ref(),
            &caller.tenant,
            &id,
            expected,
            &wanted,
            &by,
            &text,
            clock::now(),
        )
    });
    let done = done.await.map_err(|error| Problem::internal(&error))?;
    let incident = done.map_err(|error| refusal(&error))?.incident;
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, etag(incident.version));
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&format!("/api/v1/incidents/{}", incident.id))
    {
        headers.insert(header::LOCATION, location);
    }
    Ok((status, headers, Json(model::Incident::from(incident))).into_response())
}

fn refusal(error: &ActError) -> Problem {
    match error {
        ActError::NotFound { .. } => Problem::not_found("incident"),
        ActError::Changed { .. } => Problem::precondition_failed(),
        ActError::Merged { .. } | ActError::State(_) => Problem::conflict(error.to_string()),
        ActError::Wrong(detail) => Problem::body(detail.clone()),
        ActError::Store(error) => Problem::internal(error),
    }
}

/// The entity tag of a version.
pub(super) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

enum Match {
    Missing,
    Any,
    Version(u64),
}

/// What `If-Match` says. A tag that isn't one of ours, and a weak one, match nothing (RFC 9110).
fn if_match(headers: &HeaderMap) -> Result<Match, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(Match::Missing);
    };
    let value = value.to_str().unwrap_or_default().trim();
    if value == "*" {
        return Ok(Match::Any);
    }
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .and_then(|value| value.parse().ok())
        .map(Match::Version)
        .ok_or_else(Problem::precondition_failed)
}
