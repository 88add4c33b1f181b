//! When a group is news, and when it is background.

use aia_plugin_sdk::Severity;

use crate::shop::{at, failing, harness, run_failing, run_healthy};

#[test]
fn a_healthy_system_is_quiet() {
    let mut harness = harness();
    run_healthy(&mut harness, 0..300);
    assert_eq!(harness.silence_until(at(400)).signals(), []);
    assert_eq!(harness.lines(), []);
}

#[test]
fn one_or_two_failures_are_no_incident() {
    let mut harness = harness();
    run_healthy(&mut harness, 0..60);
    run_failing(&mut harness, 60..62, "1.0");
    run_healthy(&mut harness, 62..200);
    run_failing(&mut harness, 200..202, "1.0");
    assert_eq!(harness.silence_until(at(300)).signals(), []);
}

#[test]
fn an_incident_is_updated_at_most_every_30_seconds() {
    let mut harness = harness();
    run_healthy(&mut harness, 0..150);
    run_failing(&mut harness, 150..270, "1.0");
    let signals = harness.silence_until(at(400)).take_signals();
    let counts: Vec<_> = signals.iter().map(|signal| signal.count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 120, "{counts:?}");
    assert!((4..=5).contains(&counts.len()), "{counts:?}");
    assert!(signals.iter().all(|signal| signal.service == "payment"));
    assert!(
        signals
            .windows(2)
            .all(|pair| pair[0].end_time <= pair[1].start_time)
    );
}

#[test]
fn a_steady_background_is_learned() {
    let mut harness = harness();
    let run =
        |harness: &mut aia_plugin_sdk::testing::Harness<_>, seconds: std::ops::Range<u64>, every: u64| {
            for second in seconds {
                run_healthy(harness, second..second + 1);
                for batch in failing(9_000_000 + second, second, "1.0")
                    .into_iter()
                    .filter(|_| second % every == 0)
                {
                    harness.spans(batch);
                }
            }
        };
    run(&mut harness, 0..120, 10);
    let signals = harness.take_signals();
    assert!(!signals.is_empty());
    assert!(
        signals.iter().all(|signal| signal.severity <= Severity::Medium),
        "{signals:?}"
    );
    run(&mut harness, 120..600, 10);
    let updates = harness.take_signals();
    assert_eq!(updates, [], "steady errors aren't news after the warm-up");
    run(&mut harness, 600..700, 2);
    let signals = harness.take_signals();
    assert!(!signals.is_empty(), "five times the errors are");
    let rate = &signals[0].measures[0];
    assert_eq!(
        (rate.name.as_str(), rate.unit.as_str()),
        ("errors.rate", "{error}/s")
    );
    let usual = rate.baseline.unwrap();
    assert!(
        (0.05..0.2).contains(&usual) && rate.value > 2.0 * usual,
        "{rate:?}"
    );
}

#[test]
fn severity_follows_the_share_of_requests() {
    for (healthy_per_failure, expected) in [
        (0, Severity::Critical),
        (3, Severity::High),
        (9, Severity::Medium),
        (29, Severity::Low),
    ] {
        let mut harness = harness().without_restoring();
        run_healthy(&mut harness, 0..130);
        for second in 130..190 {
            for n in 0..healthy_per_failure {
                for batch in crate::shop::healthy(second * 1000 + n, second) {
                    harness.spans(batch);
                }
            }
            for batch in failing(second * 1000 + 999, second, "1.0") {
                harness.spans(batch);
            }
        }
        let signals = harness.silence_until(at(220)).take_signals();
        assert_eq!(
            signals.last().unwrap().severity,
            expected,
            "{healthy_per_failure}"
        );
    }
}
