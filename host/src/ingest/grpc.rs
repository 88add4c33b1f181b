//! OTLP over gRPC: the three `Export` methods.
//!
//! A unary call is one framed message each way, so the frame is taken apart here and its message goes, undecoded, the
//! way of an HTTP body: the key is verified before anything is read, and sizes are limited and counted by the same
//! code. (`tonic`'s own decoder would reserve what a frame announces, and answer `OUT_OF_RANGE` to what is too large.)
//! Statuses are `tonic`'s.

use std::{sync::Arc, time::Instant};

use aia_telemetry::{
    ContentEncoding, Encoding, GRPC_FRAME_BYTES, Refusal, SignalType, success_body, unframe,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tonic::{Code, Status};

use super::{gate::Gate, metrics::Protocol};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// One handler for every path: gRPC answers unknown methods itself.
pub(super) fn router(gate: Arc<Gate>) -> Router {
    Router::new().fallback(export).with_state(gate)
}

async fn export(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let started = Instant::now();
    if request.method() != Method::POST || !is_grpc(request.headers()) {
        // gRPC's specification asks for a plain HTTP answer to what isn't gRPC.
        gate.metrics.refused(Protocol::Grpc, &Refusal::WrongContentType);
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    match take(&gate, request).await {
        Ok((signal, message)) => {
            gate.metrics.taken(Protocol::Grpc, signal, started.elapsed());
            succeed(&message)
        }
        Err(refusal) => {
            gate.metrics.refused(Protocol::Grpc, &refusal);
            refuse(&refusal)
        }
    }
}

async fn take(gate: &Gate, request: Request) -> Result<(SignalType, Vec<u8>), Refusal> {
    let signal = match request.uri().path() {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => SignalType::Traces,
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => SignalType::Logs,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => SignalType::Metrics,
        _ => return Err(Refusal::UnknownPath),
    };
    let (head, body) = request.into_parts();
    let admitted = gate.admit(super::http::head(&head).presented_key())?;
    let encoding = head
        .headers
        .get("grpc-encoding")
        .map(|value| value.to_str().unwrap_or("?"));
    let encoding = ContentEncoding::from_header(encoding)?;
    let mut received = gate.receive(Protocol::Grpc, body, None, GRPC_FRAME_BYTES).await?;
    let (compression, message) = unframe(&received.bytes, encoding)?;
    received.bytes = received.bytes.slice_ref(message);
    let accepted = gate
        .take(admitted, signal, Encoding::Protobuf, compression, received)
        .await?;
    Ok((
        signal,
        success_body(
            Encoding::Protobuf,
            signal,
            accepted.refused_rows,
            &accepted.message,
        ),
    ))
}

/// `application/grpc`, also with `+proto` or parameters; not `application/grpc-web`.
fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let rest = content_type.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("+proto") || rest.starts_with(';'))
}

fn succeed(message: &[u8]) -> Response {
    let mut framed = BytesMut::with_capacity(GRPC_FRAME_BYTES + message.len());
    framed.put_u8(0);
    // An answer is some hundred bytes at most.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(framed.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

fn refuse(refusal: &Refusal) -> Response {
    let code = Code::from(i32::from(refusal.grpc_code() as u8));
    let details = Bytes::from(refusal.body(Encoding::Protobuf));
    let mut response = Status::with_details(code, refusal.message(), details).into_http::<Body>();
    // What a client may compress with; the specification asks for it with a refused encoding.
    response.headers_mut().insert(
        "grpc-accept-encoding",
        HeaderValue::from_static("identity,gzip,zstd"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_web_is_not_grpc() {
        let is_grpc = |value| {
            is_grpc(&HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                HeaderValue::from_static(value),
            )]))
        };
        assert!(is_grpc("application/grpc"));
        assert!(is_grpc("application/grpc+proto"));
        assert!(!is_grpc("application/grpc-web+proto"));
        assert!(!is_grpc("application/grpc+json"));
        assert!(!is_grpc("application/x-protobuf"));
    }
}
