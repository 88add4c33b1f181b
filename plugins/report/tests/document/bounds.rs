//! More than anybody wants to read, and shapes that nothing should have.

use std::time::{Duration, Instant};

use aia_plugin_report::IncidentReport;
use aia_plugin_sdk::Reporter;
use aia_plugin_sdk::reporter::{EvidenceKind, Field, Item, Report, Series};

use crate::report::{SECOND, START, report};

/// Half of what a host takes by default.
const MOST_BYTES: usize = 8 * 1024 * 1024;

fn rendered(report: &Report, format: &str) -> String {
    let began = Instant::now();
    let document = IncidentReport::render(report, format, "").unwrap();
    // A host allows 1 s; this is a build without all optimisations on a machine with other work.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(
        document.bytes.len() < MOST_BYTES,
        "{format}: {}",
        document.bytes.len()
    );
    String::from_utf8(document.bytes).unwrap()
}

fn repeat<T: Clone>(list: &mut Vec<T>, times: usize) {
    *list = list.iter().cycle().take(list.len() * times).cloned().collect();
}

/// A span of the example trace that has nothing but what the drawing needs.
fn span(id: u64, parent: u64, failed: bool) -> Item {
    let model = report(&str::to_owned);
    let exemplar = model.exemplar;
    let field = |name: &str, value: String| Field {
        name: name.into(),
        value,
    };
    Item {
        id: format!("ev-{id}"),
        kind: EvidenceKind::Span,
        time: START + id,
        service: "loop".into(),
        trace: exemplar,
        span_id: id,
        title: format!("span {id}"),
        fields: vec![
            field("duration_ns", "1000".into()),
            field("parent_span_id", format!("{parent:016x}")),
            field("status", if failed { "ERROR" } else { "OK" }.into()),
        ],
    }
}

#[test]
fn everything_too_often_is_bounded() {
    let long = "\u{202e}<".repeat(600);
    let mut report = report(&|text| format!("{text} {long}"));
    repeat(&mut report.summary, 100);
    repeat(&mut report.signals, 100);
    for (number, signal) in report.signals.iter_mut().enumerate() {
        signal.title = format!("{number} {}", signal.title);
        repeat(&mut signal.details, 10);
        repeat(&mut signal.measures, 10);
        repeat(&mut signal.evidence, 100);
    }
    repeat(&mut report.conclusions, 10);
    for conclusion in &mut report.conclusions {
        repeat(&mut conclusion.suspects, 20);
        repeat(&mut conclusion.statements, 50);
    }
    repeat(&mut report.timeline, 500);
    repeat(&mut report.affected, 500);
    repeat(&mut report.charts, 10);
    repeat(&mut report.evidence, 25);
    for (number, item) in report.evidence.iter_mut().enumerate() {
        item.id = format!("ev-{number}");
        repeat(&mut item.fields, 4);
    }
    for format in ["text/html", "text/markdown"] {
        let text = rendered(&report, format);
        assert!(text.contains("more characters"));
        assert!(text.contains("more entries"));
        assert!(text.contains("more pieces of evidence"));
    }
}

#[test]
fn long_and_odd_charts_are_drawn() {
    let mut report = report(&str::to_owned);
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        -0.0,
    ];
    let shapes = [
        (START, 1, Vec::new()),
        (START, 0, odd.repeat(20_000)),
        (START, SECOND, vec![f64::NAN]),
        (0, u64::MAX, odd.to_vec()),
        (u64::MAX, u64::MAX, odd.to_vec()),
        (START, SECOND, vec![5.0]),
        (START, SECOND, vec![f64::NAN, 5.0, f64::NAN]),
    ];
    let model = report.charts[0].clone();
    report.charts = shapes
        .into_iter()
        .map(|(start, step, values)| {
            let mut chart = model.clone();
            (chart.start, chart.step) = (start, step);
            chart.series = vec![
                Series {
                    name: "odd".into(),
                    values,
                },
                Series {
                    name: "shorter".into(),
                    values: vec![1.0],
                },
            ];
            repeat(&mut chart.series, 10);
            chart
        })
        .collect();
    for (start, end) in [(START, START), (START, 0), (0, u64::MAX), (u64::MAX, u64::MAX)] {
        (report.during.start, report.during.end) = (start, end);
        rendered(&report, "text/markdown");
        let html = rendered(&report, "text/html");
        let page = scraper::Html::parse_document(&html);
        let numbers = scraper::Selector::parse("svg *").unwrap();
        for element in page.select(&numbers) {
            for name in ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"] {
                if let Some(value) = element.attr(name) {
                    let value: f64 = value.parse().unwrap();
                    assert!((-10.0..=1_000.0).contains(&value), "{name}={value}");
                }
            }
            let path = element.attr("d").unwrap_or_default();
            assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
        }
    }
}

#[test]
fn rings_and_orphans_are_drawn_once() {
    let mut report = report(&str::to_owned);
    // 1 is its own parent; 2, 3 and 4 are a ring that 5 hangs on; 6 has lost its parent; 7 is there twice.
    report.evidence = [(1, 1), (2, 4), (3, 2), (4, 3), (5, 4), (6, 99), (7, 0), (7, 0)]
        .map(|(id, parent)| span(id, parent, false))
        .to_vec();
    let html = rendered(&report, "text/html");
    assert_eq!(html.matches("<td class=\"bar\">").count(), 8);
    assert_eq!(html.matches("(its parent isn't here)").count(), 3);
    assert_eq!(
        html.matches("<div class=\"d3\">").count(),
        1,
        "5 hangs on 4 on 3 on 2"
    );
    let markdown = rendered(&report, "text/markdown");
    assert!(markdown.contains("8 of 8 spans"));
}

#[test]
fn long_traces_are_cut_where_it_matters_least() {
    let mut report = report(&str::to_owned);
    // A thousand below one root; a chain of 50 that ends in a failure; a chain too long to be drawn.
    let mut spans = vec![span(1, 0, false)];
    spans.extend((2..1_002).map(|id| span(id, 1, false)));
    spans.extend((2_000..2_050).map(|id| span(id, if id == 2_000 { 1 } else { id - 1 }, id == 2_049)));
    spans.extend((10_000..15_000).map(|id| span(id, if id == 10_000 { 1 } else { id - 1 }, id == 14_999)));
    report.evidence = spans;
    let html = rendered(&report, "text/html");
    assert_eq!(html.matches("<td class=\"bar\">").count(), 200);
    assert!(html.contains("6051 spans, 200 of them drawn"));
    assert!(html.contains("span 2049"));
    assert!(html.contains("(depth 50)"));
    // What is drawn and what is said to be below it make up all.
    let below: usize = html
        .split(" more below)")
        .filter_map(|before| before.rsplit_once('(')?.1.parse::<usize>().ok())
        .sum();
    assert_eq!(below, 6_051 - 200);
    let markdown = rendered(&report, "text/markdown");
    assert!(markdown.contains("60 of 6051 spans"));
}
