//! Who sends: the ingest key of a request, verified without a look-up, and the list of revoked keys.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aia_telemetry::{IngestKey, IngestSecrets, KeyId, Refusal, RevocationList};

use crate::store::{Store, StoreError};

/// How often revoked keys are read again: a revoked key is refused after so long at the latest.
const REFRESH_EVERY: Duration = Duration::from_secs(5);

/// Verifies an ingest key.
///
/// # Errors
/// If it isn't genuine, or was revoked.
pub(super) fn verify(
    key: &str,
    secrets: &IngestSecrets,
    revoked: &RevokedKeys,
) -> Result<IngestKey, Refusal> {
    let key = secrets.verify(key)?;
    if revoked.contains(&key) {
        Err(Refusal::RevokedKey)
    } else {
        Ok(key)
    }
}

/// The revoked keys as last read from the store. If it can't be read, the last good list holds.
pub(crate) struct RevokedKeys {
    store: Arc<dyn Store>,
    list: RwLock<Arc<RevocationList>>,
}

impl RevokedKeys {
    /// Reads them for the first time. Blocks.
    ///
    /// # Errors
    /// If the store can't be read: without a list nobody may send.
    pub(crate) fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let list = read(store.as_ref())?;
        Ok(Self {
            store,
            list: RwLock::new(Arc::new(list)),
        })
    }

    fn contains(&self, key: &IngestKey) -> bool {
        self.list
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_revoked(key)
    }

    /// Reads them again. Blocks.
    pub(crate) fn refresh(&self) {
        match read(self.store.as_ref()) {
            Ok(list) => *self.list.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list),
            Err(error) => tracing::warn!(%error, "cannot read revoked keys; the last list holds"),
        }
    }

    /// Reads them again and again until it is dropped.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        loop {
            tokio::time::sleep(REFRESH_EVERY).await;
            let keys = Arc::clone(&self);
            // A panic of the store's driver shows as an error here; the last list holds.
            if let Err(error) = tokio::task::spawn_blocking(move || keys.refresh()).await {
                tracing::warn!(%error, "cannot read revoked keys; the last list holds");
            }
        }
    }
}

fn read(store: &dyn Store) -> Result<RevocationList, StoreError> {
    let mut list = RevocationList::default();
    for (scope, id) in store.all_revoked_ingest_keys()? {
        match KeyId::new(&id) {
            Ok(id) => {
                list.revoke(&scope.tenant, &scope.project, &id);
            }
            Err(error) => tracing::warn!(%scope, %error, "a revoked key in the store has no valid id"),
        }
    }
    Ok(list)
}
