//! The traces of an incident, pinned in full so that a report can show what a failing request did. Looked up some time
//! behind the signal, since a trace's spans come from several services, and once more for those that come late.

use super::evidence::from_row;
use crate::log::TraceRow;
use crate::store::{Incident, Result, Scope, Store};

/// Time of the data between a signal and each look at its trace, nanoseconds.
const LOOKS: [u64; 2] = [15_000_000_000, 90_000_000_000];

/// Most rows of a trace that are pinned.
pub const MAX_ROWS: usize = 500;

/// A trace to be looked up.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Wanted {
    /// The incident it belongs to.
    pub incident: String,
    /// Which.
    pub trace: [u8; 16],
}

/// What is due by `now`; everything that was never looked up if that is the end.
pub(super) fn wanted(incidents: &[Incident], now: u64, is_final: bool) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for incident in incidents {
        for trace in &incident.lifecycle.traces {
            let due = usize::try_from(trace.looked)
                .ok()
                .and_then(|looked| LOOKS.get(looked))
                .map(|wait| trace.since.saturating_add(*wait));
            let is_due = due.is_some_and(|due| due <= now) || (is_final && trace.looked == 0);
            if let (true, Ok(id)) = (is_due, u128::from_str_radix(&trace.trace, 16)) {
                wanted.push(Wanted {
                    incident: incident.id.clone(),
                    trace: id.to_be_bytes(),
                });
            }
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Pins the rows of a trace.
///
/// # Errors
/// If the store fails.
pub fn pin(store: &dyn Store, scope: &Scope, wanted: &Wanted, rows: Vec<TraceRow>) -> Result<()> {
    let trace = format!("{:032x}", u128::from_be_bytes(wanted.trace));
    let evidence: Vec<_> = rows
        .into_iter()
        .take(MAX_ROWS)
        .map(|row| from_row(row.segment, row.row, row.content))
        .collect();
    store.transact(scope, &mut |transaction| {
        let Some(mut incident) = transaction.incident(&wanted.incident)? else {
            return Ok(());
        };
        let known = incident.lifecycle.traces.iter_mut();
        let Some(known) = known.into_iter().find(|known| known.trace == trace) else {
            return Ok(());
        };
        known.looked = known.looked.saturating_add(1);
        if !incident.lifecycle.merged_into.is_empty() {
            // Whoever took it over looks the trace up itself.
            return transaction.put_incident(&incident);
        }
        let mut is_new = false;
        for evidence in &evidence {
            is_new |= transaction.pin(&incident.id, evidence)?;
        }
        if is_new {
            incident.version += 1;
        }
        transaction.put_incident(&incident)
    })
}
