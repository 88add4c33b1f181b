//! The owner of a project's sessions: takes segments as they come or finds them, gives each to every session, commits, and
//! lets time pass in silence. There should be one at a time; if there are two, commits decide.

use std::collections::{BTreeMap, BTreeSet};

use aia_telemetry::{
    Consumed, Header, MAX_BATCH_ROWS, ProjectKeys, SegmentError, SegmentId, SegmentLimits, TICK_INTERVAL,
    cut, object_key,
};

use crate::bucket::{Bucket, BucketError};
use crate::config::Config;
use crate::entry::{Arrival, Entry};
use crate::memory::{Memory, Note};
use crate::plugin::{LogLine, PluginInfo, Plugins};
use crate::session::{Prepared, SILENCE, Session, SessionError};

/// What all sessions of a project share.
pub(crate) struct Shared<B, P> {
    pub(crate) bucket: B,
    pub(crate) plugins: P,
    pub(crate) keys: ProjectKeys,
    pub(crate) config: Config,
}

/// Something that an operator should see.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// One line, printable.
    pub text: String,
}

impl Report {
    pub(crate) fn plugin(plugin: &str, text: &str) -> Self {
        Self {
            level: "error",
            text: format!("plugin `{plugin}`: {text}"),
        }
    }

    pub(crate) fn log(plugin: &str, line: LogLine) -> Self {
        Self {
            level: line.level,
            text: format!("plugin `{plugin}` says: {}", line.message),
        }
    }

    pub(crate) fn trouble(text: String) -> Self {
        Self { level: "error", text }
    }
}

impl<B, P: Plugins> Shared<B, P> {
    pub(crate) fn info(&self, plugin: usize) -> &PluginInfo {
        // Sessions are made of this list, which doesn't change.
        self.plugins.list().get(plugin).unwrap_or(&NO_PLUGIN)
    }
}

static NO_PLUGIN: PluginInfo = PluginInfo {
    name: String::new(),
    digest: [0; 32],
    reads: Vec::new(),
    signals: Vec::new(),
};

impl<B: Bucket, P: Plugins> Shared<B, P> {
    fn limits(&self) -> SegmentLimits {
        SegmentLimits {
            max_columns_bytes: self.config.max_columns_bytes,
        }
    }

    fn prepare(&self, arrival: Arrival) -> Prepared<P::Batch> {
        let Arrival {
            header,
            columns,
            weight,
        } = arrival;
        let signal = columns.signal();
        let batches = cut(columns, MAX_BATCH_ROWS).into_iter();
        Prepared {
            received_at: header.received_at,
            rows: header.rows,
            signal,
            batches: batches
                .map(|(first_row, columns)| (first_row, self.plugins.prepare(columns)))
                .collect(),
            weight,
        }
    }

