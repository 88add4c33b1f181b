//! All operations, within a budget of bytes.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::Time;
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_OPERATION_BYTES, MAX_OPERATIONS};
use crate::operation::{Operation, Role};
use crate::services::ServiceId;
use crate::sketch::MAX_BUCKETS;

/// An operation's number. Numbers aren't used again, and 0 is none.
pub(crate) type OperationId = u32;

/// Seconds of silence after which an operation gives way to a new one where there is no room: longer than any trace is
/// held.
const SILENCE_SECONDS: u64 = 600;

/// Bytes that a bucket more takes at most.
const BUCKET_BYTES: usize = 5;

/// How often the number of buckets may be halved: down to 8.
const MAX_SQUEEZE: u8 = 6;

/// All operations.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Operations {
    operations: BTreeMap<OperationId, Operation>,
    last: OperationId,
    /// How often the number of buckets was halved to make room.
    squeeze: u8,
    /// Bytes of all operations, never less.
    bytes: usize,
    /// Whether there is no room for a new operation until the next tick.
    is_full: bool,
    /// Requests since the last [`Operations::take_overflow`] of operations there was no room for.
    overflow: u64,
    /// Operations since then that were forgotten for want of room although they weren't silent.
    forgotten: u64,
    /// Numbers by name; not part of snapshots.
    #[serde(skip)]
    ids: BTreeMap<(ServiceId, Role), BTreeMap<String, OperationId>>,
}

impl Operations {
    /// Makes up what isn't part of snapshots.
    pub(crate) fn restored(mut self) -> Self {
        for (id, operation) in &self.operations {
            let names = self.ids.entry((operation.service, operation.role)).or_default();
            names.insert(operation.name.clone(), *id);
        }
        self
    }

    /// Finds an operation or makes it; nothing where there is no room.
    pub(crate) fn find(
        &mut self,
        service: ServiceId,
        role: Role,
        name: &str,
        now: Time,
    ) -> Option<OperationId> {
        let known = self.ids.get(&(service, role)).and_then(|names| names.get(name));
        if let Some(id) = known.copied() {
            if let Some(operation) = self.operations.get_mut(&id) {
                operation.last_seen = now;
            }
            return Some(id);
        }
        let operation = Operation::new(service, role, name.to_owned(), now);
        if !self.has_room(operation.weight(), now) {
            return None;
        }
        self.last += 1;
        self.bytes += operation.weight();
        self.operations.insert(self.last, operation);
        let names = self.ids.entry((service, role)).or_default();
        names.insert(name.to_owned(), self.last);
        Some(self.last)
    }

    /// Makes room for one more, if need be in the place of one that has been silent.
    fn has_room(&mut self, weight: usize, now: Time) -> bool {
        if self.bytes + weight > MAX_OPERATION_BYTES {
            // Between ticks the bytes are counted as if every request took a bucket of its own.
            self.recount();
        }
        while !self.is_full
            && (self.operations.len() >= MAX_OPERATIONS || self.bytes + weight > MAX_OPERATION_BYTES)
        {
            let silent = self.longest_silent();
            let silent = silent.filter(|(_, seen)| now.since(*seen).as_secs() >= SILENCE_SECONDS);
            match silent {
                Some((id, _)) => self.remove(id),
                None => self.is_full = true,
            }
        }
        !self.is_full
    }

    fn longest_silent(&self) -> Option<(OperationId, Time)> {
        let all = self
            .operations
            .iter()
            .map(|(id, operation)| (*id, operation.last_seen));
        all.min_by_key(|(id, seen)| (*seen, *id))
    }

    fn remove(&mut self, id: OperationId) {
        let Some(operation) = self.operations.remove(&id) else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(operation.weight());
        let key = (operation.service, operation.role);
        if let Some(names) = self.ids.get_mut(&key) {
            names.remove(&operation.name);
            if names.is_empty() {
                self.ids.remove(&key);
            }
        }
    }

    pub(crate) fn get(&self, id: OperationId) -> Option<&Operation> {
        self.operations.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: OperationId) -> Option<&mut Operation> {
        self.operations.get_mut(&id)
    }

