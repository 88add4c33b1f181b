//! The journal's writer: one thread that numbers, writes and syncs what all requests bring, so that requests which
//! wait at the same time share one fsync.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aia_telemetry::SegmentId;
use tokio::sync::{mpsc, oneshot};

use super::disk::{Disk, DiskFile, SystemDisk};
use super::file::{self, FramePosition, MAGIC};
use super::recent::RecentIds;
use crate::log::{BucketError, NoRoom, Note};
use crate::store::Scope;

/// Most segments that wait for the writer before senders wait themselves.
const QUEUE: usize = 4_096;

/// Most bytes written before a sync: bounds the buffer, and the wait of the first request in it.
const MAX_BATCH_BYTES: usize = 4 << 20;

/// How the journal is kept.
#[derive(Clone)]
pub struct JournalConfig {
    /// Where its files lie.
    pub folder: PathBuf,
    /// What they are written through. Default [`SystemDisk`].
    pub disk: Arc<dyn Disk>,
    /// A file is closed and handed to the compactor at this size. Default 64 MiB: a start reads at most about so much.
    pub roll_bytes: u64,
    /// A file with something in it is closed after this time. Default 5 min: blocks of quiet projects stay few.
    pub roll_after: Duration,
    /// How long a segment's id is remembered, to recognise a client's retry. Default 15 min, as at the edge.
    pub remember_ids: Duration,
}

impl JournalConfig {
    /// The defaults, in this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            disk: Arc::new(SystemDisk),
            roll_bytes: 64 << 20,
            roll_after: Duration::from_secs(300),
            remember_ids: Duration::from_secs(900),
        }
    }
}

/// Why something could not be journaled. All but the last are worth a retry by the client.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Writing or syncing failed.
    #[error("cannot write the journal")]
    Write(#[source] Arc<io::Error>),
    /// The writer has ended.
    #[error("the journal is closed")]
    Closed,
    /// The bucket doesn't take it.
    #[error("cannot make a segment durable")]
    Bucket(#[source] Arc<BucketError>),
    /// It may not be written.
    #[error("there is no room for more telemetry")]
    NoRoom(#[source] NoRoom),
    /// A segment larger than a frame can be.
    #[error("a segment of {0} bytes doesn't fit a journal frame")]
    TooLarge(usize),
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It is durable, under this sequence number of its project.
    Stored(u64),
    /// A segment of this id is durable already: a retry.
    Duplicate,
}

/// A segment to be journaled.
pub struct Append {
    /// Whose.
    pub scope: Scope,
    /// Its id.
    pub id: SegmentId,
    /// When it was received, nanoseconds since the Unix epoch.
    pub received_at: u64,
    /// The sealed segment.
    pub segment: Vec<u8>,
    /// What the log keeps of it in memory.
    pub note: Note,
}

/// Takes what is durable, in the order of the journal, before anybody is told.
pub(crate) trait Sink: Send + 'static {
    /// Segments are durable.
    fn stored(&mut self, stored: Vec<Stored>);
    /// A file is complete and may be compacted.
    fn rolled(&mut self, file: u64);
    /// A sync took this long and made this many segments durable.
    fn synced(&mut self, took: Duration, segments: usize);
}

/// A segment that is durable.
pub(crate) struct Stored {
    pub(crate) scope: Scope,
    pub(crate) id: SegmentId,
    pub(crate) sequence: u64,
    pub(crate) received_at: u64,
    pub(crate) position: FramePosition,
    pub(crate) note: Note,
}

struct Job {
    append: Append,
    reply: oneshot::Sender<Result<Appended, JournalError>>,
}

enum Message {
    Append(Box<Job>),
    /// Close the current file now, if there's anything in it.
    Roll(oneshot::Sender<()>),
    /// Close the current file if it has been open for long enough.
    RollIfDue,
}

/// The sending end of the journal. The writer ends when the last one is gone.
#[derive(Clone)]
pub struct Journal {
    sender: mpsc::Sender<Message>,
}

/// Where the writer begins.
#[derive(Default)]
pub(crate) struct Start {
    /// Number for the first new file: above all there are.
    pub(crate) file: u64,
    /// The next sequence number of each project; 1 for those that aren't named.
    pub(crate) next: BTreeMap<Scope, u64>,
    /// Ids to remember: when received, whose, which; oldest first.
    pub(crate) ids: Vec<(u64, Scope, SegmentId)>,
}

impl Journal {
    /// Starts the writer's thread.
    pub(crate) fn start(
        config: JournalConfig,
        start: Start,
        sink: impl Sink,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut ids = RecentIds::new(config.remember_ids);
        for (received_at, scope, id) in start.ids {
            ids.remember(received_at, scope, id);
        }
        let writer = Writer {
            config,
            sink,
            next: start.next,
            ids,
            number: start.file,
            file: None,
            is_broken: false,
        };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(receiver))?;
        Ok((Self { sender }, thread))
    }

    /// Makes a segment durable.
    ///
    /// # Errors
    /// If it could not be written and synced; then nothing of it counts, and a retry is welcome.
    pub async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Append(Box::new(Job { append, reply }));
        self.sender
            .send(message)
            .await
            .map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// As [`Self::append`], for threads.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_blocking(&self, append: Append) -> Result<Appended, JournalError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Append(Box::new(Job { append, reply }));
        self.sender
            .blocking_send(message)
            .map_err(|_| JournalError::Closed)?;
        answer.blocking_recv().map_err(|_| JournalError::Closed)?
    }

    /// Makes several segments durable, in this order: they share as few syncs as may be.
    ///
    /// # Errors
    /// As [`Self::append`], for the first that failed; those before it are durable, those behind it may be.
    pub fn append_all_blocking(&self, appends: Vec<Append>) -> Result<Vec<Appended>, JournalError> {
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            let (reply, answer) = oneshot::channel();
            let message = Message::Append(Box::new(Job { append, reply }));
            self.sender
                .blocking_send(message)
                .map_err(|_| JournalError::Closed)?;
            answers.push(answer);
        }
        let answer =
            |answer: oneshot::Receiver<_>| answer.blocking_recv().map_err(|_| JournalError::Closed)?;
        answers.into_iter().map(answer).collect()
    }

    /// Closes the current file and hands it to the compactor, if it holds anything.
    pub fn roll_blocking(&self) {
        let (reply, answer) = oneshot::channel();
        if self.sender.blocking_send(Message::Roll(reply)).is_ok() {
            // An error means that the writer ended, which closes the file as well.
            let _ = answer.blocking_recv();
        }
    }
}

