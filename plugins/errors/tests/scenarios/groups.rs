//! What is one group and what is two.

use aia_plugin_sdk::testing::TestSpan;
use aia_plugin_sdk::{Severity, SpanKind};

use crate::shop::{at, batch, harness, server};

#[test]
fn ids_ports_and_lines_dont_part_a_group() {
    let mut harness = harness();
    for n in 0..6_u64 {
        let message = format!("connect to 10.0.0.{n}:{} failed, order {}", 4000 + n, 77 * n);
        let stack = format!(
            "ConnectError: {message}\n    at Pool.get (/app/dist/pool.js:{}:{})",
            10 + n,
            n + 1
        );
        let span = server(n, 1, 0, "/orders")
            .error("")
            .exception("ConnectError", &message, &stack);
        harness.spans(batch("orders", "1.0", 1, vec![span]));
        let span = server(50 + n, 1, 0, "/orders")
            .error("")
            .exception("ConnectError", &message, "");
        harness.spans(batch("mailer", "1.0", 1, vec![span]));
    }
    let signals = harness.silence_until(at(25)).take_signals();
    let found: Vec<_> = signals
        .iter()
        .map(|signal| (signal.service.as_str(), signal.count))
        .collect();
    assert_eq!(found.len(), 2, "{signals:?}");
    assert!(
        found.contains(&("orders", 6)) && found.contains(&("mailer", 6)),
        "{found:?}"
    );
}

#[test]
fn handled_exceptions_and_the_clients_fault_are_no_errors() {
    let mut harness = harness();
    for n in 0..20 {
        let handled = server(n, 1, 0, "/a")
            .attribute("http.response.status_code", 200)
            .exception("Retry", "once", "");
        let absent = TestSpan::new("GET")
            .kind(SpanKind::Client)
            .trace(n)
            .id(2)
            .parent(1);
        let absent = absent
            .attribute("http.response.status_code", 404)
            .error("")
            .exception("NotFound", "no", "");
        let decided = server(n, 3, 0, "/b").exception("Ignored", "x", "").ok();
        harness.spans(batch("shop", "1.0", 1, vec![handled, absent, decided]));
    }
    assert_eq!(harness.silence_until(at(60)).signals(), []);
}

#[test]
fn an_exception_below_a_failed_span_is_its_cause() {
    let mut harness = harness();
    for n in 0..40 {
        let request = server(n, 1, 0, "/a").attribute("http.response.status_code", 500);
        let query = TestSpan::new("SELECT")
            .kind(SpanKind::Client)
            .trace(n)
            .id(2)
            .parent(1);
        let query = query.exception("Deadlock", "try again", "");
        harness.spans(batch("shop", "1.0", 1, vec![request, query]));
    }
    let signals = harness.silence_until(at(30)).take_signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!(signals[0].fingerprint.parts[2], "Deadlock");
    assert_eq!(signals[0].operation, "POST /a");
    assert_eq!(signals[0].severity, Severity::Critical);
    let share = signals[0]
        .measures
        .iter()
        .find(|measure| measure.name == "errors.share")
        .unwrap();
    assert_eq!((share.value, share.baseline), (1.0, None));
}

#[test]
fn rpc_and_bare_statuses_have_kinds_of_their_own() {
    let mut harness = harness();
    for n in 0..4 {
        let rpc = TestSpan::new("shop.Pay/Charge")
            .kind(SpanKind::Server)
            .trace(n)
            .id(1);
        let rpc = rpc
            .attribute("rpc.grpc.status_code", 13)
            .attribute("rpc.method", "Charge")
            .attribute("rpc.service", "shop.Pay");
        let job = TestSpan::new(&format!("job {n}12345"))
            .trace(100 + n)
            .id(1)
            .error("disk full");
        harness.spans(batch("shop", "1.0", 1, vec![rpc, job]));
    }
    let signals = harness.silence_until(at(30)).take_signals();
    let mut kinds: Vec<_> = signals
        .iter()
        .map(|signal| (signal.kind.as_str(), signal.operation.as_str()))
        .collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [("errors.rpc", "shop.Pay/Charge"), ("errors.status", "job {id}")]
    );
}
