//! Where an error began: lays the errors of a trace at the services that failed by themselves.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::{RowId, SpanId, Time, TraceId};

use crate::fault::GroupId;
use crate::hold::{HeldLog, HeldSpan, Linked};

/// Most ids of spans kept of a decision.
const MAX_DECIDED_SPANS: usize = 6;

/// An error laid at where it began.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Laid {
    /// The fault.
    pub(crate) group: GroupId,
    /// The group of the request's span around it in the same service, which knows the operation.
    pub(crate) request: Option<GroupId>,
    /// When.
    pub(crate) time: Time,
    /// Rows of the service where it began.
    pub(crate) rows: Vec<RowId>,
    /// Rows of services it passed through.
    pub(crate) passing_rows: Vec<RowId>,
    /// Services it passed through.
    pub(crate) affected: BTreeSet<String>,
}

impl Laid {
    /// The error of a span by itself.
    fn of_span(span: &HeldSpan) -> Self {
        Self {
            group: span.group,
            request: span.is_request.then_some(span.group),
            time: time(span),
            rows: vec![span.row],
            passing_rows: Vec::new(),
            affected: BTreeSet::new(),
        }
    }

    /// The error that a log record tells of, by itself.
    pub(crate) fn of_log(log: &HeldLog) -> Self {
        Self {
            group: log.group,
            request: None,
            time: log.time,
            rows: vec![log.row],
            passing_rows: Vec::new(),
            affected: BTreeSet::new(),
        }
    }
}

/// What was decided of linked traces.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Decision {
    /// The errors, at most one of each group.
    pub(crate) laid: Vec<Laid>,
    /// Whether something failed, rather than only left a record of an error.
    pub(crate) is_certain: bool,
    /// Spans that took part, with their parents; those where errors began first.
    pub(crate) spans: Vec<(SpanId, SpanId)>,
}

/// A span, and what is known of its place.
struct Node<'a> {
    span: &'a HeldSpan,
    trace: TraceId,
    service: &'a str,
    parent: Option<usize>,
}

/// Decides linked traces. `service` knows the services of groups; what belongs to no known one is left out.
///
/// An error began in a span that failed without a span below it having failed. A span's parent is the held span it
/// names, the one it links to, or else — where the spans between them went well and weren't held — the tightest one
/// around it in time, of its own service if there is one.
pub(crate) fn decide<'a>(traces: &'a Linked, service: impl Fn(GroupId) -> Option<&'a str>) -> Decision {
    match alone(traces) {
        Some(span) if span.perhaps || service(span.group).is_none() => Decision::default(),
        Some(span) => Decision {
            laid: vec![Laid::of_span(span)],
            is_certain: true,
            spans: vec![(span.id, span.parent)],
        },
        None => decide_together(traces, service),
    }
}

/// The span, where nothing else is held of its trace: what most errors that reach nobody else look like.
fn alone(traces: &Linked) -> Option<&HeldSpan> {
    match traces.as_slice() {
        [(_, held)] if held.logs.is_empty() => match held.spans.as_slice() {
            [span] => Some(span),
            _ => None,
        },
        _ => None,
    }
}

