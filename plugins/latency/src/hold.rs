//! Holds the spans of a trace until all services have sent theirs.
//!
//! Where an operation spends its time can be said only with the spans of those it calls at hand. Not every trace can be
//! held where there are many: then one of two, of four, and so on is, chosen by its id, so that all spans of a trace
//! share its fate.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use aia_plugin_sdk::{RowId, SpanId, Time, TraceId};
use serde::{Deserialize, Serialize, Serializer};

use crate::limits::{MAX_DECIDED, MAX_SPANS, MAX_SPANS_OF_TRACE, MAX_TRACES};
use crate::operations::OperationId;
use crate::seen::mix;

/// How many times as long a trace is held whose root hasn't come: its callers take longer.
const ROOTLESS: u32 = 3;

/// How far a sender's clock may be off before its times aren't believed, in nanoseconds.
const MAX_CLOCK_SKEW: u64 = 600_000_000_000;

/// By then, nothing is held any more.
const MAX_LEVEL: u8 = 32;

/// What a span does in its trace.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Part {
    /// Work within an operation.
    Inner,
    /// Serves a request.
    Serve,
    /// Takes a message; its sender doesn't wait.
    Receive,
    /// Asks another service, or sends a message.
    Call,
}

/// A span, with what tells where time is spent. Ids are mixed down to 32 bits: two of a trace's spans have the same by
/// chance once in a million traces.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct HeldSpan {
    pub(crate) id: u32,
    /// 0 if it has no parent.
    pub(crate) parent: u32,
    pub(crate) part: Part,
    /// 0 if it belongs to none.
    pub(crate) operation: OperationId,
    pub(crate) has_failed: bool,
    /// When it began, in microseconds after the trace's `base`.
    pub(crate) start: i32,
    /// How long it took, in microseconds.
    pub(crate) duration: u32,
    pub(crate) row: RowId,
}

/// The short form of a span's id; 0 for none.
pub(crate) fn short_id(trace: TraceId, span: SpanId) -> u32 {
    if !span.is_set() {
        return 0;
    }
    u32::try_from(mix(trace, span.0) >> 32).unwrap_or(1).max(1)
}

/// The spans of a trace.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct HeldTrace {
    first: Time,
    /// What the spans' starts are counted from, by the senders' clocks.
    pub(crate) base: Time,
    has_root: bool,
    /// Whether some of its spans may not have been held.
    is_partial: bool,
    pub(crate) spans: Vec<HeldSpan>,
}

impl HeldTrace {
    /// When a span of it began, by its sender's clock if that can be right.
    pub(crate) fn start_of(&self, span: &HeldSpan, now: Time) -> Time {
        let (base, nanos) = (self.base.as_nanos(), 1000 * u64::from(span.start.unsigned_abs()));
        let start = Time::from_nanos(if span.start < 0 {
            base.saturating_sub(nanos)
        } else {
            base.saturating_add(nanos)
        });
        plausible(start, 1000 * u64::from(span.duration), now)
    }
}

/// When something began that took so many nanoseconds, by its sender's clock if that can be right, else by the time of
/// receipt.
pub(crate) fn plausible(start: Time, nanos: u64, now: Time) -> Time {
    let passed = now.as_nanos().saturating_sub(start.as_nanos());
    if start.as_nanos() <= now.as_nanos().saturating_add(MAX_CLOCK_SKEW)
        && passed <= nanos.saturating_add(MAX_CLOCK_SKEW)
    {
        start
    } else {
        now
    }
}

/// What became of a span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// It is held.
    Held,
    /// It was held already: it came twice.
    Twice,
    /// It isn't held: its trace is not among those chosen, or was decided.
    No,
}

/// Hashes ids of traces: the same everywhere. Where the order of what is hashed could be seen, it is sorted.
type ByTrace = BuildHasherDefault<Mixed>;

#[derive(Clone, Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        // Ids are numbers: it isn't called.
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(32) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

