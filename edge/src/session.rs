//! One detector's session: its instance, what it consumed and found since its last commit, and the way back from commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aia_telemetry::{
    Commit, CommitError, Consumed, SegmentId, Signal, SignalType, commit_hash, commit_key, ticks_between,
};

use crate::bucket::{Bucket, BucketError, Created};
use crate::chain::{ChainError, Link, last_commit, read_commits};
use crate::check::{check_outcome, printable};
use crate::entry::Entry;
use crate::owner::{Report, Shared};
use crate::plugin::{Detector, OpenFailure, Outcome, Place, PluginInfo, Plugins};

/// Commits that are read at once on the way back through the ids of the last minutes.
const BACK_STRIDE: u64 = 16;

/// What a note names where a plugin is at work on no segment, but on time that passes.
pub(crate) const SILENCE: SegmentId = SegmentId([0; 16]);

/// Why a session doesn't go on for now.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The plugin failed.
    #[error("`{plugin}` failed: {message}")]
    Plugin {
        /// Which one.
        plugin: String,
        /// What it or its runtime said, printable.
        message: String,
    },
    /// Its commits can't be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A commit can't be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// A segment as sessions take it.
pub(crate) struct Prepared<B> {
    pub(crate) received_at: u64,
    pub(crate) rows: u32,
    pub(crate) signal: SignalType,
    pub(crate) batches: Vec<(u32, B)>,
    pub(crate) weight: usize,
}

/// The last commit.
struct Tail {
    number: u64,
    hash: [u8; 32],
    snapshot_commit: u64,
    received_at: u64,
}

/// What was consumed and found since then.
#[derive(Default)]
struct Pending {
    segments: Vec<(Entry, Consumed)>,
    signals: Vec<(u64, Signal)>,
    /// When the first of it was, by the owner's clock.
    since: Option<u64>,
    has_skipped: bool,
}

pub(crate) struct Session<D> {
    /// Index of the plugin.
    plugin: usize,
    detector: Option<D>,
    tail: Option<Tail>,
    /// Ordinal of the last segment consumed.
    ordinal: u64,
    /// Up to when time has passed.
    received_at: u64,
    /// Ids consumed within the overlap, with their time.
    recent: BTreeMap<SegmentId, u64>,
    /// Rows of segments by ordinal, as far as they are known here.
    rows: BTreeMap<u64, u32>,
    queue: VecDeque<Entry>,
    queued: BTreeSet<SegmentId>,
    pending: Pending,
    segments_since_snapshot: u64,
    rows_since_snapshot: u64,
    snapshot_at: u64,
    /// Segments that it is spared.
    skips: BTreeSet<SegmentId>,
    failed_at: Option<(SegmentId, u32)>,
    failures: u32,
    retry_at: u64,
    has_lost: bool,
}

impl<D: Detector> Session<D> {
    pub(crate) fn new(plugin: usize) -> Self {
        Self {
            plugin,
            detector: None,
            tail: None,
            ordinal: 0,
            received_at: 0,
            recent: BTreeMap::new(),
            rows: BTreeMap::new(),
            queue: VecDeque::new(),
            queued: BTreeSet::new(),
            pending: Pending::default(),
            segments_since_snapshot: 0,
            rows_since_snapshot: 0,
            snapshot_at: 0,
            skips: BTreeSet::new(),
            failed_at: None,
            failures: 0,
            retry_at: 0,
            has_lost: false,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.detector.is_some()
    }

    pub(crate) fn wants_load(&self, now: u64) -> bool {
        !self.is_ready() && now >= self.retry_at
    }

    pub(crate) fn queue(&self) -> &VecDeque<Entry> {
        &self.queue
    }

    pub(crate) fn received_at(&self) -> u64 {
        self.received_at
    }

    /// When it wants to be looked at again, if it has to be.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        (!self.is_ready() && self.retry_at > 0).then_some(self.retry_at)
    }

    /// Number of the last commit, 0 if there is none; none if the session isn't loaded.
    pub(crate) fn known_commit(&self) -> Option<u64> {
        self.tail.as_ref().map(|tail| tail.number)
    }

    /// Whether somebody else committed where it wanted to.
    pub(crate) fn has_lost(&self) -> bool {
        self.has_lost
    }

    pub(crate) fn skip(&mut self, id: SegmentId) {
        self.skips.insert(id);
    }

