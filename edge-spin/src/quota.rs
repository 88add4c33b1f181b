//! A project's quota, handed out from the key-value store. That has no compare-and-swap: two instances that ask at the same
//! moment may be handed the same lease, so a project may send some sixty-fourths more than it should.

use aia_edge::{Lease, QuotaState, Scope};

use crate::app::{App, now};

/// Hands out a lease of at least so many bytes.
pub(crate) async fn lease(app: &App, scope: &Scope, wanted: u64) -> Result<Lease, String> {
    let key = format!("quota/{}/{}", scope.0, scope.1);
    let value = app.store.get(&key).await.map_err(|error| error.to_string())?;
    let mut state: QuotaState = value
        .and_then(|value| serde_json::from_slice(&value).ok())
        .unwrap_or_default();
    let lease = state.lease(app.intake.settings.quota, wanted, now());
    let text = serde_json::to_vec(&state).map_err(|error| error.to_string())?;
    app.store
        .set(&key, text)
        .await
        .map_err(|error| error.to_string())?;
    Ok(lease)
}
