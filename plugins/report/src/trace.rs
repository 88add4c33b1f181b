//! The example trace as rows to be drawn: a tree whatever its parents say, and no more of it than can be looked at.

use std::collections::{BTreeMap, VecDeque};

use aia_plugin_sdk::reporter::{EvidenceKind, Item, Report};

use crate::limits::SPANS;
use crate::moments::field;

/// A trace to be drawn.
pub(crate) struct Waterfall<'a> {
    /// The spans in the order of a depth-first walk.
    pub(crate) rows: Vec<Row<'a>>,
    /// Spans in all.
    pub(crate) total: usize,
    /// When the first span began.
    pub(crate) start: u64,
    /// From there to the last end, nanoseconds.
    pub(crate) length: u64,
    /// Names of the services, in the order in which they are drawn first.
    pub(crate) services: Vec<&'a str>,
}

/// A span to be drawn.
pub(crate) struct Row<'a> {
    /// It.
    pub(crate) item: &'a Item,
    /// Name of the span.
    pub(crate) name: &'a str,
    /// How deep below a root.
    pub(crate) depth: usize,
    /// Nanoseconds from the trace's start to its own.
    pub(crate) offset: u64,
    /// Nanoseconds it took; none if unknown.
    pub(crate) duration: Option<u64>,
    /// Whether it failed.
    pub(crate) error: bool,
    /// Whether it names a parent that isn't there, or one below itself.
    pub(crate) lost: bool,
    /// Spans below it that aren't drawn.
    pub(crate) cut: usize,
    /// Position of its service.
    pub(crate) service: usize,
}

struct Node<'a> {
    item: &'a Item,
    duration: Option<u64>,
    error: bool,
    parent: Option<usize>,
    lost: bool,
}

/// The example trace; none if there is no span of it.
pub(crate) fn waterfall(report: &Report) -> Option<Waterfall<'_>> {
    let wanted = (report.exemplar.high, report.exemplar.low);
    if wanted == (0, 0) {
        return None;
    }
    let mut items: Vec<&Item> = report
        .evidence
        .iter()
        .filter(|item| matches!(item.kind, EvidenceKind::Span) && (item.trace.high, item.trace.low) == wanted)
        .collect();
    // Ties keep the order of the evidence.
    items.sort_by_key(|item| (item.time, item.span_id));
    let start = items.first()?.time;
    let mut nodes = nodes(&items);
    cut_cycles(&mut nodes);
    let end = nodes
        .iter()
        .map(|node| node.item.time.saturating_add(node.duration.unwrap_or(0)))
        .max()
        .unwrap_or(start);
    let (rows, services) = rows(&nodes, start);
    Some(Waterfall {
        total: nodes.len(),
        rows,
        start,
        length: end - start,
        services,
    })
}

fn nodes<'a>(items: &[&'a Item]) -> Vec<Node<'a>> {
    let mut by_id = BTreeMap::new();
    for (position, item) in items.iter().enumerate() {
        // Of two spans of one id the earlier is the parent.
        by_id.entry(item.span_id).or_insert(position);
    }
    items
        .iter()
        .enumerate()
        .map(|(position, item)| {
            let named = field(item, "parent_span_id").map(str::trim).unwrap_or_default();
            let id = u64::from_str_radix(named, 16).unwrap_or(0);
            let parent = (id != 0)
                .then(|| by_id.get(&id).copied())
                .flatten()
                .filter(|parent| *parent != position);
            let is_root = named.is_empty() || named.bytes().all(|byte| byte == b'0');
            Node {
                item,
                duration: field(item, "duration_ns").and_then(|text| text.trim().parse().ok()),
                error: field(item, "status").is_some_and(|status| status.eq_ignore_ascii_case("error")),
                parent,
                lost: parent.is_none() && !is_root,
            }
        })
        .collect()
}

