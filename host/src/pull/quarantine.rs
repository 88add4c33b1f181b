//! What isn't a genuine segment is put aside: copied to `quarantine/<its key>`, deleted where it was, counted and written
//! to the audit log. Where that can't be, the store remembers not to fetch it again.

use futures_util::{StreamExt, stream};

use super::bucket::{Bucket, BucketError, Listed};
use super::key::shown;
use super::metrics::PullMetrics;
use crate::clock;
use crate::store::{Scope, Store, StoreError};

/// What the keys of objects that were put aside begin with.
pub(super) const PREFIX: &str = "quarantine/";

/// Objects that are put aside at once.
const AT_ONCE: usize = 8;

/// What is wrong with an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    /// No segment has such a key.
    Name,
    /// It is larger than any segment, or what it holds is.
    Size,
    /// It isn't made as a segment is.
    Format,
    /// By its header it belongs to another tenant or project.
    Foreign,
    /// By its header it belongs elsewhere within its project: it was renamed or moved.
    Moved,
    /// Its MAC is wrong: bytes were changed, or it was sealed with another secret.
    Forged,
    /// It was sealed with this deployment's secret, and what it holds breaks the rules of columns.
    Content,
}

impl Reason {
    pub(super) const ALL: [Self; 7] = [
        Self::Name,
        Self::Size,
        Self::Format,
        Self::Foreign,
        Self::Moved,
        Self::Forged,
        Self::Content,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Format => "format",
            Self::Foreign => "foreign",
            Self::Moved => "moved",
            Self::Forged => "forged",
            Self::Content => "content",
        }
    }
}

/// What became of an object that was to be put aside.
pub(super) struct PutAside {
    object: Listed,
    reason: Reason,
    moved: Result<(), BucketError>,
}

/// Puts objects aside in the bucket, as far as that lets it be done.
pub(super) async fn put_aside(bucket: &dyn Bucket, objects: Vec<(Listed, Reason)>) -> Vec<PutAside> {
    stream::iter(objects)
        .map(|(object, reason)| async move {
            let moved = put_one_aside(bucket, &object.key).await;
            PutAside {
                object,
                reason,
                moved,
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn put_one_aside(bucket: &dyn Bucket, key: &str) -> Result<(), BucketError> {
    bucket.copy(key, &format!("{PREFIX}{key}")).await?;
    bucket.delete(key).await
}

/// Counts them, writes them to the audit log, and remembers those that are still where they were. Blocks.
///
/// # Errors
/// If the store fails.
pub(super) fn account(
    store: &dyn Store,
    metrics: &PullMetrics,
    scope: &Scope,
    done: Vec<PutAside>,
) -> Result<(), StoreError> {
    for PutAside {
        object,
        reason,
        moved,
    } in done
    {
        let key = shown(&object.key);
        let (reason_text, bytes) = (reason.as_str(), object.size);
        metrics.quarantined(reason);
        match moved {
            Ok(()) => {
                tracing::warn!(target: "audit", %scope, object = key, reason = reason_text, bytes, "quarantined an object");
            }
            Err(error) => {
                store.refuse_object(scope, &object.key, &object.tag, clock::now())?;
                let error = crate::chain(&error);
                tracing::warn!(
                    target: "audit", %scope, object = key, reason = reason_text, bytes, error,
                    "cannot quarantine an object; it is passed over where it lies"
                );
            }
        }
    }
    Ok(())
}
