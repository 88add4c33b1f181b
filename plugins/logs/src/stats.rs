//! How often a template comes, and whether that is unusual.
//!
//! The budget is one false signal a day for a project with as many templates as are kept. A template is looked at in
//! every tick, so that chance may say "unusual" once in `TEMPLATES` × ticks of a day; that gives [`chance_budget`].

use aia_plugin_sdk::stats::{chance, float};
use aia_plugin_sdk::{RowId, Time};
use serde::{Deserialize, Serialize};

use crate::miner::Extra;
use crate::mix::{Counted, Share};

/// Most templates of all services. Each takes at most 820 bytes of a snapshot: 384 of text, 96 of values, 96 of an
/// example, 240 of numbers and rows; all of them 820 KB.
pub(crate) const TEMPLATES: u32 = 1000;

/// Ticks of a day.
const TICKS_OF_A_DAY: u64 = 8640;

/// Least probability by which a difference counts as chance.
pub(crate) fn chance_budget() -> f64 {
    1.0 / (f64::from(TEMPLATES) * float(TICKS_OF_A_DAY))
}

/// Ticks of the window: a minute.
pub(crate) const WINDOW: usize = 6;

/// Ticks that have to be known before anything is unusual: five minutes.
const WARM_UP_TICKS: u64 = 30;

/// Ticks that are remembered: with more, all counts are halved. An hour or two.
const REMEMBERED_TICKS: u64 = 720;

/// Most rows kept as evidence.
const MAX_ROWS: usize = 4;

/// Gaps from which a template may be regular, and squared variation up to which it is. Chance has 1, a clock 0.
const GAPS: u32 = 8;
const REGULAR: f64 = 0.05;

/// Seconds of silence below which nothing has stopped: lines of the same seconds come in different batches.
const LEAST_SILENCE_SECONDS: f64 = 30.0;

/// What is known of a template.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Stats {
    pub(crate) severity: u8,
    pub(crate) example: String,
    /// Lines by tick, the current one last.
    window: [u32; WINDOW],
    /// Lines of the ticks before, their squares' sum, and how many ticks that were.
    usual: u64,
    squares: u64,
    ticks: u64,
    odd_ticks: u8,
    pub(crate) first: Time,
    pub(crate) last: Time,
    /// When the last line was received: clocks of senders may be wrong, and silence is measured by our own.
    received: Time,
    pub(crate) last_signal: Time,
    /// Whether it is to be told of as new.
    pub(crate) is_news: bool,
    is_missed: bool,
    /// Gaps between lines in seconds: how many, their sum and that of their squares.
    gaps: u32,
    gap_sum: f64,
    gap_squares: f64,
    pub(crate) rows: Vec<(RowId, Time)>,
    pub(crate) share: Share,
}

impl Extra for Stats {
    fn absorb(&mut self, other: Self) {
        self.severity = self.severity.max(other.severity);
        for (own, others) in self.window.iter_mut().zip(other.window) {
            *own = own.saturating_add(others);
        }
        self.usual += other.usual;
        self.squares += other.squares;
        self.ticks = self.ticks.max(other.ticks);
        self.last = self.last.max(other.last);
        self.received = self.received.max(other.received);
        self.is_news &= other.is_news;
        self.share.absorb(&other.share);
        // Gaps of one say nothing of those of both.
        (self.gaps, self.gap_sum, self.gap_squares) = (0, 0.0, 0.0);
    }
}

/// A template's lines in the window, and what would be usual.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    pub(crate) now: u64,
    pub(crate) usual: f64,
}

impl Stats {
    /// Counts a line.
    #[inline]
    pub(crate) fn add(&mut self, row: RowId, time: Time, received: Time, severity: u8, counted: Counted) {
        self.share.add(counted, row);
        if let Some(count) = self.window.last_mut() {
            *count = count.saturating_add(1);
        }
        self.severity = self.severity.max(severity);
        if !self.first.is_set() {
            self.first = time;
        }
        if self.last.is_set() && time > self.last {
            let gap = time.since(self.last).as_secs_f64();
            self.gaps = self.gaps.saturating_add(1);
            self.gap_sum += gap;
            self.gap_squares += gap * gap;
            if self.gaps >= 256 {
                self.gaps /= 2;
                self.gap_sum /= 2.0;
                self.gap_squares /= 2.0;
            }
        }
        // Late and repeated rows don't turn time back.
        self.last = self.last.max(time);
        self.received = received;
        self.is_missed = false;
        if self.rows.len() < MAX_ROWS {
            self.rows.push((row, time));
        }
    }

