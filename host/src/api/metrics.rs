//! `/metrics`, and what the API counts of itself.

use std::time::Duration;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::{
    Api,
    auth::Caller,
    problem::{Problem, ProblemDocument},
};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answer {
    path: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Attempt {
    result: &'static str,
}

/// What the API counts.
#[derive(Clone)]
pub(super) struct ApiMetrics {
    answers: Family<Answer, Counter>,
    attempts: Family<Attempt, Counter>,
    seconds: Histogram,
}

impl ApiMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let answers = Family::<Answer, Counter>::default();
        let attempts = Family::<Attempt, Counter>::default();
        // From a look-up in memory to a report that a plugin renders.
        let seconds = Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0]);
        registry.register(
            "aia_api_requests",
            "Answers of the API by path and status",
            answers.clone(),
        );
        registry.register(
            "auth_attempts",
            "Tokens shown to the API, by result",
            attempts.clone(),
        );
        registry.register(
            "aia_api_request_seconds",
            "Time to answer a request to the API",
            seconds.clone(),
        );
        Self {
            answers,
            attempts,
            seconds,
        }
    }

    pub(super) fn answered(&self, path: &str, status: StatusCode, took: Duration) {
        self.answers
            .get_or_create(&Answer {
                path: path.to_owned(),
                status: status.as_u16(),
            })
            .inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn authenticated(&self, accepted: bool) {
        let result = if accepted { "success" } else { "failure" };
        self.attempts.get_or_create(&Attempt { result }).inc();
    }
}

/// What AIA measures of itself, of all tenants: for operators.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    responses(
        (status = OK, body = String, content_type = "application/openmetrics-text", description = "The metrics"),
        (status = UNAUTHORIZED, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token"),
        (status = FORBIDDEN, body = ProblemDocument, content_type = "application/problem+json", description = "Not an operator's token"),
    )
)]
pub(super) async fn metrics(State(api): State<Api>, caller: Caller) -> Result<Response, Problem> {
    caller.demand_operator()?;
    let mut body = String::new();
    text::encode(&mut body, &api.registry).map_err(|error| Problem::internal(&error))?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], body).into_response())
}
