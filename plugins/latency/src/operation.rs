//! An operation: what is usual for it, what it does now, and whether the two differ.

use aia_plugin_sdk::Time;
use serde::{Deserialize, Serialize};

use crate::comparison::{Comparison, Failures, MEDIAN, MIN_BASELINE, P95};
use crate::config::Config;
use crate::felt::{Feeling, Felt, far_from};
use crate::services::ServiceId;
use crate::sketch::Sketch;
use crate::stats::Stats;

/// Half windows learned after which what is usual counts half: half an hour of half minutes. Time without requests
/// isn't counted, so that nothing is forgotten over night.
const HALF_LIFE: u32 = 60;

/// Ticks that slow ones are remembered for.
const REMEMBERED_TICKS: u8 = 0b11_1111;

/// Slow ticks without which nothing is said: one pause isn't enough.
const MIN_SLOW_TICKS: u32 = 2;

/// What an operation does for its service.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) enum Role {
    /// It answers requests or takes messages.
    Serve,
    /// It asks others or sends messages.
    Call,
}

/// An operation.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Operation {
    pub(crate) service: ServiceId,
    pub(crate) role: Role,
    pub(crate) name: String,
    first_seen: Time,
    pub(crate) last_seen: Time,
    /// Whether its warm-up is over.
    is_known: bool,
    usual: Stats,
    /// Half windows learned since what is usual was halved.
    learned: u32,
    /// The last whole half window and the current one.
    previous: Stats,
    current: Stats,
    /// Microseconds above which requests, and self times, are slow.
    slow_duration: u32,
    slow_self_time: u32,
    tick: Tick,
    /// The last ticks in which clearly more requests than usual were slow, and spent more by themselves: a bit each,
    /// the last tick lowest.
    slow_ticks: u8,
    slow_self_ticks: u8,
    /// Since when there have been slow ticks.
    since: Time,
    /// Since when windows have been unusual, by the time of receipt.
    unusual_since: Time,
    /// Whether the last window had self times to judge it by.
    is_measured: bool,
    /// Whether more requests than usual failed in the last tick.
    is_failing: bool,
    /// When a rise of its failures was last signalled.
    pub(crate) failures_signalled: Time,
    /// Whether requests come from outside.
    is_entry: bool,
    /// Microseconds above which requests are far slower than usual.
    far_duration: u32,
    /// What users feel of it.
    pub(crate) feeling: Feeling,
}

/// What happened in the current tick.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Tick {
    requests: u32,
    slow: u32,
    failed: u32,
    measured: u32,
    slow_self: u32,
    first_slow: Time,
}

/// How a window compares with what is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) durations: Option<Comparison>,
    pub(crate) self_times: Option<Comparison>,
    pub(crate) failures: Option<Failures>,
    /// What users feel of it.
    pub(crate) felt: Option<Felt>,
    /// Whether its own time is clearly above the usual, for more than a moment.
    pub(crate) is_slow_itself: bool,
    /// Whether its requests take clearly longer, for more than a moment.
    pub(crate) is_slow: bool,
    pub(crate) since: Time,
}

impl Operation {
    pub(crate) fn new(service: ServiceId, role: Role, name: String, now: Time) -> Self {
        Self {
            service,
            role,
            name,
            first_seen: now,
            last_seen: now,
            is_known: false,
            usual: Stats::default(),
            learned: 0,
            previous: Stats::default(),
            current: Stats::default(),
            slow_duration: u32::MAX,
            slow_self_time: u32::MAX,
            tick: Tick::default(),
            slow_ticks: 0,
            slow_self_ticks: 0,
            since: Time::UNSET,
            unusual_since: Time::UNSET,
            is_measured: false,
            is_failing: false,
            failures_signalled: Time::UNSET,
            is_entry: false,
            far_duration: u32::MAX,
            feeling: Feeling::default(),
        }
    }

