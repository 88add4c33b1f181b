//! Requests that are refused as a whole: status, `google.rpc.Status` in the request's encoding, gRPC code.

use std::time::{Duration, Instant};

use aia_oracle::{Request, examples};
use aia_tests::{Answer, Host};
use anyhow::{Result, ensure};
use prost::Message;
use tonic::Code;

use crate::send::{JSON, PROTOBUF, Status, grpc, path};
use crate::taker::Taker;

/// Asserts the status and that the body is a `google.rpc.Status` of that code, in the encoding of the request.
fn assert_refused(answer: &Answer, encoding: (&str, &str), status: u16, code: Code) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some(encoding.1), "{answer:?}");
    let (found, message) = if encoding == JSON {
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        (
            body["code"].as_i64().unwrap(),
            body["message"].as_str().unwrap().to_owned(),
        )
    } else {
        let body = Status::decode(answer.body.as_slice()).unwrap();
        (body.code.into(), body.message)
    };
    assert_eq!(found, i64::from(code as i32), "{answer:?}");
    assert!(!message.is_empty());
    // Only what may be sent again says when.
    assert_eq!(
        answer.header("retry-after").is_some(),
        matches!(status, 429 | 503)
    );
}

#[test]
fn keys_that_are_missing_or_false_are_unauthenticated() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for taker in Taker::all(folder.path())? {
        let forged = format!("Bearer {}x", taker.ingest_key()?);
        for example in examples::all() {
            for encoding in [PROTOBUF, JSON] {
                for authorization in ["Bearer", "Basic abc", forged.as_str()] {
                    let headers = [encoding, ("authorization", authorization)];
                    let answer = taker.post(path(&example), &headers, b"")?;
                    assert_refused(&answer, encoding, 401, Code::Unauthenticated);
                }
            }
            for authorization in ["", forged.as_str()] {
                let Some(host) = taker.host() else { continue };
                let status = grpc(host, &example, authorization).unwrap_err();
                assert_eq!(status.code(), Code::Unauthenticated);
            }
        }
    }
    Ok(())
}

#[test]
fn a_revoked_key_is_permission_denied() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path())?;
    host.command(&["key", "revoke", "default"])?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while host.post("/v1/traces", &[PROTOBUF], b"")?.status == 200 {
        ensure!(Instant::now() < deadline, "the key is still taken");
        std::thread::sleep(Duration::from_millis(100));
    }
    for example in examples::all() {
        for encoding in [PROTOBUF, JSON] {
            let answer = host.post(path(&example), &[encoding], b"")?;
            assert_refused(&answer, encoding, 403, Code::PermissionDenied);
        }
        let status = grpc(&host, &example, &format!("Bearer {}", host.ingest_key())).unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    Ok(())
}

#[test]
fn what_cannot_be_taken_is_said_by_status_and_body() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for taker in Taker::all(folder.path())? {
        for example in examples::all() {
            let path = path(&example);
            // Undecodable, with the place.
            let answer = taker.post(path, &[PROTOBUF], b"\x0a\x7f")?;
            assert_refused(&answer, PROTOBUF, 400, Code::InvalidArgument);
            assert!(String::from_utf8_lossy(&answer.body).contains("at byte 2"));
            let answer = taker.post(path, &[JSON], b"{\"resource")?;
            assert_refused(&answer, JSON, 400, Code::InvalidArgument);
            // Said to be compressed, and isn't.
            let answer = taker.post(path, &[PROTOBUF, ("content-encoding", "gzip")], b"plain")?;
            assert_refused(&answer, PROTOBUF, 400, Code::InvalidArgument);
            let answer = taker.post(path, &[JSON, ("content-encoding", "br")], b"plain")?;
            assert_refused(&answer, JSON, 415, Code::Unimplemented);
            // Answers to what isn't in either encoding are in JSON, which a person can read.
            let answer = taker.post(path, &[("content-type", "text/plain")], b"plain")?;
            assert_refused(&answer, JSON, 415, Code::InvalidArgument);
            let answer = taker.get(path)?;
            assert_refused(&answer, JSON, 405, Code::Unimplemented);
            assert_eq!(answer.header("allow"), Some("POST"));
        }
        let answer = taker.post("/v1/profiles", &[PROTOBUF], b"")?;
        assert_refused(&answer, PROTOBUF, 404, Code::Unimplemented);
    }
    Ok(())
}

#[test]
fn more_at_once_than_allowed_may_come_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Host::start_with(folder.path(), &["--set", "limits.requests-in-flight=1"])?;
    let Request::Logs(mut logs) = examples::logs() else {
        unreachable!("log records")
    };
    let record = logs.resource_logs[0].scope_logs[0].log_records[0].clone();
    logs.resource_logs[0].scope_logs[0].log_records = vec![record; 2_000];
    let mut seen = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let send = |number: usize| {
            let mut logs = logs.clone();
            logs.resource_logs[0].schema_url = format!("{number}");
            host.post("/v1/logs", &[PROTOBUF], &Request::Logs(logs).encode())
        };
        let threads: Vec<_> = (0..24).map(|number| scope.spawn(move || send(number))).collect();
        for thread in threads {
            seen.push(thread.join().expect("a sender")?);
        }
        Ok(())
    })?;
    for answer in &seen {
        if answer.status != 200 {
            assert_refused(answer, PROTOBUF, 429, Code::ResourceExhausted);
        }
    }
    assert!(seen.iter().any(|answer| answer.status == 200));
    Ok(())
}
