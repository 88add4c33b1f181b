//! `/api/v1/changes`

#![expect(
    unused_qualifications,
    reason = "utoipa's macro qualifies the types in `params`"
)]

use std::sync::Arc;

use aia_telemetry::{ProjectId, TenantId};
use axum::{
    Json,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    Api,
    auth::Caller,
    blocking,
    body::read,
    incidents::query,
    model,
    problem::{Problem, ProblemDocument},
    time::parse,
};
use crate::{
    clock,
    incidents::changes::{Announcement, ChangeError, announce},
    server::default_scope,
    store::{ChangeKind, ChangeSource, Scope},
};

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those at or after this time.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only those at or before this time.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Only those of this service.
    service: Option<String>,
    /// Of this project; `default` by default.
    project: Option<String>,
}

/// Changes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Changes {
    /// In the order of their times; of more than 1,000 in the time asked for the newest.
    changes: Vec<model::Change>,
}

/// A change, as it is told.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChange {
    /// `deploy`, `config`, `flag`, `infrastructure` or `other`.
    kind: String,
    /// When it happened; now if it isn't said. Say it where a retry may come later than 15 minutes.
    #[schema(format = DateTime)]
    #[serde(default)]
    time: Option<String>,
    /// The service that was changed; left out if it concerns none, or all. A deploy needs it.
    #[serde(default)]
    service: String,
    /// The release that came. A deploy needs it.
    #[serde(default)]
    release: String,
    /// The release that went.
    #[serde(default)]
    release_previous: String,
    /// Who did it.
    #[serde(default)]
    author: String,
    /// In words.
    #[serde(default)]
    text: String,
    /// Where to read more: an address of the web.
    #[serde(default)]
    link: String,
    /// The project; `default` by default.
    #[serde(default)]
    project: Option<String>,
}

/// Lists changes, in the order of their times.
#[utoipa::path(
    get,
    path = "/api/v1/changes",
    tag = "changes",
    params(Wanted),
    responses(
        (status = OK, body = Changes, description = "The changes"),
        (status = BAD_REQUEST, body = ProblemDocument, content_type = "application/problem+json", description = "A parameter is unknown or wrong"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
        (status = NOT_FOUND, body = ProblemDocument, content_type = "application/problem+json", description = "No such project"),
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Changes>, Problem> {
    let wanted = query(wanted)?;
    let time = |name: &str, text: Option<String>, default| {
        text.map_or(Ok(default), |text| {
            parse(&text).ok_or_else(|| {
                Problem::parameter(format!("`{name}` is a time such as `2026-11-23T12:00:05Z`"))
            })
        })
    };
    let (from, to) = (time("from", wanted.from, 0)?, time("to", wanted.to, u64::MAX)?);
    let scope = scope(&api, caller.tenant, wanted.project).await?;
    let store = Arc::clone(&api.store);
    let mut changes = blocking(move || store.changes(&scope, from, to)).await?;
    if let Some(service) = wanted.service {
        changes.retain(|change| change.service == service);
    }
    Ok(Json(Changes {
        changes: changes.into_iter().map(Into::into).collect(),
    }))
}

/// Tells of a change. It joins the timelines of the incidents it concerns. The same told again is the same change.
#[utoipa::path(
    post,
    path = "/api/v1/changes",
    tag = "changes",
    request_body = NewChange,
    responses(
        (status = CREATED, body = model::Change, description = "The change"),
        (status = OK, body = model::Change, description = "The change, which was told before"),
        (status = BAD_REQUEST, body = ProblemDocument, content_type = "application/problem+json", description = "The body is wrong"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
        (status = FORBIDDEN, body = ProblemDocument, content_type = "application/problem+json", description = "The token only reads"),
        (status = NOT_FOUND, body = ProblemDocument, content_type = "application/problem+json", description = "No such project"),
        (status = PAYLOAD_TOO_LARGE, body = ProblemDocument, content_type = "application/problem+json", description = "The body is too large"),
        (status = UNSUPPORTED_MEDIA_TYPE, body = ProblemDocument, content_type = "application/problem+json", description = "The body isn't JSON"),
    )
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.demand_operator()?;
    let told: NewChange = read(&headers, body).await?;
    let kind = ChangeKind::parse(&told.kind)
        .ok_or_else(|| Problem::body("`kind` is `deploy`, `config`, `flag`, `infrastructure` or `other`"))?;
    let time = told.time.map(|text| {
        parse(&text).ok_or_else(|| Problem::body("`time` is a time such as `2026-11-23T12:00:05Z`"))
    });
    let announcement = Announcement {
        kind,
        time: time.transpose()?,
        service: told.service,
        release: told.release,
        release_previous: told.release_previous,
        author: told.author,
        text: told.text,
        link: told.link,
    };
    let scope = scope(&api, caller.tenant, told.project).await?;
    let store = Arc::clone(&api.store);
    let told = tokio::task::spawn_blocking(move || {
        announce(
            store.as_ref(),
            &scope,
            &announcement,
            ChangeSource::Api,
            clock::now(),
        )
    });
    let told = told.await.map_err(|error| Problem::internal(&error))?;
    let (change, is_new) = told.map_err(|error| match error {
        ChangeError::Store(error) => Problem::internal(&error),
        error => Problem::body(error.to_string()),
    })?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(model::Change::from(change))).into_response())
}

/// A project of the caller's tenant, if it exists.
async fn scope(api: &Api, tenant: TenantId, project: Option<String>) -> Result<Scope, Problem> {
    let missing = || Problem::not_found("project");
    let project = match project {
        Some(project) => ProjectId::new(&project).map_err(|_| missing())?,
        None => {
            default_scope()
                .map_err(|error| Problem::internal(&error))?
                .project
        }
    };
    let scope = Scope { tenant, project };
    let (store, of) = (Arc::clone(&api.store), scope.clone());
    if !blocking(move || store.project_exists(&of)).await? {
        return Err(missing());
    }
    Ok(scope)
}
