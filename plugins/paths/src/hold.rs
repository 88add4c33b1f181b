//! Holds spans and their log records until the path is known to be whole.
//!
//! Spans and log records come apart and in any order. A path has ended only if nothing more of it can come, which is
//! known when its service has written something later than the span's end. Where not all can be held, one of two, of
//! four, and so on of the traces is, chosen by its id, so that a span and its records share their fate.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use aia_plugin_sdk::{RowId, SpanId, Time, TraceId};
use serde::{Deserialize, Serialize, Serializer};

use crate::place::clip;
use crate::places::PlaceId;

/// Most spans held. Each takes at most 65 bytes of a snapshot, all of them 260 KiB.
const MAX_SPANS: usize = 4096;

/// Most records held. Each takes at most 14 bytes of a snapshot, all of them 140 KiB.
const MAX_RECORDS: usize = 10_000;

/// Most records of a span. A path with more isn't looked at: with some of its records missing, it would end early.
const MAX_RECORDS_OF_SPAN: usize = 128;

/// Most services whose records are followed, 130 bytes each.
const MAX_SERVICES: usize = 300;

/// How long a service writes nothing before its records may be missing: a request in such a time that left none is no
/// early end. Ten seconds are two of an exporter's usual intervals.
const GAP: Duration = Duration::from_secs(10);

/// How many times as long as others a span is held whose service has written nothing since.
const WAITS: u32 = 3;

/// By then, nothing is held any more.
const MAX_LEVEL: u8 = 32;

/// A span that has been looked at.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Path {
    pub(crate) start: Time,
    pub(crate) end: Time,
    pub(crate) row: RowId,
}

/// A span whose records are awaited.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct HeldSpan {
    pub(crate) operation: PlaceId,
    pub(crate) service: u32,
    pub(crate) path: Path,
}

/// A log record of a span.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Record {
    pub(crate) time: Time,
    /// Nothing where it doesn't tell.
    pub(crate) place: Option<PlaceId>,
    pub(crate) is_error: bool,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Held {
    first: Time,
    span: Option<HeldSpan>,
    records: Vec<Record>,
    is_partial: bool,
}

/// What a service has written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Written {
    newest: Time,
    /// The last time without records: of the one before it, and of the one behind it.
    gap: (Time, Time),
}

impl Written {
    /// Whether the service wrote nothing at all around a span.
    fn is_in_gap(self, path: &Path) -> bool {
        self.gap.0 < path.start && path.end < self.gap.1
    }
}

/// By ids that are mixed already. Where its order could be seen, it is sorted.
type ByHash = HashMap<u64, Held, BuildHasherDefault<AsIs>>;

#[derive(Clone, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys are numbers: it isn't called.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

fn in_order<S: Serializer>(held: &ByHash, serializer: S) -> Result<S::Ok, S::Error> {
    let mut all: Vec<(&u64, &Held)> = held.iter().collect();
    all.sort_unstable_by_key(|(id, _)| **id);
    serializer.collect_map(all)
}

/// Spans and records on hold.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Hold {
    #[serde(serialize_with = "in_order")]
    held: ByHash,
    records: usize,
    /// One of 2^level traces is held.
    level: u8,
    services: BTreeMap<String, u32>,
    /// By service.
    written: Vec<Written>,
    /// Since when nothing has been given up: of spans that began earlier, records may be missing.
    whole_since: Time,
    dropped: u64,
}

