//! What real senders do, and what isn't to be told of.

use aia_plugin_metrics::Series;
use aia_plugin_sdk::testing::{MetricBatchBuilder, TestMetric, TestPoint};
use aia_plugin_sdk::{Severity, Time};

use crate::fleet::{Fleet, LEARNED, at, batch, gauge, learned, noise, run};

/// Feeds values and asserts that nothing of more than low severity is told.
fn is_quiet(name: &str, value: impl Fn(u64) -> f64) {
    let mut fleet = Fleet::new().without_restoring();
    run(&mut fleet, 0..3000, value);
    let bad: Vec<_> = fleet
        .signals()
        .iter()
        .filter(|signal| signal.severity != Severity::Low)
        .collect();
    assert_eq!(bad, Vec::<&aia_plugin_sdk::Signal>::new(), "{name}");
}

#[test]
fn ordinary_series_are_quiet() {
    is_quiet("constant", |_| 7.0);
    is_quiet("zero", |_| 0.0);
    is_quiet("even", noise);
    is_quiet("whole numbers", |number| (4.0 * noise(number)).floor());
    is_quiet("hardly ever", |number| f64::from(u8::from(noise(number) > 0.99)));
    is_quiet("heavy-tailed", |number| 1.0 / (1.0 - 0.999_9 * noise(number)));
    is_quiet("exponential", |number| -(1.0 - 0.999_999 * noise(number)).ln());
    is_quiet("a wave", |number| {
        let turn = f64::from(u32::try_from(number).unwrap()) / 30.0;
        10.0 * turn.sin() + noise(number)
    });
    is_quiet("large and steady", |number| 8e15 + 1000.0 * noise(number));
    is_quiet("sawtooth", |number| {
        f64::from(u32::try_from(number % 60).unwrap())
    });
}

#[test]
fn warm_up_is_quiet() {
    let mut fleet = Fleet::new();
    run(&mut fleet, 0..40, |number| if number < 20 { 1.0 } else { 1000.0 });
    assert_eq!(fleet.signals(), []);
}

#[test]
fn few_values_are_quiet() {
    let mut fleet = Fleet::new();
    for request in 0..60 {
        run(&mut fleet, 40 * request..40 * request + 1, |_| {
            if request < 30 { 1.0 } else { 9.0 }
        });
    }
    let is_low = |signal: &aia_plugin_sdk::Signal| signal.severity == Severity::Low;
    assert!(fleet.signals().iter().all(is_low), "{:?}", fleet.signals());
}

#[test]
fn what_is_no_number_is_passed_over() {
    let mut fleet = learned(noise);
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    run(&mut fleet, LEARNED..LEARNED + 60, |number| {
        odd.get(usize::try_from(number % 4).unwrap())
            .copied()
            .unwrap_or_else(|| noise(number))
    });
    assert_eq!(fleet.signals(), []);
}

#[test]
fn extremes_stay_finite() {
    for extreme in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -0.0] {
        let mut series = Series::new();
        for number in 0..500 {
            let value = if number % 97 == 96 { extreme } else { noise(number) };
            let score = series.observe(at(number), value);
            assert!((0.0..=1.0).contains(&score.anomaly), "{extreme} {score:?}");
            assert!(!score.surprise.is_nan());
        }
    }
}

#[test]
fn rows_that_come_twice_or_late_are_passed_over() {
    let mut fleet = learned(noise);
    for number in LEARNED..LEARNED + 60 {
        let fresh = batch(number, "cart", vec![gauge("queue.length", noise(number))]);
        fleet.metrics(fresh.clone());
        fleet.metrics(fresh);
        let mut late = batch(number, "cart", vec![gauge("queue.length", 1e6)]);
        late.points.time = vec![at(number - 50).as_nanos()];
        fleet.metrics(late);
    }
    assert_eq!(fleet.signals(), []);
}

#[test]
fn clocks_that_are_wrong_do_no_harm() {
    let mut fleet = Fleet::new();
    for number in 0..LEARNED + 60 {
        let mut skewed = batch(number, "cart", vec![gauge("queue.length", noise(number))]);
        // Years ahead, and without any time at all.
        skewed.points.time = vec![if number < LEARNED {
            at(number).as_nanos() + 1_u64.rotate_left(57)
        } else {
            0
        }];
        fleet.metrics(skewed);
    }
    assert_eq!(fleet.signals(), []);
}

#[test]
fn a_gap_is_no_jump() {
    let mut fleet = learned(|number| 0.02 * f64::from(u32::try_from(number).unwrap()) + noise(number));
    run(&mut fleet, LEARNED + 300..LEARNED + 320, |number| {
        0.02 * f64::from(u32::try_from(number - 290).unwrap()) + noise(number)
    });
    let is_low = |signal: &aia_plugin_sdk::Signal| signal.severity == Severity::Low;
    assert!(fleet.signals().iter().all(is_low), "{:?}", fleet.signals());
}

#[test]
fn another_release_is_named() {
    let mut fleet = learned(|number| 20.0 + 3.0 * noise(number));
    for number in LEARNED..LEARNED + 20 {
        let resource = [("service.name", "cart"), ("service.version", "2.0")];
        let metric = gauge("queue.length", 90.0 + noise(number));
        fleet.metrics(
            MetricBatchBuilder::new(at(number))
                .resource(&resource)
                .metric(metric)
                .build(),
        );
    }
    let last = fleet.take_signals().pop().unwrap();
    assert_eq!(last.release, "2.0");
}

#[test]
fn hostile_texts_are_texts() {
    let mut fleet = Fleet::new();
    let name = format!("q\n\u{1b}[31m{}", "\u{1f980}".repeat(200));
    for number in 0..LEARNED + 20 {
        let value = if number < LEARNED {
            noise(number)
        } else {
            900.0 + noise(number)
        };
        let metric =
            TestMetric::new(&name, &name).point(TestPoint::Double(value), &[(&name, &name), ("", "")]);
        let resource = [("service.name", name.as_str()), ("k8s.pod.name", name.as_str())];
        fleet.metrics(
            MetricBatchBuilder::new(at(number))
                .resource(&resource)
                .metric(metric)
                .build(),
        );
    }
    let last = fleet.take_signals().pop().unwrap();
    assert!(
        last.title.len() <= 300 && !last.title.contains(char::is_control),
        "{:?}",
        last.title
    );
    assert!(!last.details[0].value.contains('\u{1b}'));
}

#[test]
fn a_series_by_itself_finds_what_it_should() {
    let mut series = Series::new();
    let mut best = 0.0_f64;
    for number in 0..2000_u64 {
        let score = series.observe(Time::from_secs(300 * (number + 1)), 5.0 + noise(number));
        best = best.max(if number > 300 { score.anomaly } else { 0.0 });
    }
    let score = series.observe(Time::from_secs(300 * 2001), 15.0);
    assert!(score.anomaly > best && score.anomaly > 0.5, "{score:?} {best}");
}
