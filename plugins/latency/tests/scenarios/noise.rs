//! An hour of heavy-tailed noise gives nothing.

use std::time::Duration;

use aia_plugin_sdk::SpanKind;
use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};

use crate::shop::{at, harness};

/// A generator of random numbers (`xorshift64*`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// Log-normal around a median of so many milliseconds: one of a hundred takes ten times as long.
    fn duration(&mut self, median: f64) -> Duration {
        let normal: f64 = (0..12).map(|_| self.share()).sum::<f64>() - 6.0;
        Duration::from_secs_f64(median / 1000.0 * normal.exp())
    }
}

/// Signals of an hour with 20 operations of one request a second each; from `slow_from` on, one of them is `factor`
/// times as slow.
fn hour(seed: u64, slow_from: u64, factor: f64) -> Vec<aia_plugin_sdk::Signal> {
    let mut random = Random(seed);
    let mut harness = harness();
    let mut trace = 0;
    for second in 0..3600 {
        for service in 0..4 {
            let name = format!("service-{}", ["a", "b", "c", "d"][service]);
            let mut batch = SpanBatchBuilder::new(at(second)).resource(&[("service.name", &name)]);
            for operation in ["list", "show", "add", "change", "remove"] {
                trace += 1;
                let is_slow = service == 2 && operation == "add" && second >= slow_from;
                let median = 40.0 * if is_slow { factor } else { 1.0 };
                let request = TestSpan::new(operation).kind(SpanKind::Server).trace(trace).id(1);
                let call = TestSpan::new("query")
                    .kind(SpanKind::Client)
                    .trace(trace)
                    .id(2)
                    .parent(1);
                let (own, called) = (random.duration(median), random.duration(20.0));
                batch = batch
                    .span(request.at(at(second), own + called))
                    .span(call.at(at(second), called));
            }
            harness.spans(batch.build());
        }
    }
    harness.take_signals()
}

#[test]
fn an_hour_of_noise_is_quiet() {
    for seed in [1, 20_231_114] {
        let signals = hour(seed, u64::MAX, 1.0);
        assert_eq!(signals, [], "{}", signals.len());
    }
}

#[test]
fn what_stands_out_of_the_noise_is_found() {
    let signals = hour(7, 3480, 5.0);
    assert!(!signals.is_empty());
    assert!(
        signals
            .iter()
            .all(|signal| signal.service == "service-c" && signal.operation == "add"),
        "{signals:#?}"
    );
}
