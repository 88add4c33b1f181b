//! Errors are laid at where they began, in whatever order services send them.

use std::time::Duration;

use aia_plugin_sdk::columns::SpanBatch;
use aia_plugin_sdk::testing::TestSpan;
use aia_plugin_sdk::{Signal, SpanKind};
use proptest::prelude::*;

use crate::shop::{at, batch, failing, harness, server};

/// The one signal given by these batches in silence.
fn only_signal(batches: Vec<SpanBatch>) -> Signal {
    let mut harness = harness();
    for batch in batches {
        harness.spans(batch);
    }
    let signals = harness.silence_until(at(60)).take_signals();
    let [signal] = <[Signal; 1]>::try_from(signals).unwrap();
    signal
}

fn assert_laid_at_payment(signal: &Signal) {
    assert_eq!(signal.service, "payment");
    assert_eq!(signal.operation, "POST /charge");
    assert_eq!(signal.affected, ["gateway", "orders"]);
    assert_eq!(signal.count, 3);
    assert_eq!(signal.kind, "errors.exception");
    let parts = [
        "errors.exception",
        "payment",
        "com.shop.CardDeclined",
        "com.shop.payment.Cards.charge",
        "com.shop.payment.Api.post",
    ];
    assert_eq!(signal.fingerprint.parts, parts);
    assert_eq!(
        signal.title,
        "CardDeclined in payment (POST /charge): card 4711 declined"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_gives_the_same(order in Just((0..9).collect::<Vec<usize>>()).prop_shuffle()) {
        let batches: Vec<_> = (1..=3).flat_map(|trace| failing(trace, 1, "1.0")).collect();
        let shuffled = order.iter().map(|index| batches[*index].clone()).collect();
        assert_laid_at_payment(&only_signal(shuffled));
    }
}

#[test]
fn spans_that_went_well_in_between_dont_break_the_chain() {
    let whole = at(1);
    let batches = (1..=3)
        .map(|trace| {
            let request = server(trace, 1, 0, "/pay").at(whole, Duration::from_millis(100));
            let inner = TestSpan::new("charge").trace(trace).id(9).parent(7);
            let inner = inner.at(whole.after(Duration::from_millis(10)), Duration::from_millis(20));
            let spans = vec![
                request.error(""),
                inner.error("").exception("CardDeclined", "no", ""),
            ];
            batch("payment", "1.0", 1, spans)
        })
        .collect();
    let signal = only_signal(batches);
    assert_eq!(signal.operation, "POST /pay");
    assert_eq!(signal.fingerprint.parts[2], "CardDeclined");
    assert_eq!(signal.affected, Vec::<String>::new());
}

#[test]
fn uninstrumented_callee_is_laid_at_the_caller() {
    let batches = (1..=3)
        .map(|trace| {
            let call = TestSpan::new("GET")
                .kind(SpanKind::Client)
                .trace(trace)
                .id(2)
                .parent(1);
            let call = call.attribute("http.response.status_code", 503).error("");
            let request = server(trace, 1, 0, "/quote").attribute("http.response.status_code", 502);
            batch(
                "shipping",
                "1.0",
                1,
                vec![request.at(at(1), Duration::from_secs(1)), call],
            )
        })
        .collect();
    let signal = only_signal(batches);
    assert_eq!(
        (signal.service.as_str(), signal.operation.as_str()),
        ("shipping", "POST /quote")
    );
    assert_eq!(signal.kind, "errors.http");
}

#[test]
fn a_late_caller_joins_the_group() {
    let mut harness = harness();
    for second in 0..8 {
        let [gateway, orders, payment] = failing(second, second, "1.0");
        harness.spans(payment).spans(orders);
        drop(gateway);
    }
    harness.silence_until(at(30));
    assert_eq!(harness.take_signals().len(), 1);
    for second in 0..8 {
        let [mut gateway, ..] = failing(second, second, "1.0");
        gateway.common.received_at = at(31).as_nanos();
        harness.spans(gateway);
    }
    for batch in failing(100, 32, "1.0") {
        harness.spans(batch);
    }
    let signals = harness.silence_until(at(70)).take_signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!((signals[0].service.as_str(), signals[0].count), ("payment", 1));
    assert_eq!(signals[0].affected, ["gateway", "orders"]);
}

#[test]
fn a_late_callee_is_the_deeper_origin() {
    let mut harness = harness();
    let requests: Vec<_> = (0..3).map(|trace| failing(trace, 1, "1.0")).collect();
    for [gateway, orders, _] in requests.clone() {
        harness.spans(gateway).spans(orders);
    }
    let early = harness.silence_until(at(30)).take_signals();
    assert_eq!(early.len(), 1);
    assert_eq!(early[0].service, "orders");
    for [_, _, mut payment] in requests {
        payment.common.received_at = at(31).as_nanos();
        harness.spans(payment);
    }
    let late = harness.silence_until(at(70)).take_signals();
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].service.as_str(), late[0].count), ("payment", 3));
}

#[test]
fn links_lead_from_consumer_to_producer() {
    let mut harness = harness();
    for trace in 1..=3 {
        let send = TestSpan::new("send")
            .kind(SpanKind::Producer)
            .trace(trace)
            .id(1)
            .error("");
        let receive = TestSpan::new("process")
            .kind(SpanKind::Consumer)
            .trace(100 + trace)
            .id(2)
            .link(trace, 1);
        let receive = receive.error("").exception("BadMessage", "cannot parse", "");
        harness.spans(batch("orders", "1.0", 1, vec![send]));
        harness.spans(batch("mailer", "1.0", 2, vec![receive]));
    }
    let signals = harness.silence_until(at(60)).take_signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!(signals[0].service, "mailer");
    assert_eq!(signals[0].affected, ["orders"]);
}

#[test]
fn the_same_span_twice_counts_once() {
    let mut batches: Vec<_> = (1..=3).flat_map(|trace| failing(trace, 1, "1.0")).collect();
    batches.extend(batches.clone());
    assert_laid_at_payment(&only_signal(batches));
}

#[test]
fn parents_in_a_circle_end() {
    let batches = (1..=3)
        .map(|trace| {
            let spans = vec![
                TestSpan::new("a").trace(trace).id(1).parent(2).error(""),
                TestSpan::new("b").trace(trace).id(2).parent(1).error(""),
                TestSpan::new("c").trace(trace).id(3).parent(3).error("boom"),
            ];
            batch("odd", "1.0", 1, spans)
        })
        .collect();
    assert_eq!(only_signal(batches).service, "odd");
}

#[test]
fn clocks_may_be_off() {
    for skew in [Duration::from_secs(3), Duration::from_secs(50_000_000)] {
        let nanos = u64::try_from(skew.as_nanos()).unwrap();
        let batches = (1..=3)
            .flat_map(|trace| failing(trace, 1, "1.0"))
            .map(|mut batch| {
                // Payment's spans are 5 and 6.
                if batch.spans.span_id.contains(&5) {
                    batch.spans.start_time.iter_mut().for_each(|time| *time += nanos);
                    batch.spans.end_time.iter_mut().for_each(|time| *time += nanos);
                    batch.events.time.iter_mut().for_each(|time| *time += nanos);
                }
                batch
            })
            .collect();
        assert_laid_at_payment(&only_signal(batches));
    }
}
