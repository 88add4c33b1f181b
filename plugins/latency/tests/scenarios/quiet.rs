//! What is nothing.

use std::time::Duration;

use aia_plugin_sdk::SpanKind;
use aia_plugin_sdk::testing::TestSpan;

use crate::shop::{HEALTHY, Shop, at, batch, harness};

#[test]
fn low_traffic_is_quiet() {
    let mut harness = harness();
    let request = |second: u64, millis: u64| {
        let span = TestSpan::new("GET /rare")
            .kind(SpanKind::Server)
            .trace(second + 1)
            .id(1);
        batch(
            "shop",
            "",
            at(second),
            vec![span.at(at(second), Duration::from_millis(millis))],
        )
    };
    // A request in ten seconds: six within a window, however slow, are fewer than ten.
    for second in (0..1200).step_by(10) {
        harness.spans(request(second, 20));
    }
    for second in (1200..1500).step_by(10) {
        harness.spans(request(second, 3000));
    }
    assert_eq!(harness.signals(), []);
}

#[test]
fn the_warm_up_is_quiet_and_short() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..30);
    let slow = Shop {
        payment: 900,
        ..HEALTHY
    };
    slow.run(&mut harness, 30..50);
    assert_eq!(harness.signals(), []);
    // A minute is enough to know what is usual.
    let mut harness = crate::shop::harness();
    HEALTHY.run(&mut harness, 0..60);
    slow.run(&mut harness, 60..120);
    assert!(!harness.signals().is_empty());
}

#[test]
fn more_traffic_and_less_are_nothing() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..120);
    Shop { rate: 20, ..HEALTHY }.run(&mut harness, 120..180);
    Shop { rate: 1, ..HEALTHY }.run(&mut harness, 180..240);
    harness.silence_until(at(4000));
    HEALTHY.run(&mut harness, 4000..4060);
    assert_eq!(harness.signals(), []);
}

#[test]
fn one_pause_is_nothing() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..120);
    Shop {
        payment: 2000,
        ..HEALTHY
    }
    .run(&mut harness, 122..127);
    HEALTHY.run(&mut harness, 127..300);
    assert_eq!(harness.signals(), []);
}

#[test]
fn background_work_of_growing_length_without_requests_is_nothing() {
    let mut harness = harness();
    for second in 0..300 {
        let span = TestSpan::new("compact").trace(second + 1).id(1);
        let span = span.at(at(second), Duration::from_millis(10 + second * 10));
        harness.spans(batch("store", "", at(second), vec![span]));
    }
    assert_eq!(harness.signals(), []);
}
