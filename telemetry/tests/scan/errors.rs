//! The exact words of each error.

use aia_telemetry::{ScanLimits, Scratch, SignalType, scan_json, scan_protobuf};

fn protobuf(body: &[u8]) -> String {
    scan_protobuf(
        SignalType::Traces,
        body,
        &ScanLimits::default(),
        &mut Scratch::default(),
    )
    .unwrap_err()
    .to_string()
}

fn json(body: &str) -> String {
    let result = scan_json(
        SignalType::Traces,
        body.as_bytes(),
        &ScanLimits::default(),
        &mut Scratch::default(),
    );
    result.unwrap_err().to_string()
}

/// A request with one span of this content.
fn span(content: &[u8]) -> Vec<u8> {
    let mut message = content.to_vec();
    for tag in [0x12, 0x12, 0x0a] {
        message.splice(0..0, [tag, u8::try_from(message.len()).unwrap()]);
    }
    message
}

#[test]
fn of_protobuf() {
    insta::assert_snapshot!(protobuf(&span(&[0x30, 0x80])), @"reading Span.kind at byte 7: the message ends within it");
    insta::assert_snapshot!(protobuf(&span(&[0x39, 1, 2])), @"reading Span.start_time_unix_nano at byte 7: the message ends within it");
    insta::assert_snapshot!(protobuf(&span(&[0x30, 255, 255, 255, 255, 255, 255, 255, 255, 255, 127])), @"reading Span.kind at byte 7: a varint that doesn't fit into 64 bits");
    insta::assert_snapshot!(protobuf(&span(&[0x2a, 200, 1, 65])), @"reading Span.name at byte 9: its length is 200 bytes but only 1 are left");
    insta::assert_snapshot!(protobuf(&span(&[0x2a, 3, 65, 0xff, 65])), @"reading Span.name at byte 9: not UTF-8");
    insta::assert_snapshot!(protobuf(&span(&[0x28, 1])), @"reading Span at byte 7: field 5 can't have wire type 0");
    insta::assert_snapshot!(protobuf(&span(&[0x07])), @"reading Span at byte 7: 7 is no valid tag");
    insta::assert_snapshot!(protobuf(&span(&[0x00])), @"reading Span at byte 7: 0 is no valid tag");
    insta::assert_snapshot!(protobuf(&span(&[0xff, 0xff, 0xff, 0xff, 0x7f, 0])), @"reading Span at byte 11: 34359738367 is no valid tag");
    insta::assert_snapshot!(protobuf(&span(&[0xa3, 0x06, 0xac, 0x06])), @"reading Span at byte 10: an unknown group that ends as another one");
    insta::assert_snapshot!(protobuf(&span(&[0x4a, 4, 0x12, 2, 0x0a, 200])), @"reading AnyValue.string_value at byte 11: the message ends within it");
}

#[test]
fn of_packed_numbers() {
    let body = [0x0a, 13, 0x12, 11, 0x12, 9, 0x4a, 7, 0x0a, 5, 0x32, 3, 1, 2, 3];
    let error = scan_protobuf(
        SignalType::Metrics,
        &body,
        &ScanLimits::default(),
        &mut Scratch::default(),
    );
    insta::assert_snapshot!(error.unwrap_err(), @"reading HistogramDataPoint.bucket_counts at byte 12: 3 bytes of packed numbers aren't a multiple of 8");
}

