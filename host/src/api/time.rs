//! Times as the API writes and reads them: RFC 3339 in UTC with nanoseconds.

use jiff::Timestamp;

/// A time in nanoseconds since the Unix epoch, such as `2026-11-23T12:00:05.000000000Z`; `None` for 0, which is
/// "unknown".
#[must_use]
pub fn rfc3339(nanoseconds: u64) -> Option<String> {
    let time = Timestamp::from_nanosecond(i128::from(nanoseconds))
        .ok()
        .filter(|_| nanoseconds != 0)?;
    Some(format!("{time:.9}"))
}

/// The other way round; `None` if it is no time, or one before 1970.
pub(crate) fn parse(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_utc_with_nanoseconds() {
        assert_eq!(
            rfc3339(1_795_435_205_000_000_001).as_deref(),
            Some("2026-11-23T12:00:05.000000001Z")
        );
        assert_eq!(rfc3339(1).as_deref(), Some("1970-01-01T00:00:00.000000001Z"));
        assert_eq!(rfc3339(0), None);
        assert_eq!(
            parse("2026-11-23T13:00:05.5+01:00"),
            Some(1_795_435_205_500_000_000)
        );
        assert_eq!(parse("1969-12-31T23:59:59Z"), None);
        assert_eq!(parse("yesterday"), None);
    }

    proptest! {
        #[test]
        fn times_come_back(time in 1_u64..) {
            let text = rfc3339(time).unwrap();
            prop_assert_eq!(parse(&text), Some(time));
        }
    }
}