    /// Lines of the window.
    pub(crate) fn now(&self) -> u64 {
        self.window.iter().map(|count| u64::from(*count)).sum()
    }

    pub(crate) fn known(&self) -> u64 {
        self.usual
    }

    /// Whether it comes clearly more often than usual, by itself and of all lines of its service; for two ticks.
    pub(crate) fn burst(&mut self, service_now: u64, service_usual: u64, least: u64) -> Option<Burst> {
        let now = self.now();
        let window = float(WINDOW as u64);
        let usual = float(self.usual) / float(self.ticks.max(1)) * window;
        let is_odd = self.ticks >= WARM_UP_TICKS && now >= least && float(now) >= 2.0 * usual && {
            // Lines come in clumps: as many of them count as are independent.
            let mean = float(self.usual) / float(self.ticks.max(1));
            let variance = float(self.squares) / float(self.ticks.max(1)) - mean * mean;
            let clump = if mean > 0.0 {
                (variance / mean).max(1.0)
            } else {
                1.0
            };
            let of = |count: u64| to_count(float(count) / clump);
            // A tick is cut into slots so small that each has one line at most.
            const SLOTS: u64 = 1 << 20;
            let by_time = chance(of(now), WINDOW as u64 * SLOTS, of(self.usual), self.ticks * SLOTS);
            let by_share = chance(of(now), of(service_now), of(self.usual), of(service_usual));
            by_time < chance_budget() && by_share < chance_budget()
        };
        self.odd_ticks = if is_odd {
            self.odd_ticks.saturating_add(1)
        } else {
            0
        };
        (self.odd_ticks >= 2).then_some(Burst { now, usual })
    }

    /// Whether it came by the clock and doesn't any more, while its service's newest line was received at `newest`; its
    /// usual distance in seconds. Told once.
    pub(crate) fn stopped(&mut self, newest: Time) -> Option<f64> {
        if self.is_missed || self.gaps < GAPS || self.ticks < WARM_UP_TICKS {
            return None;
        }
        let mean = self.gap_sum / f64::from(self.gaps);
        let variance = self.gap_squares / f64::from(self.gaps) - mean * mean;
        let is_regular = mean >= 1.0 && variance <= REGULAR * mean * mean;
        let silence = newest.since(self.received).as_secs_f64();
        let periods = to_count(silence / mean.max(1.0));
        let is_stopped = is_regular
            && periods >= 3
            && silence >= LEAST_SILENCE_SECONDS
            && chance(periods, periods, 0, u64::from(self.gaps)) < 1.0 / float(u64::from(TEMPLATES));
        self.is_missed = is_stopped;
        is_stopped.then_some(mean)
    }

    /// Goes on to the next tick. What is odd isn't learned as usual, up to half an hour.
    pub(crate) fn tick(&mut self) {
        let oldest = u64::from(self.window.first().copied().unwrap_or_default());
        if self.odd_ticks == 0 || self.odd_ticks >= 180 {
            self.usual += oldest;
            self.squares += oldest * oldest;
            self.ticks += 1;
        }
        if self.ticks >= REMEMBERED_TICKS {
            self.usual /= 2;
            self.squares /= 2;
            self.ticks /= 2;
        }
        self.window.rotate_left(1);
        if let Some(current) = self.window.last_mut() {
            *current = 0;
        }
    }

    /// Forgets what comes from another release: what was usual there needn't be here.
    pub(crate) fn release(&mut self) {
        (self.gaps, self.gap_sum, self.gap_squares) = (0, 0.0, 0.0);
    }
}

/// A double as a count; the cast saturates.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn to_count(number: f64) -> u64 {
    number.max(0.0) as u64
}
