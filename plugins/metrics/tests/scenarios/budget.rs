//! The budget of false alarms is kept by whatever has nothing to tell of.

use aia_plugin_metrics::{Series, alarm_surprise};
use aia_plugin_sdk::Time;

use crate::fleet::noise;

/// Series of each sort, and how many minutes of them there are: more than a week.
const SERIES: u64 = 20;
const MINUTES: u64 = 12_000;

/// False alarms that each sort may give in a week: enough of them to be counted.
const BUDGET: f64 = 20.0;

/// How many values of series that have nothing to tell of are told of. The value before is given, too.
fn told(value: impl Fn(u64, f64) -> f64) -> u32 {
    let mut told = 0;
    for number in 0..SERIES {
        let mut series = Series::new();
        let mut last = 0.0;
        for minute in 0..MINUTES {
            last = value(number * MINUTES + minute, last);
            let score = series.observe(Time::from_secs(60 * (minute + 1)), last);
            let bar = alarm_surprise(20, 60.0, BUDGET);
            told += u32::from(score.news >= bar);
        }
    }
    told
}

/// About normal.
fn bell(number: u64) -> f64 {
    (0..6).map(|part| noise(6 * number + part)).sum::<f64>() - 3.0
}

fn exponential(number: u64) -> f64 {
    -libm::log(1.0 - 0.999_999_9 * noise(number))
}

/// Asserts how many false alarms a sort gives, as a multiple of its budget.
fn is_within(name: &str, multiple: f64, value: impl Fn(u64, f64) -> f64) {
    let told = f64::from(told(value));
    let weeks = 60.0 * MINUTES as f64 / 604_800.0;
    assert!(
        told <= multiple * BUDGET * weeks,
        "{name}: {told} in {weeks:.1} weeks"
    );
}

#[test]
fn chance_alone_stays_within_it() {
    is_within("even", 1.0, |number, _| noise(number));
    is_within("normal", 1.0, |number, _| bell(number));
    is_within("exponential", 1.0, |number, _| exponential(number));
    is_within("dependent", 1.0, |number, last| 0.9 * last + bell(number));
    is_within("windows of five", 1.0, |number, _| {
        (0..5).map(|part| exponential(number + part)).sum()
    });
    is_within("counts", 1.0, |number, _| (3.0 * exponential(number)).floor());
}

#[test]
fn heavy_tails_and_rare_events_exceed_it_by_known_factors() {
    let heavy = |number| libm::exp(2.0 * bell(number));
    is_within("heavy-tailed", 2.0, |number, _| heavy(number));
    is_within("dependent and heavy-tailed", 2.0, |number, last| {
        0.8 * last + heavy(number)
    });
    is_within("without a mean", 3.0, |number, _| 1.0 / exponential(number));
    is_within("seldom", 7.0, |number, _| {
        if noise(number) > 0.995 {
            exponential(number + 7)
        } else {
            0.0
        }
    });
}