fn in_order<S: Serializer>(
    traces: &HashMap<TraceId, HeldTrace, ByTrace>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut all: Vec<(&TraceId, &HeldTrace)> = traces.iter().collect();
    all.sort_unstable_by_key(|(trace, _)| **trace);
    serializer.collect_map(all)
}

/// All traces held.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Hold {
    #[serde(serialize_with = "in_order")]
    traces: HashMap<TraceId, HeldTrace, ByTrace>,
    spans: usize,
    /// One of 2^level traces is held.
    level: u8,
    /// The level before it was lowered, and until when a trace may have begun under that.
    before: Option<(u8, Time)>,
    decided: Decided,
    /// Spans since the last [`Hold::take_dropped`] of traces that have too many.
    dropped: u64,
}

impl Hold {
    /// Holds a span; `make` is given what its start is to be counted from.
    pub(crate) fn insert(
        &mut self,
        trace: TraceId,
        start: Time,
        now: Time,
        make: impl FnOnce(Time) -> HeldSpan,
    ) -> Taken {
        if !trace.is_set() || !is_chosen(trace, self.level) {
            return Taken::No;
        }
        let held = match self.traces.entry(trace) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(_) if self.decided.contains(trace) => return Taken::No,
            Entry::Vacant(place) => {
                let may_have_begun = self
                    .before
                    .is_some_and(|(level, until)| now < until && !is_chosen(trace, level));
                place.insert(HeldTrace {
                    first: now,
                    base: start,
                    is_partial: may_have_begun,
                    ..HeldTrace::default()
                })
            }
        };
        if held.is_partial {
            return Taken::No;
        }
        let span = make(held.base);
        if held.spans.iter().any(|other| other.id == span.id) {
            return Taken::Twice;
        }
        if held.spans.len() >= MAX_SPANS_OF_TRACE {
            self.dropped += held.spans.len() as u64 + 1;
            self.spans -= held.spans.len();
            held.spans = Vec::new();
            held.is_partial = true;
            return Taken::No;
        }
        held.has_root |= span.parent == 0;
        held.spans.push(span);
        self.spans += 1;
        Taken::Held
    }

    /// Holds fewer traces where there are too many. What is dropped was held for nothing, but what stays is whole.
    pub(crate) fn fit(&mut self) {
        while (self.spans > MAX_SPANS || self.traces.len() > MAX_TRACES) && self.level < MAX_LEVEL {
            self.level += 1;
            self.before = None;
            let level = self.level;
            self.traces.retain(|trace, _| is_chosen(*trace, level));
            self.spans = self.traces.values().map(|held| held.spans.len()).sum();
        }
    }

    /// Takes the traces whose hold is over.
    pub(crate) fn take_due(&mut self, now: Time, hold: Duration) -> Vec<HeldTrace> {
        let is_due = |held: &HeldTrace| {
            let hold = if held.has_root { hold } else { hold * ROOTLESS };
            now.since(held.first) >= hold
        };
        let held = self.traces.iter().filter(|(_, held)| is_due(held));
        let mut due: Vec<TraceId> = held.map(|(trace, _)| *trace).collect();
        due.sort_unstable();
        let mut taken = Vec::with_capacity(due.len());
        for trace in due {
            if let Some(held) = self.traces.remove(&trace) {
                self.spans -= held.spans.len();
                self.decided.push(trace);
                if !held.is_partial {
                    taken.push(held);
                }
            }
        }
        taken
    }

    /// Holds more traces where there is plenty of room. A trace that began before has spans that weren't held, so
    /// until that can't be any more, what wouldn't have been chosen before isn't measured.
    pub(crate) fn widen(&mut self, now: Time, hold: Duration) {
        if self.before.is_some_and(|(_, until)| now >= until) {
            self.before = None;
        }
        let has_room = self.spans < MAX_SPANS / 8 && self.traces.len() < MAX_TRACES / 8;
        if self.level > 0 && self.before.is_none() && has_room {
            self.before = Some((self.level, now.after(hold * ROOTLESS)));
            self.level -= 1;
        }
    }

    /// How many spans were dropped since the last call because their traces have too many.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

