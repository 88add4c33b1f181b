//! Tests of operations, tick by tick.

use super::*;
use crate::sketch::MAX_BUCKETS;

fn at(ticks: u64) -> Time {
    Time::from_secs(1_000_000 + ticks * 10)
}

/// An operation that lives tick by tick.
struct Life {
    operation: Operation,
    ticks: u64,
    config: Config,
}

impl Life {
    fn new() -> Self {
        Self {
            operation: Operation::new(0, Role::Serve, "GET /".into(), at(0)),
            ticks: 0,
            config: Config::default(),
        }
    }

    /// So many ticks with 20 requests around so many milliseconds; the last verdict.
    fn run(&mut self, ticks: u64, millis: u32) -> Option<Verdict> {
        let mut verdict = None;
        for _ in 0..ticks {
            for n in 0..20 {
                let micros = millis * (900 + n * 10);
                self.operation.observe(micros, false, at(self.ticks), MAX_BUCKETS);
                self.operation.measure(micros, at(self.ticks), MAX_BUCKETS);
            }
            self.ticks += 1;
            let ends_half = self.ticks.is_multiple_of(3);
            verdict = self
                .operation
                .tick(at(self.ticks), ends_half, MAX_BUCKETS, &self.config);
        }
        verdict
    }
}

#[test]
fn is_judged_after_its_warm_up() {
    let mut life = Life::new();
    assert_eq!(life.run(6, 100), None);
    let verdict = life.run(1, 100).unwrap();
    assert!(!verdict.is_slow && !verdict.is_slow_itself && !verdict.since.is_set());
}

#[test]
fn a_slow_tick_is_nothing_and_two_are() {
    let mut life = Life::new();
    life.run(12, 100);
    let first = life.run(1, 400).unwrap();
    assert!(!first.is_slow_itself && !first.is_slow);
    let second = life.run(1, 400).unwrap();
    assert!(second.is_slow_itself && second.is_slow);
    assert_eq!(second.since, at(12));
}

#[test]
fn what_is_unusual_isnt_learned_until_it_has_lasted() {
    let mut life = Life::new();
    life.run(12, 100);
    assert!(life.run(100, 400).unwrap().is_slow);
    assert_eq!(
        life.operation.usual.durations.quantile(MEDIAN),
        life.operation.usual.durations.quantile(MEDIAN).min(Some(110_000))
    );
    assert!(!life.run(100, 400).unwrap().is_slow, "it has become usual");
    assert!(life.run(3, 1600).unwrap().is_slow);
}

#[test]
fn silence_forgets_nothing() {
    let mut life = Life::new();
    life.run(12, 100);
    for _ in 0..5000 {
        life.ticks += 1;
        let ends_half = life.ticks.is_multiple_of(3);
        life.operation
            .tick(at(life.ticks), ends_half, MAX_BUCKETS, &life.config);
    }
    assert!(life.run(2, 400).unwrap().is_slow);
}
