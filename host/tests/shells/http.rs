//! OTLP over HTTP: one test a rule of the protocol.

use std::{io::Write, time::Duration};

use aia::ingest::Accepted;
use aia_telemetry::{Encoding, Refusal, SignalType};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use crate::support::{Answer, Behaviour, Host, Status, revoke, send};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

fn post(host: &Host, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let key = format!("Bearer {}", host.key());
    let mut all = vec![("authorization", key.as_str())];
    all.extend_from_slice(headers);
    send("POST", &host.otlp(path), &all, body)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_signal_is_taken_in_both_encodings() {
    let host = Host::start();
    let signals = [
        ("/v1/traces", SignalType::Traces),
        ("/v1/logs", SignalType::Logs),
        ("/v1/metrics", SignalType::Metrics),
    ];
    let mut sent = 0;
    for (path, signal) in signals {
        for (content_type, encoding, empty) in [
            (PROTOBUF, Encoding::Protobuf, &b""[..]),
            (JSON, Encoding::Json, b"{}"),
        ] {
            let answer = post(&host, path, &[content_type], b"anything");
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), Some(content_type.1));
            // `partial_success` is unset on full success.
            assert_eq!(answer.body, empty);
            let taken = host.intake.taken();
            assert_eq!(taken[sent].scope, "default/default");
            assert_eq!((taken[sent].signal, taken[sent].encoding), (signal, encoding));
            assert_eq!(taken[sent].body, "anything");
            sent += 1;
        }
    }
}

#[test]
fn parameters_and_case_of_the_content_type_do_not_matter() {
    let host = Host::start();
    let answer = post(
        &host,
        "/v1/logs",
        &[("content-type", "Application/JSON; charset=utf-8")],
        b"{}",
    );
    assert_eq!(answer.status, 200);
    assert_eq!(host.intake.taken()[0].encoding, Encoding::Json);
}

#[test]
fn an_empty_request_is_a_request() {
    let host = Host::start();
    assert_eq!(post(&host, "/v1/traces", &[PROTOBUF], b"").status, 200);
    assert_eq!(host.intake.taken()[0].body, "");
}

#[test]
fn rows_refused_one_by_one_are_a_partial_success() {
    let host = Host::start();
    host.intake.behave(Behaviour::Partly(Accepted {
        refused_rows: 3,
        message: "too long ago".to_owned(),
    }));
    let answer = post(&host, "/v1/traces", &[PROTOBUF], b"x");
    assert_eq!(answer.status, 200);
    let partial = ExportTraceServiceResponse::decode(&*answer.body)
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!(
        (partial.rejected_spans, partial.error_message.as_str()),
        (3, "too long ago")
    );
    let answer = post(&host, "/v1/logs", &[JSON], b"x");
    insta::assert_snapshot!(
        answer.text(),
        @r#"{"partialSuccess":{"errorMessage":"too long ago","rejectedLogRecords":"3"}}"#
    );
}

#[test]
fn gzip_and_zstd_are_decompressed() {
    let host = Host::start();
    let body = b"telemetry ".repeat(10_000);
    let zstd = zstd::encode_all(&*body, 1).unwrap();
    for (encoding, compressed) in [("gzip", gzip(&body)), ("zstd", zstd), ("identity", body.clone())] {
        let answer = post(
            &host,
            "/v1/traces",
            &[PROTOBUF, ("content-encoding", encoding)],
            &compressed,
        );
        assert_eq!(answer.status, 200, "{encoding}");
    }
    assert!(host.intake.taken().iter().all(|taken| taken.body == body));
    assert_eq!(host.intake.taken().len(), 3);
}

#[test]
fn a_damaged_body_is_400() {
    let host = Host::start();
    let mut damaged = gzip(&b"telemetry".repeat(1000));
    damaged.truncate(20);
    let answer = post(
        &host,
        "/v1/traces",
        &[JSON, ("content-encoding", "gzip")],
        &damaged,
    );
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["code"], 3);
    assert!(host.intake.taken().is_empty());
}

#[test]
fn a_body_over_the_limit_is_413_before_it_is_read_and_while_it_is_read() {
    let host = Host::with(|config| config.limits.request_bytes = 1024);
    assert_eq!(post(&host, "/v1/traces", &[JSON], &[b'x'; 1024]).status, 200);
    let answer = post(&host, "/v1/traces", &[JSON], &[b'x'; 1025]);
    assert_eq!(answer.status, 413);
    insta::assert_snapshot!(
        answer.text(),
        @r#"{"code":8,"message":"the request's body is limited to 1024 bytes; send smaller batches"}"#
    );
    let chunks = [("transfer-encoding", "chunked"), JSON];
    assert_eq!(post(&host, "/v1/traces", &chunks, &[b'x'; 1025]).status, 413);
    assert_eq!(host.intake.taken().len(), 1);
}

