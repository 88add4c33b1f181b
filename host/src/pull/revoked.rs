//! The list of revoked ingest keys, for the edge: it reads it from the bucket and refuses those keys. A list that is there
//! already only ever grows, so that a host which has lost its store doesn't make a revoked key good again.

use std::time::{Duration, Instant};

use aia_telemetry::{KeyId, RevocationList, RootSecret};

use super::bucket::{Bucket, BucketError};
use super::error::PullError;
use super::stop::Stop;
use crate::clock;
use crate::store::{Scope, Store};

/// Largest list that is read: some 100,000 keys.
const MAX_BYTES: u64 = 16 << 20;

/// Wait before the next attempt, if it can't be read or written.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How often it is looked whether the list in the bucket is still ours.
const CHECK_EVERY: Duration = Duration::from_secs(600);

const NANOSECONDS: u64 = 1_000_000_000;

/// Keeps the list in the bucket.
pub(super) struct Revoked {
    root: RootSecret,
    /// How many keys the store had revoked when the list was last written, and when that was looked at.
    written: Option<(usize, Instant)>,
    again_at: Option<Instant>,
}

impl Revoked {
    /// A list sealed with the deployment's segment secret.
    pub(super) fn new(root: RootSecret) -> Self {
        Self {
            root,
            written: None,
            again_at: None,
        }
    }

    /// Writes the list where the one in the bucket lacks a key, isn't there or doesn't verify. Blocks.
    pub(super) fn keep(
        &mut self,
        bucket: &dyn Bucket,
        store: &dyn Store,
        stop: &Stop,
    ) -> Result<(), PullError> {
        if self.again_at.is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        let kept = self.write(bucket, store, stop);
        self.again_at = kept.as_ref().err().map(|_| Instant::now() + AGAIN_AFTER);
        kept
    }

    fn write(&mut self, bucket: &dyn Bucket, store: &dyn Store, stop: &Stop) -> Result<(), PullError> {
        let own = store.all_revoked_ingest_keys()?;
        if self
            .written
            .is_some_and(|(count, at)| count == own.len() && at.elapsed() < CHECK_EVERY)
        {
            return Ok(());
        }
        let there = match stop.or(bucket.get(RevocationList::OBJECT_KEY, MAX_BYTES))? {
            Ok(bytes) => match RevocationList::open(&bytes, &self.root) {
                Ok(list) => Some(list),
                Err(error) => {
                    tracing::warn!(
                        target: "audit", object = RevocationList::OBJECT_KEY, %error,
                        "the list of revoked keys in the bucket isn't ours; writing it anew"
                    );
                    None
                }
            },
            Err(BucketError::Missing) => None,
            Err(BucketError::TooLarge { .. }) => {
                tracing::warn!(
                    target: "audit", object = RevocationList::OBJECT_KEY,
                    "the list of revoked keys in the bucket is too large to be ours; writing it anew"
                );
                None
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(list) = merged(there, &own) {
            let sealed = list.seal(&self.root);
            stop.or(bucket.put(RevocationList::OBJECT_KEY, sealed.into()))??;
            tracing::info!(
                keys = list.len(),
                revision = list.revision,
                "wrote the list of revoked keys for the edge"
            );
        }
        self.written = Some((own.len(), Instant::now()));
        Ok(())
    }
}

/// The list that is to be written; none if the one that is there will do.
fn merged(there: Option<RevocationList>, own: &[(Scope, String)]) -> Option<RevocationList> {
    let is_new = there.is_none();
    // Readers keep the list of the higher revision: one that takes the place of a lost one has to be above it.
    let mut list = there.unwrap_or_else(|| {
        let mut list = RevocationList::default();
        list.revision = clock::now() / NANOSECONDS;
        list
    });
    let mut has_grown = false;
    for (scope, id) in own {
        match KeyId::new(id) {
            Ok(id) => has_grown |= list.revoke(&scope.tenant, &scope.project, &id),
            Err(error) => tracing::warn!(%scope, %error, "a revoked key in the store has no valid id"),
        }
    }
    (is_new || has_grown).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> (Scope, String) {
        let scope = Scope {
            tenant: "t".parse().unwrap(),
            project: "p".parse().unwrap(),
        };
        (scope, id.to_owned())
    }

    #[test]
    fn a_list_only_grows_and_its_revision_with_it() {
        let first = merged(None, &[key("a")]).unwrap();
        assert_eq!(first.len(), 1);
        assert_eq!(merged(Some(first.clone()), &[key("a")]), None);
        // By a host that knows nothing of the first key.
        let second = merged(Some(first.clone()), &[key("b"), key("Not An Id")]).unwrap();
        assert_eq!((second.len(), second.revision), (2, first.revision + 1));
        // An empty list is written, too: whoever reads it knows that none is revoked.
        assert!(merged(None, &[]).unwrap().is_empty());
    }
}
