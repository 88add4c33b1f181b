//! Health: for load balancers and uptime checks, without a token and without a word about what is inside.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;

use super::{
    Api,
    problem::{Problem, ProblemDocument},
};

/// How it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// `ok`
    status: &'static str,
}

/// Says that the process runs and answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    security(()),
    responses((status = OK, body = Health, description = "It runs"))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Says that telemetry can be taken and incidents can be read.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    security(()),
    responses(
        (status = OK, body = Health, description = "It is ready"),
        (status = SERVICE_UNAVAILABLE, body = ProblemDocument, description = "A part isn't ready"),
    )
)]
pub(super) async fn readyz(State(api): State<Api>) -> Result<Json<Health>, Problem> {
    let readiness = Arc::clone(&api.readiness);
    match tokio::task::spawn_blocking(move || readiness.check()).await {
        Ok(Ok(())) => Ok(Json(Health { status: "ok" })),
        Ok(Err(not_ready)) => {
            tracing::warn!(
                part = not_ready.part,
                error = crate::chain(&not_ready),
                "not ready"
            );
            Err(Problem::not_ready(not_ready.part))
        }
        Err(error) => Err(Problem::internal(&error)),
    }
}