fn is_chosen(trace: TraceId, level: u8) -> bool {
    mix(trace, 0).leading_zeros() >= u32::from(level)
}

/// The traces decided last.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(from = "VecDeque<TraceId>", into = "VecDeque<TraceId>")]
struct Decided {
    order: VecDeque<TraceId>,
    traces: HashSet<TraceId, ByTrace>,
}

impl Decided {
    fn contains(&self, trace: TraceId) -> bool {
        self.traces.contains(&trace)
    }

    fn push(&mut self, trace: TraceId) {
        if self.traces.insert(trace) {
            self.order.push_back(trace);
        }
        if self.order.len() > MAX_DECIDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.traces.remove(&oldest);
        }
    }
}

impl From<VecDeque<TraceId>> for Decided {
    fn from(order: VecDeque<TraceId>) -> Self {
        Self {
            traces: order.iter().copied().collect(),
            order,
        }
    }
}

impl From<Decided> for VecDeque<TraceId> {
    fn from(decided: Decided) -> Self {
        decided.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Time {
        Time::from_secs(1000 + seconds)
    }

    fn trace(low: u64) -> TraceId {
        TraceId { high: 1, low }
    }

    fn insert(hold: &mut Hold, low: u64, id: u32, parent: u32, seconds: u64) -> Taken {
        hold.insert(trace(low), at(seconds), at(seconds), |_| HeldSpan {
            id,
            parent,
            part: Part::Serve,
            operation: 1,
            has_failed: false,
            start: 0,
            duration: 1,
            row: RowId { segment: 1, row: id },
        })
    }

    #[test]
    fn waits_longer_for_the_root() {
        let mut hold = Hold::default();
        assert_eq!(insert(&mut hold, 1, 1, 0, 0), Taken::Held);
        assert_eq!(insert(&mut hold, 2, 2, 1, 0), Taken::Held);
        assert_eq!(insert(&mut hold, 2, 2, 1, 1), Taken::Twice);
        assert!(hold.take_due(at(9), HOLD).is_empty());
        assert_eq!(hold.take_due(at(10), HOLD).len(), 1);
        assert_eq!(hold.take_due(at(29), HOLD).len(), 0);
        assert_eq!(hold.take_due(at(30), HOLD).len(), 1);
        assert_eq!(
            insert(&mut hold, 1, 9, 0, 31),
            Taken::No,
            "what is decided stays so"
        );
    }

    #[test]
    fn holds_whole_traces_or_none_of_them() {
        let mut hold = Hold::default();
        for low in 1..=4000 {
            for id in 1..=4 {
                insert(&mut hold, low, id, id - 1, 0);
            }
            hold.fit();
            assert!(hold.spans <= MAX_SPANS && hold.traces.len() <= MAX_TRACES);
        }
        let due = hold.take_due(at(10), HOLD);
        assert!(due.len() > 300, "{}", due.len());
        assert!(due.iter().all(|held| held.spans.len() == 4));
    }

    #[test]
    fn what_began_before_there_was_room_isnt_measured() {
        let mut hold = Hold {
            level: 1,
            ..Hold::default()
        };
        let unlucky = (1..).find(|low| !is_chosen(trace(*low), 1)).unwrap();
        assert_eq!(insert(&mut hold, unlucky, 1, 7, 0), Taken::No);
        hold.widen(at(1), HOLD);
        assert_eq!(insert(&mut hold, unlucky, 7, 0, 2), Taken::No);
        assert!(hold.take_due(at(40), HOLD).is_empty());
        let next = (unlucky + 1..).find(|low| !is_chosen(trace(*low), 1)).unwrap();
        assert_eq!(insert(&mut hold, next, 1, 0, 41), Taken::Held);
    }

    #[test]
    fn a_trace_without_end_is_dropped_and_counted() {
        let mut hold = Hold::default();
        for id in 1..=2000 {
            insert(&mut hold, 1, id, 0, 0);
        }
        assert_eq!(hold.spans, 0);
        assert_eq!(hold.take_dropped(), 769);
        assert!(hold.take_due(at(10), HOLD).is_empty());
    }
}
