//! Evidence that waits to be signalled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aia_plugin_sdk::{RowId, Time};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_AFFECTED, MAX_EXEMPLARS, MAX_PENDING};
use crate::operations::OperationId;
use crate::services::ServiceId;

/// How long evidence waits: as long as a window by default.
const KEPT: Duration = Duration::from_secs(60);

/// A slow span, with the outermost one that waited for it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Exemplar {
    pub(crate) micros: u32,
    pub(crate) row: RowId,
    pub(crate) root: RowId,
}

/// What happened at an operation since the last signal.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Evidence {
    /// When the last of it was counted, by the time of receipt.
    last: Time,
    /// Slow requests, and the time they span by the senders' clocks.
    pub(crate) slow: u64,
    pub(crate) start: Time,
    pub(crate) end: Time,
    /// The slowest of them, slowest first.
    pub(crate) slowest: Vec<Exemplar>,
    /// Services that waited for them and were slow themselves.
    pub(crate) affected: BTreeSet<ServiceId>,
    /// Requests that failed here, and those that failed because another one did.
    pub(crate) failed: u64,
    pub(crate) passed_on: u64,
    pub(crate) failed_rows: Vec<RowId>,
}

impl Evidence {
    /// Adds a slow request.
    pub(crate) fn slow(&mut self, exemplar: Exemplar, start: Time, end: Time) {
        self.slow += 1;
        self.cover(start, end);
        let place = self
            .slowest
            .partition_point(|other| (other.micros, exemplar.row) > (exemplar.micros, other.row));
        self.slowest.insert(place, exemplar);
        self.slowest.truncate(MAX_EXEMPLARS);
    }

    /// Adds a service that waited.
    pub(crate) fn affect(&mut self, service: ServiceId) {
        if self.affected.len() < MAX_AFFECTED {
            self.affected.insert(service);
        }
    }

    /// Adds a failed request.
    pub(crate) fn failed(&mut self, row: RowId, start: Time, end: Time) {
        self.failed += 1;
        self.cover(start, end);
        if self.failed_rows.len() < MAX_EXEMPLARS {
            self.failed_rows.push(row);
        }
    }

    fn cover(&mut self, start: Time, end: Time) {
        let is_first = !self.start.is_set();
        self.start = if is_first { start } else { self.start.min(start) };
        self.end = self.end.max(end);
    }
}

/// Evidence by operation.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Pending(BTreeMap<OperationId, Evidence>);

impl Pending {
    /// The evidence of an operation, to be added to; nothing where there is no room.
    pub(crate) fn of(&mut self, operation: OperationId, now: Time) -> Option<&mut Evidence> {
        if !self.0.contains_key(&operation) && self.0.len() >= MAX_PENDING {
            return None;
        }
        let evidence = self.0.entry(operation).or_default();
        evidence.last = now;
        Some(evidence)
    }

    pub(crate) fn get(&self, operation: OperationId) -> Option<&Evidence> {
        self.0.get(&operation)
    }

    /// Takes what was signalled.
    pub(crate) fn take(&mut self, operation: OperationId) -> Option<Evidence> {
        self.0.remove(&operation)
    }

    /// Forgets what nobody asked for.
    pub(crate) fn forget_stale(&mut self, now: Time) {
        self.0.retain(|_, evidence| now.since(evidence.last) < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_slowest() {
        let mut evidence = Evidence::default();
        for (n, micros) in [5, 9, 1, 7, 8, 2, 9].into_iter().enumerate() {
            let row = RowId {
                segment: 1,
                row: u32::try_from(n).unwrap(),
            };
            let exemplar = Exemplar {
                micros,
                row,
                root: row,
            };
            evidence.slow(
                exemplar,
                Time::from_secs(10 + n as u64),
                Time::from_secs(20 + n as u64),
            );
        }
        let micros: Vec<_> = evidence.slowest.iter().map(|exemplar| exemplar.micros).collect();
        assert_eq!(micros, [9, 9, 8, 7]);
        assert_eq!(
            (evidence.slow, evidence.start, evidence.end),
            (7, Time::from_secs(10), Time::from_secs(26))
        );
    }

    #[test]
    fn has_room_for_so_many_and_forgets() {
        let mut pending = Pending::default();
        let now = Time::from_secs(100);
        let most = u32::try_from(MAX_PENDING).unwrap();
        for operation in 0..most {
            assert!(pending.of(operation, now).is_some());
        }
        assert!(pending.of(most, now).is_none() && pending.of(0, now).is_some());
        pending.forget_stale(Time::from_secs(159));
        assert!(pending.get(0).is_some());
        pending.forget_stale(Time::from_secs(160));
        assert!(pending.get(0).is_none() && pending.of(most, now).is_some());
    }
}
