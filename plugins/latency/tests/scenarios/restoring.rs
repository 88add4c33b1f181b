//! Going on from a snapshot is the same as never having stopped.

use std::time::Duration;

use aia_plugin_latency::Latency;
use aia_plugin_sdk::SpanKind;
use aia_plugin_sdk::testing::{Harness, SpanBatchBuilder, TestSpan};
use proptest::prelude::*;

use crate::shop::{HEALTHY, Shop, at};

#[test]
fn through_a_whole_incident() {
    // This harness restores it before every call, and compares.
    let mut harness = Harness::<Latency>::new();
    HEALTHY.run(&mut harness, 0..70);
    Shop {
        payment: 400,
        fails: 3,
        payment_release: "1.1",
        ..HEALTHY
    }
    .run(&mut harness, 70..140);
    HEALTHY.run(&mut harness, 140..170);
    let kinds: Vec<_> = harness
        .signals()
        .iter()
        .map(|signal| signal.kind.as_str())
        .collect();
    assert!(
        kinds.contains(&"latency.slow") && kinds.contains(&"latency.failures"),
        "{kinds:?}"
    );
}

fn kind(number: u8) -> SpanKind {
    [
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ][usize::from(number % 6)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_comes(
        rows in prop::collection::vec(
            (0_u64..25, 0_u64..6, 0_u64..9, 0_u64..9, any::<u8>(), 0_u32..40, any::<bool>()),
            1..150,
        ),
    ) {
        let mut harness = Harness::<Latency>::with_config(
            r#"{"min-count": 1, "warm-up-seconds": 10, "relearn-seconds": 60, "window-seconds": 20}"#,
        );
        let mut second = 0;
        for (wait, trace, id, parent, bits, shift, fails) in rows {
            second += wait;
            let name = ["a", "b", "c"][usize::from(bits % 3)];
            let length = Duration::from_nanos(u64::MAX >> (20 + shift));
            let span = TestSpan::new(name).kind(kind(bits)).trace(trace).id(id).parent(parent).at(at(second), length);
            let span = if fails { span.error("") } else { span };
            let resource = [("service.name", name), ("service.version", if bits < 40 { "1" } else { "2" })];
            harness.spans(SpanBatchBuilder::new(at(second)).resource(&resource).span(span).build());
        }
        harness.silence_until(at(second + 60));
    }
}
