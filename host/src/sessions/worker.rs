//! A worker thread: waits for projects whose logs grow, and lets time pass for those that are silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use aia_telemetry::TICK_INTERVAL;

use super::project::Project;
use super::{Message, Shared};
use crate::clock;
use crate::incidents;
use crate::journal::Append;
use crate::log::Note;
use crate::store::Scope;

/// How often a silent project is asked for open incidents: somebody may have reopened one.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How often commits that are due, retries and silent projects are looked at.
const ROUND: Duration = Duration::from_millis(250);

pub(super) struct Worker {
    shared: Arc<Shared>,
    index: usize,
    projects: BTreeMap<Scope, Project>,
    /// Projects that were dropped because they are silent, and when to look at their incidents again, by the machine's
    /// clock.
    silent: BTreeMap<Scope, u64>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, index: usize) -> Self {
        Self {
            shared,
            index,
            projects: BTreeMap::new(),
            silent: BTreeMap::new(),
        }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        let mut next_round = Instant::now() + ROUND;
        loop {
            let mut grown = BTreeSet::new();
            let mut is_closing = false;
            let mut message = match inbox.recv_timeout(next_round.saturating_duration_since(Instant::now())) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Message::Close),
            };
            // Ten requests of a project that came meanwhile are one step.
            while let Some(next) = message {
                match next {
                    Message::Grown(scope) => {
                        grown.insert(scope);
                    }
                    Message::Close => is_closing = true,
                }
                message = inbox.try_recv().ok();
            }
            for scope in grown {
                self.silent.remove(&scope);
                let project = self
                    .projects
                    .entry(scope.clone())
                    .or_insert_with(|| Project::new(scope));
                project.step(&self.shared);
            }
            if is_closing {
                for project in self.projects.values_mut() {
                    project.step(&self.shared);
                    project.close(&self.shared);
                }
                return;
            }
            if Instant::now() >= next_round {
                self.round();
                next_round = Instant::now() + ROUND;
            }
        }
    }

    fn round(&mut self) {
        let shared = Arc::clone(&self.shared);
        let shared = shared.as_ref();
        let now = clock::now();
        let mut lag = Duration::ZERO;
        let mut idle = Vec::new();
        for (scope, project) in &mut self.projects {
            project.step(shared);
            lag = lag.max(project.lag());
            let head = shared.log.head(scope);
            let is_idle = head
                .telemetry_at
                .saturating_add(clock::nanos(shared.config.idle_after))
                < now;
            if is_idle && project.is_settled(shared) {
                project.close(shared);
                idle.push(scope.clone());
            } else if !is_idle
                && head.received_at.saturating_add(TICK_INTERVAL) < now
                && !shared.leads.is_edge(scope)
            {
                pass_time(shared, scope, now);
            }
        }
        for scope in idle {
            self.projects.remove(&scope);
            self.silent.insert(scope, now);
        }
        self.wake_silent(now);
        let mut lags = shared.lags.lock();
        if let Some(own) = lags.get_mut(self.index) {
            *own = lag;
        }
        shared.metrics.lag(lags.iter().max().copied().unwrap_or_default());
    }
}

impl Worker {
    /// Lets time pass for silent projects whose open incidents have been quiet for long enough: their sessions wake,
    /// see the time and resolve them.
    fn wake_silent(&mut self, now: u64) {
        let shared = &self.shared;
        for (scope, next) in self.silent.iter_mut().filter(|(_, next)| **next <= now) {
            let due = match incidents::next_due(shared.store.as_ref(), scope, &shared.config.rules) {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(error = crate::chain(&error), %scope, "cannot look for open incidents");
                    None
                }
            };
            if due.is_some_and(|due| due <= now) {
                if shared.leads.is_edge(scope) {
                    // Its time passes at the edge.
                    Project::new(scope.clone()).step(shared);
                } else {
                    pass_time(shared, scope, now);
                }
            }
            let later = now.saturating_add(clock::nanos(LOOK_AGAIN));
            *next = due.filter(|due| *due > now).map_or(later, |due| due.min(later));
        }
    }
}

/// Appends an empty segment, so that a silent project's detectors see that time passes.
fn pass_time(shared: &Shared, scope: &Scope, now: u64) {
    let keys = shared.keys.of(scope);
    let header = keys.empty_header(now);
    let segment = match keys.seal(&header, None) {
        Ok(segment) => segment,
        Err(error) => {
            tracing::error!(error = crate::chain(&error), %scope, "cannot seal an empty segment");
            return;
        }
    };
    let note = Note {
        signal: None,
        rows: 0,
        footer: None,
        columns: None,
        weight: 0,
    };
    let append = Append {
        scope: scope.clone(),
        id: header.id,
        received_at: now,
        segment,
        note,
    };
    if let Err(error) = shared.log.append_blocking(append) {
        tracing::warn!(error = crate::chain(&error), %scope, "cannot journal that time passes");
    }
}
