//! Whose time a request's time is.
//!
//! Each moment of a trace is charged to the deepest span that is active then: it is what all others wait for. That
//! is a span's self time, but a sibling that only stands by (an asynchronous handler around a client span) isn't
//! charged for what the client span's callees do.

use std::collections::{BTreeMap, BTreeSet};

use crate::math::float;
use crate::sample::{Sample, SpanKey};

/// Most spans of one trace that are looked at.
const MAX_SPANS: usize = 5_000;

/// How deep traces are followed.
const MAX_DEPTH: usize = 64;

/// Who is charged.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Unit {
    /// An operation's own work: service and operation.
    Work(u32, u32),
    /// The way between a caller and the service it calls: the time of a call in which the callee isn't at work.
    Way(u32, u32),
}

/// The time charged, in nanoseconds: a value for every span.
pub(crate) type Charges = BTreeMap<Unit, Vec<f64>>;

/// Charges the time of all traces of a sample.
pub(crate) fn charges(sample: &Sample) -> Charges {
    let mut charges = Charges::new();
    let mut trace: Vec<&SpanKey> = Vec::new();
    for key in sample.spans.keys() {
        if trace.first().is_some_and(|first| first.0 != key.0) {
            charge(sample, &trace, &mut charges);
            trace.clear();
        }
        if trace.len() < MAX_SPANS {
            trace.push(key);
        }
    }
    charge(sample, &trace, &mut charges);
    for values in charges.values_mut() {
        values.sort_by(f64::total_cmp);
    }
    charges
}

/// Who of the active spans is charged: the greatest.
type Rank = (usize, bool, SpanKey);

fn charge(sample: &Sample, trace: &[&SpanKey], charges: &mut Charges) {
    let mut callees: BTreeMap<SpanKey, BTreeSet<u32>> = BTreeMap::new();
    for key in trace {
        let Some(span) = sample.spans.get(*key) else {
            continue;
        };
        if let Some((parent, of)) = sample.parent(span)
            && of.service != span.service
        {
            callees.entry(parent).or_default().insert(span.service);
        }
    }
    let mut edges: Vec<(u64, bool, Rank)> = Vec::new();
    for key in trace {
        let Some(span) = sample.spans.get(*key) else {
            continue;
        };
        // Of two that are equally deep, the one that calls is waited for, and the other stands by.
        let rank = (depth(sample, key), callees.contains_key(*key), **key);
        // A span without length has no moment; and its end would come before its start.
        if span.start < span.end {
            edges.push((span.start, true, rank));
            edges.push((span.end, false, rank));
        }
    }
    edges.sort_unstable();
    let mut nanos: BTreeMap<SpanKey, u64> = BTreeMap::new();
    let mut active: BTreeSet<Rank> = BTreeSet::new();
    let mut last = 0;
    for (time, starts, rank) in edges {
        if let Some((_, _, deepest)) = active.last() {
            *nanos.entry(*deepest).or_default() += time.saturating_sub(last);
        }
        last = time;
        if starts {
            active.insert(rank);
        } else {
            active.remove(&rank);
        }
    }
    for key in trace {
        let Some(span) = sample.spans.get(*key) else {
            continue;
        };
        let value = float(nanos.get(*key).copied().unwrap_or_default());
        match callees.get(*key) {
            None => {
                let unit = Unit::Work(span.service, span.operation);
                charges.entry(unit).or_default().push(value);
            }
            Some(callees) => {
                for callee in callees {
                    let unit = Unit::Way(span.service, *callee);
                    charges.entry(unit).or_default().push(value);
                }
            }
        }
    }
}

fn depth(sample: &Sample, key: &SpanKey) -> usize {
    let mut depth = 0;
    let mut span = sample.spans.get(key);
    while let Some((_, parent)) = span.and_then(|span| sample.parent(span)) {
        depth += 1;
        if depth == MAX_DEPTH {
            break;
        }
        span = Some(parent);
    }
    depth
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::TestItem;

    use super::*;
    use crate::names::Names;

    #[test]
    fn time_belongs_to_the_deepest() {
        let mut names = Names::default();
        let mut sample = Sample::default();
        let spans = [
            TestItem::span("web", "/", 0, 100).at(1, 1),
            TestItem::span("web", "POST", 5, 85).at(1, 2).parent(1),
            TestItem::span("web", "handle", 1, 99).at(1, 3).parent(1),
            TestItem::span("pay", "mark", 50, 0).at(1, 6).parent(5),
            TestItem::span("pay", "/pay", 10, 60).at(1, 4).parent(2),
            TestItem::span("pay", "SELECT", 20, 30).at(1, 5).parent(4),
        ];
        for span in spans {
            sample.add_span(span.build("ev"), &mut names);
        }
        let charges = charges(&sample);
        let mut of =
            |service: &str, name: &str| charges[&Unit::Work(names.id(service), names.id(name))].clone();
        assert_eq!(of("pay", "SELECT"), [30.0]);
        assert_eq!(of("pay", "/pay"), [30.0]);
        // The sibling that stands by isn't charged for the time of `pay`; the way to it is.
        assert_eq!(of("web", "handle"), [4.0 + 10.0]);
        let way = Unit::Way(names.id("web"), names.id("pay"));
        assert_eq!(charges[&way], [5.0 + 20.0]);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let mut names = Names::default();
        let mut sample = Sample::default();
        for (id, parent) in [(1, 2), (2, 1), (3, 3)] {
            let span = TestItem::span("web", "/", 0, 10).at(1, id).parent(parent);
            sample.add_span(span.build("ev"), &mut names);
        }
        assert_eq!(charges(&sample).len(), 1);
    }
}
