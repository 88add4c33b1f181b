//! What is counted of each plugin.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a call failed, as counters have it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FailureReason {
    /// It took too long.
    Time,
    /// It wanted too much memory, or a table too large.
    Memory,
    /// It recursed too deep.
    Stack,
    /// It trapped for a reason of its own.
    Trap,
    /// It gave too much.
    Size,
    /// It gave something invalid.
    Invalid,
    /// It refused its configuration or a snapshot.
    Refused,
    /// It gave an error.
    Error,
}

impl FailureReason {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Time,
        Self::Memory,
        Self::Stack,
        Self::Trap,
        Self::Size,
        Self::Invalid,
        Self::Refused,
        Self::Error,
    ];

    /// Its name as the value of a label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Trap => "trap",
            Self::Size => "size",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Error => "error",
        }
    }
}

/// Counters of one plugin, over all its sessions. They only grow, but for [`PluginStats::live_instances`].
#[derive(Debug, Default)]
pub struct PluginStats {
    calls: AtomicU64,
    nanoseconds: AtomicU64,
    opened: AtomicU64,
    restarts: AtomicU64,
    live: AtomicU64,
    failures: [AtomicU64; FailureReason::ALL.len()],
}

impl PluginStats {
    /// Calls made, failed ones too.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Time spent in calls.
    #[must_use]
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Sessions opened.
    #[must_use]
    pub fn sessions_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Sessions opened again because the one before had failed; counted by [`PluginStats::count_restart`].
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Instances that exist now.
    #[must_use]
    pub fn live_instances(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Calls that failed for this reason.
    #[must_use]
    pub fn failures(&self, reason: FailureReason) -> u64 {
        self.failures
            .get(reason as usize)
            .map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// Calls that failed, for whatever reason.
    #[must_use]
    pub fn all_failures(&self) -> u64 {
        FailureReason::ALL
            .into_iter()
            .map(|reason| self.failures(reason))
            .sum()
    }

    /// To be called by whoever opens a session again after it has failed: the runtime can't tell that it is the
    /// same one.
    pub fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_call(&self, time: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    pub(super) fn count_opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_failure(&self, reason: FailureReason) {
        if let Some(counter) = self.failures.get(reason as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_live(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_gone(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let stats = PluginStats::default();
        for (times, reason) in (1_u64..).zip(FailureReason::ALL) {
            for _ in 0..times {
                stats.count_failure(reason);
            }
        }

        for (times, reason) in (1_u64..).zip(FailureReason::ALL) {
            assert_eq!(stats.failures(reason), times, "{}", reason.as_str());
        }
        assert_eq!(stats.all_failures(), 36);
    }
}