/// Decides as [`decide`] says, however much is held.
fn decide_together<'a>(traces: &'a Linked, service: impl Fn(GroupId) -> Option<&'a str>) -> Decision {
    let nodes = nodes(traces, &service);
    let ancestors: Vec<Vec<usize>> = (0..nodes.len()).map(|index| ancestors(&nodes, index)).collect();
    let failed = |index: &usize| nodes.get(*index).is_some_and(|node| !node.span.perhaps);
    let counts =
        |index: usize| failed(&index) || ancestors.get(index).is_some_and(|above| above.iter().any(failed));
    let mut passed: BTreeSet<usize> = BTreeSet::new();
    for (index, above) in ancestors.iter().enumerate() {
        if counts(index) {
            passed.extend(above);
        }
    }

    let mut logs: Vec<_> = traces.iter().flat_map(|(_, held)| &held.logs).collect();
    logs.sort_by_key(|log| (log.time, log.row.segment, log.row.row));
    let mut decision = Decision::default();
    for (index, node) in nodes.iter().enumerate() {
        if passed.contains(&index) || !counts(index) {
            continue;
        }
        let above = ancestors
            .get(index)
            .into_iter()
            .flatten()
            .filter_map(|above| nodes.get(*above));
        let chain: Vec<&Node<'_>> = std::iter::once(node).chain(above).collect();
        let own: Vec<_> = chain
            .iter()
            .take_while(|above| above.service == node.service)
            .collect();
        // The exception nearest to where it began says most; a log record's is as good as a span's.
        let told = own.iter().find_map(|above| {
            let logged = logs
                .iter()
                .filter(|log| !log.is_plain)
                .find(|log| log.span == above.span.id && service(log.group) == Some(node.service));
            if above.span.is_exception {
                Some(above.span.group)
            } else {
                logged.map(|log| log.group)
            }
        });
        let logged = || {
            logs.iter()
                .filter(|log| !log.is_plain)
                .find(|log| service(log.group) == Some(node.service))
                .map(|log| log.group)
        };
        let passing = chain.iter().filter(|above| above.service != node.service);
        decision.spans.insert(0, (node.span.id, node.span.parent));
        decision.spans.extend(
            chain
                .iter()
                .skip(1)
                .map(|above| (above.span.id, above.span.parent)),
        );
        push(
            &mut decision.laid,
            Laid {
                group: told.or_else(logged).unwrap_or(node.span.group),
                request: own
                    .iter()
                    .find(|above| above.span.is_request)
                    .map(|above| above.span.group),
                time: time(node.span),
                rows: own.iter().map(|above| above.span.row).collect(),
                passing_rows: passing.clone().map(|above| above.span.row).collect(),
                affected: passing.map(|above| above.service.to_owned()).collect(),
            },
        );
    }

    // What tells of an exception first: a record that tells of none neither takes blame nor gives it.
    logs.sort_by_key(|log| log.is_plain);
    let mut plain = Vec::new();
    for log in logs {
        let Some(owner) = service(log.group) else { continue };
        let began_here = |laid: &&mut Laid| service(laid.group) == Some(owner);
        if let Some(laid) = decision.laid.iter_mut().find(began_here) {
            laid.rows.push(log.row);
        } else if let Some(laid) = decision
            .laid
            .iter_mut()
            .find(|laid| laid.affected.contains(owner))
        {
            laid.passing_rows.push(log.row);
        } else if log.is_plain {
            push(&mut plain, Laid::of_log(log));
        } else if let (true, Some(first)) = (decision.spans.is_empty(), decision.laid.first_mut()) {
            // Without failed spans the first to complain is taken for the origin: who is called fails before who calls.
            first.affected.insert(owner.to_owned());
            first.passing_rows.push(log.row);
        } else {
            decision.laid.push(Laid::of_log(log));
        }
    }
    decision.is_certain = !decision.laid.is_empty();
    decision.laid.extend(plain);
    let mut spans = Vec::new();
    for span in decision.spans {
        if spans.len() < MAX_DECIDED_SPANS && !spans.contains(&span) {
            spans.push(span);
        }
    }
    decision.spans = spans;
    decision
}

/// When a span failed: at its end, if that is known.
fn time(span: &HeldSpan) -> Time {
    if span.end.is_set() { span.end } else { span.start }
}

/// Adds an error, or joins it with one of the same group: a request that tried three times failed once.
fn push(laid: &mut Vec<Laid>, new: Laid) {
    match laid.iter_mut().find(|old| old.group == new.group) {
        Some(old) => {
            old.time = old.time.max(new.time);
            old.request = old.request.or(new.request);
            old.affected.extend(new.affected);
            for (rows, more) in [
                (&mut old.rows, new.rows),
                (&mut old.passing_rows, new.passing_rows),
            ] {
                let more: Vec<_> = more.into_iter().filter(|row| !rows.contains(row)).collect();
                rows.extend(more);
            }
        }
        None => laid.push(new),
    }
}

