//! Server-side instrumentation by the HTTP semantic conventions: a SERVER span and a duration for every request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde_json::Value;

use crate::failure::{ErrorType, Failure};
use crate::telemetry::Instruments;

/// Middleware around every route. Handlers find their span's [`Context`] in the request's extensions.
pub(crate) async fn instrument(
    State(instruments): State<Instruments>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(String::new, |path| path.as_str().to_owned());
    let parent = TraceContextPropagator::new()
        .extract_with_context(&Context::new(), &HeaderExtractor(request.headers()));

    let mut attributes = vec![
        KeyValue::new("http.request.method", method),
        KeyValue::new("http.route", route.clone()),
        KeyValue::new("url.path", request.uri().path().to_owned()),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("network.protocol.version", protocol_version(request.version())),
    ];
    attributes.extend(host(&request));
    if let Some(agent) = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
    {
        attributes.push(KeyValue::new("user_agent.original", agent.to_owned()));
    }
    let span = instruments
        .tracer
        .span_builder(format!("{method} {route}"))
        .with_kind(SpanKind::Server)
        .with_attributes(attributes)
        .start_with_context(&instruments.tracer, &parent);
    let context = parent.with_span(span);
    request.extensions_mut().insert(context.clone());

    let response = next.run(request).await;

    let status = response.status();
    let mut measured = vec![
        KeyValue::new("http.request.method", method),
        KeyValue::new("http.route", route),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
    ];
    let span = context.span();
    span.set_attribute(KeyValue::new(
        "http.response.status_code",
        i64::from(status.as_u16()),
    ));
    // On the server's side a 4xx is the client's failure and leaves the span's status unset.
    if status.is_server_error() {
        let error_type = match response.extensions().get::<ErrorType>() {
            Some(ErrorType(name)) => KeyValue::new("error.type", *name),
            None => KeyValue::new("error.type", status.as_str().to_owned()),
        };
        span.set_attribute(error_type.clone());
        span.set_status(Status::error(""));
        measured.push(error_type);
    }
    span.end();
    instruments
        .server_duration
        .record(started.elapsed().as_secs_f64(), &measured);
    response
}

/// Runs a handler's blocking work on a thread of its own, inside of the request's span, and records how it failed.
pub(crate) async fn work(
    context: Context,
    job: impl FnOnce() -> Result<Value, Failure> + Send + 'static,
) -> Response {
    let result = tokio::task::spawn_blocking(move || {
        let _active = context.clone().attach();
        job().inspect_err(|failure| failure.record(&context))
    })
    .await;
    match result {
        Ok(Ok(body)) => axum::Json(body).into_response(),
        Ok(Err(failure)) => failure.into_response(),
        Err(panicked) => {
            tracing::error!("a handler panicked: {panicked}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The method if it is a known one, as the conventions ask, so that nobody can blow up the number of series.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        _ => "_OTHER",
    }
}

fn protocol_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

/// `server.address` and `server.port` of the Host header.
fn host(request: &Request) -> Vec<KeyValue> {
    let Some(host) = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
    else {
        return Vec::new();
    };
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
        return Vec::new();
    };
    let mut attributes = vec![KeyValue::new("server.address", authority.host().to_owned())];
    attributes.extend(
        authority
            .port_u16()
            .map(|port| KeyValue::new("server.port", i64::from(port))),
    );
    attributes
}
