//! The REST API: incidents, reports and plugins behind a token; health without one; metrics for operators.
//!
//! Every answer has a request id. Every error is a problem document ([`problem`]) with a stable code and nothing from
//! inside; the cause is logged with the same request id. An id of another tenant is answered like one that isn't there.

mod acts;
mod auth;
mod body;
mod changes;
pub(crate) mod conclusion;
mod guard;
mod health;
pub(crate) mod incidents;
mod metrics;
pub(crate) mod model;
mod openapi;
mod plugins;
mod problem;
mod report;
mod time;
mod token;

use std::sync::Arc;

use axum::{Router, middleware};
use prometheus_client::registry::Registry;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use openapi::document;
pub(crate) use time::parse as parse_time;
pub use time::rfc3339;
pub use token::{Token, TokenError};

use crate::{
    server::{PluginCatalog, Readiness, Reports},
    store::Store,
};
use metrics::ApiMetrics;

/// What the handlers work with.
#[derive(Clone)]
struct Api {
    store: Arc<dyn Store>,
    plugins: Arc<dyn PluginCatalog>,
    reports: Arc<dyn Reports>,
    readiness: Arc<dyn Readiness>,
    registry: Arc<Registry>,
    metrics: ApiMetrics,
}

/// What the API is made of.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) plugins: Arc<dyn PluginCatalog>,
    pub(crate) reports: Arc<dyn Reports>,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) registry: Registry,
}

/// The whole API as a service.
pub(crate) fn router(parts: Parts) -> Router {
    let mut registry = parts.registry;
    let metrics = ApiMetrics::register(&mut registry);
    let api = Api {
        store: parts.store,
        plugins: parts.plugins,
        reports: parts.reports,
        readiness: parts.readiness,
        registry: Arc::new(registry),
        metrics,
    };
    let (open, _) = open_routes().split_for_parts();
    let (guarded, _) = guarded_routes().split_for_parts();
    // The fallbacks are behind the token as well: who has none doesn't learn what is there.
    let guarded = guarded
        .fallback(guard::not_found)
        .method_not_allowed_fallback(guard::method_not_allowed)
        .layer(middleware::from_fn_with_state(api.clone(), auth::demand_token));
    // Merged, not nested: what dresses the answers has to see which route matched.
    open.method_not_allowed_fallback(guard::method_not_allowed)
        .merge(guarded)
        .with_state(api.clone())
        .layer(CatchPanicLayer::custom(guard::Panicked))
        .layer(middleware::from_fn_with_state(api, guard::dress))
}

/// Routes that anyone may call.
fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// Routes that demand a token.
fn guarded_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(metrics::metrics))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::evidence))
        .routes(routes!(acts::acknowledge))
        .routes(routes!(acts::resolve))
        .routes(routes!(acts::reopen))
        .routes(routes!(acts::merge))
        .routes(routes!(acts::split))
        .routes(routes!(acts::note))
        .routes(routes!(changes::list, changes::create))
        .routes(routes!(report::render))
        .routes(routes!(plugins::list))
        .routes(routes!(openapi::serve))
}

/// Runs something that blocks (the store, a plugin) without holding up other requests.
///
/// # Errors
/// What it says, or that it panicked.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, problem::Problem>
where
    T: Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| problem::Problem::internal(&error)),
        Err(error) => Err(problem::Problem::internal(&error)),
    }
}
