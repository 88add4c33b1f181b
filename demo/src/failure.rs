//! How a request fails: refused for a business reason (4xx), or broken by an exception (5xx).

use std::backtrace::Backtrace;
use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use serde_json::json;

/// Why a request wasn't served.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The shop works; the customer can't have this. No incident.
    Refused {
        /// 4xx.
        status: StatusCode,
        /// For the customer.
        reason: String,
    },
    /// The shop doesn't work.
    Broken(Exception),
    /// An upstream doesn't work, and this service can only say so.
    BadGateway {
        /// For the log.
        reason: String,
    },
}

/// An error with its type's name and the stack at the place where it was made.
#[derive(Debug)]
pub(crate) struct Exception {
    type_name: &'static str,
    message: String,
    stack: Backtrace,
}

impl Exception {
    /// Takes `error` with the stack of the caller.
    #[inline(never)] // So that the stack begins with this one frame, whatever the profile.
    pub(crate) fn capture<E: Error>(error: &E) -> Self {
        Self {
            type_name: std::any::type_name::<E>(),
            message: error.to_string(),
            stack: Backtrace::force_capture(),
        }
    }

    /// What the error says.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Exception> for Failure {
    fn from(exception: Exception) -> Self {
        Self::Broken(exception)
    }
}

impl Failure {
    /// Writes the failure into the span of `context`, as an event `exception` where there is one, and into the log.
    pub(crate) fn record(&self, context: &Context) {
        match self {
            Self::Refused { status, reason } => tracing::info!(status = status.as_u16(), "refused: {reason}"),
            Self::BadGateway { reason } => tracing::error!("upstream failed: {reason}"),
            Self::Broken(Exception {
                type_name,
                message,
                stack,
            }) => {
                context.span().add_event(
                    "exception",
                    vec![
                        KeyValue::new("exception.type", *type_name),
                        KeyValue::new("exception.message", message.clone()),
                        KeyValue::new("exception.stacktrace", stack.to_string()),
                    ],
                );
                tracing::error!(
                    "exception.type" = *type_name,
                    "exception.message" = message.as_str(),
                    "request failed: {message}"
                );
            }
        }
    }
}

/// Travels in a response's extensions to the middleware, which sets `error.type` by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorType(pub(crate) &'static str);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused { status, reason } => (status, Json(json!({ "error": reason }))).into_response(),
            Self::BadGateway { .. } => (
                StatusCode::BAD_GATEWAY,
                Json(json!({ "error": "try again later" })),
            )
                .into_response(),
            Self::Broken(exception) => {
                let body = Json(json!({ "error": "internal error" }));
                let mut response = (StatusCode::INTERNAL_SERVER_ERROR, body).into_response();
                response.extensions_mut().insert(ErrorType(exception.type_name));
                response
            }
        }
    }
}
