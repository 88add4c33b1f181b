//! The footer of a segment: enough to know, without reading it, that a look-up needn't.

use serde::{Deserialize, Serialize};

use crate::columns::{Columns, SignalType, value_kind};

/// Most service names that a footer lists. A request comes from one service, or from a collector in front of a few dozen.
pub const MAX_FOOTER_SERVICES: usize = 64;

/// Bits of the filter for each distinct trace id. With the best number of hashes, 10 bits give
/// (1 - e^(-7/10))^7 = 0.8% of false positives.
const BITS_PER_TRACE: usize = 10;
/// The best number of hashes is `BITS_PER_TRACE` · ln 2 = 6.9.
const HASHES: u64 = 7;

/// What a segment holds, for look-ups.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Footer {
    /// Its signal.
    pub signal: SignalType,
    /// Number of spans, log records or metric points.
    pub rows: u32,
    /// Earliest time of a row, nanoseconds since the Unix epoch; 0 if no row has a time.
    pub min_time: u64,
    /// Latest time of a row (the end, for spans); 0 if no row has a time.
    pub max_time: u64,
    /// The distinct `service.name`s in order; at most [`MAX_FOOTER_SERVICES`].
    pub services: Vec<String>,
    /// Whether there are more services than listed.
    pub more_services: bool,
    /// The trace ids of spans, log records or exemplars.
    traces: TraceFilter,
}

impl Footer {
    /// The footer of columns.
    #[must_use]
    pub fn of(columns: &Columns) -> Self {
        let (times, traces): (Times, TraceFilter) = match columns {
            Columns::Spans(columns) => {
                let spans = &columns.spans;
                (
                    Times::of(spans.start_time.iter().chain(&spans.end_time)),
                    TraceFilter::of(&spans.trace_id_high, &spans.trace_id_low),
                )
            }
            Columns::Logs(columns) => {
                let logs = &columns.logs;
                let times = logs.time.iter().zip(&logs.observed_time);
                (
                    Times::of(times.map(|(time, observed)| if *time == 0 { observed } else { time })),
                    TraceFilter::of(&logs.trace_id_high, &logs.trace_id_low),
                )
            }
            Columns::Metrics(columns) => (
                Times::of(&columns.points.time),
                TraceFilter::of(&columns.exemplars.trace_id_high, &columns.exemplars.trace_id_low),
            ),
        };
        let (services, more_services) = services(columns);
        Self {
            signal: columns.signal(),
            rows: u32::try_from(columns.rows()).unwrap_or(u32::MAX),
            min_time: times.min,
            max_time: times.max,
            services,
            more_services,
            traces,
        }
    }

    /// Whether a row may belong to a trace, given in two halves. "No" is certain; "yes" is wrong in less than 1% of the
    /// cases.
    #[must_use]
    pub fn may_contain_trace(&self, high: u64, low: u64) -> bool {
        self.traces.may_contain(high, low)
    }

    /// Whether a row may be from a service. "No" is certain.
    #[must_use]
    pub fn may_contain_service(&self, service: &str) -> bool {
        self.more_services
            || self
                .services
                .binary_search_by(|name| name.as_str().cmp(service))
                .is_ok()
    }

    /// Whether the times of the rows overlap `start..=end`, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn overlaps(&self, start: u64, end: u64) -> bool {
        self.max_time != 0 && self.min_time <= end && start <= self.max_time
    }
}

/// The distinct names of the services, in order, and whether there are more.
fn services(columns: &Columns) -> (Vec<String>, bool) {
    let common = columns.common();
    let attributes = &common.resources.attributes;
    let rows = attributes.key.iter().zip(&attributes.kind).zip(&attributes.data);
    let mut indexes: Vec<u32> = rows
        .filter(|((key, kind), _)| {
            **kind == value_kind::STRING && common.strings.get(**key) == "service.name"
        })
        .filter_map(|(_, data)| u32::try_from(*data).ok())
        .collect();
    indexes.sort_unstable();
    indexes.dedup();
    let mut names: Vec<&str> = indexes
        .into_iter()
        .map(|index| common.strings.get(index))
        .collect();
    names.sort_unstable();
    names.dedup();
    let is_more = names.len() > MAX_FOOTER_SERVICES;
    names.truncate(MAX_FOOTER_SERVICES);
    (names.into_iter().map(str::to_owned).collect(), is_more)
}

/// The earliest and the latest time, without those not set.
struct Times {
    min: u64,
    max: u64,
}

impl Times {
    fn of<'a>(times: impl IntoIterator<Item = &'a u64>) -> Self {
        let mut found = Self {
            min: u64::MAX,
            max: 0,
        };
        for &time in times.into_iter().filter(|time| **time != 0) {
            found = Self {
                min: found.min.min(time),
                max: found.max.max(time),
            };
        }
        if found.max == 0 {
            Self { min: 0, max: 0 }
        } else {
            found
        }
    }
}

/// A Bloom filter of trace ids: [`BITS_PER_TRACE`] bits for each distinct one, [`HASHES`] positions by double hashing
/// (Kirsch and Mitzenmacher 2006). The same ids give the same bytes, whatever their order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct TraceFilter {
    #[serde(with = "crate::column")]
    words: Vec<u64>,
}

impl TraceFilter {
    fn of(high: &[u64], low: &[u64]) -> Self {
        let mut ids: Vec<(u64, u64)> = high.iter().copied().zip(low.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| *id != (0, 0));
        let mut words = vec![0_u64; (ids.len() * BITS_PER_TRACE).div_ceil(64)];
        for (high, low) in ids {
            for bit in positions(high, low, words.len()) {
                if let Some(word) = words.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
            }
        }
        Self { words }
    }

