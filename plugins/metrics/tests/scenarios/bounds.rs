//! Whatever is sent, the state stays bounded, and what is known stays known.

use aia_plugin_sdk::snapshot::MAX_BYTES;
use aia_plugin_sdk::testing::{MetricBatchBuilder, TestMetric, TestPoint};

use crate::fleet::{Fleet, LEARNED, at, batch, gauge, noise};

#[test]
fn many_series_of_every_kind_with_long_names() {
    let mut fleet = Fleet::new().without_restoring();
    let long = "n".repeat(300);
    for number in 0..60_u64 {
        for group in 0..40_u64 {
            let service = format!("{group}-{long}");
            let resource = [
                ("service.name", service.as_str()),
                ("service.version", long.as_str()),
            ];
            let mut batch = MetricBatchBuilder::new(at(number * 30)).resource(&resource);
            for index in 0..40_u64 {
                let name = format!("{index}-{long}");
                let value = noise(number * 10_000 + group * 100 + index);
                // Some are peaks, so that much is found, too.
                let value = if number > 50 { 1e9 * value } else { value };
                let point = if index % 8 == 0 {
                    TestPoint::Histogram {
                        sum: 1.0,
                        bounds: (0..159).map(f64::from).collect(),
                        counts: vec![u64::MAX / 200 + number; 160],
                    }
                } else {
                    TestPoint::Double(value)
                };
                batch = batch.metric(
                    TestMetric::new(&name, &long)
                        .sum(true, false)
                        .point(point, &[(&name, &long)]),
                );
            }
            fleet.metrics(batch.build());
        }
        let bytes = fleet.snapshot().len();
        assert!(bytes < MAX_BYTES, "{bytes} bytes after {number}");
    }
    let is_said = |line: &str| line.ends_with("there is room for 1000 series");
    assert!(
        fleet.lines().iter().any(|(_, line)| is_said(line)),
        "{:?}",
        fleet.lines()
    );
}

#[test]
fn attributes_without_end_take_no_room_of_others() {
    let mut fleet = Fleet::new().without_restoring();
    for number in 0..LEARNED + 30 {
        let mut flood = TestMetric::new("flood", "");
        for index in 0..200 {
            let id = format!("{number}-{index}");
            flood = flood.point(TestPoint::Double(noise(index)), &[("request.id", &id)]);
        }
        let value = if number < LEARNED { 5.0 } else { 50.0 } + noise(number);
        // The flood comes first: what it must not take is the room of what comes later.
        fleet.metrics(batch(number, "cart", vec![flood, gauge("queue.length", value)]));
    }
    let signals = fleet.take_signals();
    let parts = ["metrics", "cart", "queue.length", ""];
    assert!(
        signals.iter().any(|signal| signal.fingerprint.parts == parts),
        "{signals:?}"
    );
    assert!(fleet.snapshot().len() < MAX_BYTES / 2);
}

#[test]
fn instances_give_their_room_to_those_that_replace_them() {
    let mut fleet = Fleet::new().without_restoring();
    let run = |fleet: &mut Fleet, generation: u64, minutes: std::ops::Range<u64>, value: f64| {
        let pod = format!("pod-{generation}");
        for minute in minutes {
            let time = at(6 * (minute + 120 * generation));
            for service in ["cart", "stock", "pay"] {
                let resource = [("service.name", service), ("k8s.pod.name", pod.as_str())];
                let mut batch = MetricBatchBuilder::new(time).resource(&resource);
                for name in ["queue", "pool"] {
                    let mut metric = TestMetric::new(name, "");
                    for shard in 0..120_u64 {
                        let point = TestPoint::Double(value + noise(minute * 1000 + shard));
                        metric = metric.point(point, &[("shard", &shard.to_string())]);
                    }
                    batch = batch.metric(metric);
                }
                fleet.metrics(batch.build());
            }
        }
    };
    for generation in 0..5 {
        run(&mut fleet, generation, 0..120, 5.0);
    }
    let before = fleet.lines().len();
    run(&mut fleet, 5, 0..240, 5.0);
    fleet.take_signals();
    // What is left of the one before is silent for less than half an hour at first.
    let late = fleet.lines().len() - before;
    run(&mut fleet, 5, 240..250, 500.0);
    assert_eq!(fleet.lines().len() - before, late, "all have room by then");
    assert!(!fleet.take_signals().is_empty());
}