/// The spans in an order that doesn't depend on that of their arrival, each with its parent.
fn nodes<'a>(traces: &'a Linked, service: &impl Fn(GroupId) -> Option<&'a str>) -> Vec<Node<'a>> {
    let spans = traces
        .iter()
        .flat_map(|(trace, held)| held.spans.iter().map(|span| (*trace, span)));
    let mut nodes: Vec<_> = spans
        .filter_map(|(trace, span)| {
            Some(Node {
                span,
                trace,
                service: service(span.group)?,
                parent: None,
            })
        })
        .collect();
    if nodes.len() < 2 {
        return nodes;
    }
    nodes.sort_by_key(|node| {
        (
            node.trace,
            node.span.start,
            std::cmp::Reverse(node.span.end),
            node.span.id,
        )
    });
    let by_id: BTreeMap<_, _> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| ((node.trace, node.span.id), index))
        .collect();
    let parents: Vec<_> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let named = by_id.get(&(node.trace, node.span.parent));
            let linked = || by_id.get(&node.span.link?);
            let is_root = !node.span.parent.is_set();
            match named.or_else(linked) {
                Some(parent) => (*parent != index).then_some(*parent),
                None if is_root => None,
                None => around(&nodes, index),
            }
        })
        .collect();
    for (node, parent) in nodes.iter_mut().zip(parents) {
        node.parent = parent;
    }
    nodes
}

/// The tightest span around another one in time, of its own service if there is one, else of any.
fn around(nodes: &[Node<'_>], index: usize) -> Option<usize> {
    let inner = nodes.get(index)?;
    let length = |node: &Node<'_>| node.span.end.since(node.span.start);
    let holds = |node: &Node<'_>| {
        node.trace == inner.trace
            && node.span.start <= inner.span.start
            && inner.span.end <= node.span.end
            && length(node) > length(inner)
    };
    let around = nodes.iter().enumerate().filter(|(_, node)| holds(node));
    around
        .min_by_key(|(other, node)| (node.service != inner.service, length(node), *other))
        .map(|(other, _)| other)
}

/// The spans above one, nearest first. Hostile parents that go in a circle end where it closes.
fn ancestors(nodes: &[Node<'_>], index: usize) -> Vec<usize> {
    let mut above = Vec::new();
    let mut next = nodes.get(index).and_then(|node| node.parent);
    while let Some(parent) = next {
        if parent == index || above.contains(&parent) {
            break;
        }
        above.push(parent);
        next = nodes.get(parent).and_then(|node| node.parent);
    }
    above
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::snapshot;

    use super::*;
    use crate::hold::Hold;

    #[test]
    fn a_span_alone_is_decided_like_any_other() {
        let known: GroupId = snapshot::decode(1, &snapshot::encode(1, &7_u64)).unwrap();
        for bits in 0..64_u64 {
            let is = |bit: u32| bits & 1 << bit != 0;
            let id = SpanId(7);
            let trace = TraceId { high: 1, low: 2 };
            let span = HeldSpan {
                id,
                parent: SpanId(if is(0) { 7 } else { bits & 2 }),
                link: is(2).then_some((trace, id)),
                group: known,
                perhaps: is(3),
                is_request: is(4),
                is_exception: is(1),
                start: Time::from_secs(3),
                end: Time::from_secs(bits & 4),
                row: RowId { segment: 5, row: 6 },
            };
            let mut hold = Hold::default();
            hold.span(trace, span, Time::from_secs(1));
            let traces = hold.next_due(Time::from_secs(1)).unwrap();
            assert!(alone(&traces).is_some());
            let service = |group: GroupId| (is(5) && group == known).then_some("shop");
            assert_eq!(
                decide(&traces, service),
                decide_together(&traces, service),
                "{bits:b}"
            );
        }
    }
}
