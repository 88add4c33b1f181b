//! A report to be rendered, every text of which is made by a function.

use aia_plugin_sdk::reporter::{
    Chart, EvidenceKind, Field, Item, Report, ReportedConclusion, ReportedSignal, ReportedSuspect, Series,
    State, Statement, TimeRange, TimelineEntry, TraceIdHalves, Verdict,
};
use aia_plugin_sdk::{Detail, Measure, Severity};

/// When the incident began.
pub(crate) const START: u64 = 1_700_000_000_000_000_000;
/// Nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;

const TRACE: TraceIdHalves = TraceIdHalves {
    high: 0x4bf9_2f35_77b3_4da6,
    low: 0xa3ce_929d_0e0e_4736,
};

const STACK: &str = "com.shop.CardDeclined: card 4711 declined
\tat com.shop.payment.Cards.charge(Cards.java:88)
\tat com.shop.payment.Checkout.pay(Checkout.java:41)
\tat org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:205)
\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:885)
\tat java.base/java.lang.Thread.run(Thread.java:840)";

const DIFF: &str = "--- a/src/main/java/com/shop/payment/Cards.java
+++ b/src/main/java/com/shop/payment/Cards.java
@@ -85,5 +85,5 @@
   Card card = vault.find(id);
-  if (card.limit() <= amount) {
+  if (card.limit() < amount) {
     throw new CardDeclined(id);
   }";

type Make<'a> = &'a dyn Fn(&str) -> String;

/// A report whose texts are `text` of what they would be.
pub(crate) fn report(text: Make<'_>) -> Report {
    let during = TimeRange {
        start: START,
        end: START + 6 * MINUTE + 30 * SECOND,
    };
    Report {
        incident: text("inc-7f3a09c2e1b4"),
        title: text("CardDeclined in payment (POST /charge): card 4711 declined"),
        state: State::Open,
        severity: Severity::High,
        service: text("payment"),
        operation: text("POST /charge"),
        release: text("1.1"),
        affected: vec![text("gateway"), text("orders")],
        during,
        summary: vec![
            say(
                text,
                "payment, operation POST /charge, release 1.1: com.shop.CardDeclined, “card 4711 declined”",
                &["ev-1-1", "ev-1-2"],
            ),
            say(
                text,
                "It came with release 1.1 of payment; release 1.0 before it did not show it.",
                &["ev-1-3"],
            ),
            say(
                text,
                "orders complains too: the trouble passed through it.",
                &["ev-t-2", "ev-nowhere"],
            ),
        ],
        signals: signals(text, during),
        conclusions: conclusions(text),
        timeline: vec![
            entry(
                text,
                START - MINUTE,
                "change",
                "deploy of payment 1.1 by jane",
                &["ev-1-3"],
            ),
            entry(
                text,
                START,
                &text("opened"),
                "by a signal of errors",
                &["ev-1-1", "ev-1-2"],
            ),
            entry(
                text,
                START + 95 * SECOND / 2,
                &text("signal"),
                "POST /charge of payment is slow (latency)",
                &["ev-1-4"],
            ),
            entry(
                text,
                START + 4 * MINUTE,
                &text("acknowledged"),
                "by jane@example.com",
                &[],
            ),
        ],
        charts: charts(text),
        exemplar: TRACE,
        evidence: evidence(text),
        as_of: START + 10 * MINUTE,
    }
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn say(text: Make<'_>, sentence: &str, evidence: &[&str]) -> Statement {
    Statement {
        text: text(sentence),
        evidence: ids(evidence),
    }
}

fn entry(text: Make<'_>, time: u64, kind: &str, words: &str, evidence: &[&str]) -> TimelineEntry {
    TimelineEntry {
        time,
        kind: kind.to_owned(),
        text: text(words),
        evidence: ids(evidence),
    }
}

fn signals(text: Make<'_>, during: TimeRange) -> Vec<ReportedSignal> {
    let measure = |name: &str, unit: &str, value, baseline| Measure {
        name: text(name),
        unit: text(unit),
        value,
        baseline,
    };
    let errors = ReportedSignal {
        detector: text("errors"),
        kind: text("errors.exception"),
        severity: Severity::High,
        title: text("CardDeclined in payment"),
        service: text("payment"),
        operation: text("POST /charge"),
        release: text("1.1"),
        during,
        count: 412,
        measures: vec![
            measure("errors.rate", "{error}/s", 4.0625, Some(0.0)),
            Measure {
                unit: "1".into(),
                ..measure("errors.share", "1", 1.0 / 3.0, None)
            },
        ],
        details: vec![
            Detail {
                name: text("exception.type"),
                value: text("com.shop.CardDeclined"),
            },
            Detail {
                name: "code.frames".into(),
                value: text("com.shop.payment.Cards.charge\ncom.shop.payment.Checkout.pay"),
            },
            Detail {
                name: "exception.stacktrace".into(),
                value: text(STACK),
            },
        ],
        evidence: ids(&["ev-1-1", "ev-1-2"]),
    };
    let slow = ReportedSignal {
        detector: text("latency"),
        kind: text("latency.operation"),
        severity: Severity::Medium,
        title: text("POST /charge of payment is slow"),
        count: 1_204,
        measures: vec![
            Measure {
                unit: "s".into(),
                ..measure("duration.p95", "s", 1.31, Some(0.12))
            },
            measure("requests.rate", "{request}/s", 12.1, Some(11.8)),
        ],
        details: Vec::new(),
        evidence: ids(&["ev-1-4"]),
        ..errors.clone()
    };
    vec![errors, slow.clone(), slow]
}

fn conclusions(text: Make<'_>) -> Vec<ReportedConclusion> {
    let suspect =
        |service: &str, operation: &str, release: &str, code: &str, probability, reasons| ReportedSuspect {
            service: text(service),
            operation: text(operation),
            release: text(release),
            code: text(code),
            probability,
            reasons,
        };
    let found = ReportedConclusion {
        analyst: text("suspects"),
        time: START + 5 * MINUTE,
        verdict: Verdict::Cause,
        statements: vec![
            say(
                text,
                "Errors of POST /charge begin in payment itself: 398 of 412 failing spans have no failing child.",
                &["ev-1-4", "ev-1-1"],
            ),
            say(
                text,
                "They began 60 s after the deploy of release 1.1.",
                &["ev-1-3"],
            ),
        ],
        suspects: vec![
            suspect(
                "payment",
                "POST /charge",
                "1.1",
                "Cards.java:88",
                0.72,
                vec![
                    say(
                        text,
                        "The release changed one minute before the first error.",
                        &["ev-1-3"],
                    ),
                    say(
                        text,
                        "The exception is thrown here in every failing trace.",
                        &["ev-1-1"],
                    ),
                ],
            ),
            suspect(
                "ledger",
                "SELECT entries",
                "",
                "",
                0.14,
                vec![say(
                    text,
                    "Its time in traces of POST /charge grew from 3 ms to 210 ms.",
                    &["ev-1-4"],
                )],
            ),
            suspect("orders", "POST /orders", "4.2", "", 0.04, Vec::new()),
        ],
        diff: text(DIFF),
        dropped: 1,
    };
    let open = ReportedConclusion {
        analyst: text("llm"),
        time: START + 3 * MINUTE,
        verdict: Verdict::NotEnoughEvidence,
        statements: vec![say(
            text,
            "The code of release 1.1 was not to be had.",
            &["ev-1-1"],
        )],
        suspects: vec![suspect("", "", "", "", f64::NAN, Vec::new())],
        diff: String::new(),
        dropped: 0,
    };
    let elsewhere = ReportedConclusion {
        analyst: text("other"),
        verdict: Verdict::NoCodeCause,
        suspects: Vec::new(),
        ..open.clone()
    };
    vec![found, open.clone(), elsewhere, open]
}

/// Half an hour in steps of 30 s, usual for 20 minutes, with a hole.
fn charts(text: Make<'_>) -> Vec<Chart> {
    let line = |name: &str, usual: f64, raised: f64| Series {
        name: text(name),
        values: (0..60_u32)
            .map(|step| {
                let wave = f64::from((step * 37 + 11) % 17) / 17.0 - 0.5;
                match step {
                    23..26 => f64::NAN,
                    40..53 => raised * (1.0 + wave / 6.0),
                    _ => usual * (1.0 + wave / 4.0),
                }
            })
            .collect(),
    };
    let chart = |title: &str, unit: &str, series| Chart {
        title: text(title),
        unit: unit.to_owned(),
        start: START - 20 * MINUTE,
        step: 30 * SECOND,
        series,
    };
    let nothing = Series {
        name: text("rate"),
        values: vec![f64::NAN; 60],
    };
    vec![
        chart(
            "Duration of POST /charge in payment",
            "s",
            vec![
                line("p50", 0.04, 0.3),
                line("p95", 0.12, 1.3),
                line("p99", 0.19, 2.2),
            ],
        ),
        chart(
            "Requests of POST /charge in payment",
            "{request}/s",
            vec![line("rate", 11.8, 12.1)],
        ),
        chart(
            "Errors of POST /charge in payment",
            "{error}/s",
            vec![line("rate", 0.01, 4.1)],
        ),
        chart(
            "Share of failing requests",
            &text("1"),
            vec![line("share", 0.001, 0.34)],
        ),
        chart("Retries of ledger", "1", vec![nothing]),
    ]
}

fn evidence(text: Make<'_>) -> Vec<Item> {
    let mut items = vec![
        item(
            text,
            "ev-1-1",
            EvidenceKind::Span,
            "SERVER POST /charge",
            &[
                ("name", "POST /charge"),
                ("kind", "SERVER"),
                ("duration", "1.18 s"),
                ("duration_ns", "1180000000"),
                ("parent_span_id", "0000000000000003"),
                ("status", "ERROR"),
                ("status.message", "card 4711 declined"),
                ("exception.type", "com.shop.CardDeclined"),
                ("exception.stacktrace", STACK),
                ("http.request.method", "POST"),
                ("resource.service.version", "1.1"),
            ],
        ),
        item(
            text,
            "ev-1-2",
            EvidenceKind::Log,
            "ERROR charge failed",
            &[
                ("severity", "ERROR"),
                ("body", "charge failed\ncard 4711 declined\namount 99.00"),
            ],
        ),
        item(
            text,
            "ev-1-3",
            EvidenceKind::Change,
            "deploy of payment 1.1",
            &[
                ("kind", "deploy"),
                ("release", "1.1"),
                ("release.previous", "1.0"),
                ("author", "jane"),
                ("link", "https://ci.example.com/shop/payment/runs/1721"),
            ],
        ),
        item(
            text,
            "ev-1-4",
            EvidenceKind::Operation,
            "POST /charge of payment, release 1.1",
            &[
                ("operation", "POST /charge"),
                ("count", "1204"),
                ("errors", "412"),
                ("errors.own", "398"),
                ("duration.p95", "1.31 s"),
                ("duration.p95_ns", "1310000000"),
                ("callers", "gateway, orders"),
            ],
        ),
        item(
            text,
            "ev-1-5",
            EvidenceKind::Change,
            "flag new-ledger on",
            &[("kind", "flag"), ("author", "max")],
        ),
        item(
            text,
            "ev-1-6",
            EvidenceKind::Point,
            "queue.length",
            &[("value", "17")],
        ),
        item(
            text,
            "ev-1-7",
            EvidenceKind::Series,
            "queue.length of ledger",
            &[("mean", "3.1")],
        ),
        item(
            text,
            "ev-1-8",
            EvidenceKind::Signal,
            "CardDeclined in payment",
            &[("kind", "errors.exception")],
        ),
        item(
            text,
            "ev-1-9",
            EvidenceKind::Code,
            "Cards.java",
            &[("first-line", "85"), ("text", "a\nb")],
        ),
    ];
    for (id, span) in [("ev-1-1", 4), ("ev-1-2", 4)] {
        for item in items.iter_mut().filter(|item| item.id == id) {
            (item.trace, item.span_id) = (TRACE, span);
            item.time = START + SECOND + 30 * MILLISECOND;
        }
    }
    for item in items.iter_mut().filter(|item| item.id == "ev-1-3") {
        item.time = START - MINUTE;
    }
    for item in items.iter_mut().filter(|item| item.id == "ev-1-5") {
        item.time = START - 14 * MINUTE;
    }
    items.extend(spans(text));
    // A span all of whose fields are text.
    let mut odd = item(
        text,
        "ev-t-odd",
        EvidenceKind::Span,
        "CLIENT GET /rates",
        &[
            ("name", "GET /rates"),
            ("duration_ns", "unknown"),
            ("parent_span_id", "feedfacecafebeef"),
            ("status", "OK"),
        ],
    );
    (odd.trace, odd.span_id, odd.time) = (TRACE, 0x99, START + SECOND + 400 * MILLISECOND);
    items.push(odd);
    items
}

/// The other spans of the example trace: id, parent, service, name, begin and length in milliseconds, failed or not.
fn spans(text: Make<'_>) -> Vec<Item> {
    let spans = [
        (1, 0, "gateway", "POST /checkout", 0, 1_310, true),
        (2, 1, "orders", "POST /orders", 8, 1_290, true),
        (3, 2, "orders", "POST payment/charge", 24, 1_200, true),
        (5, 4, "payment", "SELECT cards", 40, 6, false),
        (6, 4, "payment", "POST ledger/entries", 52, 700, false),
        (7, 6, "ledger", "POST /entries", 60, 680, false),
        (8, 7, "ledger", "SELECT entries", 70, 210, false),
        (9, 7, "ledger", "SELECT entries", 290, 205, false),
        (10, 7, "ledger", "INSERT entries", 505, 190, false),
        (11, 4, "payment", "POST vault/token", 780, 330, false),
        (12, 11, "vault", "POST /token", 790, 310, false),
        (13, 2, "orders", "UPDATE orders", 1_240, 21, false),
    ];
    spans
        .into_iter()
        .map(|(id, parent, service, name, begin, length, failed)| {
            let mut span = item(
                text,
                &format!("ev-t-{id}"),
                EvidenceKind::Span,
                name,
                &[("name", name)],
            );
            // What the drawing is made of stays as it is.
            let mut set = |name: &str, value: String| {
                span.fields.push(Field {
                    name: name.to_owned(),
                    value,
                });
            };
            set("duration", format!("{length} ms"));
            set("duration_ns", (length * MILLISECOND).to_string());
            set("status", if failed { "ERROR" } else { "OK" }.to_owned());
            if parent > 0 {
                set("parent_span_id", format!("{parent:016x}"));
            }
            (span.trace, span.span_id) = (TRACE, id);
            span.service = text(service);
            span.time = START + SECOND + begin * MILLISECOND;
            span
        })
        .collect()
}

/// The name of a field that is looked up stays as it is, and so does the value of one that is read.
fn item(text: Make<'_>, id: &str, kind: EvidenceKind, title: &str, fields: &[(&str, &str)]) -> Item {
    const KEPT: [&str; 8] = [
        "name",
        "duration",
        "duration_ns",
        "parent_span_id",
        "status",
        "link",
        "exception.type",
        "exception.stacktrace",
    ];
    Item {
        id: id.into(),
        kind,
        time: START + SECOND,
        service: text("payment"),
        trace: TraceIdHalves { high: 0, low: 0 },
        span_id: 0,
        title: text(title),
        fields: fields
            .iter()
            .map(|(name, value)| Field {
                name: if KEPT.contains(name) {
                    (*name).to_owned()
                } else {
                    text(name)
                },
                value: text(value),
            })
            .collect(),
    }
}
