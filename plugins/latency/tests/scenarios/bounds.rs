//! Whatever is sent, the state stays small.

use std::time::Duration;

use aia_plugin_latency::{Config, Latency};
use aia_plugin_sdk::snapshot::MAX_BYTES;
use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
use aia_plugin_sdk::{Detector, OpenError, SpanKind};

use crate::shop::{HEALTHY, Shop, at, harness};

/// Text that differs for every number.
fn hostile(n: u64, length: usize) -> String {
    let letters: String = (0..8)
        .map(|place| char::from(b'a' + u8::try_from((n >> (4 * place)) & 15).unwrap()))
        .collect();
    letters.repeat(length / 8)
}

/// A number that looks random.
fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    n ^ (n >> 29)
}

#[test]
fn the_snapshot_is_small_with_as_many_operations_as_there_can_be() {
    let mut harness = harness();
    let mut largest = 0;
    // 50 services with 40 operations each, all of them busy and of every duration, in traces of six.
    let mut n = 0;
    for second in (0..240).step_by(2) {
        for service in 0..50_u64 {
            let name = format!("service-{}", hostile(service, 16));
            let mut batch = SpanBatchBuilder::new(at(second)).resource(&[("service.name", &name)]);
            for operation in 0..40 {
                n += 1;
                let micros = 1000 << (scatter(n) % 12);
                let span = TestSpan::new(&hostile(operation, 24)).kind(SpanKind::Server);
                let span = span
                    .trace(scatter(n / 6))
                    .id(scatter(n))
                    .parent(scatter(n - n % 6));
                batch = batch.span(span.at(at(second), Duration::from_micros(micros + scatter(n) % micros)));
            }
            harness.spans(batch.build());
        }
        largest = largest.max(harness.snapshot().len());
    }
    harness.silence_until(at(300));
    largest = largest.max(harness.snapshot().len());
    assert!(largest < MAX_BYTES, "{largest} bytes");
    assert!(largest > MAX_BYTES / 4, "{largest} bytes: the cap wasn't reached");
    assert!(
        harness
            .lines()
            .iter()
            .all(|(_, line)| !line.contains("weren't judged")),
        "all fit"
    );
}

#[test]
fn more_operations_than_there_is_room_for_are_counted() {
    let mut harness = harness();
    let mut largest = 0;
    for second in 0..100_u64 {
        let mut batch = SpanBatchBuilder::new(at(second));
        for n in second * 500..second * 500 + 500 {
            let name = hostile(n, 400);
            let resource = [
                ("service.name", name.as_str()),
                ("service.version", name.as_str()),
            ];
            let span = TestSpan::new(&name)
                .kind(SpanKind::Server)
                .trace(scatter(n / 3))
                .id(scatter(n));
            let client = TestSpan::new(&name)
                .kind(SpanKind::Client)
                .trace(scatter(n / 3))
                .id(scatter(n) ^ 1);
            let length = Duration::from_nanos(scatter(n));
            batch = batch
                .resource(&resource)
                .span(span.parent(scatter(n + 1)).at(at(second), length).error(&name))
                .span(client.parent(scatter(n)).at(at(second), length));
        }
        harness.spans(batch.build());
        largest = largest.max(harness.snapshot().len());
    }
    harness.silence_until(at(200));
    largest = largest.max(harness.snapshot().len());
    assert!(largest < MAX_BYTES, "{largest} bytes");
    assert!(
        harness
            .lines()
            .iter()
            .any(|(_, line)| line.contains("weren't judged")),
        "{:?}",
        harness.lines()
    );
}

#[test]
fn an_incident_is_found_in_a_flood_of_others() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..90);
    for second in 90..240 {
        let payment = if second < 150 { 20 } else { 400 };
        Shop { payment, ..HEALTHY }.run(&mut harness, second..second + 1);
        let mut flood = SpanBatchBuilder::new(at(second)).resource(&[("service.name", "noise")]);
        for n in second * 1000..second * 1000 + 1000 {
            let span = TestSpan::new(&hostile(n, 24))
                .kind(SpanKind::Server)
                .trace(scatter(n))
                .id(1);
            flood = flood.span(span);
        }
        harness.spans(flood.build());
    }
    let signals = harness.take_signals();
    assert!(!signals.is_empty());
    assert!(
        signals.iter().all(|signal| signal.service == "payment"),
        "{signals:#?}"
    );
}

#[test]
fn odd_rows_are_survived() {
    let mut harness = aia_plugin_sdk::testing::Harness::<Latency>::new();
    for second in (0..200).step_by(5) {
        let mut batch = SpanBatchBuilder::new(at(second)).resource(&[("service.name", "odd")]);
        for n in 0..20_u64 {
            let span = TestSpan::new("")
                .kind(SpanKind::Server)
                .trace(n % 3)
                .id(n % 5)
                .parent(n % 5);
            batch = batch.span(span);
        }
        let mut batch = batch.build();
        for (n, (start, end)) in batch
            .spans
            .start_time
            .iter_mut()
            .zip(&mut batch.spans.end_time)
            .enumerate()
        {
            (*start, *end) = match n % 5 {
                0 => (0, 0),
                1 => (u64::MAX, 0),
                2 => (0, u64::MAX),
                3 => (u64::MAX, u64::MAX),
                _ => (at(second).as_nanos(), at(second).as_nanos() - 1),
            };
        }
        // Columns that end too early read as zeros.
        batch.spans.kind.truncate(18);
        batch.spans.parent_span_id.truncate(10);
        harness.spans(batch);
    }
    harness.silence_until(at(300));
    assert_eq!(harness.signals(), []);
}

#[test]
fn damaged_snapshots_and_odd_settings_are_refused() {
    let open = |snapshot: &[u8]| Latency::open(Config::default(), Some(snapshot)).err();
    assert!(matches!(open(b""), Some(OpenError::Snapshot(_))));
    assert!(matches!(open(b"\x07\0\0\0rest"), Some(OpenError::Snapshot(why)) if why.contains("version 7")));
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..30);
    let good = harness.snapshot();
    assert_eq!(open(&good), None);
    for cut in [1, 10, good.len() / 2] {
        assert!(
            matches!(open(&good[..good.len() - cut]), Some(OpenError::Snapshot(_))),
            "{cut}"
        );
    }
    let config = Config {
        min_count: 0,
        ..Config::default()
    };
    assert!(matches!(Latency::open(config, None), Err(OpenError::Config(_))));
}
