//! Tells spans that come twice in one batch, as buggy and retrying exporters send them.

use aia_plugin_sdk::{SpanId, TraceId};

/// The spans of a batch seen so far: a hash table of hashes that is made and dropped with the batch.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Hashes of what was seen, each at the first free place behind the one its upper bits say; 0 is free.
    places: Vec<u64>,
}

impl Seen {
    /// For so many spans.
    pub(crate) fn new(spans: usize) -> Self {
        Self {
            places: vec![0; (spans.saturating_mul(2)).next_power_of_two().max(2)],
        }
    }

    /// Whether it is the first time; spans without ids always are.
    pub(crate) fn is_first(&mut self, trace: TraceId, span: SpanId) -> bool {
        if !trace.is_set() || !span.is_set() {
            return true;
        }
        // Never 0, which is free.
        let hash = mix(trace, span.0) | 1;
        let mask = self.places.len() - 1;
        let mut place = usize::try_from(hash >> 33).unwrap_or_default() & mask;
        // Half of the places stay free, so that it ends.
        loop {
            match self.places.get_mut(place) {
                Some(free) if *free == 0 => {
                    *free = hash;
                    return true;
                }
                Some(other) if *other == hash => return false,
                _ => place = (place + 1) & mask,
            }
        }
    }
}

/// Mixes a trace's id with a number: the same everywhere, and even (the finaliser of `SplitMix64`).
pub(crate) fn mix(trace: TraceId, number: u64) -> u64 {
    let mut hash = trace.high.rotate_left(32) ^ trace.low ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_is_first_once() {
        let mut seen = Seen::new(2000);
        let trace = |low| TraceId { high: 7, low };
        for round in 0..2 {
            for n in 1..=1000 {
                assert_eq!(seen.is_first(trace(n / 10 + 1), SpanId(n)), round == 0, "{n}");
            }
        }
        assert!(seen.is_first(trace(1), SpanId(0)) && seen.is_first(trace(1), SpanId(0)));
        assert!(seen.is_first(TraceId::default(), SpanId(1)) && seen.is_first(TraceId::default(), SpanId(1)));
    }
}
