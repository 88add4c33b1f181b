//! Exceptions in logs.

use aia_plugin_sdk::Time;
use aia_plugin_sdk::columns::LogBatch;
use aia_plugin_sdk::testing::{LogBatchBuilder, TestLog};

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
