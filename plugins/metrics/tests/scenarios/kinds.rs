//! Every kind of metric.

use aia_plugin_sdk::testing::{TestMetric, TestPoint};

use crate::fleet::{Fleet, LEARNED, at, batch, noise};

#[expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "there is a signal, or the test fails"
)]
/// Feeds a metric that changes at [`LEARNED`], and gives the value and the usual one of the last signal.
fn told(metric: impl Fn(u64, bool) -> TestMetric) -> (f64, f64) {
    let mut fleet = Fleet::new();
    for number in 0..LEARNED + 20 {
        let metric = metric(number, number >= LEARNED);
        let mut batch = batch(number, "cart", vec![metric]);
        batch.points.start_time = vec![at(number.saturating_sub(1)).as_nanos()];
        fleet.metrics(batch);
        if number < LEARNED {
            assert_eq!(fleet.signals(), []);
        }
    }
    let last = fleet.take_signals().pop().expect("a signal");
    (last.measures[0].value, last.measures[0].baseline.unwrap())
}

/// The same for what counts from a start that stays.
fn told_cumulative(metric: impl Fn(u64) -> TestMetric) -> Option<(f64, f64)> {
    let mut fleet = Fleet::new();
    for number in 0..LEARNED + 20 {
        let mut batch = batch(number, "cart", vec![metric(number)]);
        batch.points.start_time = vec![at(0).as_nanos()];
        fleet.metrics(batch);
    }
    let last = fleet.take_signals().pop()?;
    Some((last.measures[0].value, last.measures[0].baseline?))
}

/// A count that grows by about 100 a step, and from [`LEARNED`] on by about 900.
fn total(number: u64) -> f64 {
    (0..number)
        .map(|step| if step < LEARNED { 100.0 } else { 900.0 } + (20.0 * noise(step)).floor())
        .sum()
}

#[test]
fn delta_sums_are_rates() {
    let (value, usual) = told(|number, after| {
        let count = if after { 900.0 } else { 100.0 } + 20.0 * noise(number);
        TestMetric::new("n", "{n}")
            .sum(false, true)
            .point(TestPoint::Double(count), &[])
    });
    assert!(
        (85.0..95.0).contains(&value) && (10.0..20.0).contains(&usual),
        "{value} {usual}"
    );
}

#[test]
fn cumulative_sums_are_rates() {
    let counter = |number| {
        TestMetric::new("n", "")
            .sum(true, true)
            .point(TestPoint::Double(total(number)), &[])
    };
    let (value, usual) = told_cumulative(counter).unwrap();
    assert!(
        (85.0..95.0).contains(&value) && (10.0..20.0).contains(&usual),
        "{value} {usual}"
    );
}

#[test]
fn resets_of_counters_are_no_news() {
    let counter = |number: u64| {
        let since = number % 90;
        let count = i64::try_from(since * 100).unwrap();
        TestMetric::new("n", "")
            .sum(true, true)
            .point(TestPoint::Int(count), &[])
    };
    assert_eq!(told_cumulative(counter), None);
}

#[test]
fn sums_that_go_up_and_down_are_levels() {
    let level = |number: u64| {
        let value = if number < LEARNED { 10.0 } else { 70.0 } + noise(number);
        TestMetric::new("n", "")
            .sum(true, false)
            .point(TestPoint::Double(value), &[])
    };
    let (value, _) = told_cumulative(level).unwrap();
    assert!((70.0..72.0).contains(&value), "{value}");
}

#[test]
fn histograms_are_quantiles() {
    let bounds = vec![10.0, 20.0, 50.0, 100.0, 500.0];
    let (value, usual) = told(|number, after| {
        let mut counts = vec![80 + u64::from(noise(number) > 0.5), 15, 5, 0, 0, 0];
        if after {
            counts.reverse();
        }
        TestMetric::new("h", "ms").point(
            TestPoint::Histogram {
                sum: 1.0,
                bounds: bounds.clone(),
                counts,
            },
            &[],
        )
    });
    assert!(value >= 400.0 && usual < 60.0, "{value} {usual}");
}

#[test]
fn cumulative_histograms_are_what_is_new() {
    let histogram = |number: u64| {
        let (before, after) = (number.min(LEARNED), number.saturating_sub(LEARNED));
        let counts = vec![90 * before, 9 * before + before % 2, before, 100 * after];
        TestMetric::new("h", "ms").sum(true, true).point(
            TestPoint::Histogram {
                sum: 1.0,
                bounds: vec![10.0, 20.0, 50.0],
                counts,
            },
            &[],
        )
    };
    let (value, usual) = told_cumulative(histogram).unwrap();
    assert!(value >= 50.0 && usual < 25.0, "{value} {usual}");
}

#[test]
fn exponential_histograms_are_quantiles() {
    let (value, usual) = told(|number, after| {
        let counts = vec![50, 50 + u64::from(noise(number) > 0.5), 50, 50];
        TestMetric::new("e", "ms").point(
            TestPoint::ExponentialHistogram {
                sum: 1.0,
                scale: 0,
                offset: if after { 9 } else { 1 },
                counts,
            },
            &[],
        )
    });
    assert!(value > 4000.0 && usual < 40.0, "{value} {usual}");
}

#[test]
fn summaries_are_their_quantile() {
    let (value, usual) = told(|number, after| {
        let high = if after { 900.0 } else { 100.0 } + noise(number);
        TestMetric::new("s", "ms").point(
            TestPoint::Summary {
                count: 10,
                sum: 1.0,
                quantiles: vec![(0.5, 1.0), (0.95, high), (f64::NAN, 7.0)],
            },
            &[],
        )
    });
    assert!(value > 890.0 && usual < 200.0, "{value} {usual}");
}
