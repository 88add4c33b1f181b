//! From a request's body to a sealed segment: scan, redact, seal. What every runtime does before it makes a segment
//! durable.

use crate::answer::Encoding;
use crate::columns::{Columns, SignalType};
use crate::keys::IngestKey;
use crate::names::SegmentId;
use crate::redact::{Redactions, Redactor};
use crate::refusal::Refusal;
use crate::scan::{Refused, ScanLimits, Scanned, Scratch, scan_json, scan_protobuf};
use crate::segment::{Header, ProjectKeys, SegmentError};

/// A segment as it is made durable.
#[derive(Clone, Debug)]
pub struct SealedSegment {
    /// Its header.
    pub header: Header,
    /// The object's bytes.
    pub bytes: Vec<u8>,
    /// What is in it, redacted.
    pub columns: Columns,
    /// What was redacted.
    pub redactions: Redactions,
}

impl SealedSegment {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SegmentId {
        self.header.id
    }
}

/// Scans a decompressed body.
///
/// # Errors
/// If it can't be decoded.
pub fn scan_body(
    signal: SignalType,
    encoding: Encoding,
    body: &[u8],
    limits: &ScanLimits,
    scratch: &mut Scratch,
) -> Result<Scanned, Refusal> {
    let scan = match encoding {
        Encoding::Protobuf => scan_protobuf,
        Encoding::Json => scan_json,
    };
    scan(signal, body, limits, scratch).map_err(Refusal::from)
}

/// Redacts and seals columns as received at that time. `body` is what the segment's id is made of, `key` what the request
/// was sent with.
///
/// # Errors
/// If the columns are too large for a segment.
pub fn seal_columns(
    keys: &ProjectKeys,
    redactor: &Redactor,
    mut columns: Columns,
    body: &[u8],
    key: &IngestKey,
    received_at: u64,
) -> Result<SealedSegment, SegmentError> {
    let redactions = redactor.redact(&mut columns);
    let header = keys.header(&columns, body, received_at, key);
    let bytes = keys.seal(&header, Some(&columns))?;
    Ok(SealedSegment {
        header,
        bytes,
        columns,
        redactions,
    })
}

/// What a sender is told of rows that were refused: how many, and why.
#[must_use]
pub fn refused_rows(refused: &Refused, signal: SignalType) -> (u64, String) {
    (u64::from(refused.total()), refused.message(signal))
}
