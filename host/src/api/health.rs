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

/// That it is ready, and how far behind.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Ready {
    /// `ok`
    status: &'static str,
    /// How far detection is behind what was acknowledged, in seconds.
    lag_seconds: f64,
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
        (status = OK, body = Ready, description = "It is ready"),
        (status = SERVICE_UNAVAILABLE, body = ProblemDocument, description = "A part isn't ready"),
    )
)]
pub(super) async fn readyz(State(api): State<Api>) -> Result<Json<Ready>, Problem> {
    let readiness = Arc::clone(&api.readiness);
    let lag_seconds = readiness.lag_seconds();
    match tokio::task::spawn_blocking(move || readiness.check()).await {
        Ok(Ok(())) => Ok(Json(Ready {
            status: "ok",
            lag_seconds,
        })),
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
