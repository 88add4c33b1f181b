//! Columns that someone changed are found out.

use aia_telemetry::{
    Columns, InvalidColumns, LogColumns, MetricColumns, SpanColumns, pack_range, validate, value_kind,
};
use proptest::{
    prelude::{ProptestConfig, any},
    proptest,
    sample::Index,
};

use crate::{
    generate, rebuild,
    request::{self, Request},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// Whatever is changed in the stored form: what passes can be read to the last field without a panic.
    #[test]
    fn what_passes_can_be_read(request in generate::request(), index in any::<Index>(), byte in any::<u8>()) {
        let columns = request::protobuf(request.signal(), &request.encode()).unwrap().columns;
        let mut stored = postcard::to_allocvec(&columns).unwrap();
        *index.get_mut(&mut stored) = byte;
        if let Ok(changed) = postcard::from_bytes::<Columns>(&stored)
            && validate(&changed).is_ok()
        {
            let _ = Request::from_columns(&changed);
        }
    }
}

fn logs(change: impl FnOnce(&mut LogColumns)) -> String {
    let body = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"\u00e9","body":{"arrayValue":{"values":[
        {"intValue":1},{"arrayValue":{"values":[{"bytesValue":"AAAA"}]}}]}}}, {"body":{"stringValue":"b"}}]}]}]}"#;
    let mut columns = request::json(aia_telemetry::SignalType::Logs, body)
        .unwrap()
        .columns;
    let Columns::Logs(logs) = &mut columns else {
        panic!("logs were scanned")
    };
    change(logs);
    message(validate(&columns))
}

fn spans(change: impl FnOnce(&mut SpanColumns)) -> String {
    let body = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"00000000000000000000000000000001","spanId":"0000000000000001",
         "events":[{"name":"a"},{"name":"b"}],"attributes":[{"key":"a","value":{"boolValue":true}}]}]}]}]}"#;
    let mut columns = request::json(aia_telemetry::SignalType::Traces, body)
        .unwrap()
        .columns;
    let Columns::Spans(spans) = &mut columns else {
        panic!("spans were scanned")
    };
    change(spans);
    message(validate(&columns))
}

fn metrics(change: impl FnOnce(&mut MetricColumns)) -> String {
    let body = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
        {"name":"a","sum":{"dataPoints":[{"asInt":1}]}},
        {"name":"b","histogram":{"dataPoints":[{"bucketCounts":[1,2]}]}}]}]}]}"#;
    let mut columns = request::json(aia_telemetry::SignalType::Metrics, body)
        .unwrap()
        .columns;
    let Columns::Metrics(metrics) = &mut columns else {
        panic!("metrics were scanned")
    };
    change(metrics);
    message(validate(&columns))
}

fn message(result: Result<(), InvalidColumns>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "valid".to_owned())
}

#[test]
fn unchanged_columns_are_valid() {
    assert_eq!(
        [logs(|_| ()), spans(|_| ()), metrics(|_| ())],
        ["valid", "valid", "valid"]
    );
}

#[test]
fn strings() {
    insta::assert_snapshot!(logs(|logs| logs.common.strings.ends.clear()), @"string 0 isn't empty");
    insta::assert_snapshot!(logs(|logs| logs.common.strings.ends[0] = 1), @"string 0 isn't empty");
    insta::assert_snapshot!(logs(|logs| logs.common.strings.ends[1] = 1), @"string 1 isn't UTF-8");
    insta::assert_snapshot!(logs(|logs| logs.common.strings.ends[1] = 9), @"common.strings.ends isn't cumulative up to the 3 rows it divides");
    insta::assert_snapshot!(logs(|logs| logs.common.strings.utf8[2] = 0xff), @"string 2 isn't UTF-8");
    insta::assert_snapshot!(logs(|logs| logs.common.strings.utf8.push(0)), @"common.strings.ends isn't cumulative up to the 4 rows it divides");
    insta::assert_snapshot!(logs(|logs| logs.logs.severity_text[0] = 3), @"logs.severity_text names row 3 of 3");
}

