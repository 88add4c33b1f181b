//! Figures over synthetic points.

use aia_telemetry::{Columns, ProjectId, ScanLimits, Scratch, SignalType, TenantId, scan_json};
use serde_json::{Value, json};

use super::*;

const SECOND: u64 = 1_000_000_000;

fn columns(metric: Value) -> MetricColumns {
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [metric]}],
    }]});
    let scanned = scan_json(
        SignalType::Metrics,
        body.to_string().as_bytes(),
        &ScanLimits::default(),
        &mut Scratch::default(),
    );
    match scanned.unwrap().columns {
        Columns::Metrics(columns) => columns,
        _ => panic!("metrics were scanned"),
    }
}

/// A point: pod, second, value.
fn point(pod: &str, second: u64, value: f64) -> Value {
    json!({
        "attributes": [{"key": "pod", "value": {"stringValue": pod}}],
        "startTimeUnixNano": "1", "timeUnixNano": (second * SECOND).to_string(), "asDouble": value,
    })
}

fn gauge(points: &[Value]) -> Value {
    json!({"name": "cpu", "unit": "1", "gauge": {"dataPoints": points}})
}

fn selector(service: &str, metric: &str) -> Selector {
    Selector {
        service: service.to_owned(),
        operation: metric.to_owned(),
        during: TimeRange {
            start: 10 * SECOND,
            end: 100 * SECOND,
        },
        limit: 10,
    }
}

fn figures_of(selector: &Selector, all: &[MetricColumns]) -> Vec<Evidence> {
    let scope = Scope {
        tenant: TenantId::new("t").unwrap(),
        project: ProjectId::new("p").unwrap(),
    };
    let mut table = Table::new(selector, 3);
    for columns in all {
        table.add(columns);
    }
    table.finish(&scope)
}

fn field<'a>(evidence: &'a Evidence, name: &str) -> &'a str {
    let found = evidence.fields.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

fn fields<const N: usize>(evidence: &Evidence, names: [&str; N]) -> [String; N] {
    names.map(|name| field(evidence, name).to_owned())
}

#[test]
fn gauges_are_taken_as_they_are_by_series() {
    let points = [
        point("b", 20, 1.0),
        point("b", 40, 3.0),
        point("b", 30, 2.0),
        // Outside of the range.
        point("b", 9, 100.0),
        point("b", 100, 100.0),
        point("a", 20, 7.0),
    ];
    let found = figures_of(&selector("shop", "cpu"), &[columns(gauge(&points))]);
    assert_eq!(found.len(), 2);
    let names = [
        "pod",
        "count",
        "mean",
        "min",
        "max",
        "first",
        "last",
        "unit",
        "resource.service.name",
    ];
    assert_eq!(
        fields(&found[0], names),
        ["a", "1", "7", "7", "7", "7", "7", "1", "shop"]
    );
    assert_eq!(
        fields(&found[1], names),
        ["b", "3", "2", "1", "3", "1", "3", "1", "shop"]
    );
    let deviation: f64 = field(&found[1], "deviation").parse().unwrap();
    assert!((deviation - (2.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert!(found[0].id.starts_with("se-") && found[0].service == "shop");
    assert_eq!(
        figures_of(&selector("other", "cpu"), &[columns(gauge(&points))]),
        []
    );
    assert_eq!(
        figures_of(&selector("", "memory"), &[columns(gauge(&points))]),
        []
    );
}

#[test]
fn sums_that_only_grow_are_rates() {
    let sum = |temporality: u8, is_monotonic: bool, points: &[Value]| {
        columns(json!({"name": "requests", "unit": "{request}", "sum": {
            "aggregationTemporality": temporality, "isMonotonic": is_monotonic, "dataPoints": points,
        }}))
    };
    let grows = [
        point("a", 20, 100.0),
        point("a", 30, 150.0),
        point("a", 40, 170.0),
        point("a", 50, 10.0),
    ];
    // In two requests, as they come; the last one after a restart of the counter.
    let found = figures_of(
        &selector("", ""),
        &[sum(2, true, &grows[..1]), sum(2, true, &grows[1..])],
    );
    assert_eq!(
        fields(&found[0], ["count", "first", "last", "min", "max", "unit"]),
        ["3", "5", "1", "1", "5", "{request}/s"]
    );
    let found = figures_of(&selector("", ""), &[sum(2, false, &grows)]);
    assert_eq!(
        fields(&found[0], ["count", "first", "unit"]),
        ["4", "100", "{request}"]
    );
    let mut delta = point("a", 30, 50.0);
    delta["startTimeUnixNano"] = json!((20 * SECOND).to_string());
    let found = figures_of(&selector("", ""), &[sum(1, true, &[delta])]);
    assert_eq!(fields(&found[0], ["count", "mean"]), ["1", "5"]);
    // Seen once, it has no rate.
    assert_eq!(figures_of(&selector("", ""), &[sum(2, true, &grows[..1])]), []);
}

#[test]
fn distributions_are_taken_by_their_mean() {
    let histogram = |temporality: u8| {
        let point = |second: u64, count: u64, sum: f64| {
            json!({"timeUnixNano": (second * SECOND).to_string(), "count": count.to_string(), "sum": sum,
                   "bucketCounts": [count.to_string()], "explicitBounds": []})
        };
        columns(json!({"name": "latency", "unit": "s", "histogram": {
            "aggregationTemporality": temporality, "dataPoints": [point(20, 10, 20.0), point(30, 14, 40.0)],
        }}))
    };
    let found = figures_of(&selector("", ""), &[histogram(1)]);
    assert_eq!(fields(&found[0], ["count", "first", "unit"]), ["2", "2", "s"]);
    let found = figures_of(&selector("", ""), &[histogram(2)]);
    assert_eq!(fields(&found[0], ["count", "mean"]), ["1", "5"]);
}

#[test]
fn endless_series_and_values_that_are_none_are_left_out() {
    let mut points: Vec<Value> = ["a", "b", "c", "d"].map(|pod| point(pod, 20, 1.0)).to_vec();
    points.push(json!({"timeUnixNano": (20 * SECOND).to_string(), "asDouble": "NaN"}));
    let mut table = Table::new(&selector("", ""), 3);
    table.add(&columns(gauge(&points)));
    assert!(table.is_full());
    let columns = columns(gauge(&[
        json!({"timeUnixNano": (20 * SECOND).to_string(), "asDouble": "NaN"}),
    ]));
    assert_eq!(figures_of(&selector("", ""), &[columns]), []);
}

#[test]
fn an_attribute_does_not_stand_in_for_a_figure() {
    let mut point = point("a", 20, 1.0);
    point["attributes"] = json!([{"key": "mean", "value": {"stringValue": "0"}}]);
    let found = figures_of(&selector("", ""), &[columns(gauge(&[point]))]);
    assert_eq!(field(&found[0], "mean"), "1");
}
