//! What is told of, and how.

use aia_plugin_sdk::Severity;
use aia_plugin_sdk::testing::{MetricBatchBuilder, TestMetric, TestPoint};

use crate::fleet::{Fleet, LEARNED, at, batch, gauge, learned, noise, run};

#[test]
fn a_shift_is_told_of_once_and_lasts() {
    let mut fleet = learned(|number| 20.0 + 3.0 * noise(number));
    run(&mut fleet, LEARNED..LEARNED + 30, |number| {
        90.0 + 3.0 * noise(number)
    });
    let signals = fleet.take_signals();
    let last = signals.last().unwrap();
    assert_eq!(last.kind, "metrics.shift");
    assert_eq!(last.severity, Severity::Medium);
    assert_eq!(last.fingerprint.parts, ["metrics", "cart", "queue.length", ""]);
    assert!(
        signals
            .iter()
            .all(|signal| signal.fingerprint == last.fingerprint)
    );
    assert!(signals.len() <= 8, "{}", signals.len());
    assert_eq!((last.service.as_str(), last.release.as_str()), ("cart", "1.0"));
    assert!(
        last.title.starts_with("queue.length went up to 9"),
        "{}",
        last.title
    );
    assert_eq!(last.start_time, at(LEARNED).as_nanos());
    assert!(!last.evidence.is_empty() && last.measures[0].baseline.unwrap() < 40.0);
}

#[test]
fn what_stays_becomes_usual() {
    let mut fleet = learned(|number| 20.0 + 3.0 * noise(number));
    run(&mut fleet, LEARNED..LEARNED + 200, |number| {
        90.0 + 3.0 * noise(number)
    });
    fleet.take_signals();
    run(&mut fleet, LEARNED + 200..LEARNED + 400, |number| {
        90.0 + 3.0 * noise(number)
    });
    assert_eq!(fleet.signals(), []);
}

#[test]
fn a_single_peak_is_low() {
    let mut fleet = learned(|number| 20.0 + 3.0 * noise(number));
    run(&mut fleet, LEARNED..LEARNED + 20, |number| {
        if number == LEARNED {
            500.0
        } else {
            20.0 + 3.0 * noise(number)
        }
    });
    let signals = fleet.take_signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!(
        (signals[0].kind.as_str(), signals[0].severity),
        ("metrics.spike", Severity::Low)
    );
}

#[test]
fn a_fall_to_nothing_is_told_of() {
    let mut fleet = learned(|number| 200.0 + 30.0 * noise(number));
    run(&mut fleet, LEARNED..LEARNED + 20, |_| 0.0);
    let last = fleet.take_signals().pop().unwrap();
    assert!(
        last.title.starts_with("queue.length went down to 0"),
        "{}",
        last.title
    );
}

#[test]
fn one_trouble_of_many_series_and_services_is_one_case() {
    let mut fleet = Fleet::new();
    let names = ["cart", "pay", "ship"];
    for number in 0..LEARNED + 20 {
        let height = if number < LEARNED { 1.0 } else { 8.0 };
        for (seed, service) in (1_u64..).zip(names) {
            let metric = |index: u64| {
                let value = 10.0 + noise(number * 100 + index * 10 + seed);
                gauge(&format!("metric.{index}"), height * value)
            };
            fleet.metrics(batch(number, service, (0..10).map(metric).collect()));
        }
    }
    let signals = fleet.take_signals();
    let first = &signals[0];
    assert!(
        signals
            .iter()
            .all(|signal| signal.fingerprint == first.fingerprint),
        "{signals:?}"
    );
    let widest = signals.iter().max_by_key(|signal| signal.count).unwrap();
    assert_eq!(widest.affected.len(), 2);
    assert!(
        widest.count >= 20 && widest.title.contains("more series"),
        "{widest:?}"
    );
}

#[test]
fn instances_of_a_service_that_show_the_same_are_one_case() {
    let mut fleet = Fleet::new();
    for number in 0..LEARNED + 20 {
        let mut batch = MetricBatchBuilder::new(at(number));
        for pod in 0..6_u64 {
            // One after another, within a minute.
            let height = if number < LEARNED + pod { 10.0 } else { 80.0 };
            let name = format!("cart-{pod}");
            batch = batch
                .resource(&[("service.name", "cart"), ("k8s.pod.name", &name)])
                .metric(gauge("queue.length", height + noise(10 * number + pod)));
        }
        fleet.metrics(batch.build());
    }
    let signals = fleet.take_signals();
    let first = &signals[0];
    let is_same = |signal: &aia_plugin_sdk::Signal| signal.fingerprint == first.fingerprint;
    assert!(signals.iter().all(is_same), "{signals:?}");
    assert!(signals.iter().any(|signal| signal.count == 6), "{signals:?}");
}

