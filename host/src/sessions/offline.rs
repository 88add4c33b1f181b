//! Sessions without threads, for replays: each step is asked for, and what it does depends on the log alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::feed::Helpers;
use super::project::Project;
use super::{Detector, Leads, SessionConfig, Shared};
use crate::log::{KeyRing, Log};
use crate::metrics::Metrics;
use crate::store::{Scope, Store};

/// Steps without any progress before a project counts as stalled: enough for every attempt at a segment and at opening.
const STEPS: u32 = 16;

/// A project's sessions don't get on.
#[derive(Debug, thiserror::Error)]
#[error("a detector of {scope} doesn't get beyond segment {position}; the log says why")]
pub struct Stalled {
    /// Whose.
    pub scope: Scope,
    /// The last segment that all detectors have consumed.
    pub position: u64,
}

/// Sessions that consume the log when they are told to. Nothing in them depends on the machine's clock: attempts follow
/// one another at once, and commits are due by what was consumed.
pub struct Offline {
    shared: Shared,
    projects: BTreeMap<Scope, Project>,
}

impl Offline {
    /// Sessions of these detectors.
    #[must_use]
    pub fn new(
        detectors: Vec<Detector>,
        log: Arc<Log>,
        store: Arc<dyn Store>,
        keys: Arc<KeyRing>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let config = SessionConfig {
            workers: 1,
            commit_after: Duration::MAX,
            idle_after: Duration::MAX,
            backoff: Duration::ZERO,
            ..SessionConfig::default()
        };
        Self {
            shared: Shared {
                config,
                detectors: RwLock::new(Arc::new(detectors)),
                helpers: Helpers::besides(1),
                log,
                leads: Arc::new(Leads::all_to_the_host(Arc::clone(&store))),
                store,
                keys,
                metrics,
                // Whoever has it catch up looks for what was found.
                found: Arc::new(|_| {}),
                lags: Mutex::new(vec![Duration::ZERO]),
            },
            projects: BTreeMap::new(),
        }
    }

    /// Consumes a project's log to its end.
    ///
    /// # Errors
    /// If a session can't be opened, read or committed.
    pub fn catch_up(&mut self, scope: &Scope) -> Result<(), Stalled> {
        let project = self
            .projects
            .entry(scope.clone())
            .or_insert_with(|| Project::new(scope.clone()));
        let mut last = None;
        let mut steps = 0;
        loop {
            project.step(&self.shared);
            if project.is_settled(&self.shared) {
                return Ok(());
            }
            let position = project.position();
            steps = if last == Some(position) { steps + 1 } else { 0 };
            last = Some(position);
            if steps >= STEPS {
                return Err(Stalled {
                    scope: scope.clone(),
                    position,
                });
            }
        }
    }

    /// Commits everything with a snapshot and drops the instances.
    pub fn close(&mut self) {
        for project in self.projects.values_mut() {
            project.close(&self.shared);
        }
        self.projects.clear();
    }
}
