//! The keys of segments' objects: what they say before anything was fetched.

use aia_telemetry::{SegmentId, minute_prefix, project_prefix};

use crate::store::Scope;

/// Nanoseconds of a minute.
pub(super) const MINUTE: u64 = 60_000_000_000;

/// Longest part of a key that is shown.
const MAX_SHOWN: usize = 300;

/// What the key of a segment's object says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SegmentKey {
    /// The minute it was received in, counted from the Unix epoch.
    pub(super) minute: u64,
    pub(super) id: SegmentId,
}

/// Reads the key of an object of this project; none if no segment has such a key.
pub(super) fn parse(scope: &Scope, key: &str) -> Option<SegmentKey> {
    let rest = key.strip_prefix(&project_prefix(&scope.tenant, &scope.project))?;
    let mut parts = rest.split('/');
    let (date, hour, minute, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let mut date = date.split('-');
    let mut number = || date.next()?.parse::<u64>().ok().filter(|number| *number < 10_000);
    let days = days(number()?, number()?, number()?)?;
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    let segment = SegmentKey {
        minute: days
            .checked_mul(1_440)?
            .checked_add(hour.checked_mul(60)?)?
            .checked_add(minute)?,
        id: id.parse().ok()?,
    };
    // Written anew it must be the same, in every digit.
    let written = format!("{}{}", minute_key(scope, segment.minute)?, segment.id);
    (written == key).then_some(segment)
}

/// What the keys of a minute begin with.
pub(super) fn minute_key(scope: &Scope, minute: u64) -> Option<String> {
    let time = minute.checked_mul(MINUTE)?;
    Some(minute_prefix(&scope.tenant, &scope.project, time))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

/// A key for a log line: printable, and not too long.
pub(super) fn shown(key: &str) -> String {
    key.escape_default().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use aia_telemetry::{Header, object_key};
    use proptest::prelude::*;

    use super::*;

    fn scope() -> Scope {
        Scope {
            tenant: "acme".parse().unwrap(),
            project: "shop".parse().unwrap(),
        }
    }

    #[test]
    fn odd_keys_are_none_of_a_segment() {
        let good = "segments/acme/shop/2023-01-29/08/33/abababababababababababababababab";
        assert_eq!(parse(&scope(), good).unwrap().minute, 1_674_981_180 / 60);
        for odd in [
            "",
            "segments/acme/shop/",
            "segments/acme/blog/2023-01-29/08/33/abababababababababababababababab",
            "segments/acme/shop/2023-01-29/08/33/ABABABABABABABABABABABABABABABAB",
            "segments/acme/shop/2023-01-29/08/33/abababababababababababababababab/",
            "segments/acme/shop/2023-01-29/08/33//abababababababababababababababab",
            "segments/acme/shop/2023-01-29/08/33/../33/abababababababababababababababab",
            "segments/acme/shop/2023-02-30/08/33/abababababababababababababababab",
            "segments/acme/shop/2023-01-29/8/33/abababababababababababababababab",
            "segments/acme/shop/2023-01-29/07/93/abababababababababababababababab",
            "segments/acme/shop/99999-01-29/08/33/abababababababababababababababab",
            "segments/acme/shop/1969-12-31/08/33/abababababababababababababababab",
            "segments/acme/shop/9999-12-31/08/33/abababababababababababababababab",
            "segments/acme/shop/2023-01-29/18446744073709551615/33/abababababababababababababababab",
            "segments/acme/shop/2023-01-29/08/33/abab",
        ] {
            assert_eq!(parse(&scope(), odd), None, "{odd}");
        }
    }

    #[test]
    fn keys_are_shown_harmlessly() {
        let told = shown("segments/\u{1b}[2J\u{202e}\n");
        assert_eq!(told, r"segments/\u{1b}[2J\u{202e}\n");
        assert!(shown(&"x".repeat(5_000)).len() <= MAX_SHOWN);
    }

    proptest! {
        #[test]
        fn every_key_of_a_segment_comes_back(received_at: u64, id: [u8; 16]) {
            let header = Header {
                id: SegmentId(id),
                tenant: scope().tenant,
                project: scope().project,
                signal: None,
                received_at,
                key_id: None,
                rows: 0,
            };
            let expected = SegmentKey { minute: received_at / MINUTE, id: SegmentId(id) };
            prop_assert_eq!(parse(&scope(), &object_key(&header)), Some(expected));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text: String, rest in "[0-9/a-f-]{0,80}") {
            let _ = parse(&scope(), &text);
            let _ = parse(&scope(), &format!("segments/acme/shop/{rest}"));
        }
    }
}
