//! Everything that a builder put into a batch is read back by the views.

use std::time::Duration;

use aia_plugin_sdk::testing::{
    LogBatchBuilder, MetricBatchBuilder, SpanBatchBuilder, TestLog, TestMetric, TestPoint, TestSpan,
    TestValue,
};
use aia_plugin_sdk::{
    Logs, MetricKind, Metrics, Number, PointValue, RowId, SpanId, SpanKind, Spans, Status, Temporality, Time,
    TraceId, Value,
};

const NOW: Time = Time::from_secs(1_700_000_000);

#[test]
fn spans_come_back() {
    let span = TestSpan::new("GET /orders")
        .kind(SpanKind::Server)
        .trace(7)
        .id(2)
        .parent(1)
        .at(NOW, Duration::from_millis(30))
        .error("boom")
        .attribute("http.route", "/orders")
        .attribute("retries", 3)
        .attribute("ratio", 0.5)
        .attribute("cached", true)
        .exception("E", "m", "s")
        .event("retry", &[("n", "1")])
        .link(9, 8);
    let mut batch = SpanBatchBuilder::new(NOW)
        .resource(&[("service.name", "shop"), ("service.version", "1.0")])
        .span(TestSpan::new("first").attribute("other", "x"))
        .resource(&[("service.name", "mail")])
        .scope("lib")
        .span(span)
        .build();
    batch.common.segment = 5;
    batch.common.first_row = 100;

    let batch = Spans::new(&batch);
    assert_eq!((batch.len(), batch.received_at()), (2, NOW));
    let spans: Vec<_> = batch.spans().collect();
    assert_eq!(spans[0].resource().service_version(), "1.0");
    assert_eq!(
        spans[0].attribute("http.route").map(|value| value.to_string()),
        None
    );
    let span = spans[1];
    assert_eq!(
        (span.resource().service_name(), span.resource().service_version()),
        ("mail", "")
    );
    assert_eq!(
        (span.scope().name(), span.name(), span.kind()),
        ("lib", "GET /orders", SpanKind::Server)
    );
    assert_eq!(
        (span.trace_id(), span.span_id()),
        (TraceId { high: 0, low: 7 }, SpanId(2))
    );
    assert_eq!((span.parent_span_id(), span.start_time()), (SpanId(1), NOW));
    assert_eq!(
        (span.duration(), span.end_time()),
        (Duration::from_millis(30), NOW.after(Duration::from_millis(30)))
    );
    assert_eq!((span.status(), span.status_message()), (Status::Error, "boom"));
    assert_eq!(span.row(), RowId { segment: 5, row: 101 });
    assert_eq!(
        span.attribute(batch.key("http.route")).and_then(Value::as_str),
        Some("/orders")
    );
    assert_eq!(span.attribute("retries").and_then(Value::as_int), Some(3));
    assert_eq!(span.attribute("ratio").and_then(Value::as_f64), Some(0.5));
    assert_eq!(span.attribute("cached").and_then(Value::as_bool), Some(true));
    assert!(!batch.key("no.such.key").is_present());
    assert!(span.attribute(batch.key("no.such.key")).is_none());
    let names: Vec<_> = span.attributes().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["http.route", "retries", "ratio", "cached"]);
    let events: Vec<_> = span
        .events()
        .map(|event| (event.name(), event.attributes().text("exception.type")))
        .collect();
    assert_eq!(events, [("exception", "E"), ("retry", "")]);
    let links: Vec<_> = span
        .links()
        .map(|link| (link.trace_id().low, link.span_id().0))
        .collect();
    assert_eq!(links, [(9, 8)]);
    assert_eq!((spans[0].events().count(), spans[0].links().count()), (0, 0));
}

#[test]
fn logs_come_back() {
    let body = TestValue::Map(vec![
        (
            "list".into(),
            TestValue::Array(vec![1.into(), "two".into(), TestValue::Empty]),
        ),
        ("bytes".into(), TestValue::Bytes(vec![1, 255])),
    ]);
    let earlier = Time::from_secs(5);
    let batch = LogBatchBuilder::new(NOW)
        .resource(&[("service.name", "shop")])
        .log(
            TestLog::new(17, body)
                .at(earlier)
                .within(3, 4)
                .event("exception")
                .exception("E", "m", "s"),
        )
        .log(TestLog::new(9, "plain"))
        .build();
    let batch = Logs::new(&batch);
    let records: Vec<_> = batch.records().collect();
    assert_eq!(
        records[0].body().to_string(),
        r#"{"list": [1, "two", ], "bytes": 01ff}"#
    );
    assert_eq!((records[0].severity(), records[0].time()), (17, earlier));
    assert_eq!((records[0].trace_id().low, records[0].span_id()), (3, SpanId(4)));
    assert_eq!(records[0].event_name(), "exception");
    assert_eq!(
        records[0]
            .attribute(batch.key("exception.message"))
            .and_then(Value::as_str),
        Some("m")
    );
    assert_eq!(
        (records[1].body().to_string().as_str(), records[1].time()),
        ("plain", NOW)
    );
    assert!(!records[1].trace_id().is_set());
    assert_eq!(records[1].resource().service_name(), "shop");
}

