//! Remembers decided traces, so that a caller's error that arrives late joins its group instead of making a new one.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};

use aia_plugin_sdk::{SpanId, TraceId};
use serde::{Deserialize, Serialize};

use crate::fault::GroupId;

/// Most traces remembered, 150 bytes each at most. Arbitrary: minutes of a busy incident, hours of a small one.
const MAX_TRACES: usize = 768;

/// Most groups remembered of one trace.
const MAX_GROUPS_OF_TRACE: usize = 4;

/// Most spans remembered of one trace.
const MAX_SPANS_OF_TRACE: usize = 6;

/// A decided trace.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct DecidedTrace {
    /// The groups that its errors were laid at.
    pub(crate) groups: Vec<GroupId>,
    /// Spans that took part, with their parents.
    spans: Vec<(SpanId, SpanId)>,
}

/// How an error that comes late stands to what was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Late {
    /// It was part of the decision: the same span came twice.
    Known,
    /// It lies below a span that took part, so it began deeper than was known.
    Deeper,
    /// It passed on what was decided.
    Passing,
}

impl DecidedTrace {
    /// How a span stands to the decision.
    pub(crate) fn late(&self, span: SpanId, parent: SpanId) -> Late {
        let is_above = self.spans.iter().any(|(_, parent)| *parent == span);
        if self.spans.iter().any(|(known, _)| *known == span) {
            Late::Known
        } else if !is_above && self.spans.iter().any(|(known, _)| *known == parent) {
            Late::Deeper
        } else {
            Late::Passing
        }
    }
}

/// The decided traces.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Decided {
    traces: BTreeMap<TraceId, DecidedTrace>,
    order: VecDeque<TraceId>,
}

impl Decided {
    pub(crate) fn get(&self, trace: TraceId) -> Option<&DecidedTrace> {
        self.traces.get(&trace)
    }

    /// Remembers a decision; forgets the oldest where there are too many.
    pub(crate) fn remember(
        &mut self,
        trace: TraceId,
        groups: impl Iterator<Item = GroupId>,
        spans: &[(SpanId, SpanId)],
    ) {
        let decided = match self.traces.entry(trace) {
            Entry::Vacant(entry) => {
                self.order.push_back(trace);
                entry.insert(DecidedTrace::default())
            }
            Entry::Occupied(entry) => entry.into_mut(),
        };
        for group in groups {
            if !decided.groups.contains(&group) && decided.groups.len() < MAX_GROUPS_OF_TRACE {
                decided.groups.push(group);
            }
        }
        for span in spans {
            if !decided.spans.contains(span) && decided.spans.len() < MAX_SPANS_OF_TRACE {
                decided.spans.push(*span);
            }
        }
        if self.order.len() > MAX_TRACES
            && let Some(oldest) = self.order.pop_front()
        {
            self.traces.remove(&oldest);
        }
    }
}
