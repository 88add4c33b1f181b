//! Tests of redaction as a whole, and what the rules' tests share.

use proptest::prelude::*;

use super::*;
use crate::columns::{Attributes, LogColumns, SpanColumns};

/// A text after redaction, as the name of a span among others.
pub(super) fn redacted_with(config: &RedactConfig, text: &str) -> String {
    let mut columns = spans(&["neighbour one", text, "neighbour two"]);
    let redactor = Redactor::new(config).unwrap();
    let redactions = redactor.redact(&mut columns);
    let after = names(&columns);
    assert_eq!(
        (after[0].as_str(), after[2].as_str()),
        ("neighbour one", "neighbour two")
    );
    assert_eq!(redactions.is_empty(), after[1] == text, "{text}: {redactions:?}");
    let again = redactor.redact(&mut columns);
    assert!(again.is_empty(), "{text} → {} → {again:?}", after[1]);
    after[1].clone()
}

/// The same with the rules that always hold.
pub(super) fn redacted(text: &str) -> String {
    redacted_with(&RedactConfig::default(), text)
}

fn redact(columns: &mut Columns) -> Redactions {
    Redactor::new(&RedactConfig::default()).unwrap().redact(columns)
}

/// A table of texts, each once, and the index of each.
fn intern(strings: &mut Strings, text: &str) -> u32 {
    if strings.ends.is_empty() {
        strings.ends.push(0);
    }
    let known = (0..u32::try_from(strings.ends.len()).unwrap()).find(|index| strings.get(*index) == text);
    known.unwrap_or_else(|| {
        strings.utf8.extend_from_slice(text.as_bytes());
        strings.ends.push(u32::try_from(strings.utf8.len()).unwrap());
        u32::try_from(strings.ends.len() - 1).unwrap()
    })
}

/// Spans with these names.
fn spans(names: &[&str]) -> Columns {
    let mut columns = SpanColumns::default();
    columns.common.strings.ends.push(0);
    for name in names {
        let index = intern(&mut columns.common.strings, name);
        columns.spans.name.push(index);
    }
    Columns::Spans(columns)
}

fn names(columns: &Columns) -> Vec<String> {
    let Columns::Spans(columns) = columns else {
        panic!("these are spans")
    };
    columns
        .spans
        .name
        .iter()
        .map(|name| columns.common.strings.get(*name).to_owned())
        .collect()
}

/// A string attribute.
fn push(strings: &mut Strings, table: &mut Attributes, key: &str, value: &str) {
    let value = intern(strings, value);
    push_value(strings, table, key, value_kind::STRING, u64::from(value));
}

fn push_value(strings: &mut Strings, table: &mut Attributes, key: &str, kind: u8, data: u64) {
    table.key.push(intern(strings, key));
    table.kind.push(kind);
    table.data.push(data);
}

fn texts(strings: &Strings) -> Vec<&str> {
    (0..u32::try_from(strings.ends.len()).unwrap())
        .map(|index| strings.get(index))
        .collect()
}

#[test]
fn keys_decide_for_their_own_values_only() {
    let mut columns = SpanColumns::default();
    let (strings, table) = (&mut columns.common.strings, &mut columns.spans.attributes);
    push(strings, table, "db.user", "postgres");
    push(strings, table, "db.password", "postgres");
    push(strings, table, "http.request.header.Authorization", "only here");
    push(strings, table, "x-api-key", "");
    push_value(strings, table, "has_password", value_kind::BOOL, 1);
    push_value(strings, table, "pin.secret", value_kind::INT, 1234);
    let mut columns = Columns::Spans(columns);
    let redactions = redact(&mut columns);
    assert_eq!(
        redactions.iter().collect::<Vec<_>>(),
        [("authorization", 1), ("password", 1), ("secret", 1)]
    );
    let Columns::Spans(columns) = &columns else {
        panic!("still spans")
    };
    let table = &columns.spans.attributes;
    let strings = &columns.common.strings;
    let value = |row: usize| strings.get(u32::try_from(table.data[row]).unwrap());
    assert_eq!(value(0), "postgres");
    assert_eq!(value(1), "[redacted:password]");
    assert_eq!(value(2), "[redacted:authorization]");
    assert_eq!(value(3), "");
    assert_eq!((table.kind[4], table.data[4]), (value_kind::BOOL, 1));
    assert_eq!(
        (table.kind[5], value(5)),
        (value_kind::STRING, "[redacted:secret]")
    );
    assert!(
        !texts(strings).contains(&"only here"),
        "nothing refers to it: it must be gone"
    );
}

