//! Where a trace spends its time.
//!
//! The self time of an operation is the time in which none of those it called was at work: its duration without the
//! union of their durations. Work inside the service (spans of the kind "internal") is its own. A call's self time is
//! what its peer's spans don't account for: the network, or the peer itself where it sends none.

use crate::hold::{HeldSpan, Part};

/// Steps up from a span to its callers, at most: no trace is so deep, but one with a loop has no end.
const MAX_DEPTH: usize = 128;

/// How the spans of a trace hang together.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    spans: &'a [HeldSpan],
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(spans: &'a [HeldSpan]) -> Self {
        let mut by_id: Vec<(u32, usize)> = spans
            .iter()
            .enumerate()
            .map(|(index, span)| (span.id, index))
            .collect();
        by_id.sort_unstable();
        let mut children = vec![Vec::new(); spans.len()];
        let parents: Vec<Option<usize>> = spans
            .iter()
            .enumerate()
            .map(|(index, span)| {
                let place = by_id.partition_point(|(id, _)| *id < span.parent);
                let (id, parent) = *by_id.get(place)?;
                (id == span.parent && parent != index).then_some(parent)
            })
            .collect();
        for (index, parent) in parents.iter().enumerate() {
            if let Some(siblings) = parent.and_then(|parent| children.get_mut(parent)) {
                siblings.push(index);
            }
        }
        Self {
            spans,
            parents,
            children,
        }
    }

    /// The spans that waited for this one, innermost first: its callers up to the one who sent a message and didn't
    /// wait.
    pub(crate) fn callers(&self, index: usize) -> impl Iterator<Item = (usize, &'a HeldSpan)> {
        let mut current = index;
        let above = std::iter::from_fn(move || {
            if self.spans.get(current)?.part == Part::Receive {
                return None;
            }
            current = (*self.parents.get(current)?)?;
            Some((current, self.spans.get(current)?))
        });
        above.take(MAX_DEPTH)
    }

    /// Microseconds that an operation was busy by itself. `is_same_service` tells whether two operations run on one
    /// clock.
    pub(crate) fn self_time(&self, index: usize, is_same_service: impl Fn(u32, u32) -> bool) -> u32 {
        let Some(span) = self.spans.get(index) else {
            return 0;
        };
        let (start, end) = range(span);
        let mut busy: Vec<(i64, i64)> = Vec::new();
        let mut open: Vec<usize> = self.children.get(index).cloned().unwrap_or_default();
        // A span has one parent, so that each is visited once, unless they are in a loop.
        for _ in 0..self.spans.len() {
            let Some((next, child)) = open.pop().and_then(|next| Some((next, self.spans.get(next)?))) else {
                break;
            };
            match child.part {
                Part::Inner => open.extend(self.children.get(next).into_iter().flatten()),
                // Who sends a message doesn't wait for it to be taken.
                Part::Receive => {}
                Part::Serve | Part::Call => {
                    let (mut from, mut to) = range(child);
                    let is_inside = from >= start && to <= end;
                    // Clocks of two services differ: what fits is put into the middle, as a request and its answer
                    // are about equally long on their way.
                    if !is_inside && !is_same_service(span.operation, child.operation) {
                        from = start + ((end - start) - (to - from)).max(0) / 2;
                        to = from + i64::from(child.duration);
                    }
                    busy.push((from.max(start), to.min(end)));
                }
            }
        }
        busy.sort_unstable();
        let (mut reached, mut waited) = (start, 0);
        for (from, to) in busy {
            let from = from.max(reached);
            if to > from {
                waited += to - from;
                reached = to;
            }
        }
        u32::try_from(end - start - waited).unwrap_or_default()
    }

    /// Whether each failed span failed by itself: none that it waited for did.
    pub(crate) fn origins(&self) -> Vec<bool> {
        let mut origins: Vec<bool> = self.spans.iter().map(|span| span.has_failed).collect();
        for (index, span) in self.spans.iter().enumerate() {
            if span.has_failed && span.part != Part::Inner {
                for (caller, _) in self.callers(index) {
                    if let Some(origin) = origins.get_mut(caller) {
                        *origin = false;
                    }
                }
            }
        }
        origins
    }
}

