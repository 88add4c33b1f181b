//! A report to be rendered, every text of which is made by a function.

use aia_plugin_sdk::reporter::{
    EvidenceKind, Field, Item, Report, ReportedSignal, State, Statement, TimeRange, TimelineEntry,
    TraceIdHalves,
};
use aia_plugin_sdk::{Detail, Measure, Severity};

const START: u64 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// A report whose texts are `text` of what they would be.
pub(crate) fn report(text: &dyn Fn(&str) -> String) -> Report {
    let evidence = vec!["ev-1-1".to_owned(), "ev-1-2".to_owned()];
    let during = TimeRange {
        start: START,
        end: START + 30 * SECOND,
    };
    Report {
        incident: text("inc-1"),
        title: text("CardDeclined in payment (POST /charge): card 4711 declined"),
        state: State::Open,
        severity: Severity::High,
        service: text("payment"),
        operation: text("POST /charge"),
        release: text("1.1"),
        affected: vec![text("gateway"), text("orders")],
        during,
        summary: vec![
            Statement {
                text: text("payment fails since release 1.1."),
                evidence: evidence.clone(),
            },
            Statement {
                text: text("orders passes it on."),
                evidence: vec!["ev-1-2".into(), "ev-nowhere".into()],
            },
        ],
        signals: vec![ReportedSignal {
            detector: text("errors"),
            kind: text("errors.exception"),
            severity: Severity::High,
            title: text("CardDeclined in payment"),
            service: text("payment"),
            operation: text("POST /charge"),
            release: text("1.1"),
            during,
            count: 12,
            measures: vec![
                Measure {
                    name: text("errors.rate"),
                    unit: text("{error}/s"),
                    value: 0.4,
                    baseline: Some(0.0),
                },
                Measure {
                    name: text("errors.share"),
                    unit: "1".into(),
                    value: 1.0 / 3.0,
                    baseline: None,
                },
            ],
            details: vec![
                Detail {
                    name: text("exception.type"),
                    value: text("com.shop.CardDeclined"),
                },
                Detail {
                    name: "exception.stacktrace".into(),
                    value: text(
                        "com.shop.CardDeclined: card 4711 declined\n\tat com.shop.Cards.charge(Cards.java:88)",
                    ),
                },
            ],
            evidence: evidence.clone(),
        }],
        conclusions: Vec::new(),
        charts: Vec::new(),
        exemplar: TraceIdHalves { high: 0, low: 0 },
        timeline: vec![
            TimelineEntry {
                time: START,
                kind: text("opened"),
                text: text("by a signal of errors"),
                evidence,
            },
            TimelineEntry {
                time: START + SECOND / 2,
                kind: text("acknowledged"),
                text: text("by jane@example.com"),
                evidence: Vec::new(),
            },
        ],
        evidence: vec![
            item("ev-1-1", EvidenceKind::Span, text),
            item("ev-1-2", EvidenceKind::Log, text),
        ],
        as_of: START + 60 * SECOND,
    }
}

fn item(id: &str, kind: EvidenceKind, text: &dyn Fn(&str) -> String) -> Item {
    Item {
        id: id.into(),
        kind,
        time: START + SECOND,
        service: text("payment"),
        trace: TraceIdHalves {
            high: 0x4bf9_2f35_77b3_4da6,
            low: 0xa3ce_929d_0e0e_4736,
        },
        span_id: 0x00f0_67aa_0ba9_02b7,
        title: text("POST /charge"),
        fields: vec![
            Field {
                name: text("duration"),
                value: text("20 ms"),
            },
            Field {
                name: text("body"),
                value: format!("{}\nsecond line", text("first line")),
            },
        ],
    }
}
