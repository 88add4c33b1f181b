//! Whatever is sent, in whatever encoding: columns say what the oracle says.

use aia_telemetry::{ScanLimits, Scratch, SignalType, scan_protobuf};
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};
use proptest::{
    prelude::{ProptestConfig, any},
    prop_assert_eq, proptest,
};

use crate::{
    generate,
    json::Style,
    request::{self, Request},
    rewire::rewire,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn protobuf_says_the_same(request in generate::request()) {
        let scanned = request::protobuf(request.signal(), &request.encode()).unwrap();
        request.assert_same(&scanned);
    }

    #[test]
    fn protobuf_as_no_encoder_writes_it_says_the_same(request in generate::request(), seed in any::<u64>()) {
        let body = rewire(request.signal(), &request.encode(), seed);
        // Order and parts may change what is said; what matters is that the oracle reads the same.
        let expected = Request::decode(request.signal(), &body).unwrap();
        let scanned = request::protobuf(request.signal(), &body).unwrap();
        expected.assert_same(&scanned);
    }

    #[test]
    fn json_says_the_same(
        request in generate::request(),
        integers_as_strings in any::<bool>(),
        upper_case_hex in any::<bool>(),
        base64_of_urls in any::<bool>(),
        unknown_fields in any::<bool>(),
        nulls in any::<bool>(),
    ) {
        let style = Style { integers_as_strings, upper_case_hex, base64_of_urls, unknown_fields, nulls };
        let scanned = request::json(request.signal(), &request.json(style)).unwrap();
        request.assert_same(&scanned);
    }

    #[test]
    fn scratch_and_seed_leave_no_trace(first in generate::request(), second in generate::request(), seed in any::<u64>()) {
        let limits = ScanLimits::default();
        let mut used = Scratch::with_seed(seed);
        scan_protobuf(first.signal(), &first.encode(), &limits, &mut used).unwrap();
        // One that ends in an error too.
        scan_protobuf(SignalType::Traces, &[0x0a, 0x7f], &limits, &mut used).unwrap_err();
        let body = second.encode();
        prop_assert_eq!(
            scan_protobuf(second.signal(), &body, &limits, &mut used).unwrap(),
            scan_protobuf(second.signal(), &body, &limits, &mut Scratch::default()).unwrap()
        );
    }
}

#[test]
fn an_empty_body_is_an_empty_request() {
    for signal in [SignalType::Traces, SignalType::Logs, SignalType::Metrics] {
        let empty = Request::decode(signal, &[]).unwrap();
        empty.assert_same(&request::protobuf(signal, &[]).unwrap());
        empty.assert_same(&request::json(signal, b"{}").unwrap());
        empty.assert_same(&request::json(signal, b" null ").unwrap());
    }
}

/// Signalling NaN, payloads and the sign survive, as doubles are never computed with.
#[test]
fn protobuf_keeps_the_bits_of_doubles() {
    for bits in [
        0x7ff0_0000_0000_0001,
        0x7ff8_dead_beef_0000,
        0xfff8_0000_0000_0000,
        0x8000_0000_0000_0000,
    ] {
        let body = Some(AnyValue {
            value: Some(Value::DoubleValue(f64::from_bits(bits))),
        });
        let log_records = vec![LogRecord {
            body,
            ..LogRecord::default()
        }];
        let scope_logs = vec![ScopeLogs {
            log_records,
            ..ScopeLogs::default()
        }];
        let resource_logs = vec![ResourceLogs {
            scope_logs,
            ..ResourceLogs::default()
        }];
        let request = Request::Logs(ExportLogsServiceRequest { resource_logs });
        request.assert_same(&request::protobuf(SignalType::Logs, &request.encode()).unwrap());
    }
}

/// The examples of `opentelemetry-proto` itself, as far as they differ from what is generated: names for enums, numbers
/// as floats, fields that come twice.
#[test]
fn json_as_lenient_writers_write_it() {
    let body = br#"{"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "parentSpanId": null,
        "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": 1.5e18, "endTimeUnixNano": "1544712661000000000",
        "flags": "257", "status": {"code": "STATUS_CODE_ERROR"}, "name": "first", "name": "I\u0027m last",
        "attributes": [{"key": "a", "value": {"intValue": "-9223372036854775808"}},
                       {"key": "b", "value": {"doubleValue": "0.1"}},
                       {"key": "c", "value": {"stringValue": "replaced", "boolValue": true}},
                       {"key": "d", "value": {"arrayValue": {}}},
                       {"key": "e", "value": {"kvlistValue": null}},
                       null]
    }]}]}], "resourceSpans": []}"#;
    let expected = br#"{"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "kind": 2, "startTimeUnixNano": "1500000000000000000", "endTimeUnixNano": "1544712661000000000",
        "flags": 257, "status": {"code": 2}, "name": "I'm last",
        "attributes": [{"key": "a", "value": {"intValue": -9223372036854775808}},
                       {"key": "b", "value": {"doubleValue": 0.1}},
                       {"key": "c", "value": {"boolValue": true}},
                       {"key": "d", "value": {"arrayValue": {"values": []}}},
                       {"key": "e", "value": {}},
                       {}]
    }]}]}]}"#;
    let [found, expected] =
        [body.as_slice(), expected].map(|body| request::json(SignalType::Traces, body).unwrap().columns);
    assert_eq!(Request::from_columns(&found), Request::from_columns(&expected));
}
