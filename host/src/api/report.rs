//! `/api/v1/incidents/{id}/report`

#![expect(
    unused_qualifications,
    reason = "utoipa's macro qualifies the types in `params`"
)]

use std::sync::Arc;

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Api,
    auth::Caller,
    incidents::query,
    problem::{Problem, ProblemDocument},
};
use crate::server::{ReportError, media_type};

/// What a browser may do with a report that it is sent: show it with the style sheet in it, and nothing else. A reporter
/// may be anybody's, so there is no script and no origin.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

/// Which report.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// `markdown`, `html`, `pdf` or a media type; `markdown` by default. `/api/v1/plugins` lists what is rendered.
    format: Option<String>,
}

/// Renders an incident's report.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}/report",
    tag = "incidents",
    params(("id" = String, Path, description = "Id of the incident"), Wanted),
    responses(
        (status = OK, body = String, content_type = "text/markdown", description = "The report, in the reporter's media type"),
        (status = BAD_REQUEST, body = ProblemDocument, content_type = "application/problem+json", description = "A parameter is unknown or wrong"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
        (status = NOT_FOUND, body = ProblemDocument, content_type = "application/problem+json", description = "No such incident"),
    )
)]
pub(super) async fn render(
    State(api): State<Api>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| Problem::not_found("incident"))?;
    let format = query(wanted)?.format.unwrap_or_else(|| "markdown".to_owned());
    let reports = Arc::clone(&api.reports);
    let rendering =
        tokio::task::spawn_blocking(move || reports.render(&caller.tenant, &id, media_type(&format)));
    match rendering.await {
        Ok(Ok(Some(report))) => {
            // A plugin's word on its media type; one that can't be a header's value is served as bytes.
            let media_type = HeaderValue::from_str(&report.media_type)
                .unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let headers = [
                (header::CONTENT_TYPE, media_type),
                (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            ];
            Ok((headers, report.bytes).into_response())
        }
        Ok(Ok(None)) => Err(Problem::not_found("incident")),
        Ok(Err(ReportError::UnknownFormat { known, .. })) => Err(Problem::parameter(format!(
            "`format` is one of: {}",
            known.join(", ")
        ))),
        Ok(Err(error)) => Err(Problem::internal(&error)),
        Err(error) => Err(Problem::internal(&error)),
    }
}
