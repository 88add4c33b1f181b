//! Quantiles of durations in little room.
//!
//! A sketch counts durations in buckets whose width grows with the duration: 32 to each doubling, so that a quantile
//! is at most 1.6% off. Only buckets that have something are kept. When there are too many, neighbours are put together
//! everywhere (as `UDDSketch` does), which halves the accuracy and keeps it the same for every quantile: the median is
//! needed as well as the tail, so that putting the lowest ones together, as `DDSketch` does, won't do. Sketches merge in
//! any order to the same one. Buckets are found by integer arithmetic alone: logarithms differ between machines.

use serde::{Deserialize, Serialize};

/// Buckets to a doubling, as a power of two.
const SUB_BITS: u32 = 5;

/// Buckets to a doubling.
const SUB_BUCKETS: u32 = 1 << SUB_BITS;

/// Most buckets where there is room: 16 doublings without a gap.
pub(crate) const MAX_BUCKETS: usize = 512;

/// Number of buckets before any are put together.
const ALL_BUCKETS: u16 = 896;

/// By this shift, all buckets are one.
const MAX_SHIFT: u8 = 10;

/// Counts of durations in microseconds.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Packed", into = "Packed")]
pub(crate) struct Sketch {
    /// How often neighbours were put together.
    shift: u8,
    /// Buckets that have something, in order, with their counts.
    buckets: Vec<(u16, u32)>,
}

/// A sketch as snapshots have it: the shift, then each bucket's distance to the one before, and its count.
#[derive(Deserialize, Serialize)]
struct Packed(u8, Vec<(u16, u32)>);

impl From<Sketch> for Packed {
    fn from(sketch: Sketch) -> Self {
        let mut buckets = sketch.buckets;
        let mut before = 0;
        for (bucket, _) in &mut buckets {
            let distance = bucket.saturating_sub(before);
            before = *bucket;
            *bucket = distance;
        }
        Self(sketch.shift, buckets)
    }
}

impl TryFrom<Packed> for Sketch {
    type Error = &'static str;

    fn try_from(Packed(shift, mut buckets): Packed) -> Result<Self, Self::Error> {
        let mut before: Option<u16> = None;
        for (bucket, count) in &mut buckets {
            if *count == 0 || (before.is_some() && *bucket == 0) {
                return Err("a sketch with empty buckets");
            }
            *bucket = before.unwrap_or(0).saturating_add(*bucket);
            before = Some(*bucket);
        }
        if shift > MAX_SHIFT || before.is_some_and(|last| last > (ALL_BUCKETS - 1) >> shift) {
            return Err("a sketch with buckets out of range");
        }
        Ok(Self { shift, buckets })
    }
}

/// The bucket of a duration.
fn bucket_of(micros: u32) -> u16 {
    if micros < SUB_BUCKETS {
        return u16::try_from(micros).unwrap_or_default();
    }
    let exponent = micros.ilog2();
    let sub = (micros >> (exponent - SUB_BITS)) & (SUB_BUCKETS - 1);
    u16::try_from((exponent - SUB_BITS + 1) * SUB_BUCKETS + sub).unwrap_or(ALL_BUCKETS - 1)
}

/// The shortest duration of a bucket.
fn shortest_of(bucket: u32) -> u64 {
    if bucket < SUB_BUCKETS {
        return u64::from(bucket);
    }
    let (exponent, sub) = (bucket / SUB_BUCKETS - 1, bucket % SUB_BUCKETS);
    u64::from(SUB_BUCKETS + sub) << exponent.min(32)
}

