//! Figures of operations over a time range: how often, how slow, how much of it their own doing, and who calls.
//!
//! An operation is what a service serves (SERVER and CONSUMER spans), a call it makes to somebody who sends no spans
//! (CLIENT and PRODUCER spans without a span of another service behind them), and work that nobody asked for (a span
//! without a parent in its own service). Spans in between are part of the operation above them. A service that only sends
//! spans of kind INTERNAL, or of none, has each of them as an operation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aia_telemetry::{SpanColumns, SpanReader, duration, span_kind};

use super::gather::at;
use crate::incidents::derived;
use crate::runtime::TimeRange;
use crate::store::{Evidence, Scope};

/// Children that begin behind the range still belong to their parents in it, up to so long after.
const AFTERMATH: u64 = 10_000_000_000;

/// Distinct operations that are told apart; what comes behind is counted together as [`OTHERS`].
const MAX_GROUPS: usize = 10_000;

/// Name of the operations that have no place of their own.
const OTHERS: &str = "(others)";

/// Callers that are listed.
const MAX_CALLERS: usize = 20;

/// Spans between an operation and the one above it that are looked at: what is nested deeper is made up.
const MAX_STEPS_UP: usize = 64;

/// What a span is to its operation.
#[derive(Clone, Copy, Debug)]
struct Span {
    trace: (u64, u64),
    id: u64,
    parent: u64,
    start: u64,
    end: u64,
    group: u32,
    kind: u8,
    has_failed: bool,
}

/// What an operation is told apart by.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Key {
    service: String,
    operation: String,
    release: String,
    kind: u8,
}

/// The figures of one operation.
#[derive(Default)]
struct Figures {
    durations: Vec<u64>,
    selves: Vec<u64>,
    errors: u64,
    own_errors: u64,
    callers: BTreeSet<u32>,
}

/// Spans of a range, gathered for figures.
pub(super) struct Table {
    range: TimeRange,
    max_spans: usize,
    spans: Vec<Span>,
    /// Only traces whose hash has so many zeros at its end are kept.
    sampling: u32,
    keys: Vec<Key>,
    /// Looked up in, never iterated.
    groups: HashMap<Key, u32>,
    services: BTreeMap<String, u32>,
    /// Services that send spans of other kinds than INTERNAL.
    with_kinds: BTreeSet<String>,
}

impl Table {
    pub(super) fn new(range: TimeRange, max_spans: usize) -> Self {
        Self {
            range,
            max_spans: max_spans.max(1),
            spans: Vec::new(),
            sampling: 0,
            keys: Vec::new(),
            groups: HashMap::new(),
            services: BTreeMap::new(),
            with_kinds: BTreeSet::new(),
        }
    }

    /// First moment behind what has to be read.
    pub(super) fn read_until(&self) -> u64 {
        let length = self.range.end.saturating_sub(self.range.start);
        self.range.end.saturating_add(length.min(AFTERMATH))
    }

    /// Takes in the spans of a segment.
    pub(super) fn add(&mut self, columns: &SpanColumns) {
        let reader = SpanReader::new(columns);
        let spans = &columns.spans;
        let wanted = self.range.start..self.read_until();
        let mut known: BTreeMap<(_, u32, u8), u32> = BTreeMap::new();
        for (row, id) in spans.span_id.iter().enumerate() {
            let (start, end) = (at(&spans.start_time, row), at(&spans.end_time, row));
            let trace = (at(&spans.trace_id_high, row), at(&spans.trace_id_low, row));
            if !wanted.contains(&start) || !self.is_kept(trace) {
                continue;
            }
            let kind = spans.kind.get(row).copied().unwrap_or(0);
            let source = if matches!(kind, span_kind::CLIENT | span_kind::PRODUCER) {
                reader.call(row)
            } else {
                reader.operation(row)
            };
            let scope = spans.scope.get(row).copied().unwrap_or(0);
            let group = *known.entry((source, scope, kind)).or_insert_with(|| {
                self.group(Key {
                    service: reader.service(row).to_owned(),
                    operation: source.name(),
                    release: reader.release(row).to_owned(),
                    kind,
                })
            });
            self.spans.push(Span {
                trace,
                id: *id,
                parent: at(&spans.parent_span_id, row),
                start,
                end: end.max(start),
                group,
                kind,
                has_failed: reader.has_failed(row),
            });
            if self.spans.len() > self.max_spans {
                self.sample();
            }
        }
    }