#[test]
fn values() {
    insta::assert_snapshot!(logs(|logs| logs.logs.body_data[1] = 3), @"logs.body names row 3 of 3");
    insta::assert_snapshot!(logs(|logs| logs.logs.body_kind[1] = 8), @"logs.body has 8, which means nothing there");
    insta::assert_snapshot!(logs(|logs| logs.logs.body_kind[1] = value_kind::BOOL), @"logs.body has 2, which means nothing there");
    insta::assert_snapshot!(logs(|logs| logs.common.nested.data[0] = pack_range(0, 4)), @"a value of common.nested contains rows 0 to 4, but 3 are before it");
    insta::assert_snapshot!(logs(|logs| logs.logs.body_data[0] = pack_range(1, 3)), @"a value of logs.body contains rows 1 to 4, but 3 are before it");
    insta::assert_snapshot!(logs(|logs| logs.logs.body_data[0] = pack_range(0, 3)), @"row 0 of common.nested is contained twice");
    insta::assert_snapshot!(logs(|logs| logs.common.nested.data[2] = pack_range(2, 1)), @"a value of common.nested contains rows 2 to 3, but 2 are before it");
    insta::assert_snapshot!(logs(|logs| {
        let nested = &mut logs.common.nested;
        for row in 3..40 {
            nested.key.push(0);
            nested.kind.push(value_kind::ARRAY);
            nested.data.push(if row == 3 { 0 } else { pack_range(row - 1, 1) });
        }
    }), @"a value of common.nested is nested deeper than the limit of 32");
    insta::assert_snapshot!(logs(|logs| { logs.common.nested.kind.pop(); }), @"common.nested.kind has 2 rows, its table 3");
}

#[test]
fn kinds() {
    insta::assert_snapshot!(logs(|logs| logs.common.nested.key[0] = 1), @"row 0 of common.nested is an element of an array and has a key");
    insta::assert_snapshot!(metrics(|metrics| metrics.metrics.monotonic[1] = 1), @"metrics.monotonic has 1, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| {
        metrics.metrics.kind[0] = 1;
        metrics.metrics.temporality[0] = 2;
    }), @"metrics.temporality has 2, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| metrics.points.value_kind[0] = 3), @"points.value_kind has 3, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| metrics.metrics.kind[0] = 0), @"points.value_kind has 1, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| metrics.histograms.min[0] = 1), @"histograms has 1, which means nothing there");
}

#[test]
fn tables() {
    insta::assert_snapshot!(logs(|logs| { logs.logs.time.pop(); }), @"logs.time has 1 rows, its table 2");
    insta::assert_snapshot!(logs(|logs| logs.logs.scope[1] = 1), @"logs.scope names row 1 of 1");
    insta::assert_snapshot!(logs(|logs| logs.common.scopes.resource[0] = 1), @"scopes.resource names row 1 of 1");
    insta::assert_snapshot!(logs(|logs| logs.logs.attributes_end[0] = 1), @"logs.attributes_end isn't cumulative up to the 0 rows it divides");
    insta::assert_snapshot!(spans(|spans| spans.spans.span_id[0] = 0), @"spans.span_id has 0, which means nothing there");
    insta::assert_snapshot!(spans(|spans| spans.spans.trace_id_low[0] = 0), @"spans.trace_id_high has 0, which means nothing there");
    insta::assert_snapshot!(spans(|spans| spans.spans.events_end[0] = 1), @"spans.events_end isn't cumulative up to the 2 rows it divides");
    insta::assert_snapshot!(spans(|spans| { spans.links.flags.push(1); }), @"links.flags has 1 rows, its table 0");
    insta::assert_snapshot!(spans(|spans| spans.events.attributes_end[0] = 1), @"events.attributes_end isn't cumulative up to the 0 rows it divides");
    insta::assert_snapshot!(metrics(|metrics| metrics.metrics.kind[0] = 6), @"metrics.kind has 6, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| metrics.points.metric[1] = 0), @"points.metric has 0, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| metrics.points.value[1] = 1), @"points.value names row 1 of 1");
    insta::assert_snapshot!(metrics(|metrics| metrics.points.value_kind[1] = 6), @"points.value_kind has 6, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| metrics.histograms.presence[0] = 8), @"histograms.presence has 8, which means nothing there");
    insta::assert_snapshot!(metrics(|metrics| metrics.histograms.bucket_counts.clear()), @"histograms.bucket_counts_end isn't cumulative up to the 0 rows it divides");
}

/// What the strings of valid columns are is what reading them gives.
#[test]
fn strings_are_read_as_they_are_stored() {
    let body = br#"{"resourceLogs":[{"schemaUrl":"\ud83c\udf0d"}]}"#;
    let columns = request::json(aia_telemetry::SignalType::Logs, body)
        .unwrap()
        .columns;
    assert_eq!(columns.common().strings.get(1), "\u{1f30d}");
    assert_eq!(rebuild::text(columns.common(), 1), "\u{1f30d}");
}