/// Twenty services; from [`LEARNED`] on each in turn has two minutes of much more, `distance` values apart. The number
/// of cases of medium severity.
fn turns(distance: u64) -> usize {
    let mut fleet = Fleet::new().without_restoring();
    for number in 0..LEARNED + 20 * distance {
        let turn = number.saturating_sub(LEARNED);
        for service in 0..20_u64 {
            let is_out = number >= LEARNED && turn / distance == service && turn % distance < 12;
            let value = if is_out { 90.0 } else { 20.0 } + 3.0 * noise(20 * number + service);
            fleet.metrics(batch(
                number,
                &format!("service-{service}"),
                vec![gauge("wait", value)],
            ));
        }
    }
    let signals = fleet.take_signals();
    let is_medium = |signal: &&aia_plugin_sdk::Signal| signal.severity == Severity::Medium;
    let cases: std::collections::BTreeSet<_> = signals
        .iter()
        .filter(is_medium)
        .map(|signal| &signal.fingerprint.parts)
        .collect();
    cases.len()
}

#[test]
fn what_a_metric_does_all_day_is_medium_only_at_first() {
    assert_eq!(turns(100), 2);
}

#[test]
fn a_limit_is_seen_coming() {
    let mut fleet = Fleet::new();
    for number in 0..700_u64 {
        let used = 40.0 + 0.1 * f64::from(u32::try_from(number.saturating_sub(200)).unwrap());
        let metric =
            TestMetric::new("disk.used", "%").point(TestPoint::Double(used + 0.05 * noise(number)), &[]);
        fleet.metrics(batch(number, "db", vec![metric]));
    }
    let signals = fleet.take_signals();
    let limit = signals
        .iter()
        .find(|signal| signal.kind == "metrics.limit")
        .unwrap();
    assert_eq!(limit.severity, Severity::Medium);
    assert!(
        limit.title.contains("reaches its limit within"),
        "{}",
        limit.title
    );
}

/// Signals about bytes that are free, of which so many are used from value to value from the 200th on.
fn falling(name: &str, per_value: f64) -> Vec<aia_plugin_sdk::Signal> {
    let mut fleet = Fleet::new();
    for number in 0..700_u32 {
        let used = per_value * f64::from(number.saturating_sub(200));
        let number = u64::from(number);
        let value = 1e9 * (60.0 - used + 0.05 * noise(number));
        let metric = TestMetric::new(name, "By").point(TestPoint::Double(value), &[]);
        fleet.metrics(batch(number, "db", vec![metric]));
    }
    fleet.take_signals()
}

#[test]
fn what_is_left_is_seen_to_run_out() {
    let is_limit = |signal: &aia_plugin_sdk::Signal| signal.kind == "metrics.limit";
    let signals = falling("disk.free", 0.1);
    let limit = signals.iter().find(|signal| is_limit(signal)).unwrap();
    assert_eq!(limit.severity, Severity::Medium);
    assert!(!falling("disk.free", 0.0).iter().any(is_limit), "it stands still");
    assert!(
        !falling("disk.read", 0.1).iter().any(is_limit),
        "nothing says that it ends"
    );
    let is_low = |signal: &aia_plugin_sdk::Signal| signal.severity == Severity::Low;
    assert!(falling("disk.free", 0.0).iter().all(is_low));
}

#[test]
fn what_comes_no_more_is_missed_once() {
    let mut fleet = Fleet::new();
    for number in 0..200 {
        let mut metrics = vec![gauge("a", noise(number))];
        if number < 100 {
            metrics.push(gauge("b", noise(number)));
        }
        fleet.metrics(batch(number, "cart", metrics));
    }
    let signals = fleet.take_signals();
    let missing: Vec<_> = signals
        .iter()
        .filter(|signal| signal.kind == "metrics.missing")
        .collect();
    assert!((1..=2).contains(&missing.len()), "{signals:?}");
    assert_eq!(missing[0].fingerprint.parts, ["metrics.missing", "cart", "b", ""]);
    assert_eq!(missing[0].severity, Severity::Low);
}

#[test]
fn silence_of_all_is_nobodys_trouble() {
    let mut fleet = learned(noise);
    fleet.silence_until(at(LEARNED + 400));
    assert_eq!(fleet.signals(), []);
}

#[test]
fn the_time_of_day_is_learned() {
    let mut fleet = Fleet::new().without_restoring();
    // Days of 288 values; busy from the middle on. On the sixth day nobody comes.
    let busy = |number: u64| number % 288 > 144;
    for number in 0..288 * 6 {
        let is_busy = busy(number) && number < 288 * 5;
        let value = if is_busy { 80.0 } else { 20.0 } + 8.0 * noise(number);
        let mut batch = batch(number, "cart", vec![gauge("users", value)]);
        let time = (at(0).as_nanos() / 86_400_000_000_000) * 86_400_000_000_000 + number * 300_000_000_000;
        batch.common.received_at = time;
        batch.points.time = vec![time];
        fleet.metrics(batch);
    }
    let signals = fleet.take_signals();
    assert!(
        signals.iter().any(|signal| signal.kind == "metrics.season"),
        "{signals:?}"
    );
}
