//! OTLP over HTTP: `POST /v1/{traces,logs,metrics}` in protobuf or JSON. What is taken and how it is answered is
//! [`RequestHead`]'s and [`HttpAnswer`]'s; this is the server's side of it.

use std::{sync::Arc, time::Instant};

use aia_telemetry::{HttpAnswer, Refusal, RequestHead, SignalType};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, StatusCode, header, request::Parts};

use super::{gate::Gate, metrics::Protocol};

/// One handler for every path: OTLP's answers to unknown paths and methods have bodies of its own, too.
pub(super) fn router(gate: Arc<Gate>) -> Router {
    Router::new().fallback(export).with_state(gate)
}

async fn export(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let head = head(&parts);
    match take(&gate, &head, &parts, body).await {
        Ok((signal, success)) => {
            gate.metrics.taken(Protocol::Http, signal, started.elapsed());
            answer(success)
        }
        Err(refusal) => {
            gate.metrics.refused(Protocol::Http, &refusal);
            answer(HttpAnswer::refusal(&refusal, head.answer_encoding()))
        }
    }
}

async fn take(
    gate: &Gate,
    head: &RequestHead<'_>,
    parts: &Parts,
    body: Body,
) -> Result<(SignalType, HttpAnswer), Refusal> {
    head.signal()?;
    let admitted = match gate.admit(head.presented_key()) {
        Err(refusal @ Refusal::Overloaded { .. }) => {
            gate.discard(body).await;
            return Err(refusal);
        }
        admitted => admitted?,
    };
    let format = head.body_format()?;
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    let received = gate.receive(Protocol::Http, body, announced, 0).await?;
    let accepted = gate
        .take(
            admitted,
            format.signal,
            format.encoding,
            format.compression,
            received,
        )
        .await?;
    let success = HttpAnswer::success(format, accepted.refused_rows, &accepted.message);
    Ok((format.signal, success))
}

/// A header that isn't text counts as wrong, not as missing.
pub(super) fn head(parts: &Parts) -> RequestHead<'_> {
    RequestHead::new(parts.method.as_str(), parts.uri.path(), |name| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().unwrap_or("?"))
    })
}

fn answer(answer: HttpAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    for (name, value) in answer.headers {
        // All of them are plain text, by `HttpAnswer`.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
