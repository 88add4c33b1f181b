//! Rates of failing requests.

use aia_plugin_sdk::Severity;

use crate::shop::{HEALTHY, Shop, harness};

#[test]
fn a_rise_is_told_of_where_it_began_and_opens_nothing() {
    let mut harness = harness();
    Shop { fails: 50, ..HEALTHY }.run(&mut harness, 0..180);
    assert_eq!(harness.take_signals(), []);
    Shop { fails: 2, ..HEALTHY }.run(&mut harness, 180..270);
    let signals = harness.take_signals();
    assert!(!signals.is_empty());
    for signal in &signals {
        assert_eq!(signal.kind, "latency.failures");
        assert_eq!(signal.severity, Severity::Low);
        assert_eq!(
            signal.fingerprint.parts,
            ["latency.failures", "payment", "POST /charges"]
        );
        assert!(!signal.evidence.is_empty() && signal.count > 0);
    }
    let signal = signals.last().unwrap();
    assert!(
        signal
            .title
            .starts_with("POST /charges of payment fails for 50.0% of requests, usually "),
        "{}",
        signal.title
    );
    let rate = signal
        .measures
        .iter()
        .find(|measure| measure.name == "latency.failures")
        .unwrap();
    assert!(rate.value > 0.4 && rate.baseline.unwrap() < 0.05, "{rate:?}");
}

#[test]
fn few_failures_are_nothing() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..120);
    Shop { fails: 40, ..HEALTHY }.run(&mut harness, 120..400);
    assert_eq!(harness.signals(), []);
}
