//! A service that writes lines.

use aia_plugin_logs::LogLines;
use aia_plugin_sdk::Time;
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, TestLog};

/// When the scenarios begin, on the grid of ticks.
const START: u64 = 1_700_000_000;

pub(crate) fn at(seconds: u64) -> Time {
    Time::from_secs(START + seconds)
}

/// A line: severity number and text.
pub(crate) type Line = (u8, String);

/// Feeds a batch every ten seconds with the lines of `write`, at the time of the batch.
pub(crate) fn run(
    harness: &mut Harness<LogLines>,
    ticks: std::ops::Range<u64>,
    mut write: impl FnMut(u64) -> Vec<Line>,
) {
    for tick in ticks {
        let time = at(10 * tick + 1);
        let mut batch =
            LogBatchBuilder::new(time).resource(&[("service.name", "cart"), ("service.version", "1")]);
        for (severity, text) in write(tick) {
            batch = batch.log(TestLog::new(severity, text));
        }
        harness.logs(batch.build());
    }
}

/// Numbers that look random (`xorshift64*`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}