#[test]
fn a_bomb_is_413_after_decompression() {
    let host = Host::with(|config| config.limits.decompressed_bytes = 1 << 20);
    let bomb = vec![0; 16 << 20];
    let zstd = zstd::encode_all(&*bomb, 1).unwrap();
    for (encoding, bomb) in [("gzip", gzip(&bomb)), ("zstd", zstd)] {
        let answer = post(
            &host,
            "/v1/traces",
            &[JSON, ("content-encoding", encoding)],
            &bomb,
        );
        assert_eq!(answer.status, 413, "{encoding}");
        assert!(answer.text().contains("after decompression"), "{}", answer.text());
    }
    // The limit holds for what isn't compressed as well.
    assert_eq!(
        post(&host, "/v1/traces", &[JSON], &vec![0; (1 << 20) + 1]).status,
        413
    );
    assert!(host.intake.taken().is_empty());
}

#[test]
fn other_content_types_and_encodings_are_415() {
    let host = Host::start();
    for headers in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/grpc")],
        &[],
    ] {
        let answer = post(&host, "/v1/traces", headers, b"x");
        assert_eq!(answer.status, 415);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(
            answer.json()["message"],
            "the content type must be application/x-protobuf or application/json"
        );
    }
    let answer = post(&host, "/v1/traces", &[JSON, ("content-encoding", "br")], b"x");
    assert_eq!(answer.status, 415);
    assert_eq!(
        answer.json()["message"],
        "the content encoding must be one of: identity, gzip, zstd"
    );
}

#[test]
fn other_methods_are_405_with_allow() {
    let host = Host::start();
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = send(method, &host.otlp("/v1/traces"), &[], b"");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("POST")),
            "{method}"
        );
        assert_eq!(answer.json()["code"], 12);
    }
}

#[test]
fn other_paths_are_404() {
    let host = Host::start();
    for path in [
        "/",
        "/v1",
        "/v1/profiles",
        "/v1/traces/",
        "/V1/TRACES",
        "//v1/traces",
    ] {
        let answer = post(&host, path, &[PROTOBUF], b"x");
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(Status::decode(&*answer.body).unwrap().code, 12);
    }
}

#[test]
fn no_key_or_a_false_one_is_401() {
    let host = Host::start();
    let (forged, basic) = (format!("Bearer {}x", host.key()), format!("Basic {}", host.key()));
    for headers in [
        &[JSON][..],
        &[JSON, ("authorization", &forged)],
        &[JSON, ("authorization", &basic)],
        &[JSON, ("authorization", "Bearer")],
        &[JSON, ("x-aia-key", "aia_1.default.default.k1.AAAA")],
    ] {
        let answer = send("POST", &host.otlp("/v1/traces"), headers, b"x");
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["code"], 16);
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="aia""#));
        assert!(!answer.text().contains(&host.key()), "the answer repeats the key");
    }
    assert!(host.intake.taken().is_empty());
}

#[test]
fn the_key_may_come_in_a_header_of_its_own() {
    let host = Host::start();
    let headers = [JSON, ("x-aia-key", &*host.key())];
    assert_eq!(send("POST", &host.otlp("/v1/traces"), &headers, b"x").status, 200);
}

#[test]
fn a_revoked_key_is_403_and_others_go_on() {
    let host = Host::prepared(|_| {}, |store| revoke(store, "k1"));
    let answer = post(&host, "/v1/traces", &[JSON], b"x");
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["code"], 7);
    let other = format!("Bearer {}", host.key_named("k2"));
    let headers = [JSON, ("authorization", &*other)];
    assert_eq!(send("POST", &host.otlp("/v1/traces"), &headers, b"x").status, 200);
}

#[test]
fn a_key_revoked_later_is_refused_soon() {
    let host = Host::start();
    assert_eq!(post(&host, "/v1/traces", &[JSON], b"x").status, 200);
    revoke(host.store.as_ref(), "k1");
    crate::support::eventually(|| post(&host, "/v1/traces", &[JSON], b"x").status == 403);
}

#[test]
fn refusals_are_statuses_in_the_encoding_of_the_request() {
    let host = Host::start();
    host.intake.behave(Behaviour::Refuse(Refusal::Undecodable {
        reason: "cut off".to_owned(),
    }));
    let answer = post(&host, "/v1/traces", &[PROTOBUF], b"x");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (400, Some("application/x-protobuf"))
    );
    let status = Status::decode(&*answer.body).unwrap();
    assert_eq!(
        (status.code, status.message.as_str()),
        (3, "the request can't be decoded: cut off")
    );
    let answer = post(&host, "/v1/traces", &[JSON], b"x");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (400, Some("application/json"))
    );
    insta::assert_snapshot!(answer.text(), @r#"{"code":3,"message":"the request can't be decoded: cut off"}"#);
}

