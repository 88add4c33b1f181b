//! OTLP over gRPC: one test a rule of the protocol, with the client of OpenTelemetry's own SDK.

use std::{
    io::{Read, Write},
    time::Duration,
};

use aia::ingest::Accepted;
use aia_telemetry::{Encoding, Refusal, SignalType};
use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        metrics::v1::{ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient},
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse, trace_service_client::TraceServiceClient,
        },
    },
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use tonic::{Code, Request, codec::CompressionEncoding, metadata::MetadataValue, transport::Channel};

use crate::support::{Behaviour, Host, Status, revoke};

/// A trace request of at least `bytes` bytes.
fn trace(bytes: usize) -> ExportTraceServiceRequest {
    let span = Span {
        name: "n".repeat(bytes),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

fn with_key<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {key}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

async fn channel(host: &Host) -> Channel {
    let address = format!("http://{}", host.addresses.otlp_grpc);
    Channel::from_shared(address).unwrap().connect().await.unwrap()
}

/// Exports a trace request of `bytes` bytes with a valid key.
fn export(host: &Host, bytes: usize) -> Result<ExportTraceServiceResponse, tonic::Status> {
    host.runtime.block_on(async {
        let mut client = TraceServiceClient::new(channel(host).await);
        client
            .export(with_key(trace(bytes), &host.key()))
            .await
            .map(tonic::Response::into_inner)
    })
}

#[test]
fn every_signal_is_handed_on_undecoded() {
    let host = Host::start();
    let (logs, metrics) = (
        ExportLogsServiceRequest::default(),
        ExportMetricsServiceRequest::default(),
    );
    host.runtime.block_on(async {
        let (channel, key) = (channel(&host).await, host.key());
        let answer = TraceServiceClient::new(channel.clone())
            .export(with_key(trace(10), &key))
            .await
            .unwrap();
        assert_eq!(answer.into_inner().partial_success, None);
        LogsServiceClient::new(channel.clone())
            .export(with_key(logs, &key))
            .await
            .unwrap();
        MetricsServiceClient::new(channel)
            .export(with_key(metrics, &key))
            .await
            .unwrap();
    });
    let taken = host.intake.taken();
    let signals: Vec<_> = taken.iter().map(|taken| taken.signal).collect();
    assert_eq!(
        signals,
        [SignalType::Traces, SignalType::Logs, SignalType::Metrics]
    );
    assert!(
        taken
            .iter()
            .all(|taken| taken.encoding == Encoding::Protobuf && taken.scope == "default/default")
    );
    assert_eq!(taken[0].body, trace(10).encode_to_vec());
}

#[test]
fn gzip_and_zstd_are_decompressed() {
    let host = Host::start();
    host.runtime.block_on(async {
        let channel = channel(&host).await;
        for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
            let mut client = TraceServiceClient::new(channel.clone()).send_compressed(encoding);
            client
                .export(with_key(trace(100_000), &host.key()))
                .await
                .unwrap();
        }
    });
    let taken = host.intake.taken();
    assert_eq!(taken.len(), 2);
    assert!(
        taken
            .iter()
            .all(|taken| taken.body == trace(100_000).encode_to_vec())
    );
}

#[test]
fn rows_refused_one_by_one_are_a_partial_success() {
    let host = Host::start();
    host.intake.behave(Behaviour::Partly(Accepted {
        refused_rows: 2,
        message: "too long ago".to_owned(),
    }));
    let partial = export(&host, 1).unwrap().partial_success.unwrap();
    assert_eq!(
        (partial.rejected_spans, partial.error_message.as_str()),
        (2, "too long ago")
    );
}

#[test]
fn no_key_or_a_false_one_is_unauthenticated() {
    let host = Host::start();
    let forged = format!("{}x", host.key());
    host.runtime.block_on(async {
        let mut client = TraceServiceClient::new(channel(&host).await);
        let missing = client.export(trace(1)).await.unwrap_err();
        assert_eq!(missing.code(), Code::Unauthenticated);
        assert_eq!(
            missing.message(),
            r#"an ingest key is missing; send it as "authorization: Bearer aia_…""#
        );
        let forged = client.export(with_key(trace(1), &forged)).await.unwrap_err();
        assert_eq!(forged.code(), Code::Unauthenticated);
    });
    assert!(host.intake.taken().is_empty());
}

#[test]
fn a_revoked_key_is_permission_denied() {
    let host = Host::prepared(|_| {}, |store| revoke(store, "k1"));
    assert_eq!(export(&host, 1).unwrap_err().code(), Code::PermissionDenied);
}

#[test]
fn a_message_that_cannot_be_decoded_is_invalid_argument() {
    let host = Host::start();
    host.intake.behave(Behaviour::Refuse(Refusal::Undecodable {
        reason: "cut off".to_owned(),
    }));
    let status = export(&host, 1).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "the request can't be decoded: cut off");
    let details = Status::decode(status.details()).unwrap();
    assert_eq!((details.code, details.message.as_str()), (3, status.message()));
}

