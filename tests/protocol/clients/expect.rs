//! What every client sends, and how it has to arrive.

use aia_tests::Telemetry;
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    metrics::v1::{metric::Data, number_data_point},
    resource::v1::Resource,
};

/// What differs from client to client.
pub(super) struct Sent<'x> {
    /// The attribute `client.protocol` of its resource.
    pub(super) protocol: &'x str,
    /// Its trace, in hex.
    pub(super) trace: &'x str,
    /// Type of its exception.
    pub(super) exception: &'x str,
    /// What its stack trace names.
    pub(super) frame: &'x str,
}

/// Asserts that all that a client sent is stored as it was sent.
pub(super) fn assert_arrived(stored: &Telemetry, sent: &Sent<'_>) {
    traces(stored, sent);
    logs(stored, sent);
    metrics(stored, sent);
}

fn is_from(resource: Option<&Resource>, sent: &Sent<'_>) -> bool {
    resource.is_some_and(|resource| {
        text(&resource.attributes, "client.protocol") == sent.protocol
            && text(&resource.attributes, "service.name") == "client"
            && text(&resource.attributes, "service.version") == "1.2.3"
    })
}

fn value<'x>(attributes: &'x [KeyValue], key: &str) -> Option<&'x Value> {
    attributes
        .iter()
        .find(|attribute| attribute.key == key)?
        .value
        .as_ref()?
        .value
        .as_ref()
}

fn text<'x>(attributes: &'x [KeyValue], key: &str) -> &'x str {
    match value(attributes, key) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

fn elements(attributes: &[KeyValue], key: &str) -> Vec<Value> {
    match value(attributes, key) {
        Some(Value::ArrayValue(array)) => array
            .values
            .iter()
            .filter_map(|AnyValue { value }| value.clone())
            .collect(),
        _ => Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn traces(stored: &Telemetry, sent: &Sent<'_>) {
    let scopes: Vec<_> = stored
        .traces
        .resource_spans
        .iter()
        .filter(|resource| is_from(resource.resource.as_ref(), sent))
        .flat_map(|resource| &resource.scope_spans)
        .collect();
    let find = |name: &str| {
        let spans = scopes.iter().flat_map(|scope| &scope.spans);
        let mut found: Vec<_> = spans.filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "spans {name} over {}: {scopes:#?}", sent.protocol);
        found.remove(0)
    };
    for scope in &scopes {
        let scope = scope.scope.as_ref().unwrap();
        assert_eq!(
            (scope.name.as_str(), scope.version.as_str()),
            ("client.scope", "0.1")
        );
    }
    let (linked, span) = (find("linked"), find("work"));
    assert_eq!(hex(&span.trace_id), sent.trace);
    assert_eq!((span.span_id.len(), span.kind), (8, 2));
    assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
    let status = span.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "it went wrong"));
    let attributes = &span.attributes;
    assert_eq!(text(attributes, "a.string"), "gr\u{fc}n");
    assert_eq!(value(attributes, "a.bool"), Some(&Value::BoolValue(true)));
    assert_eq!(
        value(attributes, "an.int"),
        Some(&Value::IntValue(-9_007_199_254_740_991))
    );
    assert_eq!(value(attributes, "a.double"), Some(&Value::DoubleValue(0.1)));
    let texts = ["a", "b"].map(|text| Value::StringValue(text.to_owned()));
    assert_eq!(elements(attributes, "texts"), texts);
    assert_eq!(elements(attributes, "ints"), [1, 2].map(Value::IntValue));

    let link = &span.links[0];
    assert_eq!(
        (&link.trace_id, &link.span_id),
        (&linked.trace_id, &linked.span_id)
    );
    assert_eq!(text(&link.attributes, "link.kind"), "follows");

    let event = |name: &str| span.events.iter().find(|event| event.name == name).unwrap();
    assert_eq!(
        value(&event("step").attributes, "step.number"),
        Some(&Value::IntValue(3))
    );
    let exception = &event("exception").attributes;
    assert_eq!(text(exception, "exception.type"), sent.exception);
    assert_eq!(text(exception, "exception.message"), "it went wrong");
    let stack = text(exception, "exception.stacktrace");
    assert!(stack.contains(sent.frame), "{stack}");
}

fn logs(stored: &Telemetry, sent: &Sent<'_>) {
    let records: Vec<_> = stored
        .logs
        .resource_logs
        .iter()
        .filter(|resource| is_from(resource.resource.as_ref(), sent))
        .flat_map(|resource| &resource.scope_logs)
        .flat_map(|scope| &scope.log_records)
        .collect();
    assert_eq!(records.len(), 1, "{records:#?}");
    let record = records[0];
    assert_eq!(record.time_unix_nano, 1_700_000_000_000_000_001);
    assert_eq!(
        (record.severity_number, record.severity_text.as_str()),
        (17, "ERROR")
    );
    let body = record.body.as_ref().and_then(|body| body.value.clone());
    assert_eq!(body, Some(Value::StringValue("a line".to_owned())));
    assert_eq!(value(&record.attributes, "log.number"), Some(&Value::IntValue(7)));
    assert_eq!(hex(&record.trace_id), sent.trace);
}

fn metrics(stored: &Telemetry, sent: &Sent<'_>) {
    let data = |name: &str| {
        stored
            .metrics
            .resource_metrics
            .iter()
            .filter(|resource| is_from(resource.resource.as_ref(), sent))
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
            .find(|metric| metric.name == name)
            .and_then(|metric| metric.data.clone())
            .unwrap_or_else(|| panic!("no {name} over {}", sent.protocol))
    };
    let Data::Sum(sum) = data("requests") else {
        panic!("requests is no sum")
    };
    assert!(sum.is_monotonic);
    assert_eq!(text(&sum.data_points[0].attributes, "route"), "/a");
    // JavaScript has no integers: its counters are doubles unless told otherwise.
    let five = match sum.data_points[0].value {
        Some(number_data_point::Value::AsInt(value)) => value == 5,
        Some(number_data_point::Value::AsDouble(value)) => value.to_bits() == 5.0_f64.to_bits(),
        None => false,
    };
    assert!(five, "{sum:?}");
    let Data::Gauge(gauge) = data("temperature") else {
        panic!("temperature is no gauge")
    };
    assert_eq!(
        gauge.data_points[0].value,
        Some(number_data_point::Value::AsDouble(21.5))
    );
    let Data::Histogram(histogram) = data("durations") else {
        panic!("durations is no histogram")
    };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum), (3, Some(302.0)));
    assert_eq!((point.min, point.max), (Some(0.5), Some(300.0)));
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), 3);
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    let Data::ExponentialHistogram(histogram) = data("sizes") else {
        panic!("sizes is no exponential histogram")
    };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum, point.zero_count), (3, Some(302.0), 0));
    let positive = point.positive.as_ref().unwrap();
    assert_eq!(positive.bucket_counts.iter().sum::<u64>(), 3);
}
