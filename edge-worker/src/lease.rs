//! A project's quota: an isolate takes from its lease, and asks the project for another one when that is used up.

use std::time::Duration;

use aia_telemetry::Refusal;
use worker::Env;

use crate::intake::{Isolate, Scope, now, unavailable};
use crate::project;

/// Leases that an isolate keeps.
const MAX_LEASES: usize = 1_024;

/// Takes `bytes` of a project's quota, if there is one.
///
/// # Errors
/// If it is used up, until the next day.
pub(crate) async fn take(isolate: &Isolate, env: &Env, scope: &Scope, bytes: usize) -> Result<(), Refusal> {
    let quota = isolate.settings.quota.bytes_a_day;
    if quota == 0 {
        return Ok(());
    }
    let bytes = bytes as u64;
    let from_lease = |isolate: &Isolate| {
        let mut leases = isolate.leases.borrow_mut();
        leases
            .get_mut(scope)
            .is_some_and(|lease| lease.take(bytes, now()))
    };
    if from_lease(isolate) {
        return Ok(());
    }
    let lease = project::lease(env, scope, bytes)
        .await
        .map_err(|error| unavailable("the project's quota can't be asked", &error))?;
    let until = lease.until;
    {
        let mut leases = isolate.leases.borrow_mut();
        if leases.len() >= MAX_LEASES {
            leases.clear();
        }
        // What is left of the last one is too little for this request, but not for the next.
        let left = leases
            .remove(scope)
            .filter(|left| left.until == until)
            .map_or(0, |left| left.bytes);
        let bytes = lease.bytes.saturating_add(left);
        leases.insert(scope.clone(), aia_edge::Lease { bytes, until });
    }
    if from_lease(isolate) {
        return Ok(());
    }
    Err(Refusal::NoRoom {
        reason: format!("the project may send {quota} bytes a day"),
        retry_after: Duration::from_nanos(until.saturating_sub(now())),
    })
}
