//! All groups, within a budget of bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::GroupId;
use crate::group::Group;

/// Most groups kept. Protects the time of a tick, which looks at each.
const MAX_GROUPS: usize = 256;

/// Most bytes that all groups take in a snapshot: what a mebibyte leaves beside the other parts of the state.
const MAX_BYTES: usize = 400 * 1024;

/// All groups.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Groups {
    groups: BTreeMap<GroupId, Group>,
    /// Sum of the weights as of when groups came.
    bytes: usize,
    /// Groups forgotten for want of room since the last [`Groups::take_forgotten`].
    forgotten: u64,
}

impl Groups {
    pub(crate) fn get(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: GroupId) -> Option<&mut Group> {
        self.groups.get_mut(&id)
    }

    /// All groups, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// All groups, to be looked at and changed in order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&GroupId, &mut Group)> {
        self.groups.iter_mut()
    }

    /// Adds a group; one that matters less gives way where there is no room.
    pub(crate) fn insert(&mut self, id: GroupId, group: Group) {
        self.bytes += group.weight();
        self.groups.insert(id, group);
        while self.groups.len() > MAX_GROUPS || self.bytes > MAX_BYTES {
            if !self.make_room(id) {
                break;
            }
        }
    }

    /// Takes stock after a tick, in which groups changed.
    pub(crate) fn recount(&mut self) {
        self.bytes = self.groups.values().map(Group::weight).sum();
    }

    /// How many groups were forgotten since the last call.
    pub(crate) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    /// Drops the example of a stack trace that was seen longest ago, or else a group: one never signalled first, and
    /// of those the one seen longest ago. False if there is nothing to give but the newcomer.
    fn make_room(&mut self, newcomer: GroupId) -> bool {
        let others = || self.groups.iter().filter(|(id, _)| **id != newcomer);
        let with_stack = others().filter(|(_, group)| !group.fault.stacktrace.is_empty());
        let oldest_stack = with_stack
            .min_by_key(|(id, group)| (group.last_seen, **id))
            .map(|(id, _)| *id);
        let least = others().min_by_key(|(id, group)| (group.last_signal.is_set(), group.last_seen, **id));
        let least = least.map(|(id, _)| *id);
        if self.groups.len() <= MAX_GROUPS
            && let Some(group) = oldest_stack.and_then(|id| self.groups.get_mut(&id))
        {
            self.bytes = self.bytes.saturating_sub(group.fault.stacktrace.len());
            group.fault.stacktrace = String::new();
            return true;
        }
        match least.and_then(|id| self.groups.remove(&id)) {
            Some(group) => {
                self.bytes = self.bytes.saturating_sub(group.weight());
                self.forgotten += 1;
                true
            }
            None => false,
        }
    }
}