#[test]
fn a_message_over_the_limit_is_resource_exhausted_for_good() {
    let host = Host::with(|config| config.limits.request_bytes = 1 << 16);
    assert!(export(&host, (1 << 16) - 100).is_ok());
    let status = export(&host, 1 << 16).unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    // With a time to retry after, exporters would send it again and again.
    assert!(Status::decode(status.details()).unwrap().details.is_empty());
    assert_eq!(host.intake.taken().len(), 1);
}

#[test]
fn a_bomb_is_resource_exhausted() {
    let host = Host::with(|config| config.limits.decompressed_bytes = 1 << 20);
    host.runtime.block_on(async {
        for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
            let mut client = TraceServiceClient::new(channel(&host).await).send_compressed(encoding);
            let status = client
                .export(with_key(trace(16 << 20), &host.key()))
                .await
                .unwrap_err();
            assert_eq!(status.code(), Code::ResourceExhausted);
        }
    });
    assert!(host.intake.taken().is_empty());
}

#[test]
fn what_may_be_retried_says_when() {
    let host = Host::start();
    let retry_after = Duration::from_millis(1500);
    for (refusal, code) in [
        (Refusal::Unavailable { retry_after }, Code::Unavailable),
        (Refusal::Overloaded { retry_after }, Code::ResourceExhausted),
    ] {
        host.intake.behave(Behaviour::Refuse(refusal));
        let status = export(&host, 1).unwrap_err();
        assert_eq!(status.code(), code);
        let details = Status::decode(status.details()).unwrap().details;
        assert_eq!(details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
        // RetryInfo { retry_delay: Duration { seconds: 1, nanos: 500_000_000 } }
        assert_eq!(details[0].value, b"\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01");
    }
}

#[test]
fn an_intake_that_panics_is_unavailable_and_the_host_goes_on() {
    let host = Host::start();
    host.intake.behave(Behaviour::Panic);
    assert_eq!(export(&host, 1).unwrap_err().code(), Code::Unavailable);
    host.intake.behave(Behaviour::Accept);
    assert!(export(&host, 1).is_ok());
}

#[test]
fn too_many_requests_at_once_are_resource_exhausted_with_a_time_to_retry() {
    let host = Host::with(|config| config.limits.requests_in_flight = 1);
    host.intake.behave(Behaviour::Wait);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| export(&host, 1));
        host.intake.wait_for(1);
        let status = export(&host, 1).unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(Status::decode(status.details()).unwrap().details.len(), 1);
        host.intake.release();
        assert!(first.join().unwrap().is_ok());
    });
}

#[test]
fn other_methods_and_encodings_are_unimplemented() {
    let host = Host::start();
    let key = host.key();
    let unary = |path: &'static str, encoding: &'static str, frame: &'static [u8]| {
        host.runtime
            .block_on(raw(&host, path, encoding, &key, Bytes::from_static(frame)))
    };
    let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert_eq!(unary(export, "identity", b"\0\0\0\0\0").0, "0");
    assert_eq!(
        unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
            "identity",
            b"\0\0\0\0\0"
        )
        .0,
        "12"
    );
    let (code, accepted) = unary(export, "snappy", b"\x01\0\0\0\0");
    assert_eq!((code.as_str(), accepted.as_str()), ("12", "identity,gzip,zstd"));
    // A frame that is cut off, two messages, and compression that nobody announced.
    assert_eq!(unary(export, "identity", b"\0\0\0\0\x05x").0, "3");
    assert_eq!(unary(export, "identity", b"\0\0\0\0\0\0\0\0\0\0").0, "3");
    assert_eq!(unary(export, "identity", b"\x01\0\0\0\0").0, "3");
}

/// Sends a frame as it is; gives `grpc-status` and `grpc-accept-encoding`.
async fn raw(host: &Host, path: &str, encoding: &str, key: &str, frame: Bytes) -> (String, String) {
    use http_body_util::{BodyExt, Full};
    let stream = tokio::net::TcpStream::connect(host.addresses.otlp_grpc)
        .await
        .unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post(format!("http://{}{path}", host.addresses.otlp_grpc))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-encoding", encoding)
        .header("x-aia-key", key)
        .body(Full::new(frame))
        .unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let trailers = body
        .collect()
        .await
        .unwrap()
        .trailers()
        .cloned()
        .unwrap_or_default();
    let header = |name: &str| {
        let value = trailers.get(name).or_else(|| head.headers.get(name));
        value
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    (header("grpc-status"), header("grpc-accept-encoding"))
}

#[test]
fn http_1_is_not_spoken_here() {
    let host = Host::start();
    let mut stream = std::net::TcpStream::connect(host.addresses.otlp_grpc).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
        .write_all(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // Closed, politely or not.
    let _end = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{answer:?}");
}