impl Sketch {
    /// Counts a duration.
    pub(crate) fn add(&mut self, micros: u32, max_buckets: usize) {
        let bucket = bucket_of(micros) >> self.shift;
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => {
                if let Some((_, count)) = self.buckets.get_mut(place) {
                    *count = count.saturating_add(1);
                }
            }
            Err(place) => {
                self.buckets.insert(place, (bucket, 1));
                self.bound(max_buckets);
            }
        }
    }

    /// Counts all that another one counted.
    pub(crate) fn merge(&mut self, other: &Self, max_buckets: usize) {
        if other.is_empty() {
            return;
        }
        self.coarsen_to(self.shift.max(other.shift));
        let by = self.shift.saturating_sub(other.shift);
        let mut merged: Vec<(u16, u32)> = Vec::with_capacity(self.buckets.len() + other.buckets.len());
        let mut ours = self.buckets.iter().copied().peekable();
        let mut push = |bucket: u16, count: u32| match merged.last_mut() {
            Some((last, sum)) if *last == bucket => *sum = sum.saturating_add(count),
            _ => merged.push((bucket, count)),
        };
        for (bucket, count) in &other.buckets {
            let bucket = bucket >> by;
            while let Some((bucket, count)) = ours.next_if(|(ours, _)| *ours <= bucket) {
                push(bucket, count);
            }
            push(bucket, *count);
        }
        for (bucket, count) in ours {
            push(bucket, count);
        }
        self.buckets = merged;
        self.bound(max_buckets);
    }

    /// Puts neighbours together until there are at most so many buckets.
    pub(crate) fn bound(&mut self, max_buckets: usize) {
        while self.buckets.len() > max_buckets.max(1) && self.shift < MAX_SHIFT {
            self.coarsen_to(self.shift + 1);
        }
    }

    fn coarsen_to(&mut self, shift: u8) {
        let by = shift.saturating_sub(self.shift);
        if by == 0 {
            return;
        }
        self.shift = shift;
        for (bucket, _) in &mut self.buckets {
            *bucket >>= by;
        }
        self.buckets.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            is_same
        });
    }

    /// Halves all counts. What is left over by halving a bucket is given to the next one, so that buckets of one aren't
    /// lost, and the tail with them.
    pub(crate) fn halve(&mut self) {
        let mut rest = 0;
        self.buckets.retain_mut(|(_, count)| {
            let sum = u64::from(*count) + rest;
            rest = sum % 2;
            *count = u32::try_from(sum / 2).unwrap_or(u32::MAX);
            *count > 0
        });
    }

    /// How many durations were counted.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Whether none was.
    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// A quantile in microseconds, in thousandths: 950 is the 95th percentile. Nothing if nothing was counted.
    pub(crate) fn quantile(&self, thousandths: u64) -> Option<u32> {
        self.bucket_at(thousandths).map(|bucket| {
            let (shortest, end) = self.range(bucket);
            // The middle: at most half the bucket's width off.
            u32::try_from((shortest + end - 1) / 2).unwrap_or(u32::MAX)
        })
    }

    /// The longest duration in the bucket of a quantile, in microseconds.
    pub(crate) fn quantile_end(&self, thousandths: u64) -> Option<u32> {
        self.bucket_at(thousandths)
            .map(|bucket| u32::try_from(self.range(bucket).1 - 1).unwrap_or(u32::MAX))
    }

    /// How many of this sketch's durations, and how many of another one's, lie above the bucket of a quantile of this
    /// one. Both are looked at as accurately as the less accurate one allows.
    pub(crate) fn above(&self, other: &Self, thousandths: u64) -> (u64, u64) {
        let shift = self.shift.max(other.shift);
        let (mut ours, mut theirs) = (self.clone(), other.clone());
        ours.coarsen_to(shift);
        theirs.coarsen_to(shift);
        let Some(limit) = ours.bucket_at(thousandths) else {
            return (0, 0);
        };
        let above = |sketch: &Self| {
            let buckets = sketch.buckets.iter().filter(|(bucket, _)| *bucket > limit);
            buckets.map(|(_, count)| u64::from(*count)).sum()
        };
        (above(&ours), above(&theirs))
    }

    /// How many durations are certainly longer than this one.
    pub(crate) fn count_above(&self, micros: u32) -> u64 {
        let buckets = self
            .buckets
            .iter()
            .filter(|(bucket, _)| self.range(*bucket).0 > u64::from(micros));
        buckets.map(|(_, count)| u64::from(*count)).sum()
    }

    fn bucket_at(&self, thousandths: u64) -> Option<u16> {
        let rank = (u128::from(self.count()) * u128::from(thousandths))
            .div_ceil(1000)
            .max(1);
        let mut sum = 0;
        self.buckets
            .iter()
            .find(|(_, count)| {
                sum += u128::from(*count);
                sum >= rank
            })
            .map(|(bucket, _)| *bucket)
    }

    /// The shortest duration of a bucket, and the shortest behind it.
    fn range(&self, bucket: u16) -> (u64, u64) {
        let shortest = |bucket: u32| shortest_of((bucket << self.shift).min(u32::from(ALL_BUCKETS)));
        (shortest(u32::from(bucket)), shortest(u32::from(bucket) + 1))
    }

    /// Bytes it takes in a snapshot, never less.
    pub(crate) fn weight(&self) -> usize {
        let varint = |value: u32| (38 - value.leading_zeros().min(31)) as usize / 7;
        let mut before = 0;
        let mut weight = 3;
        for (bucket, count) in &self.buckets {
            weight += varint(u32::from(bucket - before)) + varint(*count);
            before = *bucket;
        }
        weight
    }
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::snapshot;
    use proptest::prelude::*;

    use super::*;

    fn sketch(durations: &[u32], max_buckets: usize) -> Sketch {
        let mut sketch = Sketch::default();
        for duration in durations {
            sketch.add(*duration, max_buckets);
        }
        sketch
    }

    fn merged(left: &Sketch, right: &Sketch, max_buckets: usize) -> Sketch {
        let mut merged = left.clone();
        merged.merge(right, max_buckets);
        merged
    }

    /// Durations of every magnitude.
    fn durations() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(
            (0_u32..32, any::<u32>()).prop_map(|(shift, bits)| bits >> shift),
            0..300,
        )
    }

    fn limits() -> impl Strategy<Value = usize> {
        prop::sample::select(vec![1_usize, 8, 64, MAX_BUCKETS])
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_commutative(
            a in durations(), b in durations(), c in durations(), max in limits(),
        ) {
            let [a, b, c] = [a, b, c].map(|durations| sketch(&durations, max));
            prop_assert_eq!(merged(&a, &b, max), merged(&b, &a, max));
            prop_assert_eq!(merged(&merged(&a, &b, max), &c, max), merged(&a, &merged(&b, &c, max), max));
        }

        #[test]
        fn merging_is_counting_together(a in durations(), b in durations(), max in limits()) {
            let both = sketch(&[a.clone(), b.clone()].concat(), max);
            prop_assert_eq!(merged(&sketch(&a, max), &sketch(&b, max), max), both);
        }

        #[test]
        fn quantiles_are_less_than_two_percent_off(mut values in durations(), thousandths in 0_u64..=1000) {
            let sketch = sketch(&values, MAX_BUCKETS);
            values.sort_unstable();
            let rank = (values.len() as u64 * thousandths).div_ceil(1000).max(1);
            let exact = values.get(usize::try_from(rank).unwrap() - 1).copied();
            let found = sketch.quantile(thousandths);
            prop_assert_eq!(exact.is_some(), found.is_some());
            if let (Some(exact), Some(found)) = (exact, found) {
                prop_assert!(f64::from(exact.abs_diff(found)) <= 0.016 * f64::from(exact), "{} {}", exact, found);
            }
        }

        #[test]
        fn comes_back_from_a_snapshot(values in durations(), max in limits()) {
            let sketch = sketch(&values, max);
            let bytes = snapshot::encode(1, &sketch);
            prop_assert!(bytes.len() <= 4 + sketch.weight(), "{} {}", bytes.len(), sketch.weight());
            prop_assert_eq!(snapshot::decode::<Sketch>(1, &bytes), Ok(sketch));
        }

        #[test]
        fn keeps_its_bounds_and_its_counts(values in durations(), max in limits()) {
            let mut sketch = sketch(&values, max);
            prop_assert!(sketch.buckets.len() <= max);
            prop_assert_eq!(sketch.count(), values.len() as u64);
            sketch.halve();
            prop_assert_eq!(sketch.count(), values.len() as u64 / 2);
        }

        #[test]
        fn damage_is_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let bytes = [&1_u32.to_le_bytes()[..], &bytes].concat();
            if let Ok(sketch) = snapshot::decode::<Sketch>(1, &bytes) {
                prop_assert!(sketch.quantile(500).is_some() != sketch.is_empty());
            }
        }
    }

    #[test]
    fn buckets_cover_every_duration_without_gap() {
        let mut before = None;
        for micros in (0..100_000).chain([u32::MAX / 2, u32::MAX - 1, u32::MAX]) {
            let bucket = bucket_of(micros);
            assert!(bucket < ALL_BUCKETS && before <= Some(bucket), "{micros}");
            let (shortest, end) = (shortest_of(bucket.into()), shortest_of(u32::from(bucket) + 1));
            assert!((shortest..end).contains(&u64::from(micros)), "{micros}");
            before = Some(bucket);
        }
        assert_eq!(bucket_of(u32::MAX), ALL_BUCKETS - 1);
    }

    #[test]
    fn snapshots_are_the_same_everywhere() {
        // Pinned: the same bytes natively and in Wasm, today and tomorrow.
        let sketch = sketch(&[0, 31, 32, 1000, 1000, 310_000, u32::MAX], MAX_BUCKETS);
        assert_eq!(
            snapshot::encode(1, &sketch)[4..],
            [0, 6, 0, 1, 31, 1, 1, 1, 158, 1, 2, 135, 2, 1, 186, 3, 1]
        );
        assert_eq!(sketch.quantile(500), Some(999));
        assert_eq!(sketch.quantile(850), Some(307_199));
    }

    #[test]
    fn the_tail_survives_halving() {
        let mut all: Vec<u32> = vec![1000; 950];
        all.extend((0..50_u32).map(|n| 100_000 + n * 10_000));
        let mut sketch = sketch(&all, MAX_BUCKETS);
        sketch.halve();
        assert_eq!(sketch.above(&sketch.clone(), 900).0, 25);
    }

    #[test]
    fn counts_above_a_quantile_whatever_the_accuracy() {
        let usual = sketch(&(1000..2000).collect::<Vec<_>>(), 8);
        let now = sketch(&[5000; 20], MAX_BUCKETS);
        let (above, of) = usual.above(&now, 950);
        assert!(above <= 50, "{above}");
        assert_eq!(of, 20);
    }
}
