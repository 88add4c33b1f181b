//! Services that send metrics once in ten seconds.

use aia_plugin_metrics::MetricsDetector;
use aia_plugin_sdk::Time;
use aia_plugin_sdk::columns::MetricBatch;
use aia_plugin_sdk::testing::{Harness, MetricBatchBuilder, TestMetric, TestPoint};

/// When the scenarios begin, on the grid of ticks.
const START: u64 = 1_700_000_000;

/// Values that any series has been seen with before a scenario begins.
pub(crate) const LEARNED: u64 = 400;

pub(crate) type Fleet = Harness<MetricsDetector>;

/// Time of the `number`th values.
pub(crate) fn at(number: u64) -> Time {
    Time::from_secs(START + 10 * number)
}

/// Numbers between 0 and 1 without an order, always the same.
pub(crate) fn noise(number: u64) -> f64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    f64::from((mixed >> 32) as u32) / f64::from(u32::MAX)
}

pub(crate) fn gauge(name: &str, value: f64) -> TestMetric {
    TestMetric::new(name, "").point(TestPoint::Double(value), &[])
}

/// A batch of one service.
pub(crate) fn batch(number: u64, service: &str, metrics: Vec<TestMetric>) -> MetricBatch {
    let mut batch = MetricBatchBuilder::new(at(number))
        .resource(&[("service.name", service), ("service.version", "1.0")]);
    for metric in metrics {
        batch = batch.metric(metric);
    }
    batch.build()
}

/// Feeds a gauge of one service.
pub(crate) fn run(fleet: &mut Fleet, numbers: std::ops::Range<u64>, value: impl Fn(u64) -> f64) {
    for number in numbers {
        fleet.metrics(batch(number, "cart", vec![gauge("queue.length", value(number))]));
    }
}

/// A fleet whose gauge has had these values; nothing has been told of.
pub(crate) fn learned(value: impl Fn(u64) -> f64) -> Fleet {
    let mut fleet = Fleet::new();
    run(&mut fleet, 0..LEARNED, value);
    assert_eq!(fleet.signals(), []);
    fleet
}
