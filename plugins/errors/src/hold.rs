//! Holds the errors of a trace until all services have sent theirs.
//!
//! The spans of a trace come from several services in different segments in any order, and a service that fails
//! because another one did is often the first to say so. So nothing is decided until the hold is over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aia_plugin_sdk::{RowId, SpanId, Time, TraceId};
use serde::{Deserialize, Serialize};

use crate::fault::GroupId;

/// Most traces held. Protects the snapshot; when more fail at once, the oldest is decided early, which costs accuracy
/// only where its services haven't all sent yet.
const MAX_TRACES: usize = 1024;

/// Most errors held of all traces, 100 bytes each at most; beyond, as with traces.
const MAX_ERRORS: usize = 2048;

/// Most errors held of one trace. A trace that fans out into more says nothing new with the rest: they are dropped
/// and counted.
const MAX_ERRORS_OF_TRACE: usize = 32;

/// Most traces that links join to one.
const MAX_LINKED_TRACES: usize = 16;

/// A span that failed, or perhaps did.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct HeldSpan {
    pub(crate) id: SpanId,
    pub(crate) parent: SpanId,
    /// The first span it links to: what a consumer has instead of a parent.
    pub(crate) link: Option<(TraceId, SpanId)>,
    pub(crate) group: GroupId,
    /// Whether it counts only if a span around it failed.
    pub(crate) perhaps: bool,
    /// Whether it answers a request.
    pub(crate) is_request: bool,
    /// Whether its fault is an exception.
    pub(crate) is_exception: bool,
    pub(crate) start: Time,
    pub(crate) end: Time,
    pub(crate) row: RowId,
}

/// A log record of an error.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct HeldLog {
    pub(crate) span: SpanId,
    pub(crate) group: GroupId,
    /// Whether it tells of no exception: that something went wrong there, not that it failed the request.
    pub(crate) is_plain: bool,
    pub(crate) time: Time,
    pub(crate) row: RowId,
}

/// The errors of a trace, or of several that links join.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct HeldTrace {
    first: Time,
    pub(crate) spans: Vec<HeldSpan>,
    pub(crate) logs: Vec<HeldLog>,
}

/// Traces that are held together, with the errors of each.
pub(crate) type Linked = Vec<(TraceId, HeldTrace)>;

/// All traces held.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Hold {
    traces: BTreeMap<TraceId, HeldTrace>,
    /// Traces in the order in which they were first seen.
    order: VecDeque<TraceId>,
    /// Traces that link to a trace, so that they are found from it.
    linked_from: BTreeMap<TraceId, Vec<TraceId>>,
    errors: usize,
    /// Errors dropped since the last [`Hold::take_dropped`].
    dropped: u64,
}

impl Hold {
    /// Holds a span; one that is held already came twice.
    pub(crate) fn span(&mut self, trace: TraceId, span: HeldSpan, now: Time) {
        let Some(held) = self.room_in(trace, now) else {
            return;
        };
        if held.spans.iter().all(|other| other.id != span.id) {
            let link = span.link;
            held.spans.push(span);
            self.errors += 1;
            if let Some((target, _)) = link {
                self.linked_from.entry(target).or_default().push(trace);
            }
        }
    }

    /// Holds a log record.
    pub(crate) fn log(&mut self, trace: TraceId, log: HeldLog, now: Time) {
        let Some(held) = self.room_in(trace, now) else {
            return;
        };
        held.logs.push(log);
        self.errors += 1;
    }

    fn room_in(&mut self, trace: TraceId, now: Time) -> Option<&mut HeldTrace> {
        let order = &mut self.order;
        let held = self.traces.entry(trace).or_insert_with(|| {
            order.push_back(trace);
            HeldTrace {
                first: now,
                ..HeldTrace::default()
            }
        });
        if held.spans.len() + held.logs.len() >= MAX_ERRORS_OF_TRACE {
            self.dropped += 1;
            return None;
        }
        Some(held)
    }

    /// Takes the next traces to be decided: those seen first before `before`, or the oldest while there are too many.
    pub(crate) fn next_due(&mut self, before: Time) -> Option<Linked> {
        let oldest = *self.order.front()?;
        let first = self.traces.get(&oldest).map_or(Time::UNSET, |held| held.first);
        let is_full = self.traces.len() > MAX_TRACES || self.errors > MAX_ERRORS;
        (first <= before || is_full).then(|| self.take_linked(oldest))
    }

    /// How many errors were dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Takes a trace and all that links join with it, in either direction.
    fn take_linked(&mut self, trace: TraceId) -> Linked {
        let mut linked = Linked::new();
        // Most traces have no links: what isn't wanted takes no memory.
        let mut wanted = BTreeSet::new();
        let mut following = Some(trace);
        while let Some(next) = following.or_else(|| wanted.pop_first()) {
            following = None;
            let Some(held) = self.traces.remove(&next) else {
                continue;
            };
            self.errors = self.errors.saturating_sub(held.spans.len() + held.logs.len());
            for (target, _) in held.spans.iter().filter_map(|span| span.link) {
                wanted.insert(target);
                if let Some(sources) = self.linked_from.get_mut(&target) {
                    sources.retain(|source| *source != next);
                    if sources.is_empty() {
                        self.linked_from.remove(&target);
                    }
                }
            }
            wanted.extend(self.linked_from.get(&next).into_iter().flatten());
            linked.push((next, held));
            if linked.len() == MAX_LINKED_TRACES {
                break;
            }
        }
        let traces = &self.traces;
        match linked.len() {
            1 => drop(self.order.pop_front()),
            _ => self.order.retain(|trace| traces.contains_key(trace)),
        }
        // However they came, the decision is the same.
        linked.sort_by_key(|(trace, _)| *trace);
        linked
    }
}