fn range(span: &HeldSpan) -> (i64, i64) {
    let start = i64::from(span.start);
    (start, start + i64::from(span.duration))
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::RowId;
    use proptest::prelude::*;

    use super::*;

    /// A span with the operation of its id; operations below 10 are of one service.
    fn span(id: u32, parent: u32, part: Part, start: i32, duration: u32) -> HeldSpan {
        HeldSpan {
            id,
            parent,
            part,
            operation: id,
            has_failed: false,
            start,
            duration,
            row: RowId { segment: 1, row: id },
        }
    }

    fn self_times(spans: &[HeldSpan]) -> Vec<u32> {
        let tree = Tree::new(spans);
        let all = (0..spans.len()).map(|index| tree.self_time(index, |a, b| (a < 10) == (b < 10)));
        all.collect()
    }

    #[test]
    fn what_callees_take_isnt_the_callers() {
        let spans = [
            span(1, 0, Part::Serve, 0, 100),
            span(2, 1, Part::Inner, 5, 90),
            // Two calls at once: 10 to 50.
            span(3, 2, Part::Call, 10, 30),
            span(4, 2, Part::Call, 20, 30),
            span(13, 3, Part::Serve, 12, 20),
            span(5, 1, Part::Call, 60, 20),
        ];
        assert_eq!(self_times(&spans), [40, 50, 10, 30, 20, 20]);
    }

    #[test]
    fn clocks_may_differ_between_services() {
        let spans = [
            span(1, 0, Part::Call, 0, 100),
            span(13, 1, Part::Serve, 5_000_000, 80),
            span(2, 0, Part::Call, 0, 100),
            span(14, 2, Part::Serve, -5_000_000, 900),
        ];
        assert_eq!(self_times(&spans), [20, 80, 0, 900]);
    }

    #[test]
    fn nobody_waits_for_a_message_to_be_taken() {
        let mut spans = [
            span(1, 0, Part::Serve, 0, 100),
            span(2, 1, Part::Call, 10, 5),
            span(13, 2, Part::Receive, 12, 80),
            span(14, 13, Part::Call, 20, 60),
        ];
        assert_eq!(self_times(&spans), [95, 5, 20, 60]);
        let tree = Tree::new(&spans);
        assert_eq!(tree.callers(3).map(|(index, _)| index).collect::<Vec<_>>(), [2]);
        spans[3].has_failed = true;
        spans[2].has_failed = true;
        spans[0].has_failed = true;
        assert_eq!(Tree::new(&spans).origins(), [true, false, false, true]);
    }

    #[test]
    fn calls_that_outlive_the_request_are_cut() {
        let spans = [
            span(1, 0, Part::Serve, 0, 100),
            span(2, 1, Part::Call, 90, 500),
            span(3, 1, Part::Call, -50, 60),
        ];
        assert_eq!(self_times(&spans), [80, 500, 60]);
    }

    #[test]
    fn loops_end() {
        let spans = [
            span(1, 2, Part::Inner, 0, 100),
            span(2, 1, Part::Inner, 0, 100),
            span(3, 4, Part::Serve, 0, 100),
            span(4, 3, Part::Call, 10, 20),
        ];
        assert_eq!(self_times(&spans), [100, 100, 80, 0]);
        assert!(Tree::new(&spans).callers(0).count() <= MAX_DEPTH);
    }

    proptest! {
        #[test]
        fn any_spans_are_survived(
            spans in prop::collection::vec((0_u32..8, 0_u32..8, 0_u8..4, any::<i32>(), any::<u32>()), 0..40),
        ) {
            let parts = [Part::Inner, Part::Serve, Part::Receive, Part::Call];
            let spans: Vec<_> = spans
                .into_iter()
                .map(|(id, parent, part, start, duration)| span(id, parent, parts[usize::from(part)], start, duration))
                .collect();
            for (span, self_time) in spans.iter().zip(self_times(&spans)) {
                prop_assert!(self_time <= span.duration);
            }
            prop_assert_eq!(Tree::new(&spans).origins().len(), spans.len());
        }
    }
}
