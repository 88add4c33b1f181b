//! A service and its paths.

use std::time::Duration;

use aia_plugin_paths::Paths;
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, SpanBatchBuilder, TestLog, TestSpan};
use aia_plugin_sdk::{SpanKind, Time};

/// When the scenarios begin, on the grid of ticks.
const START: u64 = 1_700_000_000;

pub(crate) fn at(seconds: u64) -> Time {
    Time::from_secs(START + seconds)
}

/// What a request writes: text and severity number.
pub(crate) type Body = (&'static str, u8);

pub(crate) const WHOLE: &[Body] = &[
    ("shop.Pay#1 asked", 9),
    ("shop.Pay#2 found", 9),
    ("shop.Pay#3 paid", 9),
];
pub(crate) const CUT: &[Body] = &[("shop.Pay#1 asked", 9), ("shop.Pay#2 found", 9)];
pub(crate) const WRONG: &[Body] = &[
    ("shop.Pay#1 asked", 9),
    ("shop.Pay#2 found", 9),
    ("shop.Pay#9 refused", 17),
];

/// A request a second, with logs that come so many seconds later than spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shop {
    pub(crate) release: &'static str,
    pub(crate) logs_after: u64,
    pub(crate) has_logs: bool,
    /// Seconds that the service's clock is ahead, and behind.
    pub(crate) ahead: u64,
    pub(crate) behind: u64,
    /// How often everything is sent.
    pub(crate) copies: usize,
}

pub(crate) const SHOP: Shop = Shop {
    release: "1.0",
    logs_after: 3,
    has_logs: true,
    ahead: 0,
    behind: 0,
    copies: 1,
};

impl Shop {
    /// Seconds, in each of which one request takes the path that `body` gives.
    pub(crate) fn run(
        self,
        harness: &mut Harness<Paths>,
        seconds: std::ops::Range<u64>,
        body: impl Fn(u64) -> &'static [Body],
    ) {
        let clock = |second: u64| Time::from_secs(START + second + self.ahead - self.behind);
        for second in seconds.start..seconds.end + self.logs_after {
            let resource = [("service.name", "payment"), ("service.version", self.release)];
            if second < seconds.end {
                let span = TestSpan::new("POST /pay")
                    .kind(SpanKind::Server)
                    .trace(second + 1)
                    .id(second + 1)
                    .at(clock(second), Duration::from_millis(50));
                let batch = SpanBatchBuilder::new(at(second))
                    .resource(&resource)
                    .span(span)
                    .build();
                for _ in 0..self.copies {
                    harness.spans(batch.clone());
                }
            }
            let begun = second
                .checked_sub(self.logs_after)
                .filter(|begun| seconds.contains(begun));
            if let Some(begun) = begun.filter(|_| self.has_logs) {
                let mut batch = LogBatchBuilder::new(at(second)).resource(&resource);
                for (n, (text, severity)) in (1..).zip(body(begun)) {
                    let time = clock(begun).after(Duration::from_millis(10 * n));
                    batch = batch.log(
                        TestLog::new(*severity, *text)
                            .at(time)
                            .within(begun + 1, begun + 1),
                    );
                }
                let batch = batch.build();
                for _ in 0..self.copies {
                    harness.logs(batch.clone());
                }
            }
        }
    }
}
