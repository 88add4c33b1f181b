//! `/api/v1/plugins`

use axum::{Json, extract::State};
use serde::Serialize;

use super::{Api, auth::Caller, problem::ProblemDocument};
use crate::server::PluginInfo;

/// The plugins at hand.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Plugins {
    /// By name.
    plugins: Vec<PluginInfo>,
}

/// Lists the plugins, also those that don't run, with the reason.
#[utoipa::path(
    get,
    path = "/api/v1/plugins",
    tag = "plugins",
    responses(
        (status = OK, body = Plugins, description = "The plugins"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
    )
)]
pub(super) async fn list(State(api): State<Api>, _: Caller) -> Json<Plugins> {
    Json(Plugins {
        plugins: api.plugins.plugins(),
    })
}
