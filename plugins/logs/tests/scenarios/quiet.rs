//! What happens to healthy services and is no incident: starts, releases, late and repeated rows.

use aia_plugin_logs::LogLines;
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, TestLog};

use crate::world::{Line, at, run};

fn usual(tick: u64) -> Vec<Line> {
    let mut lines: Vec<Line> = (0..6)
        .map(|n| (9, format!("order {} took {n} ms", 6 * tick + n)))
        .collect();
    lines.push((13, format!("slow query of {tick} ms")));
    lines
}

/// Names without digits, so that each makes a template of its own.
const NAMES: [&str; 12] = [
    "ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL", "INDIA", "JULIET", "KILO",
    "LIMA",
];

#[test]
fn the_first_minutes_of_a_service_are_not_told_of() {
    let mut harness = Harness::<LogLines>::new();
    // Another service has long been there: what is new is known for each by itself.
    run(&mut harness, 0..200, usual);
    for tick in 200..240_u64 {
        let mut batch = LogBatchBuilder::new(at(10 * tick + 1)).resource(&[("service.name", "stock")]);
        for (n, name) in NAMES.iter().enumerate() {
            if tick >= 200 + n as u64 {
                batch = batch.log(TestLog::new(17, format!("{name} failed to load")));
                batch = batch.log(TestLog::new(9, format!("{name} is ready after {tick} ms")));
            }
        }
        harness.logs(batch.build());
    }
    assert_eq!(harness.signals(), []);
}

#[test]
fn what_a_release_says_at_its_start_is_not() {
    let mut harness = Harness::<LogLines>::new();
    for tick in 0..600_u64 {
        let release = ["1", "2", "3"][usize::try_from(tick / 200).unwrap()];
        let resource = [("service.name", "cart"), ("service.version", release)];
        let mut batch = LogBatchBuilder::new(at(10 * tick + 1)).resource(&resource);
        for (severity, text) in usual(tick) {
            batch = batch.log(TestLog::new(severity, text));
        }
        if tick % 200 < 3 {
            for name in NAMES {
                batch = batch.log(TestLog::new(9, format!("{name} of release {release} is ready")));
            }
        }
        harness.logs(batch.build());
    }
    assert_eq!(harness.signals(), []);
}

#[test]
fn rows_that_come_twice_or_an_hour_late_are_not() {
    let mut harness = Harness::<LogLines>::new();
    run(&mut harness, 0..200, usual);
    run(&mut harness, 200..300, |tick| {
        let mut lines = usual(tick);
        lines.extend(usual(tick));
        lines
    });
    // A sender that couldn't send for ten minutes sends all of it at once.
    for tick in 300..400_u64 {
        let mut batch = LogBatchBuilder::new(at(10 * tick + 1))
            .resource(&[("service.name", "cart"), ("service.version", "1")]);
        let ticks = if tick == 350 {
            tick - 60..=tick
        } else {
            tick..=tick
        };
        for of in ticks {
            for (severity, text) in usual(of) {
                batch = batch.log(TestLog::new(severity, text).at(at(10 * of + 1)));
            }
        }
        harness.logs(batch.build());
    }
    assert_eq!(harness.signals(), []);
}

#[test]
fn a_warning_that_comes_seldom_is_told_of_once_at_most() {
    let mut harness = Harness::<LogLines>::new();
    run(&mut harness, 0..2000, |tick| {
        let mut lines = usual(tick);
        if tick % 400 == 399 {
            lines.push((13, format!("certificate runs out in {tick} h")));
        }
        lines
    });
    assert_eq!(harness.signals().len(), 1, "{:?}", harness.signals());
}
