//! Tests of rows as texts.

use proptest::prelude::*;

use super::*;
use crate::columns::{Attributes, Common, LogColumns, MetricColumns, SpanColumns, pack_range, value_kind};

/// Adds a text; returns its index.
fn text(common: &mut Common, text: &str) -> u32 {
    if common.strings.ends.is_empty() {
        common.strings.ends.push(0);
    }
    common.strings.utf8.extend_from_slice(text.as_bytes());
    common
        .strings
        .ends
        .push(u32::try_from(common.strings.utf8.len()).unwrap());
    u32::try_from(common.strings.ends.len() - 1).unwrap()
}

/// An attribute with a text as its value.
fn attribute(common: &mut Common, key: &str, value: &str) -> (u32, u8, u64) {
    (
        text(common, key),
        value_kind::STRING,
        u64::from(text(common, value)),
    )
}

fn push(table: &mut Attributes, (key, kind, data): (u32, u8, u64)) {
    table.key.push(key);
    table.kind.push(kind);
    table.data.push(data);
}

/// A resource `service.name = shop` and a scope `tracer 1.0`.
fn common() -> Common {
    let mut common = Common::default();
    let service = attribute(&mut common, "service.name", "shop");
    push(&mut common.resources.attributes, service);
    common.resources.attributes_end = vec![1];
    common.scopes.resource = vec![0];
    common.scopes.attributes_end = vec![0];
    common.scopes.name = vec![text(&mut common, "tracer")];
    common.scopes.version = vec![text(&mut common, "1.0")];
    common
}

fn print(row: &Row) -> String {
    let fields: Vec<String> = row
        .fields
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    let (high, low) = row.trace;
    format!(
        "{:?} {} at {} in {} trace {high:x}:{low:x} span {:x} cut {}\n{}",
        row.kind,
        row.title,
        row.time,
        row.service,
        row.span_id,
        row.fields_cut,
        fields.join("\n")
    )
}

fn span() -> SpanColumns {
    let mut columns = SpanColumns {
        common: common(),
        ..SpanColumns::default()
    };
    let common = &mut columns.common;
    let spans = &mut columns.spans;
    spans.scope = vec![0];
    (spans.trace_id_high, spans.trace_id_low) = (vec![0xab], vec![0xcd]);
    (spans.span_id, spans.parent_span_id) = (vec![7], vec![6]);
    (spans.kind, spans.status_code) = (vec![2], vec![2]);
    (spans.start_time, spans.end_time) = (vec![1_000_000], vec![13_500_000]);
    spans.name = vec![text(common, "POST /charge")];
    spans.status_message = vec![text(common, "card refused")];
    let route = attribute(common, "http.route", "/charge");
    push(&mut spans.attributes, route);
    push(
        &mut spans.attributes,
        (text(common, "http.response.status_code"), value_kind::INT, 500),
    );
    spans.attributes_end = vec![2];
    for (event, key, value) in [
        ("retry", "attempt", "2"),
        ("exception", "exception.type", "CardError"),
        ("exception", "exception.type", "IoError"),
    ] {
        let pair = attribute(common, key, value);
        push(&mut columns.events.attributes, pair);
        columns.events.name.push(text(common, event));
        columns.events.time.push(2_000_000);
        columns
            .events
            .attributes_end
            .push(u32::try_from(columns.events.attributes.key.len()).unwrap());
    }
    spans.events_end = vec![3];
    (
        columns.links.trace_id_high,
        columns.links.trace_id_low,
        columns.links.span_id,
    ) = (vec![1], vec![2], vec![3]);
    spans.links_end = vec![1];
    spans.dropped_events = vec![4];
    columns
}

