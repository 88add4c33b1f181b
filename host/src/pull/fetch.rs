//! Objects become segments: got a few at a time, and verified before anything of them is decoded but the header.

use std::sync::Arc;

use aia_telemetry::{Footer, ProjectKeys, SegmentError, SegmentLimits};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::bucket::{Bucket, BucketError, Listed};
use super::key::SegmentKey;
use super::quarantine::Reason;
use crate::journal::Append;
use crate::log::Note;
use crate::sessions::{Release, releases_of};
use crate::store::Scope;

/// Objects that are got at once.
const AT_ONCE: usize = 8;

/// After so many that could not be got it isn't tried with others: the bucket is down.
const MAX_FAILURES: usize = AT_ONCE;

/// An object that may be a segment.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) object: Listed,
    pub(super) segment: SegmentKey,
}

/// What was got of some objects.
#[derive(Default)]
pub(super) struct Got {
    pub(super) bytes: Vec<(Found, Bytes)>,
    /// Objects that are too large.
    pub(super) refused: Vec<(Listed, Reason)>,
    /// Why others could not be got; those come up again.
    pub(super) failure: Option<BucketError>,
    /// So many could not be got that the rest wasn't tried.
    pub(super) is_down: bool,
}

/// Gets objects of at most `limit` bytes each.
pub(super) async fn get(bucket: &dyn Bucket, found: Vec<Found>, limit: u64) -> Got {
    let mut got = Got::default();
    let mut failures = 0;
    let mut answers = stream::iter(found)
        .map(|found| async move {
            let answer = if found.object.size > limit {
                Err(BucketError::TooLarge { limit })
            } else {
                bucket.get(&found.object.key, limit).await
            };
            (found, answer)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((found, answer)) = answers.next().await {
        match answer {
            Ok(bytes) => got.bytes.push((found, bytes)),
            Err(BucketError::TooLarge { .. }) => got.refused.push((found.object, Reason::Size)),
            // Somebody else deleted it, which is as good.
            Err(BucketError::Missing) => {}
            Err(error) => {
                got.failure = Some(error);
                failures += 1;
                if failures >= MAX_FAILURES {
                    got.is_down = true;
                    break;
                }
            }
        }
    }
    got
}

/// Verifies what lay there under that key, and makes of it what the log takes. Columns are kept for the sessions if
/// `keep_columns`; otherwise they read them from the journal.
///
/// # Errors
/// What is wrong with it.
pub(super) fn verify(
    scope: &Scope,
    keys: &ProjectKeys,
    key: &str,
    bytes: &Bytes,
    limits: &SegmentLimits,
    keep_columns: bool,
) -> Result<(Append, Vec<Release>), Reason> {
    let opened = keys.open_at(key, bytes, limits);
    let (header, columns) = opened.map_err(|error| reason(scope, bytes, &error))?;
    let footer = columns.as_ref().map(|columns| Arc::new(Footer::of(columns)));
    let releases = columns.as_ref().map(releases_of).unwrap_or_default();
    let append = Append {
        scope: scope.clone(),
        id: header.id,
        received_at: header.received_at,
        segment: bytes.to_vec(),
        note: Note {
            signal: header.signal,
            rows: header.rows,
            footer,
            columns: columns.filter(|_| keep_columns),
            weight: bytes.len().saturating_mul(BYTES_PER_SEALED_BYTE),
        },
    };
    Ok((append, releases))
}

/// About the bytes of columns for each byte of a sealed segment: LZ4 makes of telemetry a fifth or less.
const BYTES_PER_SEALED_BYTE: usize = 6;

fn reason(scope: &Scope, bytes: &[u8], error: &SegmentError) -> Reason {
    match error {
        SegmentError::Format { .. } => Reason::Format,
        SegmentError::Foreign { .. } => Reason::Foreign,
        SegmentError::Moved { .. } => {
            let is_foreign = aia_telemetry::peek_header(bytes)
                .is_ok_and(|header| header.tenant != scope.tenant || header.project != scope.project);
            if is_foreign {
                Reason::Foreign
            } else {
                Reason::Moved
            }
        }
        SegmentError::Forged { .. } => Reason::Forged,
        SegmentError::TooLarge { .. } => Reason::Size,
        SegmentError::Disagreement { .. } | SegmentError::Invalid { .. } | SegmentError::Columns { .. } => {
            Reason::Content
        }
    }
}
