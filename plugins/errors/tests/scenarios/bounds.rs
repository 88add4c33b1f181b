//! Whatever is sent, the state stays small.

use aia_plugin_sdk::snapshot::MAX_BYTES;
use aia_plugin_sdk::testing::{LogBatchBuilder, SpanBatchBuilder, TestLog, TestSpan};
use aia_plugin_sdk::{Detector, OpenError, SpanKind};

use crate::shop::{at, harness, run_failing, run_healthy};

/// Text that differs in every place where the detector might keep it.
fn hostile(n: u64, length: usize) -> String {
    let letters: String = (0..8)
        .map(|place| char::from(b'a' + u8::try_from((n >> (4 * place)) & 15).unwrap()))
        .collect();
    letters.repeat(length / 8)
}

#[test]
fn a_hundred_thousand_distinct_errors_leave_a_small_snapshot() {
    let mut harness = harness().without_restoring();
    let mut largest = 0;
    for round in 0..100_u64 {
        let mut spans = SpanBatchBuilder::new(at(round));
        let mut logs = LogBatchBuilder::new(at(round));
        for n in round * 500..round * 500 + 500 {
            let name = hostile(n, 400);
            let stack: String = (0..6)
                .map(|f| format!("\tat com.{name}.f{f}(A.java:1)\n"))
                .collect();
            let resource = [
                ("service.name", name.as_str()),
                ("service.version", name.as_str()),
            ];
            let span = TestSpan::new(&name)
                .kind(SpanKind::Server)
                .trace(n / 3)
                .id(n + 1)
                .parent(n + 7)
                .link(n / 5, n);
            spans = spans
                .resource(&resource)
                .span(span.error(&name).exception(&name, &name, &stack));
            let log = TestLog::new(17, "x")
                .within(n / 2, n)
                .exception(&name, &name, &stack);
            logs = logs.resource(&resource).log(log);
        }
        harness.spans(spans.build()).logs(logs.build());
        largest = largest.max(harness.snapshot().len());
    }
    harness.silence_until(at(200));
    largest = largest.max(harness.snapshot().len());
    assert!(largest < MAX_BYTES, "{largest} bytes");
    assert!(
        harness
            .lines()
            .iter()
            .any(|(_, line)| line.contains("forgotten for want of room"))
    );
}

#[test]
fn an_incident_survives_a_flood_of_others() {
    let mut harness = harness().without_restoring();
    run_healthy(&mut harness, 0..20);
    run_failing(&mut harness, 20..50, "1.0");
    assert!(
        harness
            .take_signals()
            .iter()
            .all(|signal| signal.service == "payment")
    );
    let mut flood = SpanBatchBuilder::new(at(50)).resource(&[("service.name", "noise")]);
    for n in 0..2000 {
        flood = flood.span(TestSpan::new("x").trace(500_000 + n).id(1).error("").exception(
            &hostile(n, 16),
            "",
            "",
        ));
    }
    harness.spans(flood.build());
    run_failing(&mut harness, 51..80, "1.0");
    let signals = harness.silence_until(at(120)).take_signals();
    assert!(
        signals
            .iter()
            .any(|signal| signal.service == "payment" && signal.count > 20),
        "{signals:?}"
    );
}

#[test]
fn damaged_snapshots_and_odd_settings_are_refused() {
    let open = |snapshot: &[u8]| aia_plugin_errors::Errors::open(Default::default(), Some(snapshot)).err();
    assert!(matches!(open(b""), Some(OpenError::Snapshot(_))));
    assert!(matches!(open(b"\x07\0\0\0rest"), Some(OpenError::Snapshot(why)) if why.contains("version 7")));
    let mut harness = harness();
    run_failing(&mut harness, 0..5, "1.0");
    let good = harness.snapshot();
    assert_eq!(open(&good), None);
    assert!(matches!(
        open(&good[..good.len() - 1]),
        Some(OpenError::Snapshot(_))
    ));
    let config = aia_plugin_errors::Config {
        min_count: 0,
        ..Default::default()
    };
    assert!(matches!(
        aia_plugin_errors::Errors::open(config, None),
        Err(OpenError::Config(_))
    ));
}
