//! The log: every project's segments under consecutive sequence numbers, from 1. The newest lie in the journal, the
//! rest in blocks in the object store; who reads needn't know which. Sessions consume it in order.

mod blocks;
mod bucket;
mod chunks;
mod compact;
#[cfg(test)]
mod faults;
mod keys;
mod lookup;
mod pulled;
mod range;
mod recover;
mod retention;
#[cfg(test)]
pub(crate) mod tests;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aia_telemetry::{Columns, Footer, SegmentError, SegmentId, SegmentLimits, SignalType};
use object_store::ObjectStore;
use parking_lot::Mutex;

pub use blocks::BlockError;
pub use bucket::{BucketError, Durability};
pub use keys::KeyRing;
pub use lookup::TraceRow;
pub use range::{ScanBudget, Scanned, Wanted};
pub use retention::{NoRoom, Retention};
pub use view::LogView;

use crate::journal::{
    self, Append, Appended, FramePosition, Journal, JournalConfig, JournalError, JournalReadError, Sink,
    Stored,
};
use crate::metrics::Metrics;
use crate::store::{Scope, Store, StoreError};
use blocks::Blocks;
use retention::FreeSpace;

/// What the log keeps in memory of a segment in the journal.
pub struct Note {
    /// What it carries; none for a segment that only carries time.
    pub signal: Option<SignalType>,
    /// Its rows.
    pub rows: u32,
    /// For look-ups; made when needed where it is none (after a restart).
    pub footer: Option<Arc<Footer>>,
    /// The columns, so that sessions needn't decode what was just encoded. Dropped when memory is short.
    pub columns: Option<Columns>,
    /// About the columns' size in memory, in bytes.
    pub weight: usize,
}

/// How the log is kept.
#[derive(Clone)]
pub struct LogConfig {
    /// The journal.
    pub journal: JournalConfig,
    /// Most bytes of columns kept in memory for sessions that have yet to consume them. Default 64 MiB; what
    /// doesn't fit is read back from the journal.
    pub cache_bytes: usize,
    /// Largest columns of a segment when decoded.
    pub segment_limits: SegmentLimits,
    /// How long telemetry is kept, and how much. Default: all of it, for ever.
    pub retention: Retention,
    /// When a request is durable.
    pub durability: Durability,
}

impl LogConfig {
    /// Default of [`LogConfig::cache_bytes`].
    pub const CACHE_BYTES: usize = 64 << 20;
}

