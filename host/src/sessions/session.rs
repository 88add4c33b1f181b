//! One session: a detector's instance for a project, what it found since its last commit, and the way back after a
//! failure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aia_telemetry::{SegmentId, signal_id, ticks_between};

use super::feed::Fed;
use super::project::read;
use super::{Detector, Shared};
use crate::clock;
use crate::incidents::{self, Decided, Found, evidence_id, fingerprint_hash, from_row};
use crate::log::LogSegment;
use crate::runtime::{self, Failure, Level, Outcome, PluginError, Signal};
use crate::store::{CommitRecord, Evidence, PinnedSignal, Scope, StoreError};

/// Longest wait between attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(300);

pub(super) struct Session {
    detector: Detector,
    instance: Option<runtime::Session>,
    /// Sequence number of the segment before the session's first.
    base: u64,
    /// Sequence number of the last segment consumed.
    position: u64,
    /// Greatest `received-at` consumed.
    received_at: u64,
    /// The last commit.
    committed: Option<CommitRecord>,
    /// Consumed and found since then.
    pending: Pending,
    /// Segments and rows consumed since the last snapshot, and `received-at` then.
    since_snapshot: u64,
    rows_since_snapshot: u64,
    snapshot_at: u64,
    trouble: Trouble,
}

#[derive(Default)]
struct Pending {
    segments: Vec<SegmentId>,
    signals: Vec<(u64, Signal)>,
    since: Option<Instant>,
}

/// What a session does about failures.
#[derive(Default)]
struct Trouble {
    /// The segment on which the plugin fails, and how often it did.
    at: Option<(u64, u32)>,
    /// The segment that is to be skipped.
    skip: Option<u64>,
    /// A segment was skipped, and that is not committed yet.
    has_skipped: bool,
    /// No attempt before this.
    retry_at: Option<Instant>,
    /// Attempts at opening that failed in a row.
    opens: u32,
}