    /// Counts a request that began at `start`.
    pub(crate) fn observe(&mut self, duration: u32, has_failed: bool, start: Time, max_buckets: usize) {
        self.current.durations.add(duration, max_buckets);
        self.tick.requests = self.tick.requests.saturating_add(1);
        if has_failed {
            self.current.failed = self.current.failed.saturating_add(1);
            self.tick.failed = self.tick.failed.saturating_add(1);
        }
        if self.is_slow(duration) {
            self.tick.slow = self.tick.slow.saturating_add(1);
            self.note_slow(start);
        }
    }

    /// Notes that a request came from outside.
    pub(crate) fn enter(&mut self) {
        self.is_entry = true;
    }

    /// Whether requests come from outside.
    pub(crate) fn is_entry(&self) -> bool {
        self.is_entry
    }

    /// Whether a request from outside takes far longer than usual.
    pub(crate) fn is_far(&self, duration: u32) -> bool {
        self.is_entry && duration > self.far_duration
    }

    /// Counts how long a request kept the operation itself busy.
    pub(crate) fn measure(&mut self, self_time: u32, start: Time, max_buckets: usize) {
        self.current.self_times.add(self_time, max_buckets);
        self.tick.measured = self.tick.measured.saturating_add(1);
        if self.is_slow_itself(self_time) {
            self.tick.slow_self = self.tick.slow_self.saturating_add(1);
            self.note_slow(start);
        }
    }

    fn note_slow(&mut self, start: Time) {
        let first = &mut self.tick.first_slow;
        *first = if first.is_set() { start.min(*first) } else { start };
    }

    /// Whether a request that takes so long is slow.
    pub(crate) fn is_slow(&self, duration: u32) -> bool {
        duration > self.slow_duration
    }

    /// Whether a request that spends so long by itself is slow.
    pub(crate) fn is_slow_itself(&self, self_time: u32) -> bool {
        self_time > self.slow_self_time
    }

    /// Whether slow requests are kept as evidence: there were too many of them lately.
    pub(crate) fn wants_slow(&self) -> bool {
        self.slow_ticks != 0 || self.slow_self_ticks != 0
    }

    /// Whether failed requests are kept as evidence.
    pub(crate) fn wants_failed(&self) -> bool {
        self.is_failing
    }

    /// Whether it is judged by self times.
    pub(crate) fn is_measured(&self) -> bool {
        self.is_measured
    }

    /// Ends a tick: judges the window, and learns. `ends_half` says whether a half window ends with it.
    pub(crate) fn tick(
        &mut self,
        now: Time,
        ends_half: bool,
        max_buckets: usize,
        config: &Config,
    ) -> Option<Verdict> {
        let tick = std::mem::take(&mut self.tick);
        if !self.is_known {
            let current = std::mem::take(&mut self.current);
            self.usual.merge(&current, max_buckets);
            let is_over = now.since(self.first_seen).as_secs() >= config.warm_up_seconds;
            self.is_known = is_over && self.usual.durations.count() >= MIN_BASELINE;
            self.set_slow(config);
            return None;
        }
        let is_idle = tick.requests == 0 && tick.measured == 0;
        if is_idle && !self.wants_slow() && self.previous.is_empty() && self.current.is_empty() {
            return None;
        }
        self.remember(tick);
        let mut window = self.previous.clone();
        window.merge(&self.current, max_buckets);
        let verdict = self.judge(&window, config);
        self.feeling.note(verdict.felt.is_some(), now);
        let is_unusual = [verdict.durations, verdict.self_times]
            .into_iter()
            .flatten()
            .any(|comparison| comparison.is_shifted())
            || verdict.failures.is_some_and(|failures| failures.is_shifted)
            || verdict.felt.is_some();
        if !is_unusual {
            self.unusual_since = Time::UNSET;
        } else if !self.unusual_since.is_set() {
            self.unusual_since = now;
        } else if now.since(self.unusual_since).as_secs() >= config.relearn_seconds {
            // What has been so for long is how it is now.
            self.usual = window;
            self.learned = 0;
            (self.previous, self.current) = (Stats::default(), Stats::default());
            self.unusual_since = Time::UNSET;
            (self.slow_ticks, self.slow_self_ticks) = (0, 0);
            self.set_slow(config);
            return None;
        }
        if ends_half {
            let half = std::mem::replace(&mut self.previous, std::mem::take(&mut self.current));
            // What is unusual isn't learned.
            if !is_unusual && !half.is_empty() {
                self.usual.merge(&half, max_buckets);
                self.learned += 1;
                if self.learned >= HALF_LIFE {
                    self.usual.halve();
                    self.learned = 0;
                }
                self.set_slow(config);
            }
        }
        Some(verdict)
    }

