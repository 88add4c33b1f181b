//! What has been in the bucket for long enough is deleted: segments that were pulled, and what was put aside.

use futures_util::{StreamExt, stream};

use super::bucket::{Bucket, BucketError};
use super::list::Pages;
use super::{error::PullError, quarantine, stop::Stop};

/// Objects that are deleted at once.
const AT_ONCE: usize = 8;

/// Deletes objects; gives the first error, behind which no more are tried.
pub(super) async fn delete(bucket: &dyn Bucket, keys: Vec<String>) -> Result<(), BucketError> {
    let mut deleted = stream::iter(keys)
        .map(|key| async move { bucket.delete(&key).await })
        .buffer_unordered(AT_ONCE);
    while let Some(deleted) = deleted.next().await {
        match deleted {
            // What can't be named can't be deleted either; it stays for whoever put it there.
            Ok(()) | Err(BucketError::Unnameable) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes what was put aside before `before`, nanoseconds since the Unix epoch. Blocks.
pub(super) fn quarantined(bucket: &dyn Bucket, stop: &Stop, before: u64) -> Result<(), PullError> {
    let mut pages = Pages::new(quarantine::PREFIX.to_owned(), None);
    while let Some(objects) = stop.or(pages.next(bucket))?? {
        let old = objects
            .into_iter()
            .filter(|object| object.modified > 0 && object.modified < before);
        stop.or(delete(bucket, old.map(|object| object.key).collect()))??;
    }
    Ok(())
}
