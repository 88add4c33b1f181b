//! The header of a segment and the object key that follows from it.

use serde::{Deserialize, Serialize};

use super::SegmentError;
use crate::columns::SignalType;
use crate::names::{KeyId, ProjectId, SegmentId, TenantId};

/// What a segment starts with: a mark and the version of the format.
const MAGIC: [u8; 4] = *b"AIS\x01";
/// Longest header. The longest that can be has about 170 bytes.
const MAX_HEADER_BYTES: usize = 1024;
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// What a segment says of itself, in the clear but under the MAC.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Header {
    /// Its id; the same request of a project has the same.
    pub id: SegmentId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Whose it is.
    pub project: ProjectId,
    /// What it carries; nothing but time if `None`.
    pub signal: Option<SignalType>,
    /// When AIA received it, in nanoseconds since the Unix epoch.
    pub received_at: u64,
    /// The ingest key that it was sent with; none if AIA made the segment itself.
    pub key_id: Option<KeyId>,
    /// Number of its spans, log records or metric points.
    pub rows: u32,
}

/// Reads the header of a segment **without verifying anything**: what it says may be a lie. For listings and for
/// finding out whose [`ProjectKeys`](super::ProjectKeys) to open the segment with.
///
/// # Errors
/// If the bytes don't start as a segment does.
pub fn peek_header(segment: &[u8]) -> Result<Header, SegmentError> {
    split_header(segment).map(|(header, _)| header)
}

/// The header, and what is behind it.
pub(super) fn split_header(segment: &[u8]) -> Result<(Header, &[u8]), SegmentError> {
    let format = |reason| SegmentError::Format { reason };
    let rest = segment
        .strip_prefix(&MAGIC)
        .ok_or(format("the mark is missing"))?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(format("it is cut off"))?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_HEADER_BYTES {
        return Err(format("its header is too long"));
    }
    let (header, rest) = rest.split_at_checked(length).ok_or(format("it is cut off"))?;
    match postcard::take_from_bytes(header) {
        Ok((header, [])) => Ok((header, rest)),
        _ => Err(format("its header can't be decoded")),
    }
}

/// Writes mark, version, length and header.
pub(super) fn write_header(header: &Header) -> Result<Vec<u8>, SegmentError> {
    let failed = SegmentError::Format {
        reason: "its header can't be encoded",
    };
    let Ok(encoded) = postcard::to_allocvec(header) else {
        return Err(failed);
    };
    let Ok(length) = u32::try_from(encoded.len()) else {
        return Err(failed);
    };
    let mut segment = MAGIC.to_vec();
    segment.extend_from_slice(&length.to_le_bytes());
    segment.extend_from_slice(&encoded);
    Ok(segment)
}

/// Where a segment lies in the object store: `segments/<tenant>/<project>/<date>/<hour>/<minute>/<id>`, by the time it
/// was received, in UTC.
#[must_use]
pub fn object_key(header: &Header) -> String {
    format!(
        "{}{}",
        minute_prefix(&header.tenant, &header.project, header.received_at),
        header.id
    )
}

/// What the object keys of all segments received in the minute of `time` (nanoseconds since the Unix epoch) start with:
/// `segments/<tenant>/<project>/<date>/<hour>/<minute>/`.
#[must_use]
pub fn minute_prefix(tenant: &TenantId, project: &ProjectId, time: u64) -> String {
    let minute = time / NANOSECONDS_PER_SECOND / 60 % 60;
    format!("{}{minute:02}/", hour_prefix(tenant, project, time))
}

/// What the object keys of all segments received in the hour of `time` (nanoseconds since the Unix epoch) start with.
#[must_use]
pub fn hour_prefix(tenant: &TenantId, project: &ProjectId, time: u64) -> String {
    let hours = time / NANOSECONDS_PER_SECOND / 3600;
    let (year, month, day) = civil_date(hours / 24);
    format!(
        "{}{year:04}-{month:02}-{day:02}/{:02}/",
        project_prefix(tenant, project),
        hours % 24
    )
}

/// The minute that a segment's object key names, in nanoseconds since the Unix epoch; none if it isn't a segment's key.
#[must_use]
pub fn minute_of_key(object_key: &str) -> Option<u64> {
    let mut parts = object_key.strip_prefix("segments/")?.splitn(6, '/').skip(2);
    let (date, hour, minute) = (parts.next()?, parts.next()?, parts.next()?);
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (hour, minute) = (hour.parse::<u64>().ok()?, minute.parse::<u64>().ok()?);
    let is_time = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !is_time || !(1970..=2554).contains(&year) {
        return None;
    }
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute;
    minutes.checked_mul(60 * NANOSECONDS_PER_SECOND)
}

