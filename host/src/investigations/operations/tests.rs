//! Figures over synthetic traces.

use aia_telemetry::{Columns, ProjectId, ScanLimits, Scratch, SignalType, TenantId, scan_json};
use serde_json::{Value, json};

use super::*;

const MS: u64 = 1_000_000;

/// A span: service, name, kind, id, parent, begin and end in milliseconds, whether it failed.
type Said<'a> = (&'a str, &'a str, u8, u64, u64, u64, u64, bool);

fn columns(trace: u64, spans: &[Said<'_>]) -> SpanColumns {
    let resource_spans: Vec<Value> = spans
        .iter()
        .map(|(service, name, kind, id, parent, start, end, has_failed)| {
            json!({
                "resource": {"attributes": [
                    {"key": "service.name", "value": {"stringValue": service}},
                    {"key": "service.version", "value": {"stringValue": "1.0"}},
                ]},
                "scopeSpans": [{"spans": [{
                    "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"),
                    "parentSpanId": if *parent == 0 { String::new() } else { format!("{parent:016x}") },
                    "name": name, "kind": kind,
                    "startTimeUnixNano": (start * MS).to_string(), "endTimeUnixNano": (end * MS).to_string(),
                    "status": {"code": if *has_failed { 2 } else { 0 }},
                }]}],
            })
        })
        .collect();
    let body = json!({ "resourceSpans": resource_spans }).to_string();
    let scanned = scan_json(
        SignalType::Traces,
        body.as_bytes(),
        &ScanLimits::default(),
        &mut Scratch::default(),
    );
    match scanned.unwrap().columns {
        Columns::Spans(columns) => columns,
        _ => panic!("spans were scanned"),
    }
}

fn scope() -> Scope {
    Scope {
        tenant: TenantId::new("t").unwrap(),
        project: ProjectId::new("p").unwrap(),
    }
}

fn figures_of(all: &[SpanColumns], max_spans: usize) -> Vec<Evidence> {
    let range = TimeRange {
        start: 0,
        end: 1_000 * MS,
    };
    let mut table = Table::new(range, max_spans);
    for columns in all {
        table.add(columns);
    }
    table.finish(&scope())
}

fn figures(spans: &[Said<'_>]) -> Vec<Evidence> {
    figures_of(&[columns(1, spans)], 1_000)
}

fn field<'a>(evidence: &'a Evidence, name: &str) -> &'a str {
    let found = evidence.fields.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

