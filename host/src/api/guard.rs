//! What surrounds every request: its id, the headers every answer has, the limit on bodies, panics and fallbacks.

use std::any::Any;

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header};
use tower_http::catch_panic::ResponseForPanic;

use super::{Api, problem::Problem};

/// Largest body of a request to the API.
pub(super) const LARGEST_BODY_BYTES: u64 = 1 << 20;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Id of the request being served; empty outside of one.
pub(super) fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// Gives the request an id and the answer its headers, refuses large bodies, counts.
pub(super) async fn dress(State(api): State<Api>, request: Request, next: Next) -> Response {
    // A path's pattern, not the path: a scanner must not make a million time series.
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let id = getrandom::u64().map_or_else(|_| "unknown".to_owned(), |id| format!("{id:016x}"));
    let started = std::time::Instant::now();
    let mut response = REQUEST_ID
        .scope(id.clone(), async move {
            if is_too_large(&request) {
                Problem::too_large(LARGEST_BODY_BYTES).into_response()
            } else {
                next.run(request).await
            }
        })
        .await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        // A route that needs another policy has set its own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let status = response.status();
    api.metrics.answered(&path, status, started.elapsed());
    tracing::debug!(request_id = id, %method, path, status = status.as_u16(), "answered");
    response
}

/// What a browser, a cache or a proxy must not do with an answer.
const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_XSS_PROTECTION, "0"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Whether a body is announced that is larger than any route takes. One of unknown length is counted as it is read.
fn is_too_large(request: &Request<Body>) -> bool {
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    length
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > LARGEST_BODY_BYTES)
}

/// Nothing is at this path.
pub(super) async fn not_found() -> Problem {
    Problem::not_found("path")
}

/// Something is at this path, for another method.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed()
}

/// A handler panicked: the client gets a 500 and the process goes on.
#[derive(Clone, Copy)]
pub(super) struct Panicked;

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct PanicError(String);

impl ResponseForPanic for Panicked {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send + 'static>) -> Response {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Problem::internal(&PanicError(text.unwrap_or_default())).into_response()
    }
}