/// Spans that are below themselves lose their parent, the earliest of each ring.
fn cut_cycles(nodes: &mut [Node<'_>]) {
    let mut walk_of = vec![usize::MAX; nodes.len()];
    for first in 0..nodes.len() {
        let mut at = Some(first);
        while let Some(position) = at {
            match walk_of.get(position).copied() {
                Some(usize::MAX) => {
                    if let Some(mark) = walk_of.get_mut(position) {
                        *mark = first;
                    }
                    at = nodes.get(position).and_then(|node| node.parent);
                }
                Some(walk) if walk == first => {
                    if let Some(node) = nodes.get_mut(position) {
                        node.parent = None;
                        node.lost = true;
                    }
                    at = None;
                }
                _ => at = None,
            }
        }
    }
}

fn rows<'a>(nodes: &[Node<'a>], start: u64) -> (Vec<Row<'a>>, Vec<&'a str>) {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut queue = VecDeque::new();
    for (position, node) in nodes.iter().enumerate() {
        match node.parent {
            Some(parent) => {
                if let Some(children) = children.get_mut(parent) {
                    children.push(position);
                }
            }
            None => queue.push_back((position, 0)),
        }
    }
    let roots: Vec<usize> = queue.iter().map(|(position, _)| *position).collect();
    let mut depths = vec![0; nodes.len()];
    let mut by_depth = Vec::with_capacity(nodes.len());
    while let Some((position, depth)) = queue.pop_front() {
        by_depth.push(position);
        if let Some(slot) = depths.get_mut(position) {
            *slot = depth;
        }
        let below = children.get(position).map(Vec::as_slice).unwrap_or_default();
        queue.extend(below.iter().map(|child| (*child, depth + 1)));
    }
    let kept = kept(nodes, &by_depth);
    let is_kept = |position: usize| kept.get(position).copied().unwrap_or(false);
    let mut sizes = vec![1_usize; nodes.len()];
    for position in by_depth.iter().rev() {
        let size = sizes.get(*position).copied().unwrap_or(0);
        if let Some(slot) = nodes
            .get(*position)
            .and_then(|node| node.parent)
            .and_then(|parent| sizes.get_mut(parent))
        {
            *slot += size;
        }
    }
    let mut rows = Vec::new();
    let mut services: Vec<&str> = Vec::new();
    let mut stack: Vec<usize> = roots.into_iter().rev().filter(|root| is_kept(*root)).collect();
    while let Some(position) = stack.pop() {
        let (Some(node), Some(below)) = (nodes.get(position), children.get(position)) else {
            continue;
        };
        let service = services
            .iter()
            .position(|service| *service == node.item.service)
            .unwrap_or_else(|| {
                services.push(&node.item.service);
                services.len() - 1
            });
        rows.push(Row {
            item: node.item,
            name: field(node.item, "name").unwrap_or(&node.item.title),
            depth: depths.get(position).copied().unwrap_or(0),
            offset: node.item.time.saturating_sub(start),
            duration: node.duration,
            error: node.error,
            lost: node.lost,
            cut: below
                .iter()
                .filter(|child| !is_kept(**child))
                .filter_map(|child| sizes.get(*child))
                .sum(),
            service,
        });
        stack.extend(below.iter().rev().filter(|child| is_kept(**child)));
    }
    (rows, services)
}

/// Which spans are drawn: those that failed with all above them, then by depth.
fn kept(nodes: &[Node<'_>], by_depth: &[usize]) -> Vec<bool> {
    let mut kept = vec![false; nodes.len()];
    let mut left = SPANS;
    let failed = |position: &&usize| nodes.get(**position).is_some_and(|node| node.error);
    for position in by_depth.iter().filter(failed).chain(by_depth) {
        let mut path = Vec::new();
        let mut at = Some(*position);
        while let Some(position) = at.filter(|at| !kept.get(*at).copied().unwrap_or(true)) {
            if path.len() == left {
                path.clear();
                break;
            }
            path.push(position);
            at = nodes.get(position).and_then(|node| node.parent);
        }
        left -= path.len();
        for position in path {
            if let Some(slot) = kept.get_mut(position) {
                *slot = true;
            }
        }
        if left == 0 {
            break;
        }
    }
    kept
}