/// Service, operation, count, errors, own errors, self time in ms, callers; ordered by service and operation.
fn short(all: &[Evidence]) -> Vec<String> {
    let mut lines: Vec<String> = all
        .iter()
        .map(|evidence| {
            let own = field(evidence, "self.sum_ns").parse::<u64>().unwrap() / MS;
            format!(
                "{} {} ×{} {}/{} {own} ms <{}>",
                evidence.service,
                field(evidence, "operation"),
                field(evidence, "count"),
                field(evidence, "errors"),
                field(evidence, "errors.own"),
                field(evidence, "callers"),
            )
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn time_and_errors_are_laid_where_they_began() {
    let found = figures(&[
        ("gateway", "POST /orders", 2, 1, 0, 0, 100, true),
        // A call whose callee is known is no operation, and its time is not the gateway's own.
        ("gateway", "POST", 3, 2, 1, 10, 90, true),
        ("payment", "POST /charge", 2, 3, 2, 20, 80, true),
        // Inner work counts as the operation's own …
        ("payment", "validate", 1, 4, 3, 20, 40, true),
        // … but not what it calls: a database sends no spans.
        ("payment", "SELECT", 3, 5, 4, 25, 35, false),
    ]);
    assert_eq!(
        short(&found),
        [
            "gateway POST /orders ×1 1/0 20 ms <>",
            "payment POST /charge ×1 1/1 50 ms <gateway>",
            // Who called the service that calls.
            "payment outgoing SELECT ×1 0/0 10 ms <gateway>",
        ]
    );
    let payment = found
        .iter()
        .find(|evidence| field(evidence, "operation") == "POST /charge")
        .unwrap();
    assert_eq!(
        (
            field(payment, "release"),
            field(payment, "kind"),
            field(payment, "duration.p95"),
            field(payment, "duration.p95_ns")
        ),
        ("1.0", "SERVER", "60.0 ms", "60000000")
    );
    assert!(payment.id.starts_with("op-") && payment.kind == "operation");
}

#[test]
fn a_call_that_fails_though_its_callee_did_not_is_the_callers_error() {
    let found = figures(&[
        ("a", "x", 2, 1, 0, 0, 100, true),
        ("a", "call", 3, 2, 1, 10, 90, true),
        ("b", "y", 2, 3, 2, 20, 80, false),
    ]);
    assert_eq!(short(&found), ["a x ×1 1/1 20 ms <>", "b y ×1 0/0 60 ms <a>"]);
}

#[test]
fn calls_at_once_cover_a_time_once_and_later_ones_none() {
    let found = figures(&[
        ("a", "x", 2, 1, 0, 0, 100, false),
        ("b", "y", 2, 2, 1, 10, 60, false),
        ("b", "y", 2, 3, 1, 40, 80, false),
        // A message that is worked on when its sender is done.
        ("c", "z", 5, 4, 1, 200, 300, false),
    ]);
    assert_eq!(
        short(&found),
        [
            "a x ×1 0/0 30 ms <>",
            "b y ×2 0/0 90 ms <a>",
            "c z ×1 0/0 100 ms <a>"
        ]
    );
}

#[test]
fn services_without_kinds_have_each_span_as_an_operation() {
    let found = figures(&[
        ("a", "outer", 1, 1, 0, 0, 100, false),
        ("a", "inner", 0, 2, 1, 10, 60, true),
        ("b", "serve", 2, 3, 2, 20, 30, false),
        ("b", "work", 1, 4, 3, 21, 29, false),
    ]);
    assert_eq!(
        short(&found),
        [
            "a inner ×1 1/1 40 ms <>",
            "a outer ×1 0/0 50 ms <>",
            "b serve ×1 0/0 10 ms <a>"
        ]
    );
}

#[test]
fn what_came_twice_counts_once_and_what_is_outside_not_at_all() {
    let spans: &[Said<'_>] = &[
        ("a", "x", 2, 1, 0, 0, 100, false),
        ("a", "x", 2, 2, 0, 1_000, 1_100, false),
        ("a", "x", 2, 3, 0, 999, 1_100, false),
        // Behind the range, but of a parent within it.
        ("b", "y", 2, 4, 3, 1_050, 1_090, false),
    ];
    let found = figures_of(&[columns(1, spans), columns(1, spans)], 1_000);
    assert_eq!(short(&found), ["a x ×2 0/0 161 ms <>"]);
}

#[test]
fn busiest_first_whatever_the_order_of_the_segments() {
    let first = columns(
        1,
        &[("a", "x", 2, 1, 0, 0, 1, false), ("b", "y", 2, 2, 1, 0, 1, false)],
    );
    let second = columns(2, &[("b", "y", 2, 1, 0, 0, 1, false)]);
    let one = figures_of(&[first.clone(), second.clone()], 1_000);
    let other = figures_of(&[second, first], 1_000);
    assert_eq!(one, other);
    assert_eq!(one.first().map(|evidence| evidence.service.as_str()), Some("b"));
}

#[test]
fn of_too_many_spans_whole_traces_are_kept_and_figures_scaled() {
    let all: Vec<_> = (1..=4_000)
        .map(|trace| {
            columns(
                trace,
                &[
                    ("a", "x", 2, 1, 0, 0, 100, true),
                    ("b", "y", 2, 2, 1, 10, 60, true),
                ],
            )
        })
        .collect();
    let found = figures_of(&all, 1_000);
    assert_eq!(found.len(), 2);
    for evidence in &found {
        assert!(field(evidence, "sampled").starts_with("1 of "), "{evidence:?}");
        let count: u64 = field(evidence, "count").parse().unwrap();
        assert!((3_000..5_000).contains(&count), "{count} of 4,000");
        // A trace is there with all of its spans: the error of `a` is never its own.
        assert_eq!(field(evidence, "errors.own") == "0", evidence.service == "a");
    }
}

#[test]
fn a_trace_that_is_its_own_ancestor_ends() {
    let mut spans: Vec<Said<'_>> = (1..=200)
        .map(|id| ("a", "x", 1, id, id % 200 + 1, 0, 10, true))
        .collect();
    spans.push(("a", "call", 3, 300, 7, 0, 5, true));
    spans.push(("a", "self", 2, 301, 301, 0, 5, true));
    let found = figures(&spans);
    assert_eq!(found.len(), 2, "{:?}", short(&found));
}

#[test]
fn endless_operations_are_counted_together() {
    let many: Vec<String> = (0..MAX_GROUPS + 10)
        .map(|number| format!("op {}", letters(number)))
        .collect();
    let spans: Vec<Said<'_>> = (1..)
        .zip(&many)
        .map(|(id, name)| ("a", name.as_str(), 2, id, 0, 0, 1, false))
        .collect();
    let found = figures_of(&[columns(1, &spans)], 100_000);
    let others = found.first().unwrap();
    assert_eq!((others.service.as_str(), field(others, "count")), (OTHERS, "10"));
}

/// A number in letters, since digits are taken for ids.
fn letters(mut number: usize) -> String {
    let mut text = String::new();
    for _ in 0..5 {
        text.push(char::from(b'a' + u8::try_from(number % 26).unwrap()));
        number /= 26;
    }
    text
}