/// Why the log could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The journal's folder can't be used.
    #[error("cannot {operation} the journal in {folder}")]
    Folder {
        /// What was being done.
        operation: &'static str,
        /// Where.
        folder: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// What lay in the bucket can't be journaled.
    #[error("cannot take up what lies in the bucket")]
    Append(#[source] JournalError),
    /// A file of the journal can't be read.
    #[error("cannot read the journal")]
    Journal(#[source] JournalReadError),
    /// The bucket can't be listed.
    #[error("cannot list the bucket")]
    Bucket(#[source] object_store::Error),
    /// The store failed.
    #[error("cannot find out what the log holds")]
    Store(#[from] StoreError),
    /// A block can't be read.
    #[error("cannot read segment {sequence} of {scope} from its block")]
    Block {
        /// Whose.
        scope: Scope,
        /// Which.
        sequence: u64,
        /// Why.
        #[source]
        source: BlockError,
    },
    /// The segment is there, and damaged or not what it should be.
    #[error("segment {sequence} of {scope} doesn't verify")]
    Damaged {
        /// Whose.
        scope: Scope,
        /// Which.
        sequence: u64,
        /// Why.
        #[source]
        source: SegmentError,
    },
    /// There is no such segment (any more).
    #[error("segment {sequence} of {scope} is not there")]
    Missing {
        /// Whose.
        scope: Scope,
        /// Which.
        sequence: u64,
    },
}

impl LogError {
    /// Whether reading again can't help: the segment is lost, and whoever consumes the log goes on behind it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Missing { .. } => true,
            Self::Block { source, .. } => source.is_lost(),
            Self::Folder { .. } | Self::Append(_) | Self::Journal(_) | Self::Bucket(_) | Self::Store(_) => {
                false
            }
        }
    }
}

/// A segment of the log.
pub struct LogSegment {
    /// Its place in the project's log.
    pub sequence: u64,
    /// Its id.
    pub id: SegmentId,
    /// When it was received, nanoseconds since the Unix epoch.
    pub received_at: u64,
    /// What it carries; none if it only carries time.
    pub columns: Option<Columns>,
}

/// Where a project's log stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// The newest sequence number; 0 if there is none.
    pub sequence: u64,
    /// When the newest segment was received.
    pub received_at: u64,
    /// When the newest segment that carried telemetry was received.
    pub telemetry_at: u64,
}

/// The log of all projects.
pub struct Log {
    shared: Arc<Shared>,
    /// None once it is being closed.
    journal: Mutex<Option<Journal>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Ends the thread of retention when it is dropped.
    retention: Mutex<Option<(JoinHandle<()>, std::sync::mpsc::Sender<()>)>>,
}

struct Shared {
    state: Mutex<State>,
    config: LogConfig,
    blocks: Blocks,
    keys: Arc<KeyRing>,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    wake: Wake,
    free: FreeSpace,
}

/// Called with a project whose log has grown.
pub type Wake = Arc<dyn Fn(&Scope) + Send + Sync>;

#[derive(Default)]
struct State {
    projects: BTreeMap<Scope, ProjectLog>,
    /// Bytes of columns kept.
    cached: usize,
    /// Segments whose columns are kept, oldest first.
    cache_order: VecDeque<(Scope, u64)>,
}

#[derive(Default)]
struct ProjectLog {
    head: Head,
    /// Bytes of segments in the journal and of blocks.
    bytes: u64,
    /// The last sequence number that every detector has committed, as far as is known.
    consumed: u64,
    /// What lies in the journal, by sequence number.
    tail: BTreeMap<u64, TailEntry>,
}

struct TailEntry {
    id: SegmentId,
    received_at: u64,
    position: FramePosition,
    signal: Option<SignalType>,
    rows: u32,
    footer: Option<Arc<Footer>>,
    columns: Option<Columns>,
    weight: usize,
}

impl Log {
    /// Opens the log: reads what the journal holds, starts its writer and the compactor.
    ///
    /// # Errors
    /// If folder or store can't be read. Damaged frames are no error: they are counted, reported and left behind.
    pub fn open(
        mut config: LogConfig,
        objects: Arc<dyn ObjectStore>,
        runtime: tokio::runtime::Handle,
        keys: Arc<KeyRing>,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        wake: Wake,
    ) -> Result<Self, LogError> {
        let folder = config.journal.folder.clone();
        let failed = |operation| {
            let folder = folder.clone();
            move |source| LogError::Folder {
                operation,
                folder,
                source,
            }
        };
        std::fs::create_dir_all(&folder).map_err(failed("create"))?;
        config.journal.roll_after = config.journal.roll_after.min(config.retention.roll_within());
        let blocks = Blocks::new(objects, runtime, Arc::clone(&keys), Arc::clone(&store));
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            config,
            blocks,
            keys,
            store,
            metrics,
            wake,
            free: FreeSpace::of(&folder),
        });
        shared.find_blocks()?;
        let recovered = recover::recover(&shared)?;
        shared.state.lock().projects = recovered.projects;
        let left_behind = shared.find_segments()?;
        let (compactor, compact) =
            compact::start(Arc::clone(&shared)).map_err(failed("start the compactor of"))?;
        for file in recovered.files {
            // The compactor lives as long as a sender does.
            let _ = compact.send(file);
        }
        let sink = LogSink {
            shared: Arc::clone(&shared),
            compact,
        };
        let (journal, writer) = Journal::start(shared.config.journal.clone(), recovered.start, sink)
            .map_err(failed("start the writer of"))?;
        journal
            .append_all_blocking(left_behind)
            .map_err(LogError::Append)?;
        let retention =
            retention::start(Arc::clone(&shared), journal.clone()).map_err(failed("watch over"))?;
        Ok(Self {
            shared,
            retention: Mutex::new(Some(retention)),
            journal: Mutex::new(Some(journal)),
            threads: Mutex::new(vec![writer, compactor]),
        })
    }

    /// Makes a segment durable and hands it to the sessions.
    ///
    /// # Errors
    /// If it could not be made durable; a retry is welcome.
    pub async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        self.check_room(&append)?;
        let journal = self.journal.lock().clone().ok_or(JournalError::Closed)?;
        let in_bucket = self.shared.put_segment(&append).await;
        in_bucket.map_err(|error| JournalError::Bucket(Arc::new(error)))?;
        journal.append(append).await
    }

    /// As [`Self::append`], for threads.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_blocking(&self, append: Append) -> Result<Appended, JournalError> {
        self.check_room(&append)?;
        let journal = self.journal.lock().clone().ok_or(JournalError::Closed)?;
        journal.append_blocking(append)
    }

    /// As [`Self::append_blocking`], for several in this order.
    ///
    /// # Errors
    /// As [`Self::append`], for the first that failed.
    pub fn append_all_blocking(&self, appends: Vec<Append>) -> Result<Vec<Appended>, JournalError> {
        let journal = self.journal.lock().clone().ok_or(JournalError::Closed)?;
        journal.append_all_blocking(appends)
    }

    /// That time passes is written whatever there is: it takes next to nothing, and detectors need it.
    fn check_room(&self, append: &Append) -> Result<(), JournalError> {
        match append.note.signal {
            Some(_) => self
                .shared
                .check_room(&append.scope)
                .map_err(JournalError::NoRoom),
            None => Ok(()),
        }
    }

    /// Says up to which segment every detector has committed: what lies before may be deleted when there is too much.
    pub fn set_consumed(&self, scope: &Scope, sequence: u64) {
        let mut state = self.shared.state.lock();
        if let Some(project) = state.projects.get_mut(scope) {
            project.consumed = project.consumed.max(sequence);
        }
    }

    /// Closes the journal's current file and has it compacted, whatever its size.
    pub fn roll(&self) {
        let journal = self.journal.lock().clone();
        if let Some(journal) = journal {
            journal.roll_blocking();
        }
    }

    /// Where a project's log stands.
    #[must_use]
    pub fn head(&self, scope: &Scope) -> Head {
        self.shared
            .state
            .lock()
            .projects
            .get(scope)
            .map_or_else(Head::default, |project| project.head)
    }

    /// All projects that have a log.
    #[must_use]
    pub fn projects(&self) -> Vec<(Scope, Head)> {
        self.shared
            .state
            .lock()
            .projects
            .iter()
            .map(|(scope, project)| (scope.clone(), project.head))
            .collect()
    }

    /// Reads a segment. Where its columns are still in memory they are handed over, so a second reader decodes.
    ///
    /// # Errors
    /// See [`LogError::is_lost`] for whether to try again.
    pub fn read(&self, scope: &Scope, sequence: u64) -> Result<LogSegment, LogError> {
        self.shared.read(scope, sequence, |entry| entry.columns.take())
    }

    /// As [`Self::read`], leaving the columns in memory to the sessions.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn peek(&self, scope: &Scope, sequence: u64) -> Result<LogSegment, LogError> {
        self.shared.read_keeping(scope, sequence)
    }

    /// Rows of a segment; none if there is no such segment.
    #[must_use]
    pub fn rows(&self, scope: &Scope, sequence: u64) -> Option<u32> {
        let in_tail = self
            .shared
            .state
            .lock()
            .projects
            .get(scope)
            .and_then(|project| project.tail.get(&sequence))
            .map(|entry| entry.rows);
        in_tail.or_else(|| {
            self.shared
                .blocks
                .entry(scope, sequence)
                .ok()
                .map(|(_, entry)| entry.rows)
        })
    }

    /// All rows of a trace, in the order of the log.
    ///
    /// # Errors
    /// If a segment that may hold some can't be read.
    pub fn trace(&self, scope: &Scope, trace_id: [u8; 16]) -> Result<Vec<TraceRow>, LogError> {
        lookup::trace(&self.shared, scope, trace_id)
    }

    /// Gives each segment that may hold what is wanted to `visit`, decoded, in the order of the log. Which of their rows are
    /// wanted the visitor has to see for itself. Segments that are lost are reported and left out.
    ///
    /// # Errors
    /// If a segment can't be read for a reason that may pass.
    pub fn scan(
        &self,
        scope: &Scope,
        wanted: &Wanted,
        budget: ScanBudget,
        visit: &mut dyn FnMut(&LogSegment) -> ControlFlow<()>,
    ) -> Result<Scanned, LogError> {
        range::scan(&self.shared, scope, wanted, budget, visit)
    }

    /// The earliest time of a row of a project's telemetry, as its senders have it; 0 if there is none.
    ///
    /// # Errors
    /// If the store fails.
    pub fn known_since(&self, scope: &Scope) -> Result<u64, LogError> {
        range::known_since(&self.shared, scope)
    }

    /// Drops the columns that are kept for the sessions, which then read them from the disk.
    pub fn forget_columns(&self) {
        self.shared.state.lock().shrink(0);
    }

    /// Ends the writer and the compactor; what was acknowledged is in the journal or in blocks.
    pub fn close(&self) {
        if let Some((thread, stop)) = self.retention.lock().take() {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!("the thread of retention panicked");
            }
        }
        drop(self.journal.lock().take());
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the journal panicked");
            }
        }
    }
}