#[test]
fn lists_and_bytes_under_a_secret_key_go_too() {
    let mut columns = LogColumns::default();
    let strings = &mut columns.common.strings;
    let nested = &mut columns.common.nested;
    push(strings, nested, "", "Basic abc");
    push(strings, nested, "", "Digest def");
    push_value(strings, nested, "cookie", value_kind::BYTES, pack_range(0, 6));
    push_value(strings, nested, "deep", value_kind::ARRAY, pack_range(0, 1));
    columns.common.bytes = b"secretpublic".to_vec();
    push_value(
        strings,
        &mut columns.logs.attributes,
        "authorization",
        value_kind::ARRAY,
        pack_range(0, 2),
    );
    push_value(
        strings,
        &mut columns.logs.attributes,
        "note",
        value_kind::BYTES,
        pack_range(6, 6),
    );
    push_value(
        strings,
        &mut columns.logs.attributes,
        "credentials",
        value_kind::KEY_VALUES,
        pack_range(3, 1),
    );
    let mut columns = Columns::Logs(columns);
    // The same list under two keys: the first takes its values, the second finds markers.
    assert_eq!(
        redact(&mut columns).iter().collect::<Vec<_>>(),
        [("authorization", 2), ("cookie", 1)]
    );
    let common = columns.common();
    assert_eq!(common.bytes, b"\0\0\0\0\0\0public");
    assert_eq!(common.nested.kind, [1, 1, 1, 5]);
    let value = |row: usize| {
        common
            .strings
            .get(u32::try_from(common.nested.data[row]).unwrap())
    };
    assert_eq!(
        [value(0), value(1), value(2)],
        [
            "[redacted:authorization]",
            "[redacted:authorization]",
            "[redacted:cookie]"
        ]
    );
    assert!(!texts(&common.strings).iter().any(|text| text.contains("abc")));
}

#[test]
fn equal_markers_are_one_text() {
    let mut columns = spans(&[
        "password=a",
        "password=b",
        "password=[redacted:password]",
        "password=a",
        "other",
    ]);
    let redactions = redact(&mut columns);
    assert_eq!(redactions.total(), 2, "each text counts once");
    assert_eq!(
        texts(&columns.common().strings),
        ["", "password=[redacted:password]", "other"]
    );
    assert_eq!(names(&columns)[3], "password=[redacted:password]");
}

#[test]
fn anchors_over_the_border_of_two_texts_are_none() {
    for (one, other) in [
        ("pass", "word=x"),
        ("4111 1111 ", "1111 1111"),
        ("http:", "//u:p@h"),
        ("AKIA", "IOSFODNN7EXAMPLE"),
    ] {
        let mut columns = spans(&[one, other]);
        let before = columns.clone();
        assert!(redact(&mut columns).is_empty(), "{one}|{other}");
        assert_eq!(columns, before);
    }
}

#[test]
fn bytes_are_searched() {
    let mut columns = LogColumns::default();
    columns.common.bytes = b"\xff\xfepassword=hunter2 \x80untouched".to_vec();
    columns.logs.body_kind = vec![value_kind::BYTES, value_kind::BYTES];
    columns.logs.body_data = vec![pack_range(0, 19), pack_range(19, 10)];
    let mut columns = Columns::Logs(columns);
    assert_eq!(redact(&mut columns).iter().collect::<Vec<_>>(), [("password", 1)]);
    let Columns::Logs(columns) = &columns else {
        panic!("still logs")
    };
    let value = |row: usize| {
        let (first, length) = unpack_range(columns.logs.body_data[row]);
        &columns.common.bytes[first as usize..(first + length) as usize]
    };
    assert_eq!(value(0), b"\xff\xfepassword=[redacted:password] ");
    assert_eq!(value(1), b"\x80untouched");
    assert!(!columns.common.bytes.windows(7).any(|window| window == b"hunter2"));
}

#[test]
fn what_was_redacted_is_still_valid() {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use prost::Message;

    let any = |value| AnyValue { value: Some(value) };
    let text = |text: &str| any(Value::StringValue(text.to_owned()));
    let pair = |key: &str, value| KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    };
    let list = any(Value::ArrayValue(ArrayValue {
        values: vec![text("one"), any(Value::IntValue(2))],
    }));
    let bytes = any(Value::BytesValue(b"\xffpassword=hunter2".to_vec()));
    let deep = any(Value::KvlistValue(KeyValueList {
        values: vec![pair("secret", list.clone())],
    }));
    let record = LogRecord {
        body: Some(deep.clone()),
        attributes: vec![
            pair("authorization", list),
            pair("note", bytes.clone()),
            pair("cookie", bytes),
            pair("plain", text("password=hunter2 for one")),
            pair("deep", deep),
        ],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs {
        log_records: vec![record],
        ..ScopeLogs::default()
    }];
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs,
            ..ResourceLogs::default()
        }],
    };
    let (limits, mut scratch) = (crate::ScanLimits::default(), crate::Scratch::default());
    let body = request.encode_to_vec();
    let mut columns = crate::scan_protobuf(crate::SignalType::Logs, &body, &limits, &mut scratch)
        .unwrap()
        .columns;
    let redactions = redact(&mut columns);
    assert_eq!(
        redactions.iter().collect::<Vec<_>>(),
        [
            ("authorization", 2),
            ("cookie", 1),
            ("password", 2),
            ("secret", 4)
        ]
    );
    crate::validate(&columns).unwrap();
    let encoded = postcard::to_allocvec(&columns).unwrap();
    assert!(!encoded.windows(7).any(|window| window == b"hunter2"));
    assert!(redact(&mut columns).is_empty());
}