impl Journal {
    /// Has a file closed that has been open for [`JournalConfig::roll_after`], also if nothing comes any more.
    pub(crate) fn roll_if_due(&self) {
        // A full queue is looked at anyway, and a writer that has ended has closed its file.
        let _ = self.sender.try_send(Message::RollIfDue);
    }
}

struct OpenFile {
    file: Box<dyn DiskFile>,
    /// Bytes that are written and synced.
    length: u64,
    opened: Instant,
}

struct Writer<S> {
    config: JournalConfig,
    sink: S,
    next: BTreeMap<Scope, u64>,
    ids: RecentIds,
    /// Number of the open file, or of the one to be opened next.
    number: u64,
    file: Option<OpenFile>,
    /// A failed write could not be cut off: nothing more is written, since a restart would read up to there only.
    is_broken: bool,
}

impl<S: Sink> Writer<S> {
    fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        let mut jobs = Vec::new();
        while let Some(first) = receiver.blocking_recv() {
            let mut rolls = Vec::new();
            let mut bytes = 0;
            let mut message = Some(first);
            // Everything that waits already shares this sync.
            while let Some(next) = message {
                match next {
                    Message::Append(job) => {
                        bytes += job.append.segment.len();
                        jobs.push(*job);
                    }
                    Message::Roll(reply) => rolls.push(reply),
                    Message::RollIfDue => {}
                }
                message = if bytes < MAX_BATCH_BYTES {
                    receiver.try_recv().ok()
                } else {
                    None
                };
            }
            if !jobs.is_empty() {
                self.write(std::mem::take(&mut jobs));
            }
            let full = self.file.as_ref().is_some_and(|open| {
                open.length >= self.config.roll_bytes || open.opened.elapsed() >= self.config.roll_after
            });
            if full || !rolls.is_empty() {
                self.roll();
            }
            for reply in rolls {
                // Nobody waiting any more is fine.
                let _ = reply.send(());
            }
        }
        self.roll();
    }

    /// Writes and syncs the jobs' segments, then tells the sink, then the senders.
    fn write(&mut self, jobs: Vec<Job>) {
        let bytes = jobs
            .iter()
            .map(|job| file::FRAME_HEADER + job.append.segment.len());
        let mut buffer = Vec::with_capacity(bytes.sum());
        let mut next: BTreeMap<Scope, u64> = BTreeMap::new();
        let mut batch_ids = HashSet::new();
        let mut stored = Vec::new();
        let mut answers = Vec::new();
        for Job { append, reply } in jobs {
            let Append {
                scope,
                id,
                received_at,
                segment,
                note,
            } = append;
            if self.ids.contains(&scope, id) || !batch_ids.insert((scope.clone(), id)) {
                answers.push((reply, Appended::Duplicate));
                continue;
            }
            let sequence = next
                .get(&scope)
                .or_else(|| self.next.get(&scope))
                .copied()
                .unwrap_or(1);
            let Some(offset) = file::encode(&mut buffer, sequence, &segment) else {
                // Nobody waiting any more is fine.
                let _ = reply.send(Err(JournalError::TooLarge(segment.len())));
                continue;
            };
            next.insert(scope.clone(), sequence + 1);
            // Encoding took it, so the length fits.
            let length = u32::try_from(segment.len()).unwrap_or(u32::MAX);
            let position = FramePosition {
                file: 0,
                offset: offset as u64,
                length,
            };
            stored.push(Stored {
                scope,
                id,
                sequence,
                received_at,
                position,
                note,
            });
            answers.push((reply, Appended::Stored(sequence)));
        }
        let started = Instant::now();
        // A batch of nothing but duplicates needs no sync of its own: what they repeat was synced before.
        let result = if buffer.is_empty() {
            Ok((self.number, 0))
        } else {
            self.append(&buffer)
        };
        match result {
            Ok((file, start)) => {
                self.sink.synced(started.elapsed(), stored.len());
                self.next.extend(next);
                for entry in &mut stored {
                    entry.position.file = file;
                    entry.position.offset += start;
                    self.ids
                        .remember(entry.received_at, entry.scope.clone(), entry.id);
                }
                self.sink.stored(stored);
                for (reply, appended) in answers {
                    // A sender that went away retries, and is recognised by the id.
                    let _ = reply.send(Ok(appended));
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "cannot write the journal");
                let error = Arc::new(error);
                for (reply, _) in answers {
                    // As above.
                    let _ = reply.send(Err(JournalError::Write(Arc::clone(&error))));
                }
            }
        }
    }

    /// Appends bytes and syncs; gives the file's number and where they begin. After an error nothing of them is in
    /// the journal, and the next attempt begins a new file: after a failed sync the old one can't be trusted.
    fn append(&mut self, buffer: &[u8]) -> io::Result<(u64, u64)> {
        if self.is_broken {
            return Err(io::Error::other(
                "an earlier write failed and could not be undone: restart `aia`",
            ));
        }
        let mut open = match self.file.take() {
            Some(open) => open,
            None => create(&self.config, self.number)?,
        };
        match open.file.append(buffer).and_then(|()| open.file.sync()) {
            Ok(()) => {
                let start = open.length;
                open.length += buffer.len() as u64;
                self.file = Some(open);
                Ok((self.number, start))
            }
            Err(error) => {
                // Without this a restart would find frames whose sequence numbers were given out again.
                if let Err(cut) = open.file.cut(open.length) {
                    tracing::error!(error = %cut, file = self.number, "cannot cut a failed write off the journal");
                    self.is_broken = true;
                    return Err(error);
                }
                self.finish(open.length);
                Err(error)
            }
        }
    }

    fn roll(&mut self) {
        if let Some(open) = self.file.take() {
            self.finish(open.length);
        }
    }

    /// Hands the current file to the compactor.
    fn finish(&mut self, length: u64) {
        if length > MAGIC.len() as u64 {
            self.sink.rolled(self.number);
        }
        self.number += 1;
    }
}

/// Creates a journal file so that a crash right after can't lose it: file and folder are synced.
fn create(config: &JournalConfig, number: u64) -> io::Result<OpenFile> {
    // A file that an earlier, failed attempt left behind holds nothing that was acknowledged.
    let mut file = config.disk.create(&file::path(&config.folder, number))?;
    file.append(MAGIC)?;
    file.sync()?;
    config.disk.sync_folder(&config.folder)?;
    Ok(OpenFile {
        file,
        length: MAGIC.len() as u64,
        opened: Instant::now(),
    })
}