#[test]
fn what_may_be_retried_says_when() {
    let host = Host::start();
    let retry_after = Duration::from_millis(1500);
    for (refusal, status) in [
        (Refusal::Unavailable { retry_after }, 503),
        (Refusal::Overloaded { retry_after }, 429),
    ] {
        host.intake.behave(Behaviour::Refuse(refusal));
        let answer = post(&host, "/v1/traces", &[JSON], b"x");
        assert_eq!((answer.status, answer.header("retry-after")), (status, Some("2")));
        assert_eq!(answer.json()["details"][0]["retryDelay"], "1.500s");
        let answer = post(&host, "/v1/traces", &[PROTOBUF], b"x");
        let status = Status::decode(&*answer.body).unwrap();
        assert_eq!(
            status.details[0].type_url,
            "type.googleapis.com/google.rpc.RetryInfo"
        );
    }
}

#[test]
fn an_intake_that_panics_is_503_and_the_host_goes_on() {
    let host = Host::start();
    host.intake.behave(Behaviour::Panic);
    let answer = post(&host, "/v1/traces", &[JSON], b"x");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(!answer.text().contains("panic"), "{}", answer.text());
    host.intake.behave(Behaviour::Accept);
    assert_eq!(post(&host, "/v1/traces", &[JSON], b"x").status, 200);
}

#[test]
fn too_many_requests_at_once_are_429() {
    let host = Host::with(|config| config.limits.requests_in_flight = 1);
    host.intake.behave(Behaviour::Wait);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| post(&host, "/v1/traces", &[JSON], b"x").status);
        host.intake.wait_for(1);
        let answer = post(&host, "/v1/traces", &[JSON], b"x");
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
        host.intake.release();
        assert_eq!(first.join().unwrap(), 200);
    });
    assert_eq!(post(&host, "/v1/traces", &[JSON], b"x").status, 200);
}

#[test]
fn too_many_bytes_at_once_are_429() {
    let host = Host::with(|config| config.limits.bytes_in_flight = 1 << 20);
    host.intake.behave(Behaviour::Wait);
    let body = vec![b'x'; 700 << 10];
    std::thread::scope(|scope| {
        let first = scope.spawn(|| post(&host, "/v1/traces", &[JSON], &body).status);
        host.intake.wait_for(1);
        let answer = post(&host, "/v1/traces", &[JSON], &body);
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
        // What is decompressed counts as what it is, not as what was sent.
        let answer = post(
            &host,
            "/v1/traces",
            &[JSON, ("content-encoding", "gzip")],
            &gzip(&body),
        );
        assert_eq!(answer.status, 429);
        host.intake.release();
        assert_eq!(first.join().unwrap(), 200);
    });
    assert_eq!(post(&host, "/v1/traces", &[JSON], &body).status, 200);
}

#[test]
fn requests_in_flight_end_before_the_host_does() {
    let mut host = Host::start();
    host.intake.behave(Behaviour::Wait);
    let (url, key) = (host.otlp("/v1/traces"), format!("Bearer {}", host.key()));
    let request =
        std::thread::spawn(move || send("POST", &url, &[JSON, ("authorization", &key)], b"x").status);
    host.intake.wait_for(1);
    let intake = std::sync::Arc::clone(&host.intake);
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        intake.release();
    });
    host.stop();
    release.join().unwrap();
    assert_eq!(request.join().unwrap(), 200);
    assert!(
        std::net::TcpStream::connect(host.addresses.otlp_http).is_err(),
        "it still listens"
    );
}

#[test]
fn requests_and_refusals_are_counted() {
    let host = Host::start();
    post(&host, "/v1/traces", &[JSON], b"x");
    post(&host, "/v1/traces", &[("content-type", "text/plain")], b"x");
    let token = host.token(
        &aia::server::default_scope().unwrap().tenant,
        aia::store::TokenScope::Operator,
    );
    let metrics = send(
        "GET",
        &host.api("/metrics"),
        &[("authorization", &format!("Bearer {token}"))],
        b"",
    )
    .text();
    for line in [
        r#"aia_ingest_requests_total{protocol="http",signal="traces"} 1"#,
        r#"aia_ingest_refusals_total{protocol="http",reason="wrong_content_type"} 1"#,
        r#"aia_ingest_received_bytes_total{protocol="http"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} isn't in\n{metrics}");
    }
}
