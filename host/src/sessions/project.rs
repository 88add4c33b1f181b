//! The sessions of one project, which read its log together: a segment is read and decoded once for all of them.

use std::sync::Arc;
use std::time::Duration;

use aia_telemetry::TICK_INTERVAL;

use super::feed::{Fed, feed};
use super::releases::{self, Releases};
use super::session::Session;
use super::{Detector, Shared};
use crate::clock;
use crate::incidents;
use crate::log::LogSegment;
use crate::store::{CommitRecord, EdgeCommit, Scope, StoreError};

/// Segments that sessions read before they look at commits and messages again.
const STRIDE: u64 = 256;

/// Rows after which such a stride ends: they are in memory together.
const STRIDE_ROWS: u32 = 16_384;

pub(super) struct Project {
    scope: Scope,
    /// None until there is something to consume.
    sessions: Option<Vec<Session>>,
    /// Of which those sessions are.
    detectors: Arc<Vec<Detector>>,
    /// When the oldest segment that isn't committed by all sessions was received; 0 if all is committed.
    behind_since: u64,
    /// The releases that were seen lately.
    releases: Releases,
    /// The last tick at which incidents were tended.
    tended: u64,
}

impl Project {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            sessions: None,
            detectors: Arc::default(),
            behind_since: 0,
            releases: Releases::default(),
            tended: 0,
        }
    }

    /// How old what is uncommitted is.
    pub(super) fn lag(&self) -> Duration {
        match self.behind_since {
            0 => Duration::ZERO,
            since => Duration::from_nanos(clock::now().saturating_sub(since)),
        }
    }

    /// Whether every session has consumed everything; it may still be uncommitted.
    pub(super) fn is_settled(&self, shared: &Shared) -> bool {
        let head = shared.log.head(&self.scope).sequence;
        self.sessions
            .as_ref()
            .is_none_or(|sessions| sessions.iter().all(|session| session.position() >= head))
    }

    /// The last segment that every session has consumed; 0 if there are none.
    pub(super) fn position(&self) -> u64 {
        let sessions = self.sessions.iter().flatten();
        sessions.map(Session::position).min().unwrap_or(0)
    }

    /// Consumes what there is, commits what is due.
    pub(super) fn step(&mut self, shared: &Shared) {
        if shared.leads.is_edge(&self.scope) {
            return self.follow(shared);
        }
        let detectors = shared.detectors();
        if !Arc::ptr_eq(&detectors, &self.detectors) {
            self.close(shared);
            self.detectors = detectors;
        }
        if self.detectors.is_empty() {
            return;
        }
        if let Err(error) = self.open(shared) {
            tracing::error!(error = crate::chain(&error), scope = %self.scope, "cannot open sessions; trying again");
            return;
        }
        let scope = &self.scope;
        let Some(sessions) = &mut self.sessions else {
            return;
        };
        loop {
            for session in sessions.iter_mut() {
                session.commit_if_due(shared, scope, false);
                session.make_ready(shared, scope);
            }
            let head = shared.log.head(scope).sequence;
            let ready = sessions.iter().filter(|session| session.is_ready());
            let Some(position) = ready
                .map(Session::position)
                .min()
                .filter(|position| *position < head)
            else {
                break;
            };
            let last = head.min(position.saturating_add(STRIDE));
            let mut fed = read_stride(shared, scope, &mut self.releases, position + 1, last);
            if fed.is_empty() {
                return;
            }
            feed(shared, scope, sessions, &mut fed);
        }
        self.measure(shared);
        self.tend(shared, false);
    }

    /// A project whose detectors run at the edge: nothing is consumed here, so nothing waits for it in the log, and time is
    /// that of the commits that were taken over.
    fn follow(&mut self, shared: &Shared) {
        let head = shared.log.head(&self.scope).sequence;
        shared.log.set_consumed(&self.scope, head);
        self.tend(shared, false);
    }

    /// The time up to which all detectors have committed; none if there is no detector.
    fn committed_time(&self, shared: &Shared) -> Option<u64> {
        if shared.leads.is_edge(&self.scope) {
            return match shared.store.edge_commits(&self.scope) {
                Ok(commits) => {
                    let newest = shared.log.head(&self.scope).received_at;
                    time_at_the_edge(&commits, newest, clock::now())
                }
                Err(error) => {
                    tracing::warn!(error = crate::chain(&error), scope = %self.scope, "cannot read the commits of the edge");
                    None
                }
            };
        }
        let sessions = self.sessions.iter().flatten();
        let ready = sessions.filter(|session| session.is_ready());
        ready.map(Session::committed_time).min()
    }

    /// Does to incidents what is due by the time up to which everything is committed, on the grid of ticks.
    fn tend(&mut self, shared: &Shared, is_final: bool) {
        let Some(now) = self.committed_time(shared) else {
            return;
        };
        let tick = now / TICK_INTERVAL;
        if tick <= self.tended && !is_final {
            return;
        }
        let (store, scope) = (shared.store.as_ref(), &self.scope);
        let wanted = match incidents::tend(store, scope, now, &shared.config.rules, is_final) {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::error!(error = crate::chain(&error), %scope, "cannot tend incidents; trying again");
                return;
            }
        };
        self.tended = tick;
        for wanted in wanted {
            let pinned = match shared.log.trace(scope, wanted.trace) {
                Ok(rows) => incidents::pin(store, scope, &wanted, rows).map_err(|error| crate::chain(&error)),
                Err(error) => Err(crate::chain(&error)),
            };
            if let Err(error) = pinned {
                tracing::warn!(error, %scope, incident = wanted.incident, "cannot pin a trace; trying again");
            }
        }
    }

    /// Commits everything with a snapshot and drops the instances.
    pub(super) fn close(&mut self, shared: &Shared) {
        for session in self.sessions.iter_mut().flatten() {
            session.commit_if_due(shared, &self.scope, true);
        }
        self.tend(shared, true);
        for session in self.sessions.iter_mut().flatten() {
            session.drop_instance(shared);
        }
        self.sessions = None;
        self.behind_since = 0;
    }

    fn open(&mut self, shared: &Shared) -> Result<(), StoreError> {
        if self.sessions.is_some() {
            return Ok(());
        }
        let positions = shared.store.session_positions(&self.scope)?;
        // In a new project everything is read, in one that the edge led what came since. A plugin that is added to a project
        // begins where the others are.
        let first = if positions.is_empty() {
            shared.store.lead(&self.scope)?.1
        } else {
            shared.log.head(&self.scope).sequence
        };
        let head = shared.log.head(&self.scope).sequence;
        let position = |name: &str| {
            positions
                .iter()
                .find(|(plugin, ..)| plugin == name)
                .map(|(.., last)| *last)
        };
        let new: Vec<_> = self
            .detectors
            .iter()
            .filter(|detector| position(detector.plugin.name()).is_none())
            .map(|detector| first_commit(detector.plugin.name(), &detector.plugin.digest(), first))
            .collect();
        if new.is_empty()
            && self
                .detectors
                .iter()
                .all(|detector| position(detector.plugin.name()) >= Some(head))
        {
            // Nothing to do: instances are made when there is.
            shared.log.set_consumed(&self.scope, head);
            return Ok(());
        }
        shared.store.register_sessions(&self.scope, &new)?;
        self.sessions = Some(self.detectors.iter().cloned().map(Session::new).collect());
        Ok(())
    }

    fn measure(&mut self, shared: &Shared) {
        let head = shared.log.head(&self.scope);
        let committed = self
            .sessions
            .iter()
            .flatten()
            .map(Session::committed)
            .min()
            .unwrap_or(head.sequence);
        shared.log.set_consumed(&self.scope, committed);
        if committed >= head.sequence {
            self.behind_since = 0;
        } else if self.behind_since == 0 {
            self.behind_since = clock::now();
        }
    }
}

