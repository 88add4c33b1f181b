//! The OpenAPI document. Routes and document are made from the same list, so that neither can miss what the other has.

use std::sync::LazyLock;

use axum::Json;
use utoipa::{
    OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::{auth::Caller, guarded_routes, open_routes};

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
        (name = "plugins", description = "What finds and reports it"),
        (name = "health", description = "How AIA itself is"),
    ),
)]
struct Outline;

static DOCUMENT: LazyLock<openapi::OpenApi> = LazyLock::new(|| {
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
pub fn document() -> &'static openapi::OpenApi {
    &DOCUMENT
}

/// Serves the OpenAPI document of this API.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "health",
    responses((status = OK, description = "The document", body = Object))
)]
pub(super) async fn serve(_: Caller) -> Json<&'static openapi::OpenApi> {
    Json(document())
}