    fn may_contain(&self, high: u64, low: u64) -> bool {
        (high, low) != (0, 0)
            && !self.words.is_empty()
            && positions(high, low, self.words.len()).all(|bit| {
                self.words
                    .get(bit / 64)
                    .is_some_and(|word| word >> (bit % 64) & 1 == 1)
            })
    }
}

/// The bits of a trace id in a filter of so many words.
fn positions(high: u64, low: u64, words: usize) -> impl Iterator<Item = usize> {
    // Trace ids ought to be random, but some senders count, or leave the first half 0; the finaliser of SplitMix64 mends it.
    let first = mix(high ^ mix(low));
    let second = mix(first ^ low) | 1;
    let bits = words as u128 * 64;
    (0..HASHES).map(move |step| {
        let hash = first.wrapping_add(step.wrapping_mul(second));
        // Multiplying and shifting maps to 0..bits without a division; the product's high half is below `bits`.
        usize::try_from((u128::from(hash) * bits) >> 64).unwrap_or(usize::MAX)
    })
}

fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::columns::{LogColumns, SpanColumns};

    fn spans(ids: &[(u64, u64)]) -> Columns {
        let mut columns = SpanColumns::default();
        columns.spans.trace_id_high = ids.iter().map(|id| id.0).collect();
        columns.spans.trace_id_low = ids.iter().map(|id| id.1).collect();
        columns.spans.span_id = vec![1; ids.len()];
        Columns::Spans(columns)
    }

    #[test]
    fn few_traces_are_found_by_mistake() {
        // Counted ids, the worst kind.
        for (name, id) in [
            ("low half", (|n| (0, n)) as fn(u64) -> (u64, u64)),
            ("high half", |n| (n, 0)),
            ("both", |n| (n, n)),
        ] {
            let ids: Vec<_> = (1..=2000).map(id).collect();
            let footer = Footer::of(&spans(&ids));
            assert!(ids.iter().all(|id| footer.may_contain_trace(id.0, id.1)));
            let wrong = (10_000..60_000)
                .map(id)
                .filter(|id| footer.may_contain_trace(id.0, id.1))
                .count();
            assert!(wrong < 50_000 / 75, "{name}: {wrong} of 50,000, 1.3% allowed");
            assert!(
                wrong > 0,
                "{name}: a filter that never errs is larger than it should be"
            );
        }
    }

    #[test]
    fn times_and_services() {
        let mut columns = LogColumns::default();
        columns.logs.scope = vec![0; 4];
        columns.logs.time = vec![0, 5, 9, 0];
        columns.logs.observed_time = vec![3, 100, 0, 0];
        let texts = ["", "service.name", "web", "cart", "host.name"];
        columns.common.strings.utf8 = texts.concat().into_bytes();
        columns.common.strings.ends = vec![0, 12, 15, 19, 28];
        let attributes = &mut columns.common.resources.attributes;
        (attributes.key, attributes.kind) = (vec![1, 1, 4, 1, 1], vec![1, 1, 1, 1, 3]);
        attributes.data = vec![2, 3, 2, 2, 7];
        let footer = Footer::of(&Columns::Logs(columns));
        assert_eq!((footer.min_time, footer.max_time, footer.rows), (3, 9, 4));
        assert_eq!(footer.services, ["cart", "web"]);
        assert!(footer.may_contain_service("web") && !footer.may_contain_service("host"));
        assert!(
            footer.overlaps(9, 20)
                && footer.overlaps(0, 3)
                && !footer.overlaps(10, 20)
                && !footer.overlaps(0, 2)
        );
    }

    #[test]
    fn nothing_is_in_an_empty_footer() {
        let footer = Footer::of(&spans(&[]));
        assert!(!footer.may_contain_trace(1, 2) && !footer.may_contain_trace(0, 0));
        assert!(!footer.overlaps(0, u64::MAX));
        assert_eq!((footer.min_time, footer.max_time), (0, 0));
    }

    #[test]
    fn more_services_than_fit_are_marked() {
        let mut columns = SpanColumns::default();
        let strings = &mut columns.common.strings;
        strings.ends = vec![0, 12];
        strings.utf8 = b"service.name".to_vec();
        for number in 0_u64..65 {
            strings
                .utf8
                .extend_from_slice(format!("service-{number:03}").as_bytes());
            strings.ends.push(u32::try_from(strings.utf8.len()).unwrap());
            let attributes = &mut columns.common.resources.attributes;
            attributes.key.push(1);
            attributes.kind.push(value_kind::STRING);
            attributes.data.push(number + 2);
        }
        let footer = Footer::of(&Columns::Spans(columns));
        assert_eq!((footer.services.len(), footer.more_services), (64, true));
        assert!(footer.may_contain_service("any"));
    }

    proptest! {
        #[test]
        fn every_trace_is_found_and_footers_come_back(mut ids: Vec<(u64, u64)>) {
            let footer = Footer::of(&spans(&ids));
            for id in ids.iter().filter(|id| **id != (0, 0)) {
                prop_assert!(footer.may_contain_trace(id.0, id.1));
            }
            let bytes = postcard::to_allocvec(&footer).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Footer>(&bytes).unwrap(), &footer);
            ids.reverse();
            prop_assert_eq!(Footer::of(&spans(&ids)), footer);
        }
    }
}
