//! Holds spans and their log records until the path is known to be whole.
//!
//! Spans and log records come apart and in any order. A path has ended only if nothing more of it can come, which is
//! known when its service has written something later than the span's end. Where not all can be held, one of two, of
//! four, and so on of the traces is, chosen by its id, so that a span and its records share their fate.

use std::collections::BTreeMap;
use std::time::Duration;

use aia_plugin_sdk::{RowId, SpanId, Time, TraceId};
use serde::{Deserialize, Serialize};

use crate::place::clip;
use crate::places::PlaceId;

/// Most spans held. Each takes at most 65 bytes of a snapshot, all of them 260 KiB.
const MAX_SPANS: usize = 4096;

/// Most records held. Each takes at most 14 bytes of a snapshot, all of them 140 KiB.
const MAX_RECORDS: usize = 10_000;

/// Most records of a span. A path with more isn't looked at: with some of its records missing, it would end early.
const MAX_RECORDS_OF_SPAN: usize = 128;

/// Most services whose records are followed, 110 bytes each.
const MAX_SERVICES: usize = 400;

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

/// Spans and records on hold.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Hold {
    held: BTreeMap<u64, Held>,
    records: usize,
    /// One of 2^level traces is held.
    level: u8,
    services: BTreeMap<String, u32>,
    /// Time of the newest record, by service.
    newest: Vec<Time>,
    dropped: u64,
}

impl Hold {
    /// The number of a service; nothing where there is no room.
    pub(crate) fn service(&mut self, name: &str) -> Option<u32> {
        let name = clip(name, 96);
        if let Some(number) = self.services.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.newest.len()).ok()?;
        if self.newest.len() >= MAX_SERVICES {
            return None;
        }
        self.newest.push(Time::UNSET);
        self.services.insert(name.to_owned(), number);
        Some(number)
    }

    /// Notes that a service has written a record.
    pub(crate) fn wrote(&mut self, service: u32, time: Time, now: Time) {
        let newest = usize::try_from(service)
            .ok()
            .and_then(|at| self.newest.get_mut(at));
        if let Some(newest) = newest {
            // A clock that goes ahead doesn't tell what is still to come.
            *newest = (*newest).max(time.min(now));
        }
    }

    pub(crate) fn is_chosen(&self, trace: TraceId) -> bool {
        mix(trace, 0).leading_zeros() >= u32::from(self.level)
    }

    /// Holds a span; one that comes twice is held once.
    pub(crate) fn span(&mut self, trace: TraceId, id: SpanId, span: HeldSpan, now: Time) {
        let held = self.entry(trace, id, now);
        held.span.get_or_insert(span);
        self.fit();
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
        self.fit();
    }

    fn entry(&mut self, trace: TraceId, id: SpanId, now: Time) -> &mut Held {
        self.held.entry(mix(trace, id.0)).or_insert_with(|| Held {
            first: now,
            ..Held::default()
        })
    }

    /// Holds fewer traces, if there are too many. Those that began under the old rule may lack what has been dropped, so
    /// all are given up.
    fn fit(&mut self) {
        if self.held.len() > MAX_SPANS || self.records > MAX_RECORDS {
            self.dropped = self.dropped.saturating_add(self.held.len() as u64);
            self.held.clear();
            self.records = 0;
            self.level = (self.level + 1).min(MAX_LEVEL);
        }
    }

    /// Takes the spans whose paths are whole, with their records in order.
    pub(crate) fn take_due(&mut self, now: Time, hold: Duration) -> Vec<(HeldSpan, Vec<Record>)> {
        let newest = &self.newest;
        let has_written_since = |span: &HeldSpan| {
            let newest = usize::try_from(span.service).ok().and_then(|at| newest.get(at));
            newest.is_some_and(|newest| *newest > span.path.end)
        };
        let mut due = Vec::new();
        self.held.retain(|_, held| {
            let age = now.since(held.first);
            let ready = held.span.filter(|span| age >= hold && has_written_since(span));
            match ready {
                Some(span) if !held.is_partial => due.push((span, std::mem::take(&mut held.records))),
                Some(_) => {}
                None => return age < hold * WAITS,
            }
            false
        });
        self.records = self.held.values().map(|held| held.records.len()).sum();
        if self.level > 0 && self.held.len() < MAX_SPANS / 8 && self.records < MAX_RECORDS / 8 {
            // Half-held spans of the traces that are new to this are given up, as above.
            self.held.clear();
            self.records = 0;
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
