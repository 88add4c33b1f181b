//! What is told of, and what isn't.

use aia_plugin_logs::{LogLines, templates};
use aia_plugin_sdk::Severity;
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, TestLog, TestValue};

use crate::world::{Line, at, run};

fn usual(tick: u64) -> Vec<Line> {
    (0..5)
        .map(|n| (9, format!("order {} took {} ms", 5 * tick + n, n)))
        .collect()
}

#[test]
fn a_new_error_is_told_of() {
    let mut harness = Harness::<LogLines>::new();
    run(&mut harness, 0..100, usual);
    assert_eq!(harness.signals(), []);
    run(&mut harness, 100..103, |tick| {
        let mut lines = usual(tick);
        lines.push((17, format!("ledger refused order {tick}")));
        lines
    });
    let signals = harness.take_signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    let signal = &signals[0];
    assert_eq!(
        (signal.kind.as_str(), signal.service.as_str()),
        ("logs.template.new", "cart")
    );
    assert_eq!(
        signal.title,
        "cart logs what it never did: ledger refused order <*>"
    );
    assert_eq!(signal.severity, Severity::Medium);
    assert_eq!(signal.fingerprint.parts[..2], ["logs.template.new", "cart"]);
    assert!(!signal.evidence.is_empty());
}

#[test]
fn a_new_error_within_the_warm_up_or_a_new_info_line_is_not() {
    let mut harness = Harness::<LogLines>::new();
    run(&mut harness, 0..40, usual);
    run(&mut harness, 40..41, |_| vec![(17, "ledger refused".into())]);
    run(&mut harness, 41..200, usual);
    run(&mut harness, 200..201, |_| vec![(9, "ledger is back".into())]);
    run(&mut harness, 201..204, usual);
    assert_eq!(harness.signals(), []);
}

#[test]
fn a_burst_is_told_of_and_more_traffic_is_not() {
    let mut harness = Harness::<LogLines>::new();
    let with = |retries: u64, orders: u64| {
        move |tick: u64| {
            let mut lines: Vec<Line> = (0..orders)
                .map(|n| (9, format!("order {} done", tick + n)))
                .collect();
            lines.extend((0..retries).map(|n| (13, format!("retry {n} of the ledger"))));
            lines
        }
    };
    run(&mut harness, 0..120, with(1, 20));
    run(&mut harness, 120..140, with(5, 100));
    assert_eq!(harness.signals(), [], "five times the traffic");
    run(&mut harness, 140..260, with(1, 20));
    run(&mut harness, 260..270, with(30, 20));
    let signals = harness.take_signals();
    assert!(!signals.is_empty());
    assert!(
        signals.iter().all(|signal| signal.kind == "logs.template.burst"),
        "{signals:?}"
    );
    assert!(
        signals[0].title.ends_with("retry <*> of the ledger"),
        "{}",
        signals[0].title
    );
}

#[test]
fn a_heartbeat_that_stops_is_told_of_once() {
    let mut harness = Harness::<LogLines>::new();
    let beating = |tick: u64| {
        let mut lines = usual(tick);
        if tick.is_multiple_of(3) {
            lines.push((9, "reconciler swept the carts".into()));
        }
        lines
    };
    run(&mut harness, 0..150, beating);
    assert_eq!(harness.signals(), []);
    run(&mut harness, 150..240, usual);
    let signals = harness.take_signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!(signals[0].kind, "logs.template.stopped");
    assert_eq!(
        signals[0].title,
        "cart doesn't log any more what it did every 30 s: reconciler swept the carts"
    );
}

#[test]
fn a_service_that_falls_silent_or_gets_its_rows_late_or_twice_is_not() {
    let mut harness = Harness::<LogLines>::new();
    let beat = |second: u64| TestLog::new(9, "reconciler swept the carts").at(at(second));
    for tick in 0..200 {
        // Twice each, and every tenth batch a minute late.
        let of = if tick % 10 == 0 {
            (10 * tick_u64(tick)).saturating_sub(60)
        } else {
            10 * tick_u64(tick)
        };
        let batch = LogBatchBuilder::new(at(10 * tick_u64(tick) + 1)).resource(&[("service.name", "cart")]);
        harness.logs(batch.log(beat(of)).log(beat(of)).build());
    }
    harness.silence_until(at(4000));
    assert_eq!(harness.signals(), []);
}

fn tick_u64(tick: u32) -> u64 {
    u64::from(tick)
}

#[test]
fn structured_bodies_and_traces_are_templates() {
    let mut harness = Harness::<LogLines>::new();
    let map = |n: i64| {
        TestValue::Map(vec![
            ("level".into(), "info".into()),
            ("message".into(), format!("cart {n} saved").into()),
        ])
    };
    let batch = LogBatchBuilder::new(at(0)).resource(&[("service.name", "cart")]);
    let batch = batch
        .log(TestLog::new(9, map(1)))
        .log(TestLog::new(9, map(2)))
        .log(TestLog::new(
            17,
            "order 7 failed\n\tat shop.Cart.save(Cart.java:12)\n\tat shop.Main",
        ))
        .log(TestLog::new(
            17,
            "order 8 failed\n\tat shop.Cart.load(Cart.java:99)",
        ));
    harness.logs(batch.build());
    let found = templates(&harness.snapshot()).unwrap();
    let texts: Vec<_> = found.iter().map(|one| (one.text.as_str(), one.count)).collect();
    assert_eq!(texts, [("cart <*> saved", 2), ("order <*> failed", 2)]);
    assert!(found.iter().any(|one| one.example == "cart 1 saved"), "{found:?}");
}

#[test]
fn a_heartbeat_that_another_release_leaves_out_is_not() {
    let mut harness = Harness::<LogLines>::new();
    let mut feed = |seconds: std::ops::Range<u64>, release: &str, beats: bool| {
        for second in seconds.step_by(10) {
            let resource = [("service.name", "cart"), ("service.version", release)];
            let mut batch = LogBatchBuilder::new(at(second + 1)).resource(&resource);
            batch = batch.log(TestLog::new(9, format!("order {second} done")));
            if beats && second % 30 == 0 {
                batch = batch.log(TestLog::new(9, "reconciler swept the carts"));
            }
            harness.logs(batch.build());
        }
    };
    feed(0..1500, "1", true);
    feed(1500..3000, "2", false);
    assert_eq!(harness.signals(), []);
}

#[test]
fn clocks_that_are_wrong_are_not() {
    let mut harness = Harness::<LogLines>::new();
    for second in (0..3000_u64).step_by(10) {
        // One instance is an hour ahead, another an hour behind, from some time on.
        let mut batch = LogBatchBuilder::new(at(second + 4000)).resource(&[("service.name", "cart")]);
        let of = if second < 1500 {
            second + 4000
        } else {
            second + 7600
        };
        batch = batch.log(TestLog::new(9, "reconciler swept the carts").at(at(of)));
        batch = batch.log(TestLog::new(9, "order done").at(at(second + 400)));
        harness.logs(batch.build());
    }
    assert_eq!(harness.signals(), []);
}

#[test]
fn low_traffic_is_quiet() {
    let mut harness = Harness::<LogLines>::new();
    run(&mut harness, 0..600, |tick| {
        if tick % 50 == 7 {
            vec![(13, format!("nobody asked for {tick} s"))]
        } else {
            Vec::new()
        }
    });
    assert_eq!(harness.signals(), []);
}
