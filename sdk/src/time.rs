//! Moments. A plugin has no clock: every moment it knows came with telemetry or a tick.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in nanoseconds since the Unix epoch. 0 is "not known".
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Time(u64);

impl Time {
    /// "Not known".
    pub const UNSET: Self = Self(0);

    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// From seconds since the Unix epoch.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether it is known.
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0 != 0
    }

    /// How long after `earlier` it is; zero if it isn't after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` later; the last one there is where that would be too late.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let time = Time::from_secs(10);
        assert_eq!(time.since(Time::from_secs(4)), Duration::from_secs(6));
        assert_eq!(time.since(Time::from_secs(11)), Duration::ZERO);
        assert_eq!(time.after(Duration::from_secs(1)), Time::from_secs(11));
        assert_eq!(
            Time::from_nanos(u64::MAX).after(Duration::MAX).as_nanos(),
            u64::MAX
        );
        assert!(!Time::UNSET.is_set());
    }
}