    /// All operations, to be looked at and changed in order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (OperationId, &mut Operation)> {
        self.operations.iter_mut().map(|(id, operation)| (*id, operation))
    }

    /// The services that have operations.
    pub(crate) fn services(&self) -> BTreeSet<ServiceId> {
        self.operations
            .values()
            .map(|operation| operation.service)
            .collect()
    }

    /// Counts a request, which may have come from outside; whether it is evidence.
    pub(crate) fn observe(
        &mut self,
        id: OperationId,
        duration: u32,
        has_failed: bool,
        start: Time,
        is_entry: bool,
    ) -> bool {
        let max_buckets = self.max_buckets();
        let Some(operation) = self.operations.get_mut(&id) else {
            return false;
        };
        self.bytes += BUCKET_BYTES;
        operation.observe(duration, has_failed, start, max_buckets);
        if is_entry {
            operation.enter();
        }
        operation.is_slow(duration) && operation.wants_slow() && !operation.is_measured()
            || operation.is_far(duration)
            || operation.feeling.is_felt() && operation.is_slow(duration)
    }

    /// Counts how long a request kept the operation itself busy.
    pub(crate) fn measure(&mut self, id: OperationId, self_time: u32, start: Time) {
        let max_buckets = self.max_buckets();
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.measure(self_time, start, max_buckets);
            self.bytes += BUCKET_BYTES;
        }
    }

    /// Counts a request that there is no room to judge.
    pub(crate) fn overflow(&mut self) {
        self.overflow += 1;
    }

    /// How many buckets each sketch may have.
    pub(crate) fn max_buckets(&self) -> usize {
        MAX_BUCKETS >> self.squeeze.min(MAX_SQUEEZE)
    }

    /// Sees to the budget if it may have been left. Sketches become less accurate first; when that doesn't do, the
    /// operations that have been silent longest go.
    pub(crate) fn fit(&mut self) {
        if self.bytes <= MAX_OPERATION_BYTES {
            return;
        }
        self.recount();
        // Below by a margin, so that the next batch doesn't leave it at once.
        let goal = MAX_OPERATION_BYTES / 8 * 7;
        while self.bytes > MAX_OPERATION_BYTES || (self.bytes > goal && self.squeeze < MAX_SQUEEZE) {
            if self.squeeze < MAX_SQUEEZE {
                self.squeeze += 1;
                let max_buckets = self.max_buckets();
                for operation in self.operations.values_mut() {
                    operation.bound(max_buckets);
                }
                self.recount();
            } else if let Some((id, _)) = self.longest_silent() {
                self.remove(id);
                self.forgotten += 1;
            } else {
                break;
            }
        }
    }

    /// Takes stock after a tick.
    pub(crate) fn end_tick(&mut self) {
        self.is_full = false;
        self.recount();
        self.fit();
        if self.bytes < MAX_OPERATION_BYTES / 4 {
            self.squeeze = self.squeeze.saturating_sub(1);
        }
    }

    fn recount(&mut self) {
        self.bytes = self.operations.values().map(Operation::weight).sum();
    }

    /// How many requests there was no room to judge, and how many operations were forgotten, since the last call.
    pub(crate) fn take_overflow(&mut self) -> (u64, u64) {
        (
            std::mem::take(&mut self.overflow),
            std::mem::take(&mut self.forgotten),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(operations: &mut Operations, range: std::ops::Range<usize>, now: Time) -> usize {
        let found = range.filter(|n| {
            let name = format!("GET /{n}");
            operations.find(0, Role::Serve, &name, now).is_some()
        });
        found.count()
    }

    #[test]
    fn a_silent_one_gives_way_to_a_new_one() {
        let mut operations = Operations::default();
        let start = Time::from_secs(1000);
        assert_eq!(fill(&mut operations, 0..MAX_OPERATIONS, start), MAX_OPERATIONS);
        assert_eq!(operations.find(0, Role::Serve, "another", start), None);
        operations.end_tick();
        let later = Time::from_secs(1600);
        assert_eq!(
            fill(&mut operations, 0..1, later),
            1,
            "a known one isn't a new one"
        );
        assert!(operations.find(0, Role::Call, "another", later).is_some());
        assert_eq!(operations.operations.len(), MAX_OPERATIONS);
        assert!(
            operations.get(1).is_some() && operations.get(2).is_none(),
            "the silent one went"
        );
    }

    #[test]
    fn sketches_give_room_before_operations_do() {
        let mut operations = Operations::default();
        let now = Time::from_secs(1000);
        fill(&mut operations, 0..MAX_OPERATIONS, now);
        for n in 0..400_000_u32 {
            let duration = (n.wrapping_mul(2_654_435_761)) >> (n % 20);
            operations.observe(n % 2000 + 1, duration, false, now, false);
            if n % 1000 == 0 {
                operations.fit();
                let bytes: usize = operations.operations.values().map(Operation::weight).sum();
                assert!(bytes <= MAX_OPERATION_BYTES, "{bytes}");
            }
        }
        assert!(operations.max_buckets() < MAX_BUCKETS);
        assert_eq!(operations.operations.len(), MAX_OPERATIONS);
        assert_eq!(operations.take_overflow(), (0, 0));
    }
}
