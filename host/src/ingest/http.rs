//! OTLP over HTTP: `POST /v1/{traces,logs,metrics}` in protobuf or JSON.

use std::{sync::Arc, time::Instant};

use aia_telemetry::{ContentEncoding, Encoding, Refusal, SignalType, success_body};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{gate::Gate, metrics::Protocol};

/// One handler for every path: OTLP's answers to unknown paths and methods have bodies of its own, too.
pub(super) fn router(gate: Arc<Gate>) -> Router {
    Router::new().fallback(export).with_state(gate)
}

async fn export(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let started = Instant::now();
    let content_type = Encoding::from_content_type(text(request.headers(), header::CONTENT_TYPE));
    // An answer to a request whose encoding isn't known is in JSON, which a person can read.
    let answer_in = content_type.clone().unwrap_or(Encoding::Json);
    match take(&gate, request, content_type).await {
        Ok((signal, body)) => {
            gate.metrics.taken(Protocol::Http, signal, started.elapsed());
            answer(StatusCode::OK, answer_in, body)
        }
        Err(refusal) => {
            gate.metrics.refused(Protocol::Http, &refusal);
            refuse(&refusal, answer_in)
        }
    }
}

async fn take(
    gate: &Gate,
    request: Request,
    content_type: Result<Encoding, Refusal>,
) -> Result<(SignalType, Vec<u8>), Refusal> {
    let signal = match request.uri().path() {
        "/v1/traces" => SignalType::Traces,
        "/v1/logs" => SignalType::Logs,
        "/v1/metrics" => SignalType::Metrics,
        _ => return Err(Refusal::UnknownPath),
    };
    if request.method() != Method::POST {
        return Err(Refusal::WrongMethod);
    }
    let (head, body) = request.into_parts();
    let admitted = match gate.admit(&head.headers) {
        Err(refusal @ Refusal::Overloaded { .. }) => {
            gate.discard(body).await;
            return Err(refusal);
        }
        admitted => admitted?,
    };
    let encoding = content_type?;
    let compression = ContentEncoding::from_header(text(&head.headers, header::CONTENT_ENCODING))?;
    let announced = text(&head.headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let received = gate.receive(Protocol::Http, body, announced, 0).await?;
    let accepted = gate
        .take(admitted, signal, encoding, compression, received)
        .await?;
    Ok((
        signal,
        success_body(encoding, signal, accepted.refused_rows, &accepted.message),
    ))
}

/// A header as text. One that isn't text counts as wrong, not as missing.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn refuse(refusal: &Refusal, encoding: Encoding) -> Response {
    let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = answer(status, encoding, refusal.body(encoding));
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer realm="aia""#),
            );
        }
        _ => {}
    }
    response
}

fn answer(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, encoding.content_type()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Body::from(body)).into_response()
}
