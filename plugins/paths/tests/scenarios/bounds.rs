//! Whatever is sent, the state stays bounded, and what is given up isn't told of.

use std::time::Duration;

use aia_plugin_paths::Paths;
use aia_plugin_sdk::snapshot::MAX_BYTES;
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, SpanBatchBuilder, TestLog, TestSpan};

use crate::shop::at;

#[test]
fn many_spans_records_services_and_places() {
    let mut harness = Harness::<Paths>::new().without_restoring();
    for second in 0..90_u64 {
        let service = format!("service-{}-{}", second * 7, "s".repeat(200));
        let resource = [("service.name", service.as_str()), ("service.version", "v")];
        let mut spans = SpanBatchBuilder::new(at(second)).resource(&resource);
        let mut logs = LogBatchBuilder::new(at(second)).resource(&resource);
        for n in 1..=400 {
            let trace = second * 1000 + n;
            let name = format!("{trace} {}", "n".repeat(200));
            spans = spans.span(
                TestSpan::new(&name)
                    .trace(trace)
                    .id(n)
                    .at(at(second), Duration::from_millis(1)),
            );
            for line in 0..3 {
                let body = format!("shop.{}#{}", "P".repeat(85), (3 * n + line) % 3000);
                logs = logs.log(TestLog::new(9, body).at(at(second)).within(trace, n));
            }
        }
        harness.spans(spans.build());
        harness.logs(logs.build());
        let bytes = harness.snapshot().len();
        assert!(bytes < MAX_BYTES, "{bytes} bytes after {second} s");
    }
    harness.silence_until(at(200));
    assert_eq!(harness.signals().len(), 0);
    let lines: Vec<_> = harness.lines().iter().map(|(_, line)| line.as_str()).collect();
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("paths were given up for want of room")),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("there was no room for places")),
        "{lines:?}"
    );
}

#[test]
fn records_that_are_given_up_are_no_early_ends() {
    // So many that not all can be held, and all go the same way.
    let mut harness = Harness::<Paths>::new().without_restoring();
    let resource = [("service.name", "payment"), ("service.version", "1")];
    for second in 0..300_u64 {
        let each = if second < 100 { 20 } else { 400 };
        let mut spans = SpanBatchBuilder::new(at(second)).resource(&resource);
        let mut logs = LogBatchBuilder::new(at(second)).resource(&resource);
        for n in 1..=each {
            let trace = second * 1000 + n;
            // Logs first, of which some are given up before their span comes.
            let span = TestSpan::new("pay").trace(trace.saturating_sub(2000)).id(n);
            spans = spans.span(span.at(at(second.saturating_sub(2)), Duration::from_millis(900)));
            for line in 1..=3 {
                let time = at(second).after(Duration::from_millis(line));
                let log = TestLog::new(9, format!("shop.Pay#{line}")).at(time);
                logs = logs.log(log.within(trace, n));
            }
        }
        harness.logs(logs.build());
        harness.spans(spans.build());
    }
    assert_eq!(harness.signals(), []);
}