impl Shared {
    /// Reads a segment without taking its columns from the sessions.
    fn read_keeping(&self, scope: &Scope, sequence: u64) -> Result<LogSegment, LogError> {
        self.read(scope, sequence, |entry| entry.columns.clone())
    }

    /// About the bytes of a segment that lies in the journal; 0 if it doesn't any more.
    fn tail_bytes(&self, scope: &Scope, sequence: u64) -> u64 {
        let state = self.state.lock();
        let entry = state
            .projects
            .get(scope)
            .and_then(|project| project.tail.get(&sequence));
        entry.map_or(0, |entry| u64::from(entry.position.length))
    }

    fn read(
        &self,
        scope: &Scope,
        sequence: u64,
        columns_of: impl FnOnce(&mut TailEntry) -> Option<Columns>,
    ) -> Result<LogSegment, LogError> {
        let found = {
            let mut state = self.state.lock();
            let State { projects, cached, .. } = &mut *state;
            projects
                .get_mut(scope)
                .and_then(|project| project.tail.get_mut(&sequence))
                .map(|entry| {
                    let was_kept = entry.columns.is_some();
                    let columns = columns_of(entry);
                    if was_kept && entry.columns.is_none() {
                        *cached = cached.saturating_sub(entry.weight);
                    }
                    (entry.id, entry.received_at, entry.position, entry.signal, columns)
                })
        };
        if let Some((id, received_at, position, signal, columns)) = found {
            if columns.is_some() || signal.is_none() {
                return Ok(LogSegment {
                    sequence,
                    id,
                    received_at,
                    columns,
                });
            }
            match journal::read_segment(&self.config.journal.folder, position) {
                Ok(bytes) => return self.open_segment(scope, sequence, id, &bytes),
                // Compacted between the two steps: it is in a block now.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => {
                    let folder = self.config.journal.folder.clone();
                    return Err(LogError::Folder {
                        operation: "read",
                        folder,
                        source,
                    });
                }
            }
        }
        let (id, bytes) = self.blocks.segment(scope, sequence)?;
        self.open_segment(scope, sequence, id, &bytes)
    }

    /// Verifies and decodes.
    fn open_segment(
        &self,
        scope: &Scope,
        sequence: u64,
        id: SegmentId,
        bytes: &[u8],
    ) -> Result<LogSegment, LogError> {
        let damaged = |source| LogError::Damaged {
            scope: scope.clone(),
            sequence,
            source,
        };
        let keys = self.keys.of(scope);
        let (header, columns) = keys.open(bytes, &self.config.segment_limits).map_err(damaged)?;
        if header.id != id {
            return Err(LogError::Missing {
                scope: scope.clone(),
                sequence,
            });
        }
        Ok(LogSegment {
            sequence,
            id,
            received_at: header.received_at,
            columns,
        })
    }
}

