//! Counts the requests of a batch by sender and operation, without reading a text.

use std::collections::BTreeMap;

use crate::operation::OperationSource;

/// Places where the count of an operation may be noted; a power of two, and many more than a batch usually has
/// operations.
const PLACES: usize = 1024;

/// Places that are looked at one after the other. Operations that find none of them free are in the index.
const TRIES: usize = 8;

/// Stands for "none" among the places.
const FREE: u16 = u16::MAX;

/// Requests of a batch.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    /// In order of first appearance.
    counts: Vec<Count<'a>>,
    /// Where an operation's count is, at a place that its numbers lead to or one of those behind it.
    places: [u16; PLACES],
    /// Where it is if all of those were taken.
    index: BTreeMap<[u64; 2], usize>,
}

/// Requests at an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count<'a> {
    numbers: [u64; 2],
    pub(crate) service: &'a str,
    pub(crate) source: OperationSource,
    pub(crate) requests: u32,
}

impl<'a> Tally<'a> {
    pub(crate) fn new() -> Self {
        Self {
            counts: Vec::new(),
            places: [FREE; PLACES],
            index: BTreeMap::new(),
        }
    }

    /// Counts a request that the service of a resource answered.
    #[inline]
    pub(crate) fn add(&mut self, resource: u32, service: &'a str, source: OperationSource) {
        let [kind, first, second] = source.numbers();
        let place = place(&[resource, kind, first, second]);
        let numbers = [pair(resource, kind), pair(first, second)];
        let index = self.places.get(place).copied().unwrap_or(FREE);
        if let Some(count) = self.counts.get_mut(usize::from(index))
            && count.numbers == numbers
        {
            count.requests = count.requests.saturating_add(1);
            return;
        }
        let index = self.index(place, numbers);
        match self.counts.get_mut(index) {
            Some(count) => count.requests = count.requests.saturating_add(1),
            None => self.counts.push(Count {
                numbers,
                service,
                source,
                requests: 1,
            }),
        }
    }

    /// Where the count of these numbers is, or is to be pushed.
    #[cold]
    fn index(&mut self, place: usize, numbers: [u64; 2]) -> usize {
        let next = self.counts.len();
        for place in (place..place + TRIES).map(|place| place % PLACES) {
            let Some(place) = self.places.get_mut(place) else {
                break;
            };
            match self.counts.get(usize::from(*place)) {
                Some(count) if count.numbers == numbers => return usize::from(*place),
                None if next < usize::from(FREE) => {
                    *place = u16::try_from(next).unwrap_or(FREE);
                    return next;
                }
                _ => {}
            }
        }
        *self.index.entry(numbers).or_insert(next)
    }

    /// The counts, in order of first appearance.
    pub(crate) fn counts(&self) -> impl Iterator<Item = &Count<'a>> {
        self.counts.iter()
    }
}

/// Two numbers in one, which takes half as long to compare.
fn pair(one: u32, other: u32) -> u64 {
    u64::from(one) << 32 | u64::from(other)
}

fn place(numbers: &[u32; 4]) -> usize {
    let mixed = numbers.iter().fold(0_u32, |hash, number| {
        (hash ^ number).wrapping_mul(0x9e37_79b1).rotate_left(15)
    });
    mixed as usize % PLACES
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
    use aia_plugin_sdk::{Spans, Time};

    use super::*;
    use crate::attributes;

    /// Of each of two services.
    const OPERATIONS: usize = 800;

    #[test]
    fn counts_more_operations_than_it_has_places_for() {
        let mut builder = SpanBatchBuilder::new(Time::from_secs(1));
        for service in ["shop", "stock"] {
            builder = builder.resource(&[("service.name", service)]);
            for round in 0..3 {
                for n in (0..OPERATIONS).filter(|n| n % 3 >= round) {
                    builder = builder.span(TestSpan::new(&format!("work-{n}")));
                }
            }
        }
        let batch = builder.build();
        let batch = Spans::new(&batch);
        let keys = attributes::of_spans(batch);
        let mut tally = Tally::new();
        for span in batch.spans() {
            let (resource, found) = (span.resource(), keys.find(span.attributes()));
            let source = OperationSource::of(span, &found);
            tally.add(resource.index(), resource.service_name(), source);
        }
        assert_eq!(tally.counts().count(), 2 * OPERATIONS);
        assert!(!tally.index.is_empty());
        for (place, count) in tally.counts().enumerate() {
            let n = place % OPERATIONS;
            assert_eq!(count.service, if place < OPERATIONS { "shop" } else { "stock" });
            assert_eq!(count.source.texts(batch)[2], format!("work-{n}").as_bytes());
            assert_eq!(count.requests as usize, n % 3 + 1, "{n}");
        }
    }
}