#[test]
fn metrics_of_all_kinds_come_back() {
    let exponential = TestPoint::ExponentialHistogram {
        sum: 9.0,
        scale: -1,
        offset: -2,
        counts: vec![4, 5],
    };
    let batch = MetricBatchBuilder::new(NOW)
        .resource(&[("service.name", "shop")])
        .metric(TestMetric::new("cpu", "1").point(TestPoint::Double(0.5), &[("core", "0")]))
        .metric(
            TestMetric::new("requests", "{request}")
                .sum(true, true)
                .point(TestPoint::Int(-7), &[]),
        )
        .metric(TestMetric::new("latency", "s").point(
            TestPoint::Histogram {
                sum: 3.5,
                bounds: vec![1.0, 2.0],
                counts: vec![1, 2, 3],
            },
            &[],
        ))
        .metric(TestMetric::new("size", "By").point(exponential, &[]))
        .metric(TestMetric::new("old", "s").point(
            TestPoint::Summary {
                count: 8,
                sum: 2.0,
                quantiles: vec![(0.5, 0.1), (0.99, 0.9)],
            },
            &[],
        ))
        .build();
    let batch = Metrics::new(&batch);
    let metrics: Vec<_> = batch.metrics().collect();
    let kinds: Vec<_> = metrics.iter().map(|metric| metric.kind()).collect();
    use MetricKind::{ExponentialHistogram, Gauge, Histogram, Sum, Summary};
    assert_eq!(kinds, [Gauge, Sum, Histogram, ExponentialHistogram, Summary]);
    assert_eq!((metrics[0].name(), metrics[0].unit()), ("cpu", "1"));
    assert_eq!(
        (metrics[1].temporality(), metrics[1].is_monotonic()),
        (Temporality::Cumulative, true)
    );
    assert_eq!(
        (metrics[0].temporality(), metrics[0].is_monotonic()),
        (Temporality::Unspecified, false)
    );
    assert_eq!(metrics[4].resource().service_name(), "shop");

    let points: Vec<_> = metrics.iter().flat_map(|metric| metric.points()).collect();
    assert_eq!(points[0].attribute("core").and_then(Value::as_str), Some("0"));
    assert_eq!(
        (points[3].row(), points[3].time()),
        (RowId { segment: 1, row: 3 }, NOW)
    );
    assert!(matches!(points[0].value(), PointValue::Number(Number::Double(value)) if value == 0.5));
    assert!(matches!(points[1].value(), PointValue::Number(Number::Int(-7))));
    let PointValue::Histogram(histogram) = points[2].value() else {
        panic!("{:?}", points[2].value())
    };
    assert_eq!(
        (
            histogram.count(),
            histogram.sum(),
            histogram.min(),
            histogram.max()
        ),
        (6, Some(3.5), None, None)
    );
    assert_eq!(histogram.bucket_counts().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(histogram.explicit_bounds().collect::<Vec<_>>(), [1.0, 2.0]);
    let PointValue::ExponentialHistogram(histogram) = points[3].value() else {
        panic!("{:?}", points[3].value())
    };
    assert_eq!(
        (histogram.scale(), histogram.count(), histogram.sum()),
        (-1, 9, Some(9.0))
    );
    assert_eq!(
        (
            histogram.positive().offset,
            histogram.positive().counts().sum::<u64>()
        ),
        (-2, 9)
    );
    assert_eq!(
        (histogram.zero_count(), histogram.negative().counts().count()),
        (0, 0)
    );
    let PointValue::Summary(summary) = points[4].value() else {
        panic!("{:?}", points[4].value())
    };
    assert_eq!((summary.count(), summary.sum()), (8, 2.0));
    assert_eq!(summary.quantiles().collect::<Vec<_>>(), [(0.5, 0.1), (0.99, 0.9)]);
}
