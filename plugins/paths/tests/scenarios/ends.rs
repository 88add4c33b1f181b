//! What is told of, and what isn't.

use aia_plugin_paths::Paths;
use aia_plugin_sdk::Severity;
use aia_plugin_sdk::testing::Harness;

use crate::shop::{CUT, SHOP, Shop, WHOLE, WRONG, at};

/// Paths by a turn of three.
fn mixed(second: u64) -> &'static [crate::shop::Body] {
    if second.is_multiple_of(3) { WHOLE } else { CUT }
}

#[test]
fn a_path_that_ends_early_is_told_of() {
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..240, |_| WHOLE);
    assert_eq!(harness.signals().len(), 0);
    SHOP.run(&mut harness, 240..360, mixed);
    let signals = harness.take_signals();
    let last = signals.last().unwrap();
    assert!(
        signals.iter().all(|signal| signal.kind == "paths.end"),
        "{signals:?}"
    );
    assert_eq!((last.service.as_str(), last.release.as_str()), ("payment", "1.0"));
    assert_eq!(last.fingerprint.parts, ["paths.end", "payment", "shop.Pay"]);
    assert_eq!(last.severity, Severity::High);
    assert!(
        last.title
            .starts_with("Requests end early in payment: nothing comes behind shop.Pay:2 (")
    );
    assert_eq!(last.measures[0].baseline, Some(0.0));
    assert!(last.measures[0].value > 0.2 && last.count > 0 && !last.evidence.is_empty());
    assert!(last.start_time >= at(240).as_nanos() && last.end_time > last.start_time);
}

#[test]
fn so_is_an_operation_that_writes_nothing_while_others_do() {
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..240, |_| WHOLE);
    SHOP.run(
        &mut harness,
        240..360,
        |second| if second % 2 == 0 { WHOLE } else { &[] },
    );
    let last = harness.take_signals().pop().unwrap();
    assert_eq!(last.fingerprint.parts, ["paths.end", "payment", "POST /pay"]);
    assert_eq!(last.operation, "POST /pay");
}

#[test]
fn branches_errors_and_mixes_are_not() {
    let mut harness = Harness::<Paths>::new();
    // A branch that is taken more or less often, and one that ends with an error, which `errors` tells of.
    SHOP.run(&mut harness, 0..240, mixed);
    SHOP.run(&mut harness, 240..420, |_| CUT);
    SHOP.run(&mut harness, 420..540, |_| WRONG);
    assert_eq!(harness.signals().len(), 0);
}

#[test]
fn errors_that_come_no_more_are_not() {
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..240, |_| WRONG);
    SHOP.run(&mut harness, 240..480, |_| CUT);
    assert_eq!(harness.signals().len(), 0);
}

#[test]
fn another_release_is_other_code() {
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..240, |_| WHOLE);
    let next = Shop {
        release: "1.1",
        ..SHOP
    };
    next.run(&mut harness, 240..480, mixed);
    assert_eq!(harness.signals().len(), 0);
}

#[test]
fn logs_that_stay_away_or_come_late_are_not() {
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..240, |_| WHOLE);
    let without = Shop {
        has_logs: false,
        ..SHOP
    };
    without.run(&mut harness, 240..480, |_| WHOLE);
    let late = Shop {
        logs_after: 18,
        ..SHOP
    };
    late.run(&mut harness, 480..600, |_| WHOLE);
    assert_eq!(harness.signals().len(), 0);
}

#[test]
fn low_traffic_is_quiet() {
    let mut harness = Harness::<Paths>::new();
    for request in 0..40 {
        let second = 40 * request;
        SHOP.run(&mut harness, second..second + 1, |_| {
            if second < 1200 { WHOLE } else { CUT }
        });
    }
    assert_eq!(harness.signals().len(), 0);
}

#[test]
fn the_warm_up_is_quiet() {
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..30, |_| WHOLE);
    SHOP.run(&mut harness, 30..240, mixed);
    assert_eq!(harness.signals().len(), 0);
}

#[test]
fn clocks_that_are_wrong_are_not_told_of() {
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..240, |_| WHOLE);
    // Set wrong, and right again.
    let clocks = [(3600, 0), (0, 3600), (7, 0), (0, 7), (0, 0)];
    for (start, (ahead, behind)) in (240..).step_by(120).zip(clocks) {
        let wrong = Shop {
            ahead,
            behind,
            ..SHOP
        };
        wrong.run(&mut harness, start..start + 120, |_| WHOLE);
    }
    assert_eq!(harness.signals().len(), 0);
}

#[test]
fn what_comes_twice_counts_once() {
    let twice = Shop { copies: 2, ..SHOP };
    let mut harness = Harness::<Paths>::new();
    SHOP.run(&mut harness, 0..240, |_| WHOLE);
    twice.run(&mut harness, 240..360, |_| WHOLE);
    assert_eq!(harness.signals().len(), 0);
    twice.run(&mut harness, 360..480, mixed);
    let last = harness.take_signals().pop().unwrap();
    assert_eq!(last.fingerprint.parts, ["paths.end", "payment", "shop.Pay"]);
    // Of forty requests a minute and some more that are awaited.
    assert!(last.count <= 40, "{}", last.count);
}