impl Hold {
    /// The number of a service; nothing where there is no room.
    pub(crate) fn service(&mut self, name: &str) -> Option<u32> {
        let name = clip(name, 96);
        if let Some(number) = self.services.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.written.len()).ok()?;
        if self.written.len() >= MAX_SERVICES {
            return None;
        }
        self.written.push(Written::default());
        self.services.insert(name.to_owned(), number);
        Some(number)
    }

    /// Notes that a service has written a record; of a batch the oldest first.
    pub(crate) fn wrote(&mut self, service: u32, time: Time, now: Time) {
        // A clock that goes ahead doesn't tell what is still to come.
        let time = time.min(now);
        let written = usize::try_from(service)
            .ok()
            .and_then(|at| self.written.get_mut(at));
        if let Some(written) = written.filter(|written| written.newest < time) {
            if time.since(written.newest) > GAP {
                written.gap = (written.newest, time);
            }
            written.newest = time;
        }
    }

    pub(crate) fn is_chosen(&self, trace: TraceId) -> bool {
        mix(trace, 0).leading_zeros() >= u32::from(self.level)
    }

    /// Holds a span; one that comes twice is held once.
    pub(crate) fn span(&mut self, trace: TraceId, id: SpanId, span: HeldSpan, now: Time) {
        let held = self.entry(trace, id, now);
        held.span.get_or_insert(span);
        self.fit(now);
    }

    /// Holds a record of a span.
    pub(crate) fn record(&mut self, trace: TraceId, id: SpanId, record: Record, now: Time) {
        let held = self.entry(trace, id, now);
        // Without a time, its place in the path is unknown.
        held.is_partial |= !record.time.is_set() || held.records.len() >= MAX_RECORDS_OF_SPAN;
        if !held.is_partial {
            held.records.push(record);
            self.records += 1;
        }
        self.fit(now);
    }

    fn entry(&mut self, trace: TraceId, id: SpanId, now: Time) -> &mut Held {
        self.held.entry(mix(trace, id.0)).or_insert_with(|| Held {
            first: now,
            ..Held::default()
        })
    }

    /// Holds fewer traces, if there are too many.
    fn fit(&mut self, now: Time) {
        if self.held.len() > MAX_SPANS || self.records > MAX_RECORDS {
            self.dropped = self.dropped.saturating_add(self.held.len() as u64);
            self.give_up(now);
            self.level = (self.level + 1).min(MAX_LEVEL);
        }
    }

    /// Gives up all that is held: of the traces that are chosen from now on, parts may have been passed over.
    fn give_up(&mut self, now: Time) {
        self.held.clear();
        self.records = 0;
        self.whole_since = now;
    }

    /// To be called first with each batch: what began before the first one isn't whole.
    pub(crate) fn begin(&mut self, now: Time) {
        if !self.whole_since.is_set() {
            self.whole_since = now;
        }
    }

    /// Takes the spans whose paths are whole, with their records in order.
    pub(crate) fn take_due(&mut self, now: Time, hold: Duration) -> Vec<(HeldSpan, Vec<Record>)> {
        let (written, whole_since) = (&self.written, self.whole_since);
        let of = |span: &HeldSpan| usize::try_from(span.service).ok().and_then(|at| written.get(at));
        let mut due = Vec::new();
        self.held.retain(|_, held| {
            let age = now.since(held.first);
            let span = held.span.filter(|_| age >= hold);
            let ready = span.and_then(|span| Some((span, of(&span)?)));
            match ready.filter(|(span, written)| written.newest > span.path.end) {
                Some((span, written)) => {
                    let path = &span.path;
                    if !held.is_partial && path.start >= whole_since && !written.is_in_gap(path) {
                        due.push((span, std::mem::take(&mut held.records)));
                    }
                }
                None => return age < hold * WAITS,
            }
            false
        });
        self.records = self.held.values().map(|held| held.records.len()).sum();
        if self.level > 0 && self.held.len() < MAX_SPANS / 8 && self.records < MAX_RECORDS / 8 {
            self.give_up(now);
            self.level -= 1;
        }
        for (_, records) in &mut due {
            // Stable: records of the same moment stay as they came.
            records.sort_by_key(|record| record.time);
        }
        due.sort_by_key(|(span, _)| (span.path.end, span.path.row.segment, span.path.row.row));
        due
    }

    /// Spans given up for want of room, since the last time it was asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

/// Mixes a trace's id with a number: the same everywhere, and even (the finaliser of `SplitMix64`).
fn mix(trace: TraceId, number: u64) -> u64 {
    let mut hash = trace.high.rotate_left(32) ^ trace.low ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