    fn group(&mut self, key: Key) -> u32 {
        if key.kind > span_kind::INTERNAL && !self.with_kinds.contains(&key.service) {
            self.with_kinds.insert(key.service.clone());
        }
        let key = if self.keys.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            Key {
                service: OTHERS.to_owned(),
                operation: OTHERS.to_owned(),
                release: String::new(),
                kind: key.kind,
            }
        } else {
            key
        };
        if let Some(group) = self.groups.get(&key) {
            return *group;
        }
        let next = u32::try_from(self.services.len()).unwrap_or(u32::MAX);
        self.services.entry(key.service.clone()).or_insert(next);
        let group = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key.clone());
        self.groups.insert(key, group);
        group
    }

    fn is_kept(&self, trace: (u64, u64)) -> bool {
        hash(trace).trailing_zeros() >= self.sampling
    }

    /// Keeps every second of the traces kept so far, until there is room.
    fn sample(&mut self) {
        // A single trace can't be halved: beyond this the rest is cut off instead.
        while self.spans.len() > self.max_spans && self.sampling < 32 {
            self.sampling += 1;
            let sampling = self.sampling;
            self.spans
                .retain(|span| hash(span.trace).trailing_zeros() >= sampling);
        }
        self.spans.truncate(self.max_spans);
    }

    /// The figures as evidence, busiest operation first.
    pub(super) fn finish(mut self, scope: &Scope) -> Vec<Evidence> {
        // Where one span came twice, the longer account of it counts, whatever order they came in.
        self.spans.sort_unstable_by_key(|span| {
            (
                span.trace,
                span.id,
                span.group,
                std::cmp::Reverse(span.end),
                span.start,
            )
        });
        self.spans.dedup_by_key(|span| (span.trace, span.id));
        let mut figures: BTreeMap<u32, Figures> = BTreeMap::new();
        for trace in self.spans.chunk_by(|a, b| a.trace == b.trace) {
            self.add_trace(trace, &mut figures);
        }
        let mut order: Vec<(u32, Figures)> = figures.into_iter().collect();
        order.sort_by_cached_key(|(group, figures)| {
            (
                std::cmp::Reverse(figures.durations.len()),
                self.key(*group).cloned(),
            )
        });
        order
            .into_iter()
            .filter_map(|(group, figures)| Some(self.evidence(scope, self.key(group)?, figures)))
            .collect()
    }

    fn key(&self, group: u32) -> Option<&Key> {
        self.keys.get(usize::try_from(group).ok()?)
    }

    fn service(&self, span: &Span) -> &str {
        self.key(span.group).map_or("", |key| key.service.as_str())
    }

    fn add_trace(&self, trace: &[Span], figures: &mut BTreeMap<u32, Figures>) {
        let find = |id: u64| trace.binary_search_by_key(&id, |span| span.id).ok();
        let parents: Vec<Option<usize>> = trace
            .iter()
            .map(|span| Some(span.parent).filter(|parent| *parent != 0).and_then(find))
            .collect();
        let of = |index: usize| trace.get(index);
        let parent = |index: usize| parents.get(index).copied().flatten();
        // Spans of another service right below: whose callee is known.
        let mut has_foreign_child = vec![false; trace.len()];
        for (index, span) in trace.iter().enumerate() {
            let above = parent(index).and_then(|above| Some((above, of(above)?)));
            if let Some((above, caller)) = above
                && self.service(caller) != self.service(span)
                && let Some(has) = has_foreign_child.get_mut(above)
            {
                *has = true;
            }
        }
        let is_operation: Vec<bool> = trace
            .iter()
            .enumerate()
            .map(|(index, span)| match span.kind {
                span_kind::SERVER | span_kind::CONSUMER => true,
                span_kind::CLIENT | span_kind::PRODUCER => {
                    !has_foreign_child.get(index).copied().unwrap_or(false)
                }
                _ => {
                    !self.with_kinds.contains(self.service(span))
                        || parent(index)
                            .and_then(of)
                            .is_none_or(|above| self.service(above) != self.service(span))
                }
            })
            .collect();
        let is_operation = |index: usize| is_operation.get(index).copied().unwrap_or(false);
        let is_inner = |index: usize| {
            !is_operation(index) && of(index).is_some_and(|span| span.kind <= span_kind::INTERNAL)
        };

        // What covers the time of an operation, and fails for it: the next spans below that aren't inner work.
        let mut covered: Vec<(usize, u64, u64)> = Vec::new();
        let mut fails_below = vec![false; trace.len()];
        for (index, span) in trace.iter().enumerate() {
            if is_inner(index) {
                continue;
            }
            let mut above = parent(index);
            let mut steps = 0;
            while let Some(at) = above.filter(|at| is_inner(*at)) {
                steps += 1;
                above = parent(at).filter(|_| steps < MAX_STEPS_UP);
            }
            let Some(above) = above else { continue };
            covered.push((above, span.start, span.end));
            if let Some(fails) = fails_below.get_mut(above) {
                *fails |= span.has_failed;
            }
        }
        // A call whose callee is known and didn't fail failed by itself: it is its caller's error, not passed on.
        let passes_on = |index: usize| fails_below.get(index).copied().unwrap_or(false);
        let mut own = vec![true; trace.len()];
        for (index, span) in trace.iter().enumerate() {
            if !span.has_failed || is_inner(index) || (!is_operation(index) && !passes_on(index)) {
                continue;
            }
            let mut above = parent(index);
            let mut steps = 0;
            while let Some(at) = above {
                if let Some(own) = own.get_mut(at) {
                    *own = false;
                }
                steps += 1;
                above = parent(at).filter(|_| is_inner(at) && steps < MAX_STEPS_UP);
            }
        }
        covered.sort_unstable();
        let mut covered = covered.chunk_by(|a, b| a.0 == b.0).peekable();
        for (index, span) in trace.iter().enumerate() {
            let below = covered.next_if(|below| below.first().is_some_and(|first| first.0 == index));
            if !is_operation(index) || !(self.range.start..self.range.end).contains(&span.start) {
                continue;
            }
            let length = span.end - span.start;
            let operation = figures.entry(span.group).or_default();
            operation.durations.push(length);
            operation
                .selves
                .push(length - union(span, below.unwrap_or_default()));
            if span.has_failed {
                operation.errors += 1;
                operation.own_errors += u64::from(own.get(index).copied().unwrap_or(true));
            }
            let caller = self.caller(trace, &parents, index, span);
            if let Some(caller) = caller.filter(|_| operation.callers.len() < MAX_CALLERS) {
                operation.callers.insert(caller);
            }
        }
    }

    /// The service that called: the nearest other one above.
    fn caller(&self, trace: &[Span], parents: &[Option<usize>], index: usize, span: &Span) -> Option<u32> {
        let own = self.service(span);
        let mut above = parents.get(index).copied().flatten();
        for _ in 0..MAX_STEPS_UP {
            let service = self.service(trace.get(above?)?);
            if service != own {
                return self.services.get(service).copied();
            }
            above = parents.get(above?).copied().flatten();
        }
        None
    }

    fn evidence(&self, scope: &Scope, key: &Key, mut figures: Figures) -> Evidence {
        figures.durations.sort_unstable();
        figures.selves.sort_unstable();
        let scale = 1_u64 << self.sampling.min(63);
        let count = figures.durations.len() as u64;
        let (errors, own) = (
            figures.errors.saturating_mul(scale),
            figures.own_errors.saturating_mul(scale),
        );
        let scaled = count.saturating_mul(scale);
        let p95 = quantile(&figures.durations, 95);
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut push = |name: &str, value: String| {
            if !value.is_empty() {
                fields.push((name.to_owned(), value));
            }
        };
        push("operation", key.operation.clone());
        push("release", key.release.clone());
        push("kind", kind_name(key.kind).to_owned());
        push("count", scaled.to_string());
        push("errors", errors.to_string());
        push("errors.own", own.to_string());
        let self_sum = figures
            .selves
            .iter()
            .fold(0_u64, |sum, time| sum.saturating_add(*time));
        for (name, value) in [
            ("duration.p50", quantile(&figures.durations, 50)),
            ("duration.p95", p95),
            ("duration.p99", quantile(&figures.durations, 99)),
            ("self.p50", quantile(&figures.selves, 50)),
            ("self.p95", quantile(&figures.selves, 95)),
            ("self.sum", self_sum.saturating_mul(scale)),
        ] {
            push(name, duration(value));
            push(&format!("{name}_ns"), value.to_string());
        }
        let callers: Vec<&str> = self
            .services
            .iter()
            .filter(|(_, number)| figures.callers.contains(number))
            .map(|(service, _)| service.as_str())
            .collect();
        push("callers", callers.join(","));
        push("start", self.range.start.to_string());
        push("end", self.range.end.to_string());
        if scale > 1 {
            push("sampled", format!("1 of {scale} traces"));
        }
        let title = format!(
            "{} {}: {scaled} spans, {errors} errors, p95 {}",
            key.service,
            key.operation,
            duration(p95)
        );
        let hash = content_hash(scope, &key.service, &fields);
        Evidence {
            time: self.range.start,
            service: key.service.clone(),
            title,
            fields,
            ..derived("operation", format!("op-{hash}"))
        }
    }
}