    /// A segment that lies there; the reason if it doesn't, or isn't what its key says.
    async fn fetch(&self, key: &str) -> Result<Result<Prepared<P::Batch>, String>, BucketError> {
        let Some(bytes) = self.bucket.get(key).await? else {
            return Ok(Err("it isn't there any more".to_owned()));
        };
        Ok(match self.keys.open_at(key, &bytes, &self.limits()) {
            Ok((header, Some(columns))) => Ok(self.prepare(Arrival {
                header,
                columns,
                weight: bytes.len().saturating_mul(4),
            })),
            Ok((_, None)) => Err("it carries nothing".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }

    /// A segment that a commit names. None if it can't be read any more: a replay goes on without it.
    pub(crate) async fn fetch_consumed(
        &self,
        consumed: &Consumed,
    ) -> Result<Option<Prepared<P::Batch>>, BucketError> {
        let header = Header {
            received_at: consumed.received_at,
            id: consumed.id,
            ..self.keys.empty_header(consumed.received_at)
        };
        Ok(self.fetch(&object_key(&header)).await?.ok())
    }
}

/// The owner.
pub struct Owner<B, P: Plugins, M> {
    pub(crate) shared: Shared<B, P>,
    pub(crate) memory: M,
    pub(crate) sessions: Vec<Session<P::Detector>>,
    cache: BTreeMap<SegmentId, Prepared<P::Batch>>,
    cached_bytes: usize,
    note: Option<Note>,
    /// Segments that are given to one plugin after the other, with a note each.
    careful: BTreeSet<SegmentId>,
    last_arrival: u64,
    pub(crate) discovered_at: Option<u64>,
    retry_at: u64,
    pub(crate) reports: Vec<Report>,
}

impl<B: Bucket, P: Plugins, M: Memory> Owner<B, P, M> {
    /// An owner that knows nothing yet: it reads what it needs at its first [`step`](Self::step).
    pub fn new(bucket: B, plugins: P, memory: M, keys: ProjectKeys, config: Config) -> Self {
        let sessions = (0..plugins.list().len()).map(Session::new).collect();
        Self {
            shared: Shared {
                bucket,
                plugins,
                keys,
                config,
            },
            memory,
            sessions,
            cache: BTreeMap::new(),
            cached_bytes: 0,
            note: None,
            careful: BTreeSet::new(),
            last_arrival: 0,
            discovered_at: None,
            retry_at: 0,
            reports: Vec::new(),
        }
    }

    /// A segment that was made durable, as it was put. It is verified again.
    ///
    /// # Errors
    /// If it isn't a segment of this project.
    pub fn offer(&mut self, segment: &[u8], now: u64) -> Result<(), SegmentError> {
        let (header, columns) = self.shared.keys.open(segment, &self.shared.limits())?;
        let entry = Entry::of(&header);
        self.last_arrival = self.last_arrival.max(now);
        for session in &mut self.sessions {
            session.offer(&entry);
        }
        let is_wanted = self
            .sessions
            .iter()
            .any(|session| session.queue().contains(&entry));
        if let Some(columns) = columns.filter(|_| is_wanted) {
            let weight = segment.len().saturating_mul(4);
            let arrival = Arrival {
                header,
                columns,
                weight,
            };
            self.keep(arrival);
        }
        Ok(())
    }

    fn keep(&mut self, arrival: Arrival) {
        let (id, weight) = (arrival.header.id, arrival.weight);
        if self.cached_bytes.saturating_add(weight) > self.shared.config.cache_bytes
            || self.cache.contains_key(&id)
        {
            return;
        }
        let prepared = self.shared.prepare(arrival);
        self.cached_bytes += weight;
        self.cache.insert(id, prepared);
    }

    /// Does what there is to do: loads sessions, looks for segments, gives them, lets time pass, commits. Trouble is
    /// reported and tried again at a later step.
    pub async fn step(&mut self, now: u64) {
        if now < self.retry_at {
            return;
        }
        if let Err(trouble) = self.try_step(now).await {
            self.reports.push(Report::trouble(trouble));
            self.retry_at = now.saturating_add(self.shared.config.backoff);
        }
    }

    async fn try_step(&mut self, now: u64) -> Result<(), String> {
        self.read_note().await?;
        self.load(now).await?;
        self.discover(now).await.map_err(|error| error.to_string())?;
        loop {
            let stride = self.next_stride();
            if stride.is_empty() {
                break;
            }
            self.write_note(|note| note.at_work = stride.iter().map(|entry| entry.id).collect())
                .await?;
            for entry in &stride {
                self.feed(entry, now).await?;
            }
            self.commit_due(now, false).await?;
        }
        self.pass_silence(now).await?;
        let is_idle = self.is_idle(now);
        self.commit_due(now, is_idle).await?;
        if self.note.as_ref().is_some_and(|note| !note.at_work.is_empty()) {
            self.write_note(|note| note.at_work.clear()).await?;
        }
        Ok(())
    }

    /// Commits everything with a snapshot.
    pub async fn close(&mut self, now: u64) {
        if let Err(trouble) = self.commit_due(now, true).await {
            self.reports.push(Report::trouble(trouble));
        }
    }

    /// What happened since this was asked last.
    pub fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// Whether the project has been silent for so long that nothing has to happen until a segment comes.
    #[must_use]
    pub fn is_idle(&self, now: u64) -> bool {
        let waits = self.sessions.iter().any(|session| !session.queue().is_empty());
        // Silence that was let pass is no life: only an owner that has just begun goes by what was committed.
        let last = if self.last_arrival > 0 {
            self.last_arrival
        } else {
            let times = self.sessions.iter().map(Session::received_at);
            times.max().unwrap_or_default()
        };
        !waits && now.saturating_sub(last) >= self.shared.config.idle_after
    }

    /// Whether another owner committed where this one wanted to, since it was made.
    #[must_use]
    pub fn has_rival(&self) -> bool {
        self.sessions.iter().any(Session::has_lost)
    }

    /// When the next step is due without anything coming in; none if the project sleeps.
    #[must_use]
    pub fn next_step(&self, now: u64) -> Option<u64> {
        let retries = self.sessions.iter().filter_map(Session::retry_at);
        let own = (self.retry_at > now).then_some(self.retry_at);
        let tick = (!self.is_idle(now)).then(|| (now / TICK_INTERVAL + 1) * TICK_INTERVAL);
        retries.filter(|at| *at > now).chain(own).chain(tick).min()
    }

    async fn read_note(&mut self) -> Result<(), String> {
        if self.note.is_some() {
            return Ok(());
        }
        let mut note = self.memory.read().await.map_err(|error| error.to_string())?;
        self.careful.extend(note.at_work.drain(..));
        let culprit = note.call.take();
        if let Some((plugin, id)) = &culprit {
            let text = format!("ended the isolate on the segment {id} and is spared that");
            self.reports.push(Report::plugin(plugin, &text));
        } else if !self.careful.is_empty() {
            let text = format!(
                "an isolate ended at work on {} segments; each is noted now",
                self.careful.len()
            );
            self.reports.push(Report::trouble(text));
        }
        note.skips.extend(culprit.clone());
        for (index, session) in self.sessions.iter_mut().enumerate() {
            let name = &self.shared.info(index).name;
            for (_, id) in note.skips.iter().filter(|(plugin, _)| plugin == name) {
                session.skip(*id);
            }
        }
        let write = culprit.is_some();
        self.note = Some(note);
        if write {
            self.write_note(|_| {}).await?;
        }
        Ok(())
    }

    async fn write_note(&mut self, change: impl FnOnce(&mut Note)) -> Result<(), String> {
        let mut note = self.note.clone().unwrap_or_default();
        change(&mut note);
        self.memory
            .write(&note)
            .await
            .map_err(|error| error.to_string())?;
        self.note = Some(note);
        Ok(())
    }

    async fn load(&mut self, now: u64) -> Result<(), String> {
        for index in 0..self.sessions.len() {
            let Some(session) = self
                .sessions
                .get_mut(index)
                .filter(|session| session.wants_load(now))
            else {
                continue;
            };
            let name = &self.shared.info(index).name;
            let commits = self.note.iter().flat_map(|note| &note.commits);
            let known = commits
                .rev()
                .find(|(plugin, _)| plugin == name)
                .map_or(0, |(_, number)| *number);
            match session.load(&self.shared, known, &mut self.reports).await {
                Ok(()) => {}
                // A plugin that fails, or a chain that is broken, holds up nobody else.
                Err(
                    error @ (SessionError::Plugin { .. } | SessionError::Chain(_) | SessionError::Commit(_)),
                ) => {
                    session.failed(&self.shared, None, &error, now, &mut self.reports);
                }
                Err(error) => {
                    session.unload();
                    return Err(error.to_string());
                }
            }
        }
        Ok(())
    }

    /// The segments that sessions wait for, each once, as many as go between two notes.
    fn next_stride(&self) -> Vec<Entry> {
        let most = self.shared.config.stride;
        let mut known = BTreeSet::new();
        let mut stride = Vec::new();
        for session in self.sessions.iter().filter(|session| session.is_ready()) {
            for entry in session.queue().iter().take(most) {
                if stride.len() < most && known.insert(entry.id) {
                    stride.push(entry.clone());
                }
            }
        }
        stride
    }

    /// Gives a segment to every session that has it at the front of its queue.
    async fn feed(&mut self, entry: &Entry, now: u64) -> Result<(), String> {
        let wants =
            |session: &Session<P::Detector>| session.is_ready() && session.queue().front() == Some(entry);
        if !self.sessions.iter().any(wants) {
            return Ok(());
        }
        let prepared = match self.cache.remove(&entry.id) {
            Some(prepared) => {
                self.cached_bytes = self.cached_bytes.saturating_sub(prepared.weight);
                prepared
            }
            None => match self
                .shared
                .fetch(&entry.object_key)
                .await
                .map_err(|error| error.to_string())?
            {
                Ok(prepared) => prepared,
                Err(reason) => {
                    let text = format!("the segment {} can't be read: {reason}", entry.id);
                    self.reports.push(Report::trouble(text));
                    for session in &mut self.sessions {
                        session.forget(entry.id);
                    }
                    return Ok(());
                }
            },
        };
        let is_careful = self.careful.contains(&entry.id);
        for index in 0..self.sessions.len() {
            let Some(session) = self.sessions.get(index).filter(|session| wants(session)) else {
                continue;
            };
            if is_careful && !session.is_spared(entry.id) {
                let call = (self.shared.info(index).name.clone(), entry.id);
                self.write_note(|note| note.call = Some(call)).await?;
            }
            if let Some(session) = self.sessions.get_mut(index) {
                session.take(&self.shared, &prepared, now, &mut self.reports);
            }
        }
        if is_careful {
            self.careful.remove(&entry.id);
            self.write_note(|note| note.call = None).await?;
        }
        let is_waited_for = self
            .sessions
            .iter()
            .any(|session| session.queue().front() == Some(entry));
        if is_waited_for
            && self.cached_bytes.saturating_add(prepared.weight) <= self.shared.config.cache_bytes
        {
            self.cached_bytes += prepared.weight;
            self.cache.insert(entry.id, prepared);
        }
        Ok(())
    }

    /// Lets time pass for sessions that wait for nothing, with a note as for a segment.
    async fn pass_silence(&mut self, now: u64) -> Result<(), String> {
        let to = now / TICK_INTERVAL * TICK_INTERVAL;
        if now.saturating_sub(self.last_arrival) < TICK_INTERVAL {
            return Ok(());
        }
        let waiting: Vec<usize> = (0..self.sessions.len())
            .filter(|index| {
                self.sessions
                    .get(*index)
                    .is_some_and(|session| session.feels_silence(to))
            })
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        self.write_note(|note| note.at_work = vec![SILENCE]).await?;
        let is_careful = self.careful.remove(&SILENCE);
        for index in waiting {
            if is_careful {
                let call = (self.shared.info(index).name.clone(), SILENCE);
                self.write_note(|note| note.call = Some(call)).await?;
            }
            if let Some(session) = self.sessions.get_mut(index) {
                session.pass_silence(&self.shared, to, now, &mut self.reports);
            }
        }
        if is_careful {
            self.write_note(|note| note.call = None).await?;
        }
        Ok(())
    }

    async fn commit_due(&mut self, now: u64, is_final: bool) -> Result<(), String> {
        let mut has_changed = false;
        for index in 0..self.sessions.len() {
            let Some(session) = self.sessions.get_mut(index) else {
                continue;
            };
            let before = session.known_commit();
            let skipped = session
                .commit_if_due(&self.shared, now, is_final, &mut self.reports)
                .await;
            let after = session.known_commit();
            let name = self.shared.info(index).name.clone();
            let note = self.note.get_or_insert_default();
            if skipped {
                note.skips.retain(|(plugin, _)| *plugin != name);
                has_changed = true;
            }
            if let Some(number) = after.filter(|number| after != before && *number > 0) {
                note.commits.retain(|(plugin, _)| *plugin != name);
                note.commits.push((name, number));
                has_changed = true;
            }
        }
        if has_changed {
            self.write_note(|_| {}).await?;
        }
        Ok(())
    }
}
