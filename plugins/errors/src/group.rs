//! A group of the same faults: what is known of it, what is pending, and when it is news.

use std::collections::BTreeSet;

use aia_plugin_sdk::{RowId, Severity, Time};
use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, float};
use crate::config::Config;
use crate::fault::{Fault, FaultKind};
use crate::origin::Laid;
use crate::text::clip;
use crate::window::Window;

/// Most rows of the service where the error began that a signal names.
const MAX_ROWS: usize = 10;

/// Most rows of services it passed through that a signal names.
const MAX_PASSING_ROWS: usize = 6;

/// Most services named that it passed through.
const MAX_AFFECTED: usize = 16;

/// Longest name of a service, in bytes.
pub(crate) const MAX_SERVICE_BYTES: usize = 96;

/// Requests within a window below which no share of them is worse than medium: a dozen requests are few users, and
/// half of a handful fails by chance.
const MIN_REQUESTS: u64 = 30;

/// Requests since a fault began below which nothing is high: where fewer come within a window than are needed there, all
/// since then are looked at, so that a service that few call is judged later, not never.
const FEW_REQUESTS: u64 = 10;

/// A group of the same faults.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Group {
    pub(crate) fault: Fault,
    pub(crate) service: String,
    pub(crate) operation: String,
    /// Release that failed last.
    pub(crate) release: String,
    /// Release that failed first.
    pub(crate) first_release: String,
    /// When it was first observed; when last.
    pub(crate) first_seen: Time,
    pub(crate) last_seen: Time,
    /// Occurrences of the last ticks.
    pub(crate) window: Window,
    pub(crate) baseline: Baseline,
    pub(crate) pending: Pending,
    /// When it was last signalled; not set if never.
    pub(crate) last_signal: Time,
    /// What the fault is wherever it occurs.
    pub(crate) family: Option<u64>,
    /// Requests of the service before it was first observed.
    pub(crate) requests_before: u64,
    /// Those of them that tell that it wasn't there.
    pub(crate) clean_before: u64,
    /// Times that it was observed, before it was known what to lay it at.
    pub(crate) seen: u64,
    /// Occurrences in all.
    pub(crate) total: u64,
    /// Whether it is known not to have been there before.
    pub(crate) is_new: bool,
}

/// What happened since the last signal.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Pending {
    /// When the first of it was counted, by the time of receipt.
    pub(crate) since: Time,
    /// Occurrences.
    pub(crate) count: u64,
    /// First and last occurrence, by the senders' clocks.
    pub(crate) start: Time,
    pub(crate) end: Time,
    pub(crate) rows: Vec<RowId>,
    pub(crate) passing_rows: Vec<RowId>,
    pub(crate) affected: BTreeSet<String>,
}

/// What a group is judged by besides itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Requests at its operation within the window; 0 if unknown.
    pub(crate) requests: u64,
    /// Requests of its service since it was first observed; 0 if unknown.
    pub(crate) requests_since: u64,
    /// Whether the session is too young to know what is usual.
    pub(crate) is_warm_up: bool,
    /// Whether it was there from the beginning, as far as can be told.
    pub(crate) is_standing: bool,
    /// Whether the same has been troubling other parts of the system from the beginning.
    pub(crate) is_familiar: bool,
    /// Whether its first errors came with a release that replaced another one.
    pub(crate) is_new_in_release: bool,
}

impl Group {
    /// A group without occurrences.
    pub(crate) fn new(
        fault: Fault,
        service: &str,
        operation: &str,
        release: &str,
        now: Time,
        ticks: usize,
    ) -> Self {
        Self {
            fault,
            service: service.to_owned(),
            operation: operation.to_owned(),
            release: release.to_owned(),
            first_release: release.to_owned(),
            first_seen: now,
            last_seen: now,
            window: Window::new(ticks),
            baseline: Baseline::default(),
            pending: Pending::default(),
            last_signal: Time::UNSET,
            family: None,
            requests_before: 0,
            clean_before: 0,
            seen: 1,
            total: 0,
            is_new: false,
        }
    }

