//! Where merged incidents went.

use aia_telemetry::TenantId;

use crate::store::{Incident, Result, Store};

/// The incident of an id, or the one that it was merged into, which may have been merged in turn; none if the tenant has no
/// incident of that id.
///
/// # Errors
/// If the store fails.
pub fn follow(store: &dyn Store, tenant: &TenantId, id: &str) -> Result<Option<Incident>> {
    let Some(mut incident) = store.incident(tenant, id)? else {
        return Ok(None);
    };
    let mut seen = vec![incident.id.clone()];
    while !incident.lifecycle.merged_into.is_empty() && !seen.contains(&incident.lifecycle.merged_into) {
        let Some(next) = store.incident(tenant, &incident.lifecycle.merged_into)? else {
            break;
        };
        seen.push(next.id.clone());
        incident = next;
    }
    Ok(Some(incident))
}
