//! Who sends: the ingest key of a request, verified without a look-up, and the list of revoked keys.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aia_telemetry::{IngestKey, IngestSecrets, KeyId, Refusal, RevocationList};
use http::{HeaderMap, header};

use crate::store::{Store, StoreError};

/// For exporters that can't send `Authorization`.
const KEY_HEADER: &str = "x-aia-key";

/// How often revoked keys are read again: a revoked key is refused after so long at the latest.
const REFRESH_EVERY: Duration = Duration::from_secs(5);

/// Finds and verifies a request's ingest key.
///
/// # Errors
/// If there is none, it isn't genuine, or it was revoked.
pub(super) fn authenticate(
    headers: &HeaderMap,
    secrets: &IngestSecrets,
    revoked: &RevokedKeys,
) -> Result<IngestKey, Refusal> {
    let key = secrets.verify(presented(headers).ok_or(Refusal::MissingKey)?)?;
    if revoked.contains(&key) {
        Err(Refusal::RevokedKey)
    } else {
        Ok(key)
    }
}

/// The key as sent: `Authorization: Bearer …` (the scheme's case doesn't matter) or `x-aia-key`.
fn presented(headers: &HeaderMap) -> Option<&str> {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        }
        None => headers.get(KEY_HEADER)?.to_str().ok().map(str::trim),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_either_header() {
        let presented = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, http::HeaderValue::from_static(value));
            presented(&headers).map(ToOwned::to_owned)
        };
        assert_eq!(presented("authorization", "Bearer abc").as_deref(), Some("abc"));
        assert_eq!(presented("authorization", "bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(presented("x-aia-key", "abc").as_deref(), Some("abc"));
        assert_eq!(presented("authorization", "Basic abc"), None);
        assert_eq!(presented("authorization", "abc"), None);
        assert_eq!(presented("x-api-key", "abc"), None);
    }
}