/// A detector at the edge that stands still for so long behind the others counts no more, in nanoseconds: a day.
const GONE_AFTER: u64 = 86_400_000_000_000;

/// What was put at the edge is pulled after so long at the latest, in nanoseconds: two minutes.
const ON_ITS_WAY: u64 = 120_000_000_000;

/// The time up to which the detectors at the edge have committed; none if there is none.
fn time_at_the_edge(commits: &[EdgeCommit], newest_segment: u64, now: u64) -> Option<u64> {
    let times = || commits.iter().map(|commit| commit.received_at);
    let ahead = times().max()?;
    // A detector that was taken out of the bundle stands still for ever.
    let slowest = times()
        .filter(|at| at.saturating_add(GONE_AFTER) >= ahead)
        .min()?;
    // Where nothing waits the edge sleeps, and time passes all the same.
    let is_asleep = newest_segment > 0 && slowest >= newest_segment;
    Some(if is_asleep {
        slowest.max(now.saturating_sub(ON_ITS_WAY))
    } else {
        slowest
    })
}

/// The commit that makes a session exist.
fn first_commit(plugin: &str, digest: &str, base: u64) -> CommitRecord {
    CommitRecord {
        plugin: plugin.to_owned(),
        number: 1,
        digest: digest.to_owned(),
        first_sequence: base + 1,
        last_sequence: base,
        base_sequence: base,
        received_at: 0,
        segments: Vec::new(),
        snapshot: None,
        snapshot_commit: 0,
    }
}

