//! Bodies that someone made to hurt: an error or valid columns, never a panic.

use aia_telemetry::{MAX_VALUE_DEPTH, ScanError, ScanLimits, Scratch, SignalType, scan_protobuf, validate};
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value,
};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    prop_assert_eq, proptest,
    sample::Index,
};
use prost::{Message, encoding::encode_varint};

use crate::{
    generate,
    json::Style,
    request::{self, Request, assert_agreement},
};

const PLAIN: Style = Style {
    integers_as_strings: true,
    upper_case_hex: false,
    base64_of_urls: false,
    unknown_fields: false,
    nulls: false,
};

fn check_json(signal: SignalType, body: &[u8]) {
    if let Ok(scanned) = request::json(signal, body) {
        assert_eq!(validate(&scanned.columns), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn cut_off_at_every_byte(request in generate::request()) {
        let body = request.encode();
        for length in 0..body.len() {
            assert_agreement(request.signal(), &body[..length]);
        }
    }

    #[test]
    fn json_cut_off_at_every_byte_is_an_error(request in generate::request()) {
        let body = request.json(PLAIN);
        for length in 0..body.len().min(2000) {
            assert!(request::json(request.signal(), &body[..length]).is_err());
        }
    }

    #[test]
    fn bytes_flipped(request in generate::request(), flips in vec((any::<Index>(), any::<u8>()), 1..4)) {
        let mut body = request.encode();
        if !body.is_empty() {
            for (index, byte) in flips {
                *index.get_mut(&mut body) = byte;
            }
        }
        assert_agreement(request.signal(), &body);
    }

    #[test]
    fn json_bytes_flipped(request in generate::request(), flips in vec((any::<Index>(), 32..127_u8), 1..4)) {
        let mut body = request.json(PLAIN);
        for (index, byte) in flips {
            *index.get_mut(&mut body) = byte;
        }
        check_json(request.signal(), &body);
    }

    #[test]
    fn noise(body in vec(any::<u8>(), 0..200), signal in 0..3_usize) {
        let signal = [SignalType::Traces, SignalType::Logs, SignalType::Metrics][signal];
        assert_agreement(signal, &body);
        check_json(signal, &body);
    }

    /// Noise that looks like messages gets further.
    #[test]
    fn noise_of_small_bytes(body in vec(0..32_u8, 0..400), signal in 0..3_usize) {
        assert_agreement([SignalType::Traces, SignalType::Logs, SignalType::Metrics][signal], &body);
    }

    #[test]
    fn a_refused_span_leaves_no_trace(request in generate::request(), position in any::<Index>()) {
        let Request::Traces(mut traces) = request else { return Ok(()) };
        let (mut spans, _) = (Request::Traces(traces.clone())).normal();
        let Request::Traces(valid) = &mut spans else { unreachable!("normal keeps the signal") };
        let expected = request::protobuf(SignalType::Traces, &Request::Traces(valid.clone()).encode()).unwrap();
        // Every scope gets a span without ids that has everything else that the others have, under other names.
        for scope in traces.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans) {
            scope.spans.retain(|span| {
                span.trace_id.len() == 16 && span.trace_id != [0; 16] && span.span_id.len() == 8
                    && span.span_id != [0; 8] && matches!(span.parent_span_id.len(), 0 | 8)
            });
            let Some(mut refused) = scope.spans.first().cloned() else { continue };
            refused.trace_id.clear();
            refused.name.push_str(" of another one");
            for attribute in &mut refused.attributes {
                attribute.key.push_str(" of another one");
            }
            let place = position.index(scope.spans.len() + 1);
            scope.spans.insert(place, refused);
        }
        let found = request::protobuf(SignalType::Traces, &Request::Traces(traces).encode()).unwrap();
        // Normal form gives values that were unset explicitly, which changes nothing in columns.
        prop_assert_eq!(found.columns, expected.columns);
    }
}

fn array(depth: usize) -> AnyValue {
    let values = if depth == 1 {
        Vec::new()
    } else {
        vec![array(depth - 1)]
    };
    AnyValue {
        value: Some(Value::ArrayValue(ArrayValue { values })),
    }
}

fn list(depth: usize) -> AnyValue {
    let values = if depth == 1 {
        Vec::new()
    } else {
        vec![KeyValue {
            value: Some(list(depth - 1)),
            ..KeyValue::default()
        }]
    };
    AnyValue {
        value: Some(Value::KvlistValue(KeyValueList { values })),
    }
}

fn delimited(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    encode_varint(content.len() as u64, &mut message);
    message.extend_from_slice(content);
    message
}

/// A request with one log record of this content.
fn log(content: &[u8]) -> Vec<u8> {
    delimited(0x0a, &delimited(0x12, &delimited(0x12, content)))
}

#[test]
fn values_may_be_as_deep_as_the_limit_and_no_deeper() {
    for make in [array, list] {
        let body = |depth| log(&delimited(0x2a, &make(depth).encode_to_vec()));
        let scanned = request::protobuf(SignalType::Logs, &body(MAX_VALUE_DEPTH)).unwrap();
        assert_eq!(validate(&scanned.columns), Ok(()));
        assert_eq!(scanned.columns.common().nested.key.len(), MAX_VALUE_DEPTH - 1);
        let error = request::protobuf(SignalType::Logs, &body(MAX_VALUE_DEPTH + 1)).unwrap_err();
        assert!(matches!(error, ScanError::Depth { .. }), "{error}");
    }
}

#[test]
fn json_values_may_be_as_deep_as_the_limit_and_no_deeper() {
    let kinds = [
        (r#"{"arrayValue":{"values":["#, "]}}"),
        (r#"{"kvlistValue":{"values":[{"value":"#, "}]}}"),
    ];
    for (open, close) in kinds {
        let body = |depth: usize| {
            let value = format!("{}{{}}{}", open.repeat(depth), close.repeat(depth));
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}"#)
                .into_bytes()
        };
        let scanned = request::json(SignalType::Logs, &body(MAX_VALUE_DEPTH)).unwrap();
        assert_eq!(validate(&scanned.columns), Ok(()));
        let error = request::json(SignalType::Logs, &body(MAX_VALUE_DEPTH + 1)).unwrap_err();
        assert!(matches!(error, ScanError::Depth { .. }), "{error}");
        assert!(request::json(SignalType::Logs, &body(100_000)).is_err());
    }
}

/// A megabyte of lengths within each other, far beyond what any stack would take.
#[test]
fn depth_bombs_end_early() {
    let mut bomb = Vec::new();
    while bomb.len() < 1 << 20 {
        // AnyValue.array_value of ArrayValue.values, put in front of what is there.
        let mut head = Vec::new();
        for tag in [0x0a, 0x2a] {
            let mut next = vec![tag];
            encode_varint((head.len() + bomb.len()) as u64, &mut next);
            next.append(&mut head);
            head = next;
        }
        head.append(&mut bomb);
        bomb = head;
        if bomb.len() > 4096 {
            break;
        }
    }
    let error = request::protobuf(SignalType::Logs, &log(&delimited(0x2a, &bomb))).unwrap_err();
    assert!(matches!(error, ScanError::Depth { .. }), "{error}");
    let unknown = format!(r#"{{"unknown":{}{}}}"#, "[".repeat(1 << 20), "]".repeat(1 << 20));
    request::json(SignalType::Logs, unknown.as_bytes()).unwrap();
}

/// Texts that would all fall into one slot of an unseeded table; with any seed it takes no time.
#[test]
fn many_texts_take_linear_time() {
    let mut records = Vec::new();
    for number in 0..200_000_u32 {
        records.extend(delimited(
            0x12,
            &delimited(0x1a, format!("{number:032}").as_bytes()),
        ));
    }
    let body = delimited(0x0a, &delimited(0x12, &records));
    let limits = ScanLimits::default();
    let scanned = scan_protobuf(SignalType::Logs, &body, &limits, &mut Scratch::with_seed(0)).unwrap();
    assert_eq!(scanned.columns.common().strings.ends.len(), 200_001);
}

/// What repeats must not be gone over again each time.
#[test]
fn parts_of_a_value_take_linear_time() {
    // 100,000 elements, then 100,000 further parts of the same array, each empty.
    let elements = [0x0a, 0x00].repeat(100_000);
    let mut value = delimited(0x2a, &elements);
    value.extend([0x2a, 0x00].repeat(100_000));
    let scanned = request::protobuf(SignalType::Logs, &log(&delimited(0x2a, &value))).unwrap();
    assert_eq!(scanned.columns.common().nested.key.len(), 100_000);
}
