//! Problem documents (RFC 9457): what a client is told when something goes wrong.
//!
//! `code` is stable and meant for programs, `title` and `detail` are for people, `request_id` is to be quoted to the
//! operator, who finds the cause under it in the log. Nothing from inside — no path, no SQL, no plugin's message —
//! gets in: [`Problem::internal`] takes the cause only to log it.

use std::{borrow::Cow, error::Error};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::guard;

/// What went wrong.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    request_id: String,
    /// What the status demands in a header: `WWW-Authenticate`, `Retry-After`.
    header: Option<(&'static str, &'static str)>,
}

/// What a client is told of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument<'a> {
    /// `urn:aia:problem:` and the code.
    r#type: String,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, for a person.
    detail: &'a str,
    /// What went wrong, for a program: stable.
    code: &'a str,
    /// Id of this request, to be quoted.
    request_id: &'a str,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            request_id: guard::request_id(),
            header: None,
        }
    }

    /// 401: no token, or none that is known. Which of the two isn't told.
    pub(super) fn unauthorized() -> Self {
        let detail = "send a valid token as `Authorization: Bearer aiat_…`; `aia token create` makes one";
        let header = Some(("www-authenticate", r#"Bearer realm="aia""#));
        Self {
            header,
            ..Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        }
    }

    /// 403: the token is known and doesn't allow this.
    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "this needs a token of scope `operator`",
        )
    }

    /// 404: no such thing, or not of this tenant. The same for both, and the id isn't repeated.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("there is no such {what}"),
        )
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        let detail = "the `Allow` header names the methods of this path";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }

    /// 400: a parameter is unknown or wrong.
    pub(super) fn parameter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-parameter", detail)
    }

    /// 400: the body is no JSON, or not what it should be.
    pub(super) fn body(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-body", detail)
    }

    /// 409: its state doesn't allow that.
    pub(super) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 412: it has changed since the client looked.
    pub(super) fn precondition_failed() -> Self {
        let detail = "it has changed since: read it again, and decide again";
        Self::new(StatusCode::PRECONDITION_FAILED, "changed", detail)
    }

    /// 428: the client has to say what it looked at.
    pub(super) fn precondition_required() -> Self {
        let detail = "send the `ETag` of what you decided on as `If-Match`";
        Self::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", detail)
    }

    /// 415.
    pub(super) fn not_json() -> Self {
        let detail = "send a body of `Content-Type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail)
    }

    /// 413.
    pub(super) fn too_large(limit: u64) -> Self {
        let detail = format!("a request body has at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    /// 503: a part isn't ready.
    pub(super) fn not_ready(part: &str) -> Self {
        let header = Some(("retry-after", "5"));
        let detail = format!("the {part} is not ready");
        Self {
            header,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail)
        }
    }

    /// 500: ours. The cause goes to the log.
    pub(super) fn internal(cause: &(dyn Error + 'static)) -> Self {
        let problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "quote the request id to the operator",
        );
        tracing::error!(
            request_id = problem.request_id,
            error = crate::chain(cause),
            "a request failed"
        );
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            r#type: format!("urn:aia:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id: &self.request_id,
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