#[test]
fn of_json() {
    insta::assert_snapshot!(json(""), @"reading ExportTraceServiceRequest at byte 0 (line 1, column 0): EOF while parsing a value");
    insta::assert_snapshot!(json("[]"), @"reading ExportTraceServiceRequest at byte 2 (line 1, column 2): invalid type: sequence, expected an object (ExportTraceServiceRequest)");
    insta::assert_snapshot!(json("{} {}"), @"reading ExportTraceServiceRequest at byte 4 (line 1, column 4): trailing characters");
    insta::assert_snapshot!(json(r#"{"resourceSpans": {}}"#), @"reading ExportTraceServiceRequest.resourceSpans at byte 20 (line 1, column 20): invalid type: map, expected an array of objects (ResourceSpans)");
    let span = |fields: &str| {
        json(&format!(
            "{{\"resourceSpans\": [{{\"scopeSpans\": [{{\"spans\": [\n{{{fields}}}]}}]}}]}}"
        ))
    };
    insta::assert_snapshot!(span(r#""traceId": "xyz""#), @"reading Span.traceId at byte 64 (line 2, column 17): invalid value: string, expected an id in hex");
    insta::assert_snapshot!(span(r#""kind": "SERVER""#), @"reading Span.kind at byte 64 (line 2, column 17): invalid value: string, expected an enum's number or name");
    insta::assert_snapshot!(span(r#""kind": 2147483648"#), @"reading Span.kind at byte 66 (line 2, column 19): invalid value: integer `2147483648`, expected an enum's number or name");
    insta::assert_snapshot!(span(r#""startTimeUnixNano": "soon""#), @"reading Span.startTimeUnixNano at byte 75 (line 2, column 28): invalid value: string, expected an integer of 64 bits, as a number or a string");
    insta::assert_snapshot!(span(r#""startTimeUnixNano": -1"#), @"reading Span.startTimeUnixNano at byte 71 (line 2, column 24): invalid value: integer `-1`, expected an integer of 64 bits, as a number or a string");
    insta::assert_snapshot!(span(r#""startTimeUnixNano": 1.5"#), @"reading Span.startTimeUnixNano at byte 72 (line 2, column 25): invalid value: floating point `1.5`, expected an integer of 64 bits, as a number or a string");
    insta::assert_snapshot!(span(r#""name": 1"#), @"reading Span.name at byte 57 (line 2, column 10): invalid type: integer `1`, expected a string");
    insta::assert_snapshot!(span(r#""name": "\ud800""#), @"reading Span.name at byte 64 (line 2, column 17): unexpected end of hex escape");
    insta::assert_snapshot!(span(r#""attributes": [{"key": "a", "value": {"doubleValue": "nan"}}]"#), @r#"reading AnyValue.doubleValue at byte 106 (line 2, column 59): invalid value: string, expected a number, "NaN", "Infinity" or "-Infinity""#);
    insta::assert_snapshot!(span(r#""attributes": [{"key": "a", "value": {"bytesValue": "*"}}]"#), @"reading AnyValue.bytesValue at byte 103 (line 2, column 56): Invalid symbol 42, offset 0.");
    insta::assert_snapshot!(span(r#""attributes": [{"key": "a", "value": {"boolValue": "true"}}]"#), @"reading AnyValue.boolValue at byte 105 (line 2, column 58): invalid type: string, expected a boolean");
    insta::assert_snapshot!(span(r#""unknown": [}"#), @"reading Span.unknown at byte 61 (line 2, column 14): expected value");
    insta::assert_snapshot!(span(r#""name""#), @"reading Span.name at byte 55 (line 2, column 8): expected `:`");
}

#[test]
fn of_limits() {
    let limits = ScanLimits {
        max_body_bytes: 100,
        max_rows: 2,
        max_expansion: 0,
        ..ScanLimits::default()
    };
    let scan = |signal, body: &[u8]| {
        scan_protobuf(signal, body, &limits, &mut Scratch::default())
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(scan(SignalType::Traces, &[0; 101]), @"a body of 101 bytes, but the limit (max_body_bytes) is 100");
    insta::assert_snapshot!(scan(SignalType::Logs, &[0x0a, 8, 0x12, 6, 0x12, 0, 0x12, 0, 0x12, 0]), @"reading LogRecord at byte 10: more rows than the limit (max_rows) of 2");
    let limits = ScanLimits {
        max_body_bytes: u32::MAX,
        ..limits
    };
    let scan = |body: &[u8]| {
        scan_protobuf(SignalType::Traces, body, &limits, &mut Scratch::default())
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(scan(&[0x0a, 0].repeat(10_000)), @"reading ResourceSpans at byte 10924: columns of more than 65536 bytes, the limit (max_expansion) for a body of this length");
    let json = |body: &str| {
        scan_json(
            SignalType::Logs,
            body.as_bytes(),
            &limits,
            &mut Scratch::default(),
        )
        .unwrap_err()
        .to_string()
    };
    insta::assert_snapshot!(json(r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{}, {}, {}]}]}]}"#), @"reading LogRecord at byte 60: more rows than the limit (max_rows) of 2");
    let deep = format!(
        "{}{}",
        r#"{"arrayValue":{"values":["#.repeat(33),
        "]}}".repeat(33)
    );
    let deep = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{deep}}}]}}]}}]}}"#);
    insta::assert_snapshot!(json(&deep), @"reading AnyValue at byte 869: values nested deeper than the limit of 32");
}
