//! Segments on their way to sessions.

use aia_telemetry::{Columns, Header, SegmentId, minute_of_key, object_key};

/// A segment that waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its id.
    pub id: SegmentId,
    /// Where it lies.
    pub object_key: String,
    /// The minute that it was received in, in nanoseconds since the Unix epoch.
    pub minute: u64,
}

impl Entry {
    /// The segment with that header.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        let object_key = object_key(header);
        Self {
            id: header.id,
            minute: minute_of_key(&object_key).unwrap_or_default(),
            object_key,
        }
    }

    /// A segment as a listing shows it; none if the key isn't one of a segment.
    #[must_use]
    pub fn listed(object_key: &str) -> Option<Self> {
        let id = object_key.rsplit_once('/')?.1.parse().ok()?;
        Some(Self {
            id,
            minute: minute_of_key(object_key)?,
            object_key: object_key.to_owned(),
        })
    }
}

/// A segment that was verified and decoded.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its header.
    pub header: Header,
    /// What is in it.
    pub columns: Columns,
    /// About how much memory that takes, in bytes.
    pub weight: usize,
}
