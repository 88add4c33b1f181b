//! Which pages of spans and log records are asked for.

use std::collections::VecDeque;

use aia_plugin_sdk::analyst::{Request, Selector, TimeRange};

/// Rows that a page is laid out for; a host gives at most 1,000 and says if there were more.
const ROWS_PER_PAGE: u64 = 700;

/// Most pages of one kind and stretch that are laid out: about 17,000 rows. Hosts give about as much to one investigation.
const MAX_PAGES: u64 = 24;

/// Which stretch a page is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Now,
    Before,
}

/// What a page has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rows {
    Spans,
    Logs,
}

/// A page that is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Page {
    pub(crate) side: Side,
    pub(crate) rows: Rows,
    pub(crate) during: TimeRange,
}

impl Page {
    pub(crate) fn request(self) -> Request {
        let selector = Selector::any(self.during);
        match self.rows {
            Rows::Spans => Request::Spans(selector),
            Rows::Logs => Request::Logs((selector, 0)),
        }
    }

    /// Both halves of a page that had more rows than fit: rows come in the order in which they were received, so that
    /// nobody knows which ones are missing.
    pub(crate) fn halves(self) -> Option<[Self; 2]> {
        let TimeRange { start, end } = self.during;
        let middle = start.saturating_add(self.during.nanos() / 2);
        let half = |during| Self { during, ..self };
        let halves = [
            half(TimeRange::new(start, middle)),
            half(TimeRange::new(middle, end)),
        ];
        (self.during.nanos() > 1).then_some(halves)
    }
}

/// The pages still to be asked for.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    waiting: VecDeque<Page>,
}

impl Pages {
    /// Lays out pages over both stretches, by the spans that were counted there.
    pub(crate) fn lay_out(&mut self, stretches: [(Side, TimeRange, u64); 2]) {
        let mut kinds: Vec<Vec<Page>> = Vec::new();
        for (side, range, spans) in stretches {
            for rows in [Rows::Spans, Rows::Logs] {
                let ranges = slices(range, spans).into_iter();
                kinds.push(ranges.map(|during| Page { side, rows, during }).collect());
            }
        }
        // In turn and spread over the stretch: a host may give less than all of them.
        let longest = kinds.iter().map(Vec::len).max().unwrap_or_default();
        for index in spread(longest) {
            self.waiting
                .extend(kinds.iter().filter_map(|pages| pages.get(index)));
        }
    }

    /// Asks next for both halves of a page.
    pub(crate) fn push_halves(&mut self, halves: [Page; 2]) {
        for half in halves.into_iter().rev() {
            self.waiting.push_front(half);
        }
    }

    /// The next pages, at most `most`.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Page> {
        let most = most.min(self.waiting.len());
        self.waiting.drain(..most).collect()
    }

    /// Those that will never be asked for.
    pub(crate) fn given_up(&mut self) -> Vec<Page> {
        self.waiting.drain(..).collect()
    }
}

/// The numbers up to `count`, in an order whose every beginning is spread evenly: by their bits, the lowest first.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    let bits = count.next_power_of_two().trailing_zeros();
    let reversed = move |index: usize| {
        index
            .reverse_bits()
            .checked_shr(usize::BITS - bits)
            .unwrap_or_default()
    };
    (0..count.next_power_of_two())
        .map(reversed)
        .filter(move |index| *index < count)
}

/// Cuts a stretch so that each piece has about a page of spans; of a busy one, pieces spread evenly over it.
fn slices(range: TimeRange, spans: u64) -> Vec<TimeRange> {
    if range.is_empty() {
        return Vec::new();
    }
    let wanted = spans.div_ceil(ROWS_PER_PAGE).clamp(1, range.nanos());
    let pages = wanted.min(MAX_PAGES);
    let distance = range.nanos() / pages;
    let length = (range.nanos() / wanted).max(1);
    let slice = |page: u64| {
        let start = range.start.saturating_add(distance.saturating_mul(page));
        let is_last = page + 1 == pages;
        let end = match (wanted > pages, is_last) {
            (true, _) => start.saturating_add(length),
            (false, false) => start.saturating_add(distance),
            (false, true) => range.end,
        };
        TimeRange::new(start, end.min(range.end))
    };
    (0..pages).map(slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cover_a_quiet_stretch_without_gaps() {
        let slices = slices(TimeRange::new(100, 1_100), 2_500);
        assert_eq!(slices.len(), 4);
        assert_eq!(slices[0].start, 100);
        assert_eq!(slices[3].end, 1_100);
        assert!(slices.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn are_spread_over_a_busy_stretch() {
        let slices = slices(TimeRange::new(0, 1_000_000), 700_000);
        assert_eq!(slices.len(), 24);
        assert!(slices.iter().all(|slice| slice.nanos() == 1_000));
        assert!(slices[23].start > 900_000);
    }

    #[test]
    fn survive_extremes() {
        assert_eq!(slices(TimeRange::new(5, 5), 1_000), []);
        assert_eq!(slices(TimeRange::new(5, 6), u64::MAX), [TimeRange::new(5, 6)]);
        assert!(slices(TimeRange::new(0, u64::MAX), u64::MAX).len() <= 24);
    }

    #[test]
    fn full_pages_are_halved() {
        let page = |during| Page {
            side: Side::Now,
            rows: Rows::Logs,
            during,
        };
        let halves = page(TimeRange::new(10, 101)).halves().unwrap();
        assert_eq!(
            halves.map(|half| half.during),
            [TimeRange::new(10, 55), TimeRange::new(55, 101)]
        );
        assert_eq!(page(TimeRange::new(10, 11)).halves(), None);
    }

    #[test]
    fn the_order_is_spread() {
        assert_eq!(spread(6).collect::<Vec<_>>(), [0, 4, 2, 1, 5, 3]);
        assert_eq!(spread(1).collect::<Vec<_>>(), [0]);
        assert_eq!(spread(0).count(), 0);
    }
}