/// Reads segments from the first to the last, or fewer if they are large or can't be read now.
fn read_stride(shared: &Shared, scope: &Scope, known: &mut Releases, first: u64, last: u64) -> Vec<Fed> {
    let mut stride = Vec::new();
    let mut rows = 0_u32;
    for sequence in first..=last {
        let Some(segment) = read(shared, scope, sequence) else {
            break;
        };
        let releases = segment.columns.iter().flat_map(releases::of).collect();
        known.note(shared.store.as_ref(), scope, releases, segment.received_at);
        let fed = Fed::new(segment);
        rows = rows.saturating_add(fed.rows());
        stride.push(fed);
        if rows >= STRIDE_ROWS {
            break;
        }
    }
    stride
}

/// Reads a segment; one that is lost becomes an empty one, so that the log goes on behind it.
pub(super) fn read(shared: &Shared, scope: &Scope, sequence: u64) -> Option<LogSegment> {
    match shared.log.read(scope, sequence) {
        Ok(segment) => Some(segment),
        Err(error) if error.is_lost() => {
            shared.metrics.segment_lost();
            tracing::error!(error = crate::chain(&error), %scope, sequence, "a segment is lost; detectors go on behind it");
            let id = aia_telemetry::SegmentId([0; 16]);
            Some(LogSegment {
                sequence,
                id,
                received_at: 0,
                columns: None,
            })
        }
        Err(error) => {
            tracing::warn!(error = crate::chain(&error), %scope, sequence, "cannot read the log; trying again");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn time(times: &[u64], newest_segment: u64, now: u64) -> Option<u64> {
        let commits: Vec<EdgeCommit> = times
            .iter()
            .map(|seconds| EdgeCommit {
                plugin: seconds.to_string(),
                number: 1,
                received_at: seconds * SECOND,
            })
            .collect();
        time_at_the_edge(&commits, newest_segment * SECOND, now * SECOND).map(|time| time / SECOND)
    }

    #[test]
    fn the_slowest_detector_at_the_edge_says_how_late_it_is() {
        assert_eq!(time(&[], 0, 9_000), None);
        // Something waits.
        assert_eq!(time(&[300, 200], 250, 9_000), Some(200));
        // One that was taken out of the bundle isn't waited for.
        assert_eq!(time(&[100, 90_000], 90_001, 99_000), Some(90_000));
    }

    #[test]
    fn where_nothing_waits_time_passes_all_the_same() {
        assert_eq!(time(&[300, 250], 250, 9_000), Some(8_880));
        // Not before what is known, and not where nothing was pulled yet.
        assert_eq!(time(&[300, 250], 250, 310), Some(250));
        assert_eq!(time(&[300, 250], 0, 9_000), Some(250));
    }
}
