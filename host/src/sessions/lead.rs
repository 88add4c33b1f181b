//! Who runs the detectors of which project: this host, or a Worker at the edge. The store has the truth; here is what it
//! says, for those who ask at every segment.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::clock;
use crate::log::Log;
use crate::store::{Lead, PullCursor, Scope, Store, StoreError};

/// Who runs the detectors of which project.
pub struct Leads {
    store: Arc<dyn Store>,
    /// The projects of the edge. Most hosts have none.
    edge: RwLock<BTreeSet<Scope>>,
}

impl Leads {
    /// Reads them from the store.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let edge = store.all_edge_led_projects()?.into_iter().collect();
        Ok(Self {
            store,
            edge: RwLock::new(edge),
        })
    }

    /// For a host that runs the detectors of whatever it is given, as replays do.
    pub(crate) fn all_to_the_host(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            edge: RwLock::default(),
        }
    }

    /// Whether the edge runs a project's detectors.
    #[must_use]
    pub fn is_edge(&self, scope: &Scope) -> bool {
        self.edge.read().contains(scope)
    }

    /// The projects whose detectors the edge runs.
    #[must_use]
    pub fn edge(&self) -> BTreeSet<Scope> {
        self.edge.read().clone()
    }

    /// Begins to pull a project. A new one is led by `lead` from before its first segment on.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) fn begin_pull(&self, scope: &Scope, log: &Log, lead: Lead) -> Result<PullCursor, StoreError> {
        let mut edge = self.edge.write();
        let has_log = log.head(scope).sequence > 0;
        let cursor = self.store.begin_pull(scope, clock::now(), lead, has_log)?;
        if self.store.lead(scope)?.0 == Lead::Edge {
            edge.insert(scope.clone());
        }
        Ok(cursor)
    }

    /// Has the host run a project's detectors from here on, because it takes telemetry of it that the edge never sees. Its
    /// sessions begin behind what the log holds now, and at the latest behind `last`. Blocks.
    ///
    /// # Errors
    /// If the store fails; the edge leads on then.
    pub fn take_over(&self, scope: &Scope, log: &Log, last: u64) -> Result<(), StoreError> {
        let mut edge = self.edge.write();
        if !edge.contains(scope) {
            return Ok(());
        }
        let head = log.head(scope).sequence.min(last);
        self.store.take_over(scope, head)?;
        edge.remove(scope);
        tracing::warn!(
            %scope,
            from = head + 1,
            "this host runs the project's detectors from now on: telemetry came to its own listeners, which the edge doesn't \
             see. What the edge's detectors had learned isn't taken over"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::incidents::{self, Rules, tests::found_at};
    use crate::log::tests::{Fixture, append, consumed, scope};
    use crate::metrics::Metrics;
    use crate::runtime::{CompilerConfig, Runtime, RuntimeConfig};
    use crate::sessions::{Detector, SessionConfig, Sessions, Waker, queues};
    use crate::store::{EdgeCommit, IncidentFilter, IncidentState};

    const SECOND: u64 = 1_000_000_000;

    /// Sessions of a project that was first seen in the bucket.
    fn edge_led(fixture: &Fixture) -> (Arc<Log>, Sessions, Waker) {
        let store = fixture.store();
        store.begin_pull(&scope(), 1, Lead::Edge, false).unwrap();
        let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
        let detector = Detector {
            plugin: runtime.load("errors", aia_plugins::ERRORS).unwrap(),
            config: "{}".to_owned(),
        };
        let config = SessionConfig {
            workers: 1,
            commit_after: Duration::ZERO,
            ..SessionConfig::default()
        };
        let (waker, inboxes) = queues(1, Arc::new(|_| {}));
        let wake = waker.clone();
        let log = Arc::new(fixture.open_with(1 << 20, Arc::new(move |scope| wake.wake(scope))));
        let sessions = Sessions::start(
            config,
            vec![detector],
            (waker.clone(), inboxes),
            Arc::clone(&log),
            store,
            Fixture::keys(),
            Arc::new(Metrics::default()),
        );
        (log, sessions.unwrap(), waker)
    }

    fn wait_until(is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn the_host_consumes_nothing_of_a_project_of_the_edge_until_it_takes_it_over() {
        let fixture = Fixture::new();
        let (log, sessions, _) = edge_led(&fixture);
        let store = fixture.store();
        for number in 0..3 {
            append(&log, number);
        }
        // Nobody is waited for, so that retention and compaction go on.
        wait_until(|| consumed(&log, &scope()) == 3);
        assert_eq!(store.session_positions(&scope()).unwrap(), []);

        sessions.leads().take_over(&scope(), &log, u64::MAX).unwrap();
        append(&log, 3);
        wait_until(|| {
            let positions = store.session_positions(&scope()).unwrap();
            positions.first().is_some_and(|(.., last)| *last >= 4)
        });
        let commits = store.resume(&scope(), "errors").unwrap();
        assert_eq!(commits[0].base_sequence, 3);
        sessions.close();
        log.close();
    }

    #[test]
    fn incidents_of_the_edge_are_tended_by_the_time_of_the_slowest_of_its_detectors() {
        let fixture = Fixture::new();
        let (log, sessions, waker) = edge_led(&fixture);
        let store = fixture.store();
        let commit = |plugin: &str, number, received_at| {
            let commit = EdgeCommit {
                plugin: plugin.to_owned(),
                number,
                received_at,
            };
            let found = [found_at(100 * SECOND)];
            store
                .apply_edge_commit(&scope(), &commit, &mut |transaction| {
                    if number == 1 && plugin == "errors" {
                        incidents::decide(transaction, "p", &Rules::default(), &found)?;
                    }
                    Ok(())
                })
                .unwrap();
            waker.wake(&scope());
        };
        let state = || {
            let filter = IncidentFilter::default();
            store.incidents(&scope().tenant, &filter).unwrap()[0].state
        };
        let later = 100 * SECOND + clock::nanos(Rules::default().resolve_after) + 60 * SECOND;
        commit("latency", 1, 100 * SECOND);
        commit("errors", 1, 100 * SECOND);
        commit("errors", 2, later);
        append(&log, 0);
        wait_until(|| consumed(&log, &scope()) == 1);
        assert_eq!(state(), IncidentState::Open);
        commit("latency", 2, later);
        wait_until(|| state() == IncidentState::Resolved);
        sessions.close();
        log.close();
    }
}
