//! What users feel, where nobody can be blamed for it.

use std::time::Duration;

use aia_plugin_latency::Latency;
use aia_plugin_sdk::testing::{Harness, TestSpan};
use aia_plugin_sdk::{Severity, SpanKind};

use crate::shop::{at, batch, harness};

/// A request a second at the edge; behind it is one of so many operations that none is called often enough to be known.
fn run(harness: &mut Harness<Latency>, seconds: std::ops::Range<u64>, millis: impl Fn(u64) -> u64) {
    for second in seconds {
        let length = Duration::from_millis(millis(second) + second % 7);
        let edge = TestSpan::new("GET").kind(SpanKind::Server).trace(second + 1);
        let edge = edge.id(1).attribute("http.route", "/*");
        let edge = edge.at(at(second), length + Duration::from_millis(4));
        let route = format!("/rare-{}", (b'a' + (second % 26) as u8) as char);
        let behind = TestSpan::new("GET").kind(SpanKind::Server).trace(second + 1);
        let behind = behind.id(2).parent(1).attribute("http.route", route.as_str());
        let behind = behind.at(at(second).after(Duration::from_millis(2)), length);
        harness.spans(batch("edge", "", at(second), vec![edge]));
        harness.spans(batch("back", "", at(second), vec![behind]));
    }
}

#[test]
fn the_edge_is_told_of() {
    let mut harness = harness();
    run(&mut harness, 0..120, |_| 100);
    run(
        &mut harness,
        120..240,
        |second| if second % 4 == 0 { 3000 } else { 100 },
    );
    let signals = harness.silence_until(at(260)).take_signals();
    assert!(!signals.is_empty());
    for signal in &signals {
        assert_eq!(
            (signal.kind.as_str(), signal.service.as_str()),
            ("latency.felt", "edge")
        );
        assert_eq!(signal.severity, Severity::High);
        assert!(!signal.evidence.is_empty());
    }
}

#[test]
fn a_slow_request_now_and_then_is_not() {
    let mut harness = harness();
    run(&mut harness, 0..120, |_| 100);
    run(
        &mut harness,
        120..400,
        |second| if second % 17 == 0 { 3000 } else { 100 },
    );
    assert_eq!(harness.silence_until(at(420)).signals(), []);
}
