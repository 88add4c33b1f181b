//! The places of all services, and how often paths end there.

use std::collections::BTreeMap;

use aia_plugin_sdk::Time;
use serde::{Deserialize, Serialize};

use crate::hold::Path;
use crate::passes::{Counts, TICKS};
use crate::place::clip;

/// Most places. Each takes at most 480 bytes of a snapshot, 1,000 of them 470 KiB. Passes of further ones are only
/// counted.
const MAX_PLACES: usize = 1000;

/// Longest name of a service, operation and release, in bytes.
const MAX_NAME_BYTES: usize = 96;
const MAX_RELEASE_BYTES: usize = 48;

/// Spans of an operation without any log record after which it is taken for one that writes none.
const SILENT: u32 = 20;

/// How long a place is remembered that no path reaches.
const KEPT_SECONDS: u64 = 86_400;

/// The same for operations that write no records: names may be many.
const SILENT_SECONDS: u64 = 600;

/// How long the window is, and evidence kept.
const WINDOW_SECONDS: u64 = 10 * TICKS as u64;

/// Most paths kept as evidence.
const MAX_PENDING: usize = 4;

/// A place, by number.
pub(crate) type PlaceId = u32;

/// Whose place it is. Other releases have other code: what is usual is learned anew for each.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Key {
    pub(crate) service: String,
    pub(crate) release: String,
    /// The place; for the start of an operation, its name.
    pub(crate) name: String,
    /// Whether it is the start of an operation.
    pub(crate) is_start: bool,
}

impl Key {
    pub(crate) fn new(service: &str, release: &str, name: &str, is_start: bool) -> Self {
        Self {
            service: clip(service, MAX_NAME_BYTES).to_owned(),
            release: clip(release, MAX_RELEASE_BYTES).to_owned(),
            name: clip(name, MAX_NAME_BYTES + 8).to_owned(),
            is_start,
        }
    }
}

/// What is known of a place.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Place {
    pub(crate) counts: Counts,
    /// Spans of the operation, and whether one of them had a record.
    spans: u32,
    pub(crate) has_logs: bool,
    last: Time,
    pub(crate) last_signal: Time,
    /// Paths that ended here since the last signal, and the last few of them with the time they were counted.
    pub(crate) ended: u64,
    pub(crate) pending: Vec<(Path, Time)>,
}

/// All places.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Places {
    ids: BTreeMap<Key, PlaceId>,
    places: BTreeMap<PlaceId, Place>,
    next: PlaceId,
    overflow: u64,
}

impl Places {
    /// The number of a place, which is made if there is room.
    pub(crate) fn id(&mut self, key: Key, now: Time) -> Option<PlaceId> {
        if let Some(id) = self.ids.get(&key) {
            return Some(*id);
        }
        if self.ids.len() >= MAX_PLACES {
            self.overflow = self.overflow.saturating_add(1);
            return None;
        }
        self.next = self.next.wrapping_add(1);
        let place = Place {
            counts: Counts::new(),
            spans: 0,
            has_logs: false,
            last: now,
            last_signal: Time::UNSET,
            ended: 0,
            pending: Vec::new(),
        };
        self.places.insert(self.next, place);
        self.ids.insert(key, self.next);
        Some(self.next)
    }

    pub(crate) fn get_mut(&mut self, id: PlaceId) -> Option<&mut Place> {
        self.places.get_mut(&id)
    }

    /// Whether spans of an operation are worth holding.
    pub(crate) fn may_log(&self, id: PlaceId) -> bool {
        self.places
            .get(&id)
            .is_some_and(|place| place.has_logs || place.spans < SILENT)
    }

    /// All places in the order of their names.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Key, &mut Place)> {
        let mut by_id: BTreeMap<PlaceId, &Key> = self.ids.iter().map(|(key, id)| (*id, key)).collect();
        self.places
            .iter_mut()
            .filter_map(move |(id, place)| Some((by_id.remove(id)?, place)))
    }

    /// Forgets places of code that isn't there any more.
    pub(crate) fn forget(&mut self, now: Time) {
        let places = &mut self.places;
        self.ids.retain(|key, id| {
            let is_kept = places
                .get(id)
                .is_some_and(|place| place.is_kept(key.is_start, now));
            if !is_kept {
                places.remove(id);
            }
            is_kept
        });
    }

    /// Passes that weren't counted for want of room, since the last time it was asked.
    pub(crate) fn take_overflow(&mut self) -> u64 {
        std::mem::take(&mut self.overflow)
    }
}

impl Place {
    /// Notes that an operation began that starts here.
    pub(crate) fn begin(&mut self, has_logs: bool, now: Time) {
        self.last = now;
        self.spans = self.spans.saturating_add(1);
        self.has_logs |= has_logs;
    }

    /// Counts a path that went on.
    pub(crate) fn pass(&mut self, now: Time) {
        self.last = now;
        self.counts.add(false);
    }

    /// Counts a path that ended.
    pub(crate) fn end(&mut self, path: Path, now: Time) {
        self.last = now;
        self.counts.add(true);
        self.ended = self.ended.saturating_add(1);
        if self.counts.is_end_early() {
            if self.pending.len() >= MAX_PENDING {
                self.pending.remove(0);
            }
            self.pending.push((path, now));
        }
    }

    /// Notes that it was told of.
    pub(crate) fn signalled(&mut self, now: Time) {
        self.last_signal = now;
        self.ended = 0;
    }

    /// Forgets evidence that has left the window.
    pub(crate) fn tidy(&mut self, now: Time) {
        self.pending
            .retain(|(_, at)| now.since(*at).as_secs() <= WINDOW_SECONDS);
    }

    /// Whether it is to be remembered.
    fn is_kept(&self, is_start: bool, now: Time) -> bool {
        let seconds = if is_start && !self.has_logs {
            SILENT_SECONDS
        } else {
            KEPT_SECONDS
        };
        now.since(self.last).as_secs() < seconds
    }
}
