//! Columns never take more than a small multiple of what was sent.

use aia_telemetry::{Columns, ScanError, ScanLimits, Scratch, SignalType, scan_json, scan_protobuf};
use prost::encoding::encode_varint;

/// What a body may become: `max_expansion` for rows, and half as much again for what isn't counted.
fn bound(body: &[u8]) -> usize {
    24 * body.len() + 64 * 1024
}

/// All items of all columns, as postcard writes each in its own width.
fn bytes(columns: &Columns) -> usize {
    postcard::to_allocvec(columns).unwrap().len()
}

fn delimited(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    encode_varint(content.len() as u64, &mut message);
    message.extend_from_slice(content);
    message
}

/// Nests `content` in messages of these tags, the outermost first.
fn nest(tags: &[u8], content: &[u8]) -> Vec<u8> {
    tags.iter()
        .rev()
        .fold(content.to_vec(), |content, tag| delimited(*tag, &content))
}

const IDS: &[u8] = &[
    0x0a, 16, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0x12, 8, 1, 1, 1, 1, 1, 1, 1, 1,
];

/// Every table, filled by messages that are as short as can be.
fn bombs() -> Vec<(&'static str, SignalType, Vec<u8>)> {
    let many = |message: &[u8]| message.repeat(200_000);
    let span = |message: &[u8]| nest(&[0x0a, 0x12, 0x12], &[IDS, &many(message)].concat());
    let log = |message: &[u8]| nest(&[0x0a, 0x12, 0x12], &many(message));
    let metric = |tags: &[u8], message: &[u8]| nest(&[&[0x0a, 0x12, 0x12], tags].concat(), &many(message));
    vec![
        ("resources", SignalType::Traces, many(&[0x0a, 0])),
        ("scopes", SignalType::Traces, nest(&[0x0a], &many(&[0x12, 0]))),
        (
            "refused spans",
            SignalType::Traces,
            nest(&[0x0a, 0x12], &many(&[0x12, 0])),
        ),
        (
            "spans",
            SignalType::Traces,
            nest(&[0x0a, 0x12], &many(&delimited(0x12, IDS))),
        ),
        ("attributes", SignalType::Traces, span(&[0x4a, 0])),
        ("texts", SignalType::Traces, span(&[0x4a, 3, 0x0a, 1, 0x41])),
        ("events", SignalType::Traces, span(&[0x5a, 0])),
        ("links", SignalType::Traces, span(&[0x6a, 0])),
        ("logs", SignalType::Logs, nest(&[0x0a, 0x12], &many(&[0x12, 0]))),
        ("elements", SignalType::Logs, log(&[0x2a, 4, 0x2a, 2, 0x0a, 0])),
        ("bytes", SignalType::Logs, log(&[0x2a, 3, 0x3a, 1, 0])),
        (
            "metrics",
            SignalType::Metrics,
            nest(&[0x0a, 0x12], &many(&[0x12, 0])),
        ),
        ("metadata", SignalType::Metrics, metric(&[], &[0x62, 0])),
        ("numbers", SignalType::Metrics, metric(&[0x2a], &[0x0a, 0])),
        ("histograms", SignalType::Metrics, metric(&[0x4a], &[0x0a, 0])),
        (
            "exponential histograms",
            SignalType::Metrics,
            metric(&[0x52], &[0x0a, 0]),
        ),
        (
            "buckets",
            SignalType::Metrics,
            metric(&[0x52, 0x0a, 0x42, 0x12], &[0]),
        ),
        ("summaries", SignalType::Metrics, metric(&[0x5a], &[0x0a, 0])),
        (
            "quantiles",
            SignalType::Metrics,
            metric(&[0x5a, 0x0a], &[0x32, 0]),
        ),
        (
            "exemplars",
            SignalType::Metrics,
            metric(&[0x2a, 0x0a], &[0x2a, 0]),
        ),
    ]
}

#[test]
fn short_messages_do_not_become_large_columns() {
    let mut scratch = Scratch::default();
    let mut refused = Vec::new();
    for (name, signal, body) in bombs() {
        match scan_protobuf(signal, &body, &ScanLimits::default(), &mut scratch) {
            Ok(scanned) => {
                let bytes = bytes(&scanned.columns);
                assert!(bytes <= bound(&body), "{name}: {bytes} bytes from {}", body.len());
            }
            Err(ScanError::Expansion { .. }) => refused.push(name),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert_eq!(
        refused,
        [
            "links",
            "logs",
            "numbers",
            "histograms",
            "exponential histograms",
            "summaries",
            "exemplars"
        ]
    );
}

/// Without the limit the columns of these bodies would be as large as the limits' documentation says.
#[test]
fn rows_are_charged_what_they_take() {
    let limits = ScanLimits {
        max_expansion: u32::MAX,
        ..ScanLimits::default()
    };
    let row = |name: &str, bytes_per_row: usize| {
        let (_, signal, body) = bombs().into_iter().find(|(bomb, ..)| *bomb == name).unwrap();
        let scanned = scan_protobuf(signal, &body, &limits, &mut Scratch::default()).unwrap();
        assert_eq!(bytes(&scanned.columns) / 200_000, bytes_per_row, "{name}");
        let charged = scan_protobuf(
            signal,
            &body,
            &ScanLimits {
                max_expansion: u32::try_from(bytes_per_row * 200_000 / body.len() + 1).unwrap(),
                ..limits
            },
            &mut Scratch::default(),
        );
        assert!(charged.is_ok(), "{name}: {charged:?}");
    };
    row("resources", 12);
    row("scopes", 24);
    row("spans", 94);
    row("events", 20);
    row("links", 40);
    row("logs", 74);
    row("metrics", 27);
    row("numbers", 41);
    row("histograms", 82);
    row("exponential histograms", 110);
    row("summaries", 61);
    row("quantiles", 16);
    row("exemplars", 45);
}

#[test]
fn short_json_does_not_become_large_columns() {
    let list = format!("[{}]", vec!["{}"; 200_000].join(","));
    let bodies = [
        (SignalType::Traces, format!(r#"{{"resourceSpans":{list}}}"#)),
        (
            SignalType::Logs,
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":{list}}}]}}]}}"#),
        ),
        (
            SignalType::Logs,
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"attributes":{list}}}]}}]}}]}}"#),
        ),
        (
            SignalType::Metrics,
            format!(
                r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":{list}}}}}]}}]}}]}}"#
            ),
        ),
    ];
    let mut refused = 0;
    for (signal, body) in bodies {
        match scan_json(
            signal,
            body.as_bytes(),
            &ScanLimits::default(),
            &mut Scratch::default(),
        ) {
            Ok(scanned) => assert!(bytes(&scanned.columns) <= bound(body.as_bytes())),
            Err(ScanError::Expansion { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(refused, 2);
}

/// A claim of four gigabytes, of which nothing is there.
#[test]
fn claims_allocate_nothing() {
    for tags in [[0x0a].as_slice(), &[0x0a, 0x12], &[0x0a, 0x12, 0x12]] {
        let claim = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f];
        let error = scan_protobuf(
            SignalType::Traces,
            &nest(tags, &claim),
            &ScanLimits::default(),
            &mut Scratch::default(),
        );
        assert!(
            matches!(
                error,
                Err(ScanError::Length {
                    length: 0xffff_ffff,
                    left: 0,
                    ..
                })
            ),
            "{error:?}"
        );
    }
}
