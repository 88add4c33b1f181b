//! What is counted of an operation over some time.

use serde::{Deserialize, Serialize};

use crate::sketch::Sketch;

/// Durations, self times and failures.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Stats {
    /// How long requests took.
    pub(crate) durations: Sketch,
    /// How much of that the operation spent by itself, where that could be measured.
    pub(crate) self_times: Sketch,
    /// How many of the requests failed.
    pub(crate) failed: u32,
}

impl Stats {
    /// Adds all that another one counted.
    pub(crate) fn merge(&mut self, other: &Self, max_buckets: usize) {
        self.durations.merge(&other.durations, max_buckets);
        self.self_times.merge(&other.self_times, max_buckets);
        self.failed = self.failed.saturating_add(other.failed);
    }

    /// Forgets half of it.
    pub(crate) fn halve(&mut self) {
        self.durations.halve();
        self.self_times.halve();
        self.failed /= 2;
    }

    /// Makes do with so many buckets.
    pub(crate) fn bound(&mut self, max_buckets: usize) {
        self.durations.bound(max_buckets);
        self.self_times.bound(max_buckets);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.durations.is_empty() && self.self_times.is_empty()
    }

    /// Bytes it takes in a snapshot, never less.
    pub(crate) fn weight(&self) -> usize {
        self.durations.weight() + self.self_times.weight() + 5
    }
}
