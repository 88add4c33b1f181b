//! What time does to incidents: quiet resolves them, and milder signals lower their severity. Time is that of the data,
//! so that the same data ends the same way, however fast it is read.

use super::grow::{self, event};
use super::severity::{MINUTE, RECENT};
use super::{Rules, traces};
use crate::clock;
use crate::store::{Incident, IncidentFilter, IncidentState, IncidentTransaction, Result, Scope, Store};

/// States that aren't the end.
const OPEN: [IncidentState; 3] = [
    IncidentState::Open,
    IncidentState::Acknowledged,
    IncidentState::Regressed,
];

/// Most open incidents of a project that are tended at once.
const MAX_TENDED: usize = 1_000;

/// Newest incidents, resolved ones too, whose traces may still have to be pinned.
const MAX_NEWEST: usize = 20;

/// Who resolves what has become quiet.
const BY: &str = "AIA";

/// When an incident will have been quiet for long enough.
fn due(incident: &Incident, rules: &Rules) -> u64 {
    incident
        .lifecycle
        .active_at
        .saturating_add(clock::nanos(rules.resolve_after))
}

/// Does what time has done to an incident by `now`: lets its severity fall, and resolves it once it has been quiet for
/// long enough. As of when that was, not of when it is noticed: asking more often changes nothing.
pub(super) fn settle(
    transaction: &mut dyn IncidentTransaction,
    incident: &mut Incident,
    now: u64,
    rules: &Rules,
) -> Result<()> {
    if !incident.state.is_open() {
        return Ok(());
    }
    let due = due(incident, rules);
    let aged = age(incident, now.min(due), rules);
    let has_aged = !aged.is_empty();
    for (time, kind, text) in aged {
        transaction.add_event(&incident.id, &event(time, kind, text))?;
        incident.updated_at = incident.updated_at.max(time);
    }
    if due <= now {
        let minutes = rules.resolve_after.as_secs() / 60;
        let text = format!("Resolved by {BY}: quiet for {minutes} minutes");
        transaction.add_event(&incident.id, &event(due, "resolved", text))?;
        grow::resolve(incident, due, BY);
    } else if has_aged {
        incident.version += 1;
    } else {
        return Ok(());
    }
    transaction.put_incident(incident)
}

/// Weighs an incident at every full minute since it was last weighed, as long as there are signals that count; gives what
/// changed, and when.
fn age(incident: &mut Incident, now: u64, rules: &Rules) -> Vec<(u64, &'static str, String)> {
    let Some(newest) = incident.lifecycle.recent.last().map(|minute| minute.minute) else {
        return Vec::new();
    };
    let first = (incident.lifecycle.weighed + 1).max(newest.saturating_sub(RECENT));
    let last = (now / MINUTE).min(newest.saturating_add(RECENT));
    let mut events = Vec::new();
    for minute in first..=last {
        let time = minute.saturating_mul(MINUTE);
        events.extend(grow::weigh(incident, time, rules).map(|(kind, text)| (time, kind, text)));
        incident.lifecycle.weighed = minute;
    }
    events
}

/// When the first of a project's open incidents will have been quiet for long enough, nanoseconds since the Unix epoch;
/// none if there is none.
///
/// # Errors
/// If the store fails.
pub fn next_due(store: &dyn Store, scope: &Scope, rules: &Rules) -> Result<Option<u64>> {
    Ok(open(store, scope)?
        .iter()
        .map(|incident| due(incident, rules))
        .min())
}

/// Does what is due by `now` (time of the data) to a project's incidents. Gives the traces that are to be pinned, which
/// takes longer than a transaction may.
///
/// # Errors
/// If the store fails.
pub fn tend(
    store: &dyn Store,
    scope: &Scope,
    now: u64,
    rules: &Rules,
    is_final: bool,
) -> Result<Vec<traces::Wanted>> {
    let open = open(store, scope)?;
    let is_due = |incident: &Incident| {
        due(incident, rules) <= now || !age(&mut incident.clone(), now, rules).is_empty()
    };
    // Nobody waits for the write lock as long as nothing is due.
    if open.iter().any(is_due) {
        store.transact(scope, &mut |transaction| {
            for mut incident in transaction.unresolved()? {
                settle(transaction, &mut incident, now, rules)?;
            }
            Ok(())
        })?;
    }
    let newest = IncidentFilter {
        project: Some(scope.project.as_str().to_owned()),
        limit: MAX_NEWEST,
        ..IncidentFilter::default()
    };
    let mut all = store.incidents(&scope.tenant, &newest)?;
    all.extend(open);
    Ok(traces::wanted(&all, now, is_final))
}

fn open(store: &dyn Store, scope: &Scope) -> Result<Vec<Incident>> {
    let filter = IncidentFilter {
        project: Some(scope.project.as_str().to_owned()),
        states: OPEN.to_vec(),
        before: None,
        limit: MAX_TENDED,
    };
    store.incidents(&scope.tenant, &filter)
}