    /// Counts an occurrence.
    pub(crate) fn count(&mut self, laid: Laid, now: Time) {
        self.window.add(1);
        self.total = self.total.saturating_add(1);
        let pending = &mut self.pending;
        if pending.count == 0 {
            pending.since = now;
            pending.start = laid.time;
            pending.end = laid.time;
        }
        pending.count += 1;
        pending.start = pending.start.min(laid.time);
        pending.end = pending.end.max(laid.time);
        for (to, rows, most) in [
            (&mut pending.rows, laid.rows, MAX_ROWS),
            (&mut pending.passing_rows, laid.passing_rows, MAX_PASSING_ROWS),
        ] {
            for row in rows {
                if to.len() < most && !to.contains(&row) {
                    to.push(row);
                }
            }
        }
        for service in laid.affected {
            self.affect(&service);
        }
    }

    /// Notes an error that passed on an occurrence already counted.
    pub(crate) fn pass(&mut self, service: &str, row: RowId) {
        self.affect(service);
        let rows = &mut self.pending.passing_rows;
        if rows.len() < MAX_PASSING_ROWS && !rows.contains(&row) {
            rows.push(row);
        }
    }

    /// Adds a service that it passed through.
    fn affect(&mut self, service: &str) {
        if service != self.service && self.pending.affected.len() < MAX_AFFECTED {
            self.pending
                .affected
                .insert(clip(service, MAX_SERVICE_BYTES).to_owned());
        }
    }

    /// Whether it is to be signalled now.
    pub(crate) fn is_news(&self, circumstances: Circumstances, config: &Config) -> bool {
        let errors = self.window.sum();
        // Many a service writes records of errors that nobody minds: only those that weren't there before tell something.
        let is_usual = self.fault.kind == FaultKind::Record && circumstances.is_warm_up;
        !is_usual
            && errors >= u64::from(config.min_count)
            && self
                .baseline
                .is_left(errors, circumstances.requests, &self.window)
    }

    /// Whether enough time passed since the last signal.
    pub(crate) fn may_signal(&self, now: Time, config: &Config) -> bool {
        !self.last_signal.is_set() || now.since(self.last_signal).as_secs() >= config.update_seconds
    }

    /// Share of the requests within the window that failed so; nothing where the requests aren't known.
    pub(crate) fn share(&self, requests: u64) -> Option<f64> {
        (requests > 0).then(|| (float(self.window.sum()) / float(requests)).min(1.0))
    }

    /// How bad it is: by the share of requests that fail, and by whether a release brought it. A record of an error isn't
    /// a failed request: it counts a step less.
    pub(crate) fn severity(&self, circumstances: Circumstances, config: &Config) -> Severity {
        let is_many = self.window.sum() >= 10 * u64::from(config.min_count);
        let has_many_requests = circumstances.requests >= MIN_REQUESTS;
        let is_record = self.fault.kind == FaultKind::Record;
        // What was perhaps always there, here or elsewhere, has to be worse to wake somebody.
        let is_news = !circumstances.is_warm_up && !circumstances.is_familiar;
        let since = circumstances.requests_since;
        let is_half_since =
            !circumstances.is_standing && since >= FEW_REQUESTS && self.total >= since.div_ceil(2);
        let by_share = match self.share(circumstances.requests) {
            Some(share) if has_many_requests && share >= 0.5 && !is_record => Severity::Critical,
            Some(share) if is_news && (has_many_requests && share >= 0.5 || is_half_since) => Severity::High,
            Some(share) if is_news && has_many_requests && share >= 0.2 && !is_record => Severity::High,
            Some(share) if share >= if is_record { 0.2 } else { 0.05 } => Severity::Medium,
            None if is_many => Severity::Medium,
            _ => Severity::Low,
        };
        let is_telling = !is_record || by_share == Severity::Medium;
        if circumstances.is_new_in_release && is_telling && by_share < Severity::High {
            Severity::High
        } else {
            by_share
        }
    }

    /// Forgets occurrences that were no news and have left the window.
    pub(crate) fn forget_stale(&mut self, now: Time, config: &Config) {
        if self.pending.count > 0 && now.since(self.pending.since).as_secs() >= config.window_seconds {
            self.pending = Pending::default();
        }
    }

    /// Bytes it takes in a snapshot, roughly and never less.
    pub(crate) fn weight(&self) -> usize {
        let texts = [&self.service, &self.operation, &self.release, &self.first_release];
        let texts = texts
            .into_iter()
            .chain(&self.pending.affected)
            .map(|text| text.len() + 3)
            .sum::<usize>();
        let rows = 16 * (self.pending.rows.len() + self.pending.passing_rows.len());
        self.fault.weight() + texts + rows + 5 * self.window.ticks() + 200
    }
}
