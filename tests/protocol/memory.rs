//! Memory stays under the configured bound whatever is sent: what has no room is refused for a while, what was
//! acknowledged is stored.

use std::time::{Duration, Instant};

use aia_tests::{Host, open_log};
use anyhow::Result;
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;

use crate::bomb::gzip;
use crate::send::PROTOBUF;

const LIMIT_MIB: u64 = 256;

const SENDERS: usize = 8;
const REQUESTS: usize = 6;

/// As many of the smallest spans as cost the most columns for a byte.
fn many_spans(seed: u64) -> Vec<u8> {
    let spans = (0..130_000_u64)
        .map(|number| Span {
            trace_id: [seed.to_be_bytes(), (number + 1).to_be_bytes()].concat(),
            span_id: (number + 1).to_be_bytes().to_vec(),
            ..Span::default()
        })
        .collect();
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}

/// Log records with names and values of attributes that never come again.
fn many_strings(seed: u64) -> Vec<u8> {
    let text = |text: String| AnyValue {
        value: Some(Value::StringValue(text)),
    };
    let log_records = (0..12_000_u64)
        .map(|number| LogRecord {
            time_unix_nano: 1_700_000_000_000_000_000 + number,
            body: Some(text(format!("{seed}-{number} ").repeat(40))),
            attributes: vec![KeyValue {
                key: format!("name-{seed}-{number}"),
                value: Some(text(format!("value-{seed}-{number}"))),
                ..KeyValue::default()
            }],
            ..LogRecord::default()
        })
        .collect();
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    request.encode_to_vec()
}

/// A request that is like no other.
struct Flood {
    path: &'static str,
    body: Vec<u8>,
}

impl Flood {
    fn new(number: usize) -> Self {
        let seed = number as u64;
        let (path, body) = if seed.is_multiple_of(2) {
            ("/v1/traces", many_spans(seed))
        } else {
            ("/v1/logs", many_strings(seed))
        };
        Self {
            path,
            body: gzip(&body),
        }
    }

    /// Whether it was taken.
    fn send(&self, host: &Host) -> Result<bool> {
        let answer = host.post(self.path, &[PROTOBUF, ("content-encoding", "gzip")], &self.body)?;
        if answer.status == 200 {
            return Ok(true);
        }
        assert_eq!(answer.status, 429);
        assert!(answer.header("retry-after").is_some());
        Ok(false)
    }
}

#[test]
fn memory_stays_under_its_limit_whatever_is_sent() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let limits = [
        format!("limits.memory={LIMIT_MIB}MiB"),
        format!("limits.bytes-in-flight={}MiB", LIMIT_MIB / 16),
        format!("limits.request-bytes={}MiB", LIMIT_MIB / 48),
        format!("limits.decompressed-bytes={}MiB", LIMIT_MIB / 24),
    ];
    let flags: Vec<&str> = limits.iter().flat_map(|limit| ["--set", limit]).collect();
    let host = Host::start_with(folder.path(), &flags)?;
    let requests: Vec<Flood> = (0..SENDERS * REQUESTS).map(Flood::new).collect();
    // Nobody waits, as senders without `Retry-After`.
    let refused = std::thread::scope(|scope| {
        let host = &host;
        let senders: Vec<_> = requests
            .chunks(REQUESTS)
            .map(|requests| {
                scope.spawn(move || {
                    requests.iter().try_fold(0, |refused, request| {
                        Ok(refused + u64::from(!request.send(host)?))
                    })
                })
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .sum::<Result<u64>>()
    })?;
    assert!(
        refused > 0,
        "nothing was refused: the flood is too small to show anything"
    );
    // Refused for a while only.
    let later = Flood::new(SENDERS * REQUESTS);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !later.send(&host)? {
        assert!(Instant::now() < deadline, "what was used is never given back");
        std::thread::sleep(Duration::from_millis(100));
    }
    let peak = host.peak_memory()? >> 20;
    assert!(peak < LIMIT_MIB, "{peak} MiB were resident");
    let rows = host.metric(r#"aia_ingest_rows_total{signal="traces"}"#)?
        + host.metric(r#"aia_ingest_rows_total{signal="logs"}"#)?;
    let log = open_log(&host.data())?;
    let log = log.view();
    let stored: u64 = log
        .segments()
        .into_iter()
        .filter_map(|(sequence, _)| log.rows(sequence))
        .map(u64::from)
        .sum();
    assert_eq!(stored, rows);
    Ok(())
}
