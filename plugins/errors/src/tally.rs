//! Counts the requests of a batch by sender and operation, without reading a text.

use std::collections::BTreeMap;

use crate::operation::OperationSource;

/// Places where the count of an operation is looked for first; a power of two. More operations than that are found
/// through the index.
const PLACES: usize = 128;

/// Requests of a batch.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    /// In order of first appearance.
    counts: Vec<Count<'a>>,
    /// Where an operation's count perhaps is; only ever a guess.
    places: [u32; PLACES],
    /// Where it is.
    index: BTreeMap<[u32; 4], usize>,
}

/// Requests at an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count<'a> {
    numbers: [u32; 4],
    pub(crate) service: &'a str,
    pub(crate) source: OperationSource,
    pub(crate) requests: u32,
}

impl<'a> Tally<'a> {
    pub(crate) fn new() -> Self {
        Self {
            counts: Vec::new(),
            places: [0; PLACES],
            index: BTreeMap::new(),
        }
    }

    /// Counts a request that the service of a resource answered.
    pub(crate) fn add(&mut self, resource: u32, service: &'a str, source: OperationSource) {
        let [kind, first, second] = source.numbers();
        let numbers = [resource, kind, first, second];
        let place = place(&numbers);
        let guess = self.places.get(place).copied().unwrap_or_default() as usize;
        if let Some(count) = self.counts.get_mut(guess)
            && count.numbers == numbers
        {
            count.requests = count.requests.saturating_add(1);
            return;
        }
        let index = *self.index.entry(numbers).or_insert_with(|| {
            self.counts.push(Count {
                numbers,
                service,
                source,
                requests: 0,
            });
            self.counts.len() - 1
        });
        if let Some(count) = self.counts.get_mut(index) {
            count.requests = count.requests.saturating_add(1);
        }
        if let Some(place) = self.places.get_mut(place) {
            *place = u32::try_from(index).unwrap_or_default();
        }
    }

    /// The counts, in order of first appearance.
    pub(crate) fn counts(&self) -> impl Iterator<Item = &Count<'a>> {
        self.counts.iter()
    }
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

    #[test]
    fn counts_more_operations_than_it_has_places_for() {
        let mut builder = SpanBatchBuilder::new(Time::from_secs(1));
        for service in ["shop", "stock"] {
            builder = builder.resource(&[("service.name", service)]);
            for round in 0..3 {
                for n in (0..300).filter(|n| n % 3 >= round) {
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
        assert_eq!(tally.counts().count(), 600);
        for (place, count) in tally.counts().enumerate() {
            let n = place % 300;
            assert_eq!(count.service, if place < 300 { "shop" } else { "stock" });
            assert_eq!(count.source.texts(batch)[2], format!("work-{n}").as_bytes());
            assert_eq!(count.requests as usize, n % 3 + 1, "{n}");
        }
    }
}