/// Days since 1970-01-01 of a date, the other way round than [`civil_date`] (Howard Hinnant's `days_from_civil`).
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).saturating_sub(719_468)
}

/// What the object keys of all segments of a project start with.
#[must_use]
pub fn project_prefix(tenant: &TenantId, project: &ProjectId) -> String {
    format!("segments/{tenant}/{project}/")
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar (Howard Hinnant's
/// `civil_from_days` for days that aren't negative).
pub(crate) fn civil_date(days: u64) -> (u64, u64, u64) {
    // Eras of 400 years begin on the first of March, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
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
    use proptest::prelude::*;

    use super::*;

    fn header(received_at: u64) -> Header {
        Header {
            id: SegmentId([0xab; 16]),
            tenant: TenantId::new("acme").unwrap(),
            project: ProjectId::new("shop").unwrap(),
            signal: Some(SignalType::Traces),
            received_at,
            key_id: Some(KeyId::new("k1").unwrap()),
            rows: 512,
        }
    }

    #[test]
    fn object_keys_are_by_utc_minute() {
        insta::assert_snapshot!(
            object_key(&header(1_674_981_234_567_890_123)),
            @"segments/acme/shop/2023-01-29/08/33/abababababababababababababababab"
        );
        assert!(object_key(&header(0)).starts_with("segments/acme/shop/1970-01-01/00/00/"));
        assert!(object_key(&header(u64::MAX)).starts_with("segments/acme/shop/2554-07-21/23/34/"));
    }

    #[test]
    fn dates_follow_the_calendar() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (789, (1972, 2, 29)),
            (11_016, (2000, 2, 29)),
            (20_453, (2025, 12, 31)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil_date(days), date, "day {days}");
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        for (bytes, message) in [
            (&b""[..], "the mark is missing"),
            (b"AIS\x02\0\0\0\0", "the mark is missing"),
            (b"AIS\x01\0", "it is cut off"),
            (b"AIS\x01\xff\0\0\0", "it is cut off"),
            (b"AIS\x01\xff\xff\xff\xff", "its header is too long"),
            (b"AIS\x01\x02\0\0\0\0\0", "its header can't be decoded"),
        ] {
            let error = peek_header(bytes).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("opening a segment: not a segment of format version 1: {message}")
            );
        }
        let mut header = header(1);
        header.id = SegmentId([0; 16]);
        let mut long = write_header(&header).unwrap();
        long[4] += 1;
        long.push(0);
        assert!(peek_header(&long).is_err(), "bytes behind the header's fields");
    }

    #[test]
    fn keys_of_something_else_name_no_minute() {
        for key in [
            "",
            "sessions/acme/shop/2023-01-29/08/33/ab",
            "segments/acme/shop/2023-01-29/08",
            "segments/acme/shop/2023-13-29/08/33/ab",
            "segments/acme/shop/1969-12-31/08/33/ab",
            "segments/acme/shop/99999999999-01-01/08/33/ab",
            "segments/acme/shop/2023-01-29/24/33/ab",
            "segments/acme/shop/x-y-z/08/33/ab",
        ] {
            assert_eq!(minute_of_key(key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn a_key_tells_its_minute(received_at: u64) {
            let minute = 60 * NANOSECONDS_PER_SECOND;
            prop_assert_eq!(minute_of_key(&object_key(&header(received_at))), Some(received_at / minute * minute));
        }

        #[test]
        fn the_next_day_has_the_next_date(days in 0_u64..200_000) {
            let ((year, month, day), next) = (civil_date(days), civil_date(days + 1));
            let following = [(year, month, day + 1), (year, month + 1, 1), (year + 1, 1, 1)];
            prop_assert!(following.contains(&next), "{:?} {:?}", (year, month, day), next);
        }

        #[test]
        fn headers_come_back(received_at: u64, rows: u32, id: [u8; 16], behind: Vec<u8>) {
            let header = Header { rows, id: SegmentId(id), ..header(received_at) };
            let mut bytes = write_header(&header).unwrap();
            bytes.extend_from_slice(&behind);
            let (found, rest) = split_header(&bytes).unwrap();
            prop_assert_eq!(found, header);
            prop_assert_eq!(rest, behind);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            prop_assert!(peek_header(&bytes).is_err());
            let _ = peek_header(&[&b"AIS\x01\x10\0\0\0"[..], &bytes].concat());
        }
    }
}
