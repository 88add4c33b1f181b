//! The OpenAPI document. Routes and document are made from the same list, so that neither can miss what the other has.

use std::sync::LazyLock;

use axum::Json;
use utoipa::{
    OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use super::{auth::Caller, guarded_routes, open_routes, problem::ProblemDocument};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "AIA",
        description = "Incidents, their evidence and their reports. Errors are problem documents (RFC 9457) with a \
                       stable `code`. Every answer has an `x-request-id` to quote.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "incidents", description = "What went wrong, and what shows it"),
        (name = "changes", description = "What was changed, which may be why"),
        (name = "plugins", description = "What finds and reports it"),
        (name = "health", description = "How AIA itself is"),
    ),
)]
struct Outline;

static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(|| {
    let mut document = Outline::openapi();
    document.merge(open_routes().into_openapi());
    document.merge(guarded_routes().into_openapi());
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
    document
});

/// The whole document.
#[must_use]
pub fn document() -> &'static utoipa::openapi::OpenApi {
    &DOCUMENT
}

/// Serves the OpenAPI document of this API.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "health",
    responses(
        (status = OK, body = Object, description = "The document"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
    )
)]
pub(super) async fn serve(_: Caller) -> Json<&'static utoipa::openapi::OpenApi> {
    Json(document())
}
