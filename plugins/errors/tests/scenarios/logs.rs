//! Exceptions in logs.

use aia_plugin_errors::Errors;
use aia_plugin_sdk::columns::LogBatch;
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, TestLog};
use aia_plugin_sdk::{Severity, Time};

use crate::shop::{STACK, at, batch, harness, server};

fn logs(service: &str, received_at: Time, records: Vec<TestLog>) -> LogBatch {
    let builder =
        LogBatchBuilder::new(received_at).resource(&[("service.name", service), ("service.version", "1.0")]);
    records.into_iter().fold(builder, LogBatchBuilder::log).build()
}

#[test]
fn a_log_tells_the_exception_of_its_trace() {
    for log_first in [true, false] {
        let mut harness = harness();
        for n in 1..=4 {
            let span = server(n, 1, 0, "/pay").attribute("http.response.status_code", 500);
            let span = batch("payment", "1.0", 1, vec![span]);
            let log = TestLog::new(17, "could not charge")
                .within(n, 1)
                .event("exception");
            let log = logs(
                "payment",
                at(1),
                vec![log.exception("com.shop.CardDeclined", "card 5 declined", STACK)],
            );
            if log_first {
                harness.logs(log).spans(span);
            } else {
                harness.spans(span).logs(log);
            }
        }
        let signals = harness.silence_until(at(30)).take_signals();
        assert_eq!(signals.len(), 1, "{signals:?}");
        assert_eq!(signals[0].kind, "errors.exception");
        assert_eq!(signals[0].operation, "POST /pay");
        assert_eq!((signals[0].count, signals[0].evidence.len()), (4, 8));
    }
}

#[test]
fn a_service_without_traces_counts_by_itself() {
    let mut harness = harness();
    for n in 0..3 {
        harness.logs(logs("cron", at(n), vec![TestLog::new(21, STACK)]));
    }
    let signals = harness.silence_until(at(20)).take_signals();
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0].service, "cron");
    assert_eq!(signals[0].start_time, at(0).as_nanos());
    assert_eq!(signals[0].end_time, at(2).as_nanos());
}

#[test]
fn without_failed_spans_the_first_to_complain_is_the_origin() {
    let mut harness = harness();
    for n in 1..=3 {
        let body = |service: &str| {
            format!(
                "threw exception [failed; nested exception is java.lang.IllegalStateException: no {service}]"
            )
        };
        let deep = TestLog::new(17, body("seat")).within(n, 7).at(at(1));
        let outer = TestLog::new(17, body("travel")).within(n, 3).at(at(2));
        harness.logs(logs("preserve", at(3), vec![outer]));
        harness.logs(logs("travel", at(3), vec![deep]));
    }
    let signals = harness.silence_until(at(30)).take_signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!(signals[0].service, "travel");
    assert_eq!(signals[0].affected, ["preserve"]);
}

/// A request at the shop that goes well, one a second.
fn requests(harness: &mut Harness<Errors>, seconds: std::ops::Range<u64>) {
    for second in seconds {
        let span = server(second + 1, 1, 0, "/contacts").attribute("http.response.status_code", 200);
        harness.spans(batch("shop", "1.0", second, vec![span]));
    }
}

/// The same, each with a log record.
fn records(harness: &mut Harness<Errors>, seconds: std::ops::Range<u64>, body: &str) {
    for second in seconds {
        requests(harness, second..second + 1);
        let record = TestLog::new(17, format!("{body} {second}")).within(second + 1, 1);
        harness.logs(logs("shop", at(second), vec![record.at(at(second))]));
    }
}

#[test]
fn a_record_that_wasnt_written_before_is_news_even_early() {
    let mut harness = harness();
    requests(&mut harness, 0..40);
    records(&mut harness, 40..100, "no contacts for");
    let signals = harness.silence_until(at(120)).take_signals();
    assert!(!signals.is_empty());
    assert!(signals.iter().all(|signal| signal.kind == "errors.record"));
    assert_eq!(signals[0].service, "shop");
    assert_eq!(signals.last().unwrap().severity, Severity::High, "{signals:?}");
}

#[test]
fn a_record_that_was_always_written_is_none_and_so_is_its_neighbour() {
    let mut harness = harness();
    records(&mut harness, 0..60, "status wrong of");
    records(&mut harness, 60..110, "other status wrong of");
    assert_eq!(harness.silence_until(at(130)).signals(), []);
}

#[test]
fn a_record_takes_no_blame_from_an_exception() {
    let mut harness = harness();
    requests(&mut harness, 0..130);
    for n in 200..204 {
        let body = "failed; nested exception is java.lang.IllegalStateException: no seat";
        let plain = TestLog::new(17, "first to complain").within(n, 7).at(at(n));
        let exception = TestLog::new(17, body).within(n, 3).at(at(n + 1));
        harness.logs(logs("stock", at(n + 1), vec![plain]));
        harness.logs(logs("travel", at(n + 1), vec![exception]));
    }
    let signals = harness.silence_until(at(230)).take_signals();
    let kinds: Vec<_> = signals
        .iter()
        .map(|signal| (signal.kind.as_str(), signal.service.as_str()))
        .collect();
    assert!(kinds.contains(&("errors.exception", "travel")), "{kinds:?}");
    assert!(
        signals.iter().all(|signal| signal.affected.is_empty()),
        "{signals:?}"
    );
}

#[test]
fn other_records_are_no_errors() {
    let mut harness = harness();
    let records = || {
        vec![
            TestLog::new(13, STACK),
            TestLog::new(17, "order 5 is wrong"),
            TestLog::new(0, STACK),
            TestLog::new(255, STACK),
        ]
    };
    for n in 0..10 {
        harness.logs(logs("shop", at(n), records()));
    }
    assert_eq!(harness.silence_until(at(60)).signals(), []);
}