/// A hash over all that a piece of evidence says, so that other figures never come under the same id.
pub(super) fn content_hash(scope: &Scope, service: &str, fields: &[(String, String)]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("AIA 2026-11 evidence of figures");
    let scope = scope.to_string();
    let texts = fields
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    for text in [scope.as_str(), service].into_iter().chain(texts) {
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// Trace ids ought to be random, but some senders count: the finaliser of `SplitMix64` mends it.
fn hash((high, low): (u64, u64)) -> u64 {
    let mut value = high.rotate_left(32) ^ low;
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// How much of a span the others cover together; they are in the order of their starts.
fn union(span: &Span, others: &[(usize, u64, u64)]) -> u64 {
    let mut sum = 0;
    let mut reached = span.start;
    for (_, start, end) in others {
        let (start, end) = ((*start).max(reached), (*end).min(span.end));
        sum += end.saturating_sub(start);
        reached = reached.max(end);
    }
    sum
}

/// A quantile of sorted values, by the nearest rank; 0 if there are none.
pub(super) fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

fn kind_name(kind: u8) -> &'static str {
    match kind {
        span_kind::INTERNAL => "INTERNAL",
        span_kind::SERVER => "SERVER",
        span_kind::CLIENT => "CLIENT",
        span_kind::PRODUCER => "PRODUCER",
        span_kind::CONSUMER => "CONSUMER",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