#[test]
fn configured_names_are_secrets() {
    let config = RedactConfig {
        secret_names: vec!["merchant-pin".to_owned()],
        ..RedactConfig::default()
    };
    assert_eq!(
        redacted_with(&config, "Merchant_PIN=1234&a=b"),
        "Merchant_PIN=[redacted:secret]&a=b"
    );
    assert_eq!(redacted("Merchant_PIN=1234&a=b"), "Merchant_PIN=1234&a=b");
    let error = serde_json::from_str::<RedactConfig>(r#"{"email": true}"#)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("unknown field `email`, expected `emails` or `secret_names`"),
        "{error}"
    );
}

#[test]
fn hostile_texts_cost_linear_time() {
    // Each would take minutes if every anchor were followed to the end of the text.
    for part in [
        "secret=",
        "eyJ",
        "eyJ.",
        "://",
        "://a:",
        "-----BEGIN ",
        "bearer ",
        "authorization:",
        "4 ",
        "4111-",
        "sk-",
        "a@b.",
        "password\\\"",
        "--token ",
    ] {
        let mut columns = spans(&[&part.repeat(1 << 20 >> 2)]);
        let config = RedactConfig {
            emails: true,
            secret_names: vec!["pin1".to_owned()],
        };
        let started = std::time::Instant::now();
        let _ = Redactor::new(&config).unwrap().redact(&mut columns);
        assert!(
            started.elapsed().as_secs() < 10,
            "{part:?} took {:?}",
            started.elapsed()
        );
    }
}

/// Texts made of pieces that rules look for, so that they meet in ways nobody thought of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "password", "PASSWD", "secret", "api_key", "Authorization", "cookie", "token", "--token", "pwd", "sig", "=", ":", ": ",
            "\"", "\\\"", "'", "\\n", "\n", " ", "&", ";", ",", "://", "user", "@", "/", "[redacted:", "[redacted:password]", "]", "[",
            "Bearer ", "basic ", "-----BEGIN ", "PRIVATE KEY-----", "-----END ", "4111111111111111", "4111 1111 ", "-1111", "1111",
            "AKIAIOSFODNN7EXAMPLE", "ghp_", "sk-", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "eyJhbGciOiJIUzI1NiJ9", ".", "aia_1", "ä", "%3D",
            "=>", "null", "must have words", "{", "}", "<", ")", "\\", "`",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,6}",
        1 => "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn redacting_twice_is_redacting_once(one in pieces(), other in pieces()) {
        let config = RedactConfig { emails: true, secret_names: vec!["user".to_owned()] };
        let redactor = Redactor::new(&config).unwrap();
        let mut columns = spans(&[&one, &other]);
        redactor.redact(&mut columns);
        let once = columns.clone();
        let again = redactor.redact(&mut columns);
        prop_assert!(again.is_empty(), "{:?} → {:?} → {:?}", one, names(&once), again);
        prop_assert_eq!(&columns, &once);
        let mut all = texts(&once.common().strings);
        for (index, text) in all.iter().enumerate() {
            prop_assert!(index == 0 || !text.is_empty(), "invalid UTF-8 reads as an empty text");
        }
        all.sort_unstable();
        prop_assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "a text stands twice");
    }

    #[test]
    fn ordinary_texts_stay(text in "[a-zA-Z/ ._-]{0,40}") {
        prop_assume!(!text.contains("://") && !text.contains("--"));
        let mut columns = spans(&[&text]);
        let before = columns.clone();
        // Without a sign, a digit or a quote there is no secret, except for "Bearer SOMETHING".
        prop_assume!(!text.to_ascii_lowercase().contains("earer ") && !text.to_ascii_lowercase().contains("asic "));
        prop_assert!(redact(&mut columns).is_empty());
        prop_assert_eq!(columns, before);
    }
}