#[test]
fn a_span_as_text() {
    let columns = Columns::Spans(span());
    assert_eq!(trace_of(&columns, 0), Some((0xab, 0xcd)));
    assert_eq!((describe_row(&columns, 1), trace_of(&columns, 1)), (None, None));
    insta::assert_snapshot!(print(&describe_row(&columns, 0).unwrap()), @r#"
    Span SERVER POST /charge at 1000000 in shop trace ab:cd span 7 cut 0
    name = POST /charge
    kind = SERVER
    duration = 12.5 ms
    duration_ns = 12500000
    status = ERROR
    status.message = card refused
    parent_span_id = 0000000000000006
    exception.type = CardError
    events[0].name = retry
    events[0].after = 1.0 ms
    events[0].attempt = 2
    events[2].name = exception
    events[2].after = 1.0 ms
    events[2].exception.type = IoError
    http.route = /charge
    http.response.status_code = 500
    links[0] = 00000000000000010000000000000002/0000000000000003
    dropped_events = 4
    scope.name = tracer
    scope.version = 1.0
    resource.service.name = shop
    "#);
}

#[test]
fn a_log_record_as_text() {
    let mut columns = LogColumns {
        common: common(),
        ..LogColumns::default()
    };
    let common = &mut columns.common;
    let logs = &mut columns.logs;
    logs.scope = vec![0, 0];
    (logs.time, logs.observed_time) = (vec![0, 5], vec![9, 9]);
    (logs.severity_number, logs.severity_text) = (vec![17, 9], vec![0, text(common, "Information")]);
    logs.body_kind = vec![value_kind::STRING, value_kind::KEY_VALUES];
    logs.body_data = vec![
        u64::from(text(common, "failed to charge\n  at line 1")),
        pack_range(0, 1),
    ];
    let nested = attribute(common, "user", "bob");
    push(&mut common.nested, nested);
    logs.event_name = vec![0, text(common, "user.login")];
    logs.attributes_end = vec![0, 0];
    (logs.trace_id_high, logs.trace_id_low, logs.span_id) = (vec![0, 0], vec![0, 5], vec![0, 6]);
    let columns = Columns::Logs(columns);
    assert_eq!(
        (trace_of(&columns, 0), trace_of(&columns, 1)),
        (None, Some((0, 5)))
    );
    let rows: Vec<String> = (0..2)
        .map(|row| print(&describe_row(&columns, row).unwrap()))
        .collect();
    insta::assert_snapshot!(rows.join("\n\n"), @r#"
    Log ERROR failed to charge at 9 in shop trace 0:0 span 0 cut 0
    severity = ERROR
    body = failed to charge
      at line 1
    scope.name = tracer
    scope.version = 1.0
    resource.service.name = shop

    Log Information user.login at 5 in shop trace 0:5 span 6 cut 0
    severity = Information
    event_name = user.login
    body = {"user":"bob"}
    scope.name = tracer
    scope.version = 1.0
    resource.service.name = shop
    "#);
}

#[test]
fn metric_points_as_text() {
    let mut columns = MetricColumns {
        common: common(),
        ..MetricColumns::default()
    };
    let common = &mut columns.common;
    let metrics = &mut columns.metrics;
    (metrics.scope, metrics.kind, metrics.temporality) = (vec![0; 4], vec![2, 3, 4, 5], vec![2, 1, 1, 0]);
    metrics.name = ["requests", "duration", "size", "lag"]
        .iter()
        .map(|name| text(common, name))
        .collect();
    metrics.unit = vec![
        text(common, "{request}"),
        text(common, "ms"),
        text(common, "By"),
        0,
    ];
    let points = &mut columns.points;
    points.metric = vec![0, 1, 2, 3];
    points.time = vec![1, 2, 3, 4];
    points.value_kind = vec![1, 3, 4, 5];
    points.value = vec![(-5_i64).cast_unsigned(), 0, 0, 0];
    points.attributes_end = vec![0; 4];
    points.exemplars_end = vec![2; 4];
    let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
    let histograms = &mut columns.histograms;
    (histograms.count, histograms.presence, histograms.sum) = (vec![3], vec![0b101], bits(&[4.5]));
    (histograms.min, histograms.max) = (bits(&[0.0]), bits(&[3.0]));
    (histograms.bucket_counts_end, histograms.bucket_counts) = (vec![2], vec![1, 2]);
    (histograms.explicit_bounds_end, histograms.explicit_bounds) = (vec![1], bits(&[2.5]));
    let exponential = &mut columns.exponential_histograms;
    (exponential.count, exponential.presence, exponential.scale) =
        (vec![2], vec![0], vec![(-1_i32).cast_unsigned()]);
    (exponential.zero_count, exponential.positive_counts_end) = (vec![1], vec![2]);
    (exponential.positive_counts, exponential.positive_offset) = (vec![0, 1], vec![3]);
    let summaries = &mut columns.summaries;
    (summaries.count, summaries.sum, summaries.quantiles_end) = (vec![9], bits(&[2.0]), vec![1]);
    (summaries.quantile, summaries.quantile_value) = (bits(&[0.99]), bits(&[7.25]));
    let exemplars = &mut columns.exemplars;
    (exemplars.value_kind, exemplars.value, exemplars.span_id) =
        (vec![2, 1], vec![1.5_f64.to_bits(), 8], vec![0, 9]);
    (
        exemplars.trace_id_high,
        exemplars.trace_id_low,
        exemplars.attributes_end,
    ) = (vec![0, 1], vec![0, 2], vec![0, 0]);
    let columns = Columns::Metrics(columns);
    assert_eq!(
        (trace_of(&columns, 0), trace_of(&columns, 1)),
        (Some((1, 2)), None)
    );
    let rows: Vec<String> = (0..4)
        .map(|row| print(&describe_row(&columns, row).unwrap()))
        .collect();
    insta::assert_snapshot!(rows.join("\n\n"), @r#"
    Point requests -5 {request} at 1 in shop trace 1:2 span 9 cut 0
    name = requests
    value = -5
    unit = {request}
    kind = sum
    temporality = cumulative
    exemplars[0].value = 1.5
    exemplars[1].value = 8
    exemplars[1].trace_id = 00000000000000010000000000000002
    scope.name = tracer
    scope.version = 1.0
    resource.service.name = shop

    Point duration count=3 ms at 2 in shop trace 0:0 span 0 cut 0
    name = duration
    count = 3
    sum = 4.5
    max = 3
    explicit_bounds = 2.5
    bucket_counts = 1 2
    unit = ms
    kind = histogram
    temporality = delta
    scope.name = tracer
    scope.version = 1.0
    resource.service.name = shop

    Point size count=2 By at 3 in shop trace 0:0 span 0 cut 0
    name = size
    count = 2
    scale = -1
    zero_count = 1
    positive.offset = 3
    positive.counts = 0 1
    negative.offset = 0
    unit = By
    kind = exponential histogram
    temporality = delta
    scope.name = tracer
    scope.version = 1.0
    resource.service.name = shop

    Point lag count=9 at 4 in shop trace 0:0 span 0 cut 0
    name = lag
    count = 9
    sum = 2
    quantile[0.99] = 7.25
    kind = summary
    scope.name = tracer
    scope.version = 1.0
    resource.service.name = shop
    "#);
}

#[test]
fn too_much_is_cut_and_marked() {
    let mut columns = span();
    let long = attribute(&mut columns.common, "long", &"x".repeat(MAX_VALUE_BYTES + 1));
    columns.spans.attributes = Attributes::default();
    for _ in 0..300 {
        push(&mut columns.spans.attributes, long);
    }
    columns.spans.attributes_end = vec![300];
    let row = describe_row(&Columns::Spans(columns), 0).unwrap();
    assert_eq!(row.fields.len(), MAX_FIELDS);
    // Everything is counted: attributes, a link, a count, name, version and service.
    assert_eq!(
        row.fields.len() + row.fields_cut as usize,
        6 + 8 + 300 + 1 + 1 + 3
    );
    let (_, value) = row.fields.iter().find(|(name, _)| name == "long").unwrap();
    assert!(value.ends_with("x… [16384 of 16385 bytes]"));
}

proptest! {
    #[test]
    fn any_columns_are_rendered_without_a_panic(
        numbers in prop::collection::vec(any::<u32>(), 8),
        small in prop::collection::vec(0_u32..6, 8),
        wide in prop::collection::vec(any::<u64>(), 8),
        kinds in prop::collection::vec(0_u8..9, 8),
        row in 0_u32..4,
    ) {
        // Ends and indexes that agree with nothing.
        let mut spans = span();
        spans.common.nested = Attributes { key: small.clone(), kind: kinds.clone(), data: wide.clone() };
        spans.common.resources.attributes_end = numbers.clone();
        spans.common.scopes.resource = small.clone();
        spans.spans.attributes = Attributes { key: small.clone(), kind: kinds.clone(), data: wide.clone() };
        spans.spans.attributes_end = small.clone();
        spans.spans.events_end = small.clone();
        spans.spans.span_id = wide.clone();
        spans.spans.scope = small.clone();
        let mut logs = LogColumns { common: spans.common.clone(), ..LogColumns::default() };
        (logs.logs.scope, logs.logs.body_kind, logs.logs.body_data) = (small.clone(), kinds.clone(), wide.clone());
        let mut metrics = MetricColumns { common: spans.common.clone(), ..MetricColumns::default() };
        metrics.points.metric = small.clone();
        metrics.points.value_kind = kinds.clone();
        metrics.points.value = wide;
        metrics.points.exemplars_end = small.clone();
        metrics.exemplars.value_kind = kinds;
        metrics.histograms.bucket_counts_end = small;
        metrics.summaries.quantiles_end = numbers;
        for columns in [Columns::Spans(spans), Columns::Logs(logs), Columns::Metrics(metrics)] {
            let _ = (describe_row(&columns, row), trace_of(&columns, row));
        }
    }
}