    /// Notes whether a tick had clearly more slow and failed requests than usual: more than twice the usual twentieth.
    fn remember(&mut self, tick: Tick) {
        let had_slow = self.wants_slow();
        let bit = |slow: u32, of: u32| u8::from(u64::from(slow) * 10 > u64::from(of));
        self.slow_ticks = ((self.slow_ticks << 1) & REMEMBERED_TICKS) | bit(tick.slow, tick.requests);
        self.slow_self_ticks =
            ((self.slow_self_ticks << 1) & REMEMBERED_TICKS) | bit(tick.slow_self, tick.measured);
        if !had_slow {
            self.since = if self.wants_slow() {
                tick.first_slow
            } else {
                Time::UNSET
            };
        }
        let usual = u128::from(self.usual.failed) * u128::from(tick.requests);
        let failed = u128::from(tick.failed) * u128::from(self.usual.durations.count());
        self.is_failing = failed > 2 * usual;
    }

    fn judge(&mut self, window: &Stats, config: &Config) -> Verdict {
        let durations = Comparison::new(&self.usual.durations, &window.durations, config);
        let self_times = Comparison::new(&self.usual.self_times, &window.self_times, config);
        let failures = Failures::new(
            (u64::from(self.usual.failed), self.usual.durations.count()),
            (u64::from(window.failed), window.durations.count()),
            config,
        );
        let felt = durations
            .as_ref()
            .filter(|_| self.is_entry)
            .and_then(|durations| Felt::new(&self.usual.durations, &window.durations, durations));
        self.is_measured = self_times.is_some();
        let is_clear = |comparison: Option<Comparison>, ticks: u8| {
            comparison.is_some_and(|comparison| comparison.is_shifted())
                && ticks.count_ones() >= MIN_SLOW_TICKS
        };
        Verdict {
            durations,
            self_times,
            failures,
            felt: felt.filter(|_| self.slow_ticks.count_ones() >= MIN_SLOW_TICKS),
            is_slow_itself: is_clear(self_times, self.slow_self_ticks),
            is_slow: is_clear(durations, self.slow_ticks),
            since: self.since,
        }
    }

    /// Sets from when on requests are slow: above the usual 95th percentile, and clearly above the usual median.
    fn set_slow(&mut self, config: &Config) {
        let slow = |usual: &Sketch| {
            let (Some(median), Some(p95)) = (usual.quantile(MEDIAN), usual.quantile_end(P95)) else {
                return u32::MAX;
            };
            p95.max(median.saturating_add(config.min_increase_micros()))
        };
        let is_known = self.is_known;
        let known = |slow| if is_known { slow } else { u32::MAX };
        self.slow_duration = known(slow(&self.usual.durations));
        self.slow_self_time = known(slow(&self.usual.self_times));
        self.far_duration = known(far_from(&self.usual.durations).unwrap_or(u32::MAX));
    }

    /// Makes do with so many buckets a sketch.
    pub(crate) fn bound(&mut self, max_buckets: usize) {
        for stats in [&mut self.usual, &mut self.previous, &mut self.current] {
            stats.bound(max_buckets);
        }
    }

    /// Bytes it takes in a snapshot, never less but for what is counted in the current tick.
    pub(crate) fn weight(&self) -> usize {
        let times = [
            self.first_seen,
            self.last_seen,
            self.since,
            self.unusual_since,
            self.failures_signalled,
            self.tick.first_slow,
        ];
        let times: usize = times.iter().map(|time| if time.is_set() { 10 } else { 1 }).sum();
        let stats = self.usual.weight() + self.previous.weight() + self.current.weight();
        self.name.len() + times + stats + 77
    }
}

#[cfg(test)]
mod tests;