/// Where the journal's writer puts what is durable.
struct LogSink {
    shared: Arc<Shared>,
    compact: std::sync::mpsc::Sender<u64>,
}

impl Sink for LogSink {
    fn stored(&mut self, stored: Vec<Stored>) {
        let mut grown = std::collections::BTreeSet::new();
        {
            let mut state = self.shared.state.lock();
            for Stored {
                scope,
                id,
                sequence,
                received_at,
                position,
                note,
            } in stored
            {
                grown.insert(scope.clone());
                let Note {
                    signal,
                    rows,
                    footer,
                    columns,
                    weight,
                } = note;
                if columns.is_some() {
                    state.cached += weight;
                    state.cache_order.push_back((scope.clone(), sequence));
                }
                let project = state.projects.entry(scope).or_default();
                project.bytes += u64::from(position.length);
                project.head.sequence = sequence;
                project.head.received_at = project.head.received_at.max(received_at);
                if signal.is_some() {
                    project.head.telemetry_at = project.head.telemetry_at.max(received_at);
                }
                let entry = TailEntry {
                    id,
                    received_at,
                    position,
                    signal,
                    rows,
                    footer,
                    columns,
                    weight,
                };
                project.tail.insert(sequence, entry);
            }
            state.shrink(self.shared.config.cache_bytes);
        }
        for scope in &grown {
            (self.shared.wake)(scope);
        }
    }

    fn rolled(&mut self, file: u64) {
        // The compactor lives as long as this sender does.
        let _ = self.compact.send(file);
    }

    fn synced(&mut self, took: Duration, segments: usize) {
        self.shared.metrics.journal_synced(took, segments);
    }
}

impl State {
    /// Drops columns, oldest first, until they fit.
    fn shrink(&mut self, cache_bytes: usize) {
        while self.cached > cache_bytes {
            let Some((scope, sequence)) = self.cache_order.pop_front() else {
                break;
            };
            let entry = self
                .projects
                .get_mut(&scope)
                .and_then(|project| project.tail.get_mut(&sequence));
            if let Some(entry) = entry
                && entry.columns.take().is_some()
            {
                self.cached = self.cached.saturating_sub(entry.weight);
            }
        }
        // Consumed entries at the front only cost their place in the queue.
        while let Some((scope, sequence)) = self.cache_order.front() {
            let entry = self
                .projects
                .get(scope)
                .and_then(|project| project.tail.get(sequence));
            if entry.is_some_and(|entry| entry.columns.is_some()) {
                break;
            }
            self.cache_order.pop_front();
        }
    }
}