impl Session {
    pub(super) fn new(detector: Detector) -> Self {
        Self {
            detector,
            instance: None,
            base: 0,
            position: 0,
            received_at: 0,
            committed: None,
            pending: Pending::default(),
            since_snapshot: 0,
            rows_since_snapshot: 0,
            snapshot_at: 0,
            trouble: Trouble::default(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.instance.is_some()
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Sequence number of the last segment committed.
    pub(super) fn committed(&self) -> u64 {
        self.committed.as_ref().map_or(0, |commit| commit.last_sequence)
    }

    /// Greatest `received-at` committed.
    pub(super) fn committed_time(&self) -> u64 {
        self.committed.as_ref().map_or(0, |commit| commit.received_at)
    }

    fn wants(&self, sequence: u64) -> bool {
        self.is_ready() && self.position + 1 == sequence
    }

    fn name(&self) -> &str {
        self.detector.plugin.name()
    }

    /// Makes the instance if there is none and it isn't too early to try.
    pub(super) fn make_ready(&mut self, shared: &Shared, scope: &Scope) {
        if self.is_ready() || self.trouble.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        if let Err(error) = self.resume(shared, scope) {
            tracing::error!(error = crate::chain(&error), %scope, plugin = self.name(), "cannot read a session's commits");
            self.trouble.retry_at = Some(Instant::now() + shared.config.backoff);
        }
    }

    /// Rebuilds the session from its commits.
    fn resume(&mut self, shared: &Shared, scope: &Scope) -> Result<(), StoreError> {
        let commits = shared.store.resume(scope, self.name())?;
        let Some((first, later)) = commits.split_first() else {
            return Ok(());
        };
        let plugin = &self.detector.plugin;
        let opened = plugin.open_session(&self.detector.config, first.snapshot.as_deref());
        let is_upgrade = commits.last().is_some_and(|last| last.digest != plugin.digest());
        let (instance, has_lost_state) = match opened {
            Ok(instance) => (instance, false),
            Err(error) if matches!(error.failure, Failure::SnapshotRefused { .. }) => {
                tracing::warn!(%error, %scope, is_upgrade, "a detector starts without what it had learned");
                match plugin.open_session(&self.detector.config, None) {
                    Ok(instance) => (instance, true),
                    Err(error) => {
                        self.open_failed(shared, scope, &error);
                        return Ok(());
                    }
                }
            }
            Err(error) => {
                self.open_failed(shared, scope, &error);
                return Ok(());
            }
        };
        self.trouble.opens = 0;
        shared.metrics.session_opened();
        self.instance = Some(instance);
        self.base = first.base_sequence;
        self.position = first.last_sequence;
        self.received_at = first.received_at;
        self.snapshot_at = first.received_at;
        self.since_snapshot = 0;
        self.rows_since_snapshot = 0;
        self.pending = Pending::default();
        self.committed = commits.last().cloned();
        let last = commits
            .last()
            .map_or(self.position, |commit| commit.last_sequence);
        if has_lost_state {
            // What the lost state had consumed isn't read again: its signals were given.
            self.position = last;
            self.received_at = commits
                .last()
                .map_or(self.received_at, |commit| commit.received_at);
            return Ok(());
        }
        debug_assert!(
            later.iter().all(|commit| commit.snapshot.is_none()),
            "resuming begins at the last snapshot"
        );
        // What these segments gave is committed: only the state is rebuilt.
        while self.position < last {
            let sequence = self.position + 1;
            let Some(segment) = read(shared, scope, sequence) else {
                self.drop_instance(shared);
                self.trouble.retry_at = Some(Instant::now() + shared.config.backoff);
                return Ok(());
            };
            let mut fed = Fed::new(segment);
            fed.set_base(self.base);
            if let Err(error) = self.consume(shared, scope, &fed) {
                self.failed(shared, scope, sequence, &error);
                return Ok(());
            }
        }
        // What was skipped on the way is committed even though nothing else is new.
        let since = self.trouble.has_skipped.then(Instant::now);
        self.pending = Pending {
            since,
            ..Pending::default()
        };
        self.commit_skip(shared, scope);
        Ok(())
    }

    fn open_failed(&mut self, shared: &Shared, scope: &Scope, error: &PluginError) {
        self.trouble.opens += 1;
        let wait = backoff(shared.config.backoff, self.trouble.opens);
        tracing::error!(%error, %scope, "cannot open a detector's session; trying again in {wait:?}");
        self.trouble.retry_at = Some(Instant::now() + wait);
    }

    /// Consumes of these segments those that follow each other and what was consumed before.
    pub(super) fn feed(&mut self, shared: &Shared, scope: &Scope, fed: &[Fed]) {
        for fed in fed {
            if !self.wants(fed.segment.sequence) {
                continue;
            }
            match self.consume(shared, scope, fed) {
                Ok(()) => self.commit_skip(shared, scope),
                Err(error) => self.failed(shared, scope, fed.segment.sequence, &error),
            }
        }
    }

    /// Feeds the next segment: the ticks due before it, then its batches. After an error the session has to be rebuilt.
    fn consume(&mut self, shared: &Shared, scope: &Scope, fed: &Fed) -> Result<(), PluginError> {
        let segment = &fed.segment;
        let is_skipped = self.trouble.skip == Some(segment.sequence);
        // A lost segment has no time of its own.
        let received_at = segment.received_at.max(self.received_at);
        if !is_skipped {
            self.observe(shared, scope, fed, received_at)?;
        } else {
            shared.metrics.segment_skipped(self.name());
            tracing::error!(%scope, plugin = self.name(), segment = %segment.id, "a detector skips a segment it fails on");
        }
        self.received_at = received_at;
        self.position = segment.sequence;
        self.since_snapshot = self.since_snapshot.saturating_add(1);
        self.rows_since_snapshot = self.rows_since_snapshot.saturating_add(u64::from(fed.rows()));
        self.pending.segments.push(segment.id);
        self.pending.since.get_or_insert_with(Instant::now);
        if is_skipped {
            self.trouble.skip = None;
            self.trouble.has_skipped = true;
        }
        Ok(())
    }

    fn observe(
        &mut self,
        shared: &Shared,
        scope: &Scope,
        fed: &Fed,
        received_at: u64,
    ) -> Result<(), PluginError> {
        let base = self.base;
        let rows_of = |ordinal: u64| {
            base.checked_add(ordinal)
                .and_then(|sequence| shared.log.rows(scope, sequence))
        };
        for tick in ticks_between(self.received_at, received_at) {
            let Some(instance) = &mut self.instance else {
                return Ok(());
            };
            let outcome = instance.tick(tick, &rows_of)?;
            self.take(scope, tick, outcome);
        }
        for batch in fed.batches() {
            let Some(instance) = &mut self.instance else {
                return Ok(());
            };
            let outcome = instance.observe(batch, &rows_of)?;
            self.take(scope, received_at, outcome);
        }
        Ok(())
    }

    fn take(&mut self, scope: &Scope, received_at: u64, outcome: Outcome) {
        for line in outcome.logs {
            let plugin = self.name();
            match line.level {
                Level::Debug => tracing::debug!(%scope, plugin, "{}", line.message),
                Level::Info => tracing::info!(%scope, plugin, "{}", line.message),
                Level::Warn => tracing::warn!(%scope, plugin, "{}", line.message),
            }
        }
        self.pending
            .signals
            .extend(outcome.signals.into_iter().map(|signal| (received_at, signal)));
    }

    /// Commits that a segment was skipped, with a snapshot and before the next segment: a replay must never meet the
    /// skipped one again.
    fn commit_skip(&mut self, shared: &Shared, scope: &Scope) {
        if std::mem::take(&mut self.trouble.has_skipped) {
            self.commit_if_due(shared, scope, true);
        }
    }

    /// Commits what was consumed: at once if there are signals, else when enough has gathered. A final commit has a
    /// snapshot.
    pub(super) fn commit_if_due(&mut self, shared: &Shared, scope: &Scope, is_final: bool) {
        let Some(since) = self.pending.since.filter(|_| self.is_ready()) else {
            return;
        };
        let config = &shared.config;
        let snapshot_age = self.received_at.saturating_sub(self.snapshot_at);
        let has_consumed_much = self.since_snapshot >= config.snapshot_segments
            || self.rows_since_snapshot >= config.snapshot_rows;
        let wants_snapshot =
            is_final || has_consumed_much || snapshot_age >= clock::nanos(config.snapshot_after);
        let is_due = is_final
            || !self.pending.signals.is_empty()
            || has_consumed_much
            || since.elapsed() >= config.commit_after;
        if !is_due {
            return;
        }
        let snapshot = match (wants_snapshot, &mut self.instance) {
            (true, Some(instance)) => match instance.snapshot() {
                Ok(snapshot) => Some(snapshot),
                Err(error) => {
                    self.failed(shared, scope, self.position, &error);
                    return;
                }
            },
            _ => None,
        };
        let commit = self.next_commit(snapshot);
        match self.commit(shared, scope, &commit) {
            Ok(()) => {
                if commit.snapshot.is_some() {
                    self.since_snapshot = 0;
                    self.rows_since_snapshot = 0;
                    self.snapshot_at = self.received_at;
                }
                self.committed = Some(CommitRecord {
                    snapshot: None,
                    ..commit
                });
                self.pending = Pending::default();
                self.trouble.at = self.trouble.at.filter(|(at, _)| *at > self.position);
            }
            Err(StoreError::CommitExists { number, .. }) => {
                tracing::info!(%scope, plugin = self.name(), number, "another owner was faster; reloading the session");
                self.drop_instance(shared);
            }
            Err(error) => {
                tracing::error!(error = crate::chain(&error), %scope, plugin = self.name(), "cannot commit; trying again");
                // Rebuilt from the last commit: what was found is found again.
                self.drop_instance(shared);
                self.trouble.retry_at = Some(Instant::now() + config.backoff);
            }
        }
    }

    fn next_commit(&self, snapshot: Option<Vec<u8>>) -> CommitRecord {
        let (number, last_sequence, snapshot_commit) =
            self.committed.as_ref().map_or((0, self.base, 0), |commit| {
                (commit.number, commit.last_sequence, commit.snapshot_commit)
            });
        let number = number + 1;
        CommitRecord {
            plugin: self.name().to_owned(),
            number,
            digest: self.detector.plugin.digest(),
            first_sequence: last_sequence + 1,
            last_sequence: self.position,
            base_sequence: self.base,
            received_at: self.received_at,
            segments: self.pending.segments.clone(),
            snapshot_commit: if snapshot.is_some() {
                number
            } else {
                snapshot_commit
            },
            snapshot,
        }
    }

    fn commit(&self, shared: &Shared, scope: &Scope, commit: &CommitRecord) -> Result<(), StoreError> {
        let found = self.found(shared, scope, commit.number);
        let mut decided = Decided::default();
        shared.store.commit(scope, commit, &mut |transaction| {
            decided = incidents::decide(transaction, scope.project.as_str(), &shared.config.rules, &found)?;
            Ok(())
        })?;
        let segments = commit.segments.len() as u64;
        shared
            .metrics
            .committed(self.name(), segments, found.len() as u64);
        shared.metrics.incidents(decided.opened, decided.regressed);
        if !found.is_empty() {
            (shared.found)(scope);
        }
        Ok(())
    }

    /// The signals with their evidence. Rows of segments that can't be read are left out; a signal without any is
    /// refused: no claim without evidence.
    fn found(&self, shared: &Shared, scope: &Scope, number: u64) -> Vec<Found> {
        let mut segments: BTreeMap<u64, Option<LogSegment>> = BTreeMap::new();
        let mut found = Vec::new();
        for (index, (received_at, signal)) in (0_u32..).zip(&self.pending.signals) {
            let mut evidence: Vec<Evidence> = Vec::new();
            for row in &signal.evidence {
                let sequence = self.base.saturating_add(row.segment);
                let segment = segments.entry(sequence).or_insert_with(|| {
                    let read = shared.log.peek(scope, sequence);
                    read.inspect_err(|error| {
                        tracing::error!(error = crate::chain(error), %scope, sequence, "cannot read evidence");
                    })
                    .ok()
                });
                let Some(LogSegment {
                    id,
                    columns: Some(columns),
                    ..
                }) = segment
                else {
                    continue;
                };
                let id = *id;
                if evidence.iter().any(|known| known.id == evidence_id(id, row.row)) {
                    continue;
                }
                evidence.extend(
                    aia_telemetry::describe_row(columns, row.row)
                        .map(|content| from_row(id, row.row, content)),
                );
            }
            if evidence.is_empty() {
                shared.metrics.signal_refused(self.name());
                tracing::error!(%scope, plugin = self.name(), title = signal.title, "a signal's evidence doesn't exist");
                continue;
            }
            let pinned = PinnedSignal {
                id: signal_id(&scope.tenant, &scope.project, self.name(), number, index),
                incident: String::new(),
                detector: self.name().to_owned(),
                fingerprint: fingerprint_hash(self.name(), &signal.fingerprint),
                received_at: *received_at,
                evidence: evidence.iter().map(|evidence| evidence.id.clone()).collect(),
                signal: signal.clone(),
            };
            found.push(Found {
                signal: pinned,
                evidence,
            });
        }
        found
    }

    /// The plugin failed on a segment: the instance is dropped and rebuilt from the last commit, later each time; after
    /// some attempts the segment is skipped.
    fn failed(&mut self, shared: &Shared, scope: &Scope, sequence: u64, error: &PluginError) {
        let before = self
            .trouble
            .at
            .filter(|(at, _)| *at == sequence)
            .map_or(0, |(_, attempts)| attempts);
        // A host that has no instance to spare says nothing about the plugin or the segment.
        let attempts = if matches!(error.failure, Failure::Instances { .. }) {
            before.max(1)
        } else {
            before + 1
        };
        let wait = backoff(shared.config.backoff, attempts);
        tracing::error!(%error, %scope, sequence, attempts, "a detector failed; its session is rebuilt in {wait:?}");
        self.trouble.at = Some((sequence, attempts));
        if attempts >= shared.config.attempts {
            self.trouble.skip = Some(sequence);
        }
        self.trouble.retry_at = Some(Instant::now() + wait);
        self.detector.plugin.stats().count_restart();
        self.drop_instance(shared);
    }

    pub(super) fn drop_instance(&mut self, shared: &Shared) {
        if self.instance.take().is_some() {
            shared.metrics.session_closed();
        }
        self.pending = Pending::default();
        // Back to what is committed, until the session is rebuilt.
        if let Some(commit) = &self.committed {
            self.position = commit.last_sequence;
        }
    }
}

fn backoff(first: Duration, attempts: u32) -> Duration {
    first
        .saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)))
        .min(MAX_BACKOFF)
}