    pub(crate) fn is_spared(&self, id: SegmentId) -> bool {
        self.skips.contains(&id)
    }

    /// Has it consume a segment, unless it did or is going to.
    pub(crate) fn offer(&mut self, entry: &Entry) {
        let is_known = self.recent.contains_key(&entry.id)
            || self
                .pending
                .segments
                .iter()
                .any(|(_, consumed)| consumed.id == entry.id);
        if !is_known && self.queued.insert(entry.id) {
            self.queue.push_back(entry.clone());
        }
    }

    /// The same for one that was found in the bucket: of those that are older than its overlap it doesn't know which it
    /// consumed.
    pub(crate) fn offer_listed(&mut self, entry: &Entry, overlap: u64) {
        if entry.minute >= self.received_at.saturating_sub(overlap) {
            self.offer(entry);
        }
    }

    /// Takes a segment that doesn't exist out of its queue.
    pub(crate) fn forget(&mut self, id: SegmentId) {
        if self.queued.remove(&id) {
            self.queue.retain(|entry| entry.id != id);
        }
    }

    /// Rebuilds the session from its commits. `known` is the number of one of them, 0 if none is known.
    pub(crate) async fn load<B, P>(
        &mut self,
        shared: &Shared<B, P>,
        known: u64,
        reports: &mut Vec<Report>,
    ) -> Result<(), SessionError>
    where
        B: Bucket,
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        let info = shared.info(self.plugin);
        let (bucket, keys) = (&shared.bucket, &shared.keys);
        // Nothing of an instance before this one counts.
        (self.ordinal, self.received_at, self.snapshot_at) = (0, 0, 0);
        (self.segments_since_snapshot, self.rows_since_snapshot) = (0, 0);
        self.recent.clear();
        self.rows.clear();
        let last = last_commit(bucket, keys, &info.name, known).await?;
        if last == 0 {
            self.detector = Some(self.open(shared, None)?);
            self.tail = Some(Tail {
                number: 0,
                hash: [0; 32],
                snapshot_commit: 0,
                received_at: 0,
            });
            return Ok(());
        }
        let links = read_commits(bucket, keys, &info.name, last, last).await?;
        let from = links.first().map_or(0, |link| link.commit.snapshot_commit).max(1);
        let links = read_commits(bucket, keys, &info.name, from, last).await?;
        let Some(tail) = links.last() else { return Ok(()) };
        let snapshot = links.first().and_then(|link| link.commit.snapshot.as_deref());
        self.read_recent(shared, &links).await?;
        self.snapshot_at = links.first().map_or(0, |link| link.commit.received_at);
        let has_state = match shared.plugins.open(self.plugin, snapshot) {
            Ok(detector) => {
                self.detector = Some(detector);
                true
            }
            Err(OpenFailure::Snapshot(message)) => {
                reports.push(Report::plugin(
                    &info.name,
                    &format!("starts without what it had learned: {}", printable(&message)),
                ));
                self.detector = Some(self.open(shared, None)?);
                false
            }
            Err(OpenFailure::Failed(message)) => return Err(failed(info, &message)),
        };
        if has_state {
            self.replay(shared, &links, snapshot.is_some()).await?;
        }
        self.ordinal = tail.commit.last_ordinal();
        self.received_at = tail.commit.received_at;
        self.tail = Some(Tail {
            number: last,
            hash: tail.hash,
            snapshot_commit: tail.commit.snapshot_commit,
            received_at: tail.commit.received_at,
        });
        let (recent, horizon) = (
            &self.recent,
            self.received_at.saturating_sub(shared.config.overlap),
        );
        self.queue
            .retain(|entry| !recent.contains_key(&entry.id) && entry.minute >= horizon);
        self.queued = self.queue.iter().map(|entry| entry.id).collect();
        Ok(())
    }

    fn open<B, P>(&self, shared: &Shared<B, P>, snapshot: Option<&[u8]>) -> Result<D, SessionError>
    where
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        shared.plugins.open(self.plugin, snapshot).map_err(|failure| {
            let (OpenFailure::Snapshot(message) | OpenFailure::Failed(message)) = failure;
            failed(shared.info(self.plugin), &message)
        })
    }

    /// Gives the segments of these commits once more, what they gave being committed: only the state is rebuilt. The first
    /// commit's are in its snapshot.
    async fn replay<B, P>(
        &mut self,
        shared: &Shared<B, P>,
        links: &[Link],
        has_snapshot: bool,
    ) -> Result<(), SessionError>
    where
        B: Bucket,
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        let behind = if has_snapshot { links.get(1..) } else { Some(links) };
        if let Some(first) = links.first().filter(|_| has_snapshot) {
            self.ordinal = first.commit.last_ordinal();
            self.received_at = first.commit.received_at;
        }
        for Link { commit, .. } in behind.unwrap_or_default() {
            for consumed in &commit.segments {
                let is_skipped = consumed.is_skipped || self.skips.contains(&consumed.id);
                let prepared = if is_skipped || consumed.rows == 0 {
                    None
                } else {
                    shared.fetch_consumed(consumed).await?
                };
                self.consume(shared, *consumed, prepared.as_ref(), is_skipped)?;
            }
            self.pass(shared, commit.received_at)?;
        }
        self.pending = Pending::default();
        Ok(())
    }

    /// Learns the ids of the last minutes from the commits at hand and those before them.
    async fn read_recent<B: Bucket, P: Plugins>(
        &mut self,
        shared: &Shared<B, P>,
        links: &[Link],
    ) -> Result<(), SessionError> {
        let newest = links.last().map_or(0, |link| link.commit.received_at);
        let horizon = newest.saturating_sub(shared.config.overlap);
        self.remember(links, horizon);
        let name = &shared.info(self.plugin).name;
        let mut oldest = links
            .first()
            .map(|link| (link.commit.number, link.commit.received_at));
        while let Some((number, _)) =
            oldest.filter(|(number, received_at)| *number > 1 && *received_at >= horizon)
        {
            let first = number.saturating_sub(BACK_STRIDE).max(1);
            let before = match read_commits(&shared.bucket, &shared.keys, name, first, number - 1).await {
                Ok(before) => before,
                // What is so old that it was deleted holds no recent ids.
                Err(ChainError::Missing { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            self.remember(&before, horizon);
            oldest = before
                .first()
                .map(|link| (link.commit.number, link.commit.received_at));
        }
        Ok(())
    }

    fn remember(&mut self, links: &[Link], horizon: u64) {
        for Link { commit, .. } in links {
            for (ordinal, consumed) in (commit.first_segment_ordinal..).zip(&commit.segments) {
                self.rows.insert(ordinal, consumed.rows);
                if consumed.received_at >= horizon {
                    self.recent.insert(consumed.id, consumed.received_at);
                }
            }
        }
    }

    /// Gives it the segment at the front of its queue.
    pub(crate) fn take<B, P>(
        &mut self,
        shared: &Shared<B, P>,
        prepared: &Prepared<D::Batch>,
        now: u64,
        reports: &mut Vec<Report>,
    ) where
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        let Some(entry) = self.queue.pop_front() else {
            return;
        };
        self.queued.remove(&entry.id);
        let is_skipped = self.skips.contains(&entry.id);
        let consumed = Consumed {
            id: entry.id,
            received_at: prepared.received_at,
            observed_at: prepared.received_at.max(self.received_at),
            rows: prepared.rows,
            is_skipped,
        };
        match self.consume(shared, consumed, Some(prepared), is_skipped) {
            Ok(logs) => {
                reports.extend(logs);
                // What it did with this one, it did with the time before it.
                self.skips.remove(&SILENCE);
                self.recent.insert(entry.id, prepared.received_at);
                self.pending.segments.push((entry, consumed));
                self.pending.since.get_or_insert(now);
                self.pending.has_skipped |= is_skipped;
                if is_skipped {
                    let text = format!("is spared the segment {}, on which it failed", consumed.id);
                    reports.push(Report::plugin(&shared.info(self.plugin).name, &text));
                }
            }
            Err(error) => {
                let id = entry.id;
                self.queued.insert(id);
                self.queue.push_front(entry);
                self.failed(shared, Some(id), &error, now, reports);
            }
        }
    }

    /// Feeds one segment: the ticks due before it, then its batches. What it logs.
    fn consume<B, P>(
        &mut self,
        shared: &Shared<B, P>,
        consumed: Consumed,
        prepared: Option<&Prepared<D::Batch>>,
        is_skipped: bool,
    ) -> Result<Vec<Report>, SessionError>
    where
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        let received_at = consumed.observed_at.max(self.received_at);
        let mut reports = Vec::new();
        if !is_skipped {
            reports = self.pass(shared, received_at)?;
        }
        let ordinal = self.ordinal + 1;
        self.ordinal = ordinal;
        self.received_at = received_at;
        self.rows.insert(ordinal, consumed.rows);
        self.segments_since_snapshot += 1;
        self.rows_since_snapshot += u64::from(consumed.rows);
        let info = shared.info(self.plugin);
        let Some(prepared) = prepared.filter(|prepared| !is_skipped && info.reads.contains(&prepared.signal))
        else {
            return Ok(reports);
        };
        for (first_row, batch) in &prepared.batches {
            let place = Place {
                segment: ordinal,
                received_at,
                first_row: *first_row,
            };
            let Some(detector) = &mut self.detector else { break };
            let outcome = detector
                .observe(batch, place)
                .map_err(|message| failed(info, &message))?;
            reports.extend(self.found(info, outcome, received_at)?);
        }
        Ok(reports)
    }

    /// Lets time pass.
    fn pass<B, P>(&mut self, shared: &Shared<B, P>, to: u64) -> Result<Vec<Report>, SessionError>
    where
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        let mut reports = Vec::new();
        let info = shared.info(self.plugin);
        for tick in ticks_between(self.received_at, to) {
            let Some(detector) = &mut self.detector else { break };
            let outcome = detector.tick(tick).map_err(|message| failed(info, &message))?;
            reports.extend(self.found(info, outcome, tick)?);
        }
        self.received_at = self.received_at.max(to);
        Ok(reports)
    }

    fn found(&mut self, info: &PluginInfo, outcome: Outcome, at: u64) -> Result<Vec<Report>, SessionError> {
        let rows = &self.rows;
        let outcome = check_outcome(info, outcome, self.ordinal, &|segment| {
            rows.get(&segment).copied()
        })
        .map_err(|invalid| failed(info, &invalid.to_string()))?;
        self.pending
            .signals
            .extend(outcome.signals.into_iter().map(|signal| (at, signal)));
        let logs = outcome.logs.into_iter();
        Ok(logs.map(|line| Report::log(&info.name, line)).collect())
    }

    /// Whether time that passes up to then is to be told to it: it waits for no segment, and has had one.
    pub(crate) fn feels_silence(&self, to: u64) -> bool {
        self.is_ready()
            && self.queue.is_empty()
            && self.received_at > 0
            && to > self.received_at
            && !self.is_spared(SILENCE)
    }

    /// Lets time pass in silence.
    pub(crate) fn pass_silence<B, P>(
        &mut self,
        shared: &Shared<B, P>,
        to: u64,
        now: u64,
        reports: &mut Vec<Report>,
    ) where
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        match self.pass(shared, to) {
            Ok(logs) => reports.extend(logs),
            Err(error) => self.failed(shared, None, &error, now, reports),
        }
    }

    /// Commits what was consumed if it is time to. Whether what it was spared has been committed.
    pub(crate) async fn commit_if_due<B, P>(
        &mut self,
        shared: &Shared<B, P>,
        now: u64,
        is_final: bool,
        reports: &mut Vec<Report>,
    ) -> bool
    where
        B: Bucket,
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        let Some(wants_snapshot) = self.due(shared, now, is_final) else {
            return false;
        };
        match self.commit(shared, wants_snapshot).await {
            Ok(Created::New) => {
                self.failures = 0;
                let has_skipped = std::mem::take(&mut self.pending).has_skipped;
                let horizon = self.received_at.saturating_sub(shared.config.overlap);
                self.recent.retain(|_, received_at| *received_at >= horizon);
                has_skipped
            }
            Ok(Created::Exists) => {
                let name = &shared.info(self.plugin).name;
                reports.push(Report::plugin(
                    name,
                    "another owner was faster; its session is loaded again",
                ));
                self.has_lost = true;
                self.unload();
                false
            }
            Err(error) => {
                self.failed(shared, None, &error, now, reports);
                false
            }
        }
    }

    /// Whether a commit is due, and if so, whether with a snapshot.
    fn due<B, P: Plugins>(&self, shared: &Shared<B, P>, now: u64, is_final: bool) -> Option<bool> {
        let (config, tail) = (&shared.config, self.tail.as_ref().filter(|_| self.is_ready())?);
        let silence = self.received_at.saturating_sub(tail.received_at);
        let is_new = !self.pending.segments.is_empty() || (tail.number > 0 && silence > 0);
        let has_consumed_much = self.segments_since_snapshot >= config.snapshot_segments
            || self.rows_since_snapshot >= config.snapshot_rows;
        let is_waiting = self
            .pending
            .since
            .is_some_and(|since| now.saturating_sub(since) >= config.commit_after);
        let is_due = !self.pending.signals.is_empty()
            || self.pending.has_skipped
            || is_waiting
            || is_new
                && (is_final
                    || has_consumed_much
                    || (tail.number > 0 && silence >= config.silence_commit_after));
        let wants_snapshot = is_final
            || has_consumed_much
            || self.pending.has_skipped
            || self.received_at.saturating_sub(self.snapshot_at) >= config.snapshot_after;
        is_due.then_some(wants_snapshot)
    }

    async fn commit<B, P>(
        &mut self,
        shared: &Shared<B, P>,
        wants_snapshot: bool,
    ) -> Result<Created, SessionError>
    where
        B: Bucket,
        P: Plugins<Detector = D, Batch = D::Batch>,
    {
        let info = shared.info(self.plugin);
        let (Some(tail), Some(detector)) = (&self.tail, &mut self.detector) else {
            return Ok(Created::Exists);
        };
        let snapshot = if wants_snapshot {
            let snapshot = detector.snapshot().map_err(|message| failed(info, &message))?;
            if snapshot.len() > shared.config.snapshot_bytes {
                let (found, limit) = (snapshot.len(), shared.config.snapshot_bytes);
                return Err(failed(
                    info,
                    &format!("its snapshot has {found} bytes; the limit is {limit}"),
                ));
            }
            Some(snapshot)
        } else {
            None
        };
        let number = tail.number + 1;
        let snapshot_commit = if snapshot.is_some() {
            number
        } else {
            tail.snapshot_commit
        };
        let consumed = self.pending.segments.len() as u64;
        let commit = Commit {
            number,
            previous: tail.hash,
            plugin_digest: info.digest,
            plugin: info.name.clone(),
            segments: self
                .pending
                .segments
                .iter()
                .map(|(_, consumed)| *consumed)
                .collect(),
            first_segment_ordinal: self.ordinal + 1 - consumed,
            received_at: self.received_at,
            signals: self.pending.signals.clone(),
            snapshot,
            snapshot_commit,
        };
        let object = shared.keys.seal_commit(&commit)?;
        let hash = commit_hash(&object);
        let key = commit_key(shared.keys.tenant(), shared.keys.project(), &info.name, number);
        let created = shared.bucket.create(&key, object).await?;
        if created == Created::New {
            if commit.snapshot.is_some() {
                self.segments_since_snapshot = 0;
                self.rows_since_snapshot = 0;
                self.snapshot_at = self.received_at;
            }
            self.tail = Some(Tail {
                number,
                hash,
                snapshot_commit,
                received_at: self.received_at,
            });
        }
        Ok(created)
    }

    /// It is loaded again later, and after some failures on the same segment spared that.
    pub(crate) fn failed<B, P: Plugins>(
        &mut self,
        shared: &Shared<B, P>,
        at: Option<SegmentId>,
        error: &SessionError,
        now: u64,
        reports: &mut Vec<Report>,
    ) {
        let config = &shared.config;
        self.failures = self.failures.saturating_add(1);
        if let Some(id) = at {
            let before = self.failed_at.filter(|(failed, _)| *failed == id);
            let attempts = before.map_or(0, |(_, attempts)| attempts) + 1;
            self.failed_at = Some((id, attempts));
            if attempts >= config.attempts {
                self.skips.insert(id);
            }
        }
        let doubled = config.backoff.saturating_mul(1 << (self.failures - 1).min(20));
        self.retry_at = now.saturating_add(doubled.min(config.max_backoff));
        reports.push(Report::plugin(&shared.info(self.plugin).name, &error.to_string()));
        self.unload();
    }

    /// Drops the instance. What wasn't committed waits again.
    pub(crate) fn unload(&mut self) {
        self.detector = None;
        self.tail = None;
        for (entry, _) in std::mem::take(&mut self.pending).segments.into_iter().rev() {
            self.recent.remove(&entry.id);
            if self.queued.insert(entry.id) {
                self.queue.push_front(entry);
            }
        }
    }
}

fn failed(info: &PluginInfo, message: &str) -> SessionError {
    SessionError::Plugin {
        plugin: info.name.clone(),
        message: printable(message),
    }
}
