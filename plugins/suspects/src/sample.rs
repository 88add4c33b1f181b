//! Spans and log records of a stretch, in a compact form.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::analyst::{EvidenceId, Item, TimeRange};

use crate::names::Names;
use crate::place::place;

/// Most spans and most log records that are kept of a stretch: about 10 MiB.
const MAX_ROWS: usize = 50_000;

/// Both halves of a trace's id.
pub(crate) type Trace = (u64, u64);

/// A span.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) trace: Trace,
    pub(crate) parent: u64,
    pub(crate) service: u32,
    pub(crate) operation: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) item: EvidenceId,
}

/// A log record.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) time: u64,
    pub(crate) place: u32,
    pub(crate) item: EvidenceId,
}

/// A span's name across all traces.
pub(crate) type SpanKey = (Trace, u64);

/// Spans and log records of a stretch.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Spans; one that came twice is kept once.
    pub(crate) spans: BTreeMap<SpanKey, Span>,
    /// Log records of spans, and the ids they were seen by.
    pub(crate) logs: BTreeMap<SpanKey, Vec<Log>>,
    /// Spans with a log record that has no time: their order is unknown.
    pub(crate) unordered: BTreeSet<SpanKey>,
    /// Parts of the stretch whose log records aren't all here.
    pub(crate) gaps: Vec<TimeRange>,
    rows: usize,
}

impl Sample {
    pub(crate) fn add_span(&mut self, item: Item, names: &mut Names) {
        if self.rows >= MAX_ROWS || item.span_id == 0 || item.service.is_empty() {
            return;
        }
        let key = ((item.trace.high, item.trace.low), item.span_id);
        let parent = u64::from_str_radix(item.text("parent_span_id"), 16).unwrap_or_default();
        let nanos = item.count("duration_ns").unwrap_or_default();
        let span = Span {
            trace: key.0,
            parent,
            service: names.id(&item.service),
            operation: names.id(item.text("name")),
            start: item.time,
            end: item.time.saturating_add(nanos),
            item: item.id,
        };
        if self.spans.insert(key, span).is_none() {
            self.rows += 1;
        }
    }

    /// Keeps a log record, and gives its service and place.
    pub(crate) fn add_log(&mut self, item: Item, names: &mut Names) -> (u32, u32) {
        let place = names.id(&place(&item));
        let service = names.id(&item.service);
        if self.rows < MAX_ROWS && item.span_id != 0 {
            let key = ((item.trace.high, item.trace.low), item.span_id);
            if item.time == 0 {
                self.unordered.insert(key);
            } else {
                let logs = self.logs.entry(key).or_default();
                // A page may begin with what the last one ended with.
                if !logs.iter().rev().take(64).any(|log| log.item == item.id) {
                    let time = item.time;
                    logs.push(Log {
                        time,
                        place,
                        item: item.id,
                    });
                    self.rows += 1;
                }
            }
        }
        (service, place)
    }

    /// To be called when all is here.
    pub(crate) fn finish(&mut self) {
        for logs in self.logs.values_mut() {
            // Stable: records of the same moment stay as they came.
            logs.sort_by_key(|log| log.time);
        }
    }

    /// Whether all log records of a span are here, in their order.
    pub(crate) fn is_whole(&self, key: &SpanKey, span: &Span) -> bool {
        let in_gap = |gap: &TimeRange| span.start < gap.end && gap.start <= span.end;
        !self.unordered.contains(key) && !self.gaps.iter().any(in_gap)
    }

    /// The parent of a span, if it is here.
    pub(crate) fn parent(&self, span: &Span) -> Option<(SpanKey, &Span)> {
        let key = (span.trace, span.parent);
        self.spans.get(&key).map(|parent| (key, parent))
    }

    /// Calls from one service to another, by their names' numbers.
    pub(crate) fn edges(&self) -> BTreeSet<(u32, u32)> {
        let spans = self.spans.values();
        let calls = spans.filter_map(|span| Some((self.parent(span)?.1.service, span.service)));
        calls.filter(|(caller, callee)| caller != callee).collect()
    }
}
