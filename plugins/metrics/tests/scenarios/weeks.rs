//! What is usual on one day of the week and isn't on another.

use aia_plugin_metrics::{Config, MetricsDetector, Series};
use aia_plugin_sdk::{Detector, Signal, Time, snapshot};

use crate::fleet::{Fleet, batch, gauge, noise};

/// Values of a day, one every five minutes.
const DAY: u64 = 288;

/// A Monday at midnight, UTC.
const MONDAY: u64 = 1_699_833_600;

/// Users of an office's software: a wave over the day, which is flat at weekends.
fn users(number: u64) -> f64 {
    let (day, of_day) = (number / DAY % 7, number % DAY);
    let turn = of_day as f64 / DAY as f64 * std::f64::consts::TAU;
    let most = if day < 5 { 100.0 } else { 30.0 };
    20.0 + most * (0.5 - 0.5 * turn.cos()) + 5.0 * noise(number)
}

/// Feeds some days; gives what is told of the time of the day or week, and the numbers of the days.
fn run(fleet: &mut Fleet, days: std::ops::Range<u64>, value: impl Fn(u64) -> f64) -> Vec<(u64, Signal)> {
    for number in days.start * DAY..days.end * DAY {
        let mut batch = batch(number, "office", vec![gauge("users", value(number))]);
        let time = Time::from_secs(MONDAY + 300 * number).as_nanos();
        batch.common.received_at = time;
        batch.points.time = vec![time];
        fleet.metrics(batch);
    }
    let day =
        |signal: &Signal| (signal.start_time.saturating_sub(MONDAY * 1_000_000_000)) / 86_400_000_000_000;
    let signals = fleet.take_signals();
    let all = signals.into_iter().map(|signal| (day(&signal), signal));
    all.filter(|(_, signal)| signal.kind == "metrics.season")
        .collect()
}

#[test]
fn usual_weekends_are_not_told_of_and_an_unusual_monday_is() {
    let mut fleet = Fleet::new().without_restoring();
    run(&mut fleet, 0..28, users);
    assert_eq!(run(&mut fleet, 28..42, users), [], "weeks as those before");
    // Nobody comes to work on a Monday, as on any Sunday.
    let sunday = |number: u64| users(if number / DAY == 42 { number - DAY } else { number });
    let told = run(&mut fleet, 42..43, sunday);
    assert!(told.iter().any(|(day, _)| *day == 42), "{told:?}");
}

#[test]
fn a_snapshot_knows_the_week() {
    let mut series = Series::new();
    let time = |number: u64| Time::from_secs(MONDAY + 300 * number);
    for number in 0..35 * DAY {
        series.observe(time(number), users(number));
    }
    let bytes = snapshot::encode(1, &series);
    let mut restored: Series = snapshot::decode(1, &bytes).unwrap();
    for number in 35 * DAY..44 * DAY {
        let value = users(if number / DAY == 42 { number - DAY } else { number });
        assert_eq!(
            series.observe(time(number), value),
            restored.observe(time(number), value)
        );
    }
    assert_eq!(snapshot::encode(1, &series), snapshot::encode(1, &restored));
}

#[test]
fn a_snapshot_of_another_version_is_refused() {
    let mut fleet = Fleet::new().without_restoring();
    run(&mut fleet, 0..1, users);
    let mut bytes = fleet.snapshot();
    bytes[0] -= 1;
    let error = MetricsDetector::open(Config::default(), Some(&bytes)).unwrap_err();
    assert!(error.to_string().contains("version"), "{error}");
}
