//! Moments. A plugin has no clock: every moment it knows came with telemetry or a tick.

use std::fmt;
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

/// RFC 3339 in UTC: `2023-01-29T08:43:04Z`, with as many digits of the second's fraction as there are. "Not known"
/// is `-`.
impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_set() {
            return formatter.write_str("-");
        }
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (year, month, day) = civil_date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if nanos > 0 {
            let digits = format!("{nanos:09}");
            write!(formatter, ".{}", digits.trim_end_matches('0'))?;
        }
        formatter.write_str("Z")
    }
}

/// Year, month and day of a day since the Unix epoch, by the Gregorian calendar (Hinnant's `civil_from_days`).
fn civil_date(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, a year ends with its leap day and 400 years always have 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_rfc_3339() {
        let cases = [
            (1, "1970-01-01T00:00:00.000000001Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (1_674_981_784_000_000_000, "2023-01-29T08:43:04Z"),
            (1_709_164_799_500_000_000, "2024-02-28T23:59:59.5Z"),
            (4_102_444_800_000_000_000, "2100-01-01T00:00:00Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
            (0, "-"),
        ];
        for (nanos, expected) in cases {
            assert_eq!(Time::from_nanos(nanos).to_string(), expected);
        }
    }

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
