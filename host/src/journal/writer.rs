//! The journal's writer: one thread that numbers, writes and syncs what all requests bring, so that requests which
//! wait at the same time share one fsync.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aia_telemetry::SegmentId;
use tokio::sync::{mpsc, oneshot};

use super::file::{self, FramePosition, MAGIC};
use crate::log::Note;
use crate::store::Scope;

/// Most segments that wait for the writer before senders wait themselves.
const QUEUE: usize = 4_096;

/// Most bytes written before a sync: bounds the buffer, and the wait of the first request in it.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// How the journal is kept.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// Where its files lie.
    pub folder: PathBuf,
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
            roll_bytes: 64 << 20,
            roll_after: Duration::from_secs(300),
            remember_ids: Duration::from_secs(900),
        }
    }
}

/// Why something could not be journaled. Both are worth a retry by the client.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Writing or syncing failed.
    #[error("cannot write the journal")]
    Write(#[source] Arc<io::Error>),
    /// The writer has ended.
    #[error("the journal is closed")]
    Closed,
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

struct OpenFile {
    file: File,
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
        let mut buffer = Vec::new();
        let mut next = self.next.clone();
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
            let sequence = next.get(&scope).copied().unwrap_or(1);
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
                self.next = next;
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
            None => create(&self.config.folder, self.number)?,
        };
        match open.file.write_all(buffer).and_then(|()| open.file.sync_data()) {
            Ok(()) => {
                let start = open.length;
                open.length += buffer.len() as u64;
                self.file = Some(open);
                Ok((self.number, start))
            }
            Err(error) => {
                // Without this a restart would find frames whose sequence numbers were given out again.
                let cut = open.file.set_len(open.length).and_then(|()| open.file.sync_all());
                if let Err(cut) = cut {
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
fn create(folder: &Path, number: u64) -> io::Result<OpenFile> {
    // A file that an earlier, failed attempt left behind holds nothing that was acknowledged.
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(file::path(folder, number))?;
    file.write_all(MAGIC)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(OpenFile {
        file,
        length: MAGIC.len() as u64,
        opened: Instant::now(),
    })
}

/// The ids of the last minutes.
struct RecentIds {
    window: Duration,
    ids: HashSet<(Scope, SegmentId)>,
    order: VecDeque<(u64, Scope, SegmentId)>,
}

impl RecentIds {
    fn new(window: Duration) -> Self {
        Self {
            window,
            ids: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    fn contains(&self, scope: &Scope, id: SegmentId) -> bool {
        self.ids.contains(&(scope.clone(), id))
    }

    fn remember(&mut self, received_at: u64, scope: Scope, id: SegmentId) {
        let window = u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX);
        while let Some((_, scope, id)) = self
            .order
            .pop_front_if(|(time, ..)| time.saturating_add(window) < received_at)
        {
            self.ids.remove(&(scope, id));
        }
        if self.ids.insert((scope.clone(), id)) {
            self.order.push_back((received_at, scope, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use aia_telemetry::{ProjectId, TenantId};

    use super::*;
    use crate::journal::{list, read_frames};

    /// Hands on what it is given.
    struct TestSink(mpsc::Sender<Event>);

    #[derive(Debug, Eq, PartialEq)]
    enum Event {
        Stored(String, u64),
        Rolled(u64),
    }

    impl Sink for TestSink {
        fn stored(&mut self, stored: Vec<Stored>) {
            for entry in stored {
                self.0
                    .send(Event::Stored(entry.scope.project.to_string(), entry.sequence))
                    .unwrap();
            }
        }

        fn rolled(&mut self, file: u64) {
            self.0.send(Event::Rolled(file)).unwrap();
        }

        fn synced(&mut self, _: Duration, _: usize) {}
    }

    fn append(project: &str, id: u8, received_at: u64) -> Append {
        Append {
            scope: Scope {
                tenant: TenantId::new("t").unwrap(),
                project: ProjectId::new(project).unwrap(),
            },
            id: SegmentId([id; 16]),
            received_at,
            segment: vec![id; usize::from(id) + 1],
            note: Note {
                signal: None,
                rows: 0,
                footer: None,
                columns: None,
                weight: 0,
            },
        }
    }

    fn start(folder: &Path, start: Start) -> (Journal, JoinHandle<()>, mpsc::Receiver<Event>) {
        let (sender, events) = mpsc::channel();
        let (journal, thread) =
            Journal::start(JournalConfig::new(folder.to_owned()), start, TestSink(sender)).unwrap();
        (journal, thread, events)
    }

    #[test]
    fn numbers_each_project_from_one_and_reads_back_what_it_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, thread, events) = start(
            folder.path(),
            Start {
                file: 1,
                ..Start::default()
            },
        );
        for (project, id, sequence) in [("a", 1, 1), ("b", 2, 1), ("a", 3, 2)] {
            assert_eq!(
                journal.append_blocking(append(project, id, 1)).unwrap(),
                Appended::Stored(sequence)
            );
        }
        drop(journal);
        thread.join().unwrap();
        let events: Vec<_> = events.iter().collect();
        let stored = |project: &str, sequence| Event::Stored(project.to_owned(), sequence);
        assert_eq!(
            events,
            [stored("a", 1), stored("b", 1), stored("a", 2), Event::Rolled(1)]
        );

        let mut frames = Vec::new();
        read_frames(folder.path(), 1, |frame| frames.push(frame)).unwrap();
        let segments: Vec<_> = frames
            .iter()
            .map(|frame| (frame.sequence, frame.segment.clone()))
            .collect();
        assert_eq!(segments, [(1, vec![1; 2]), (1, vec![2; 3]), (2, vec![3; 4])]);
        for frame in frames {
            assert_eq!(
                crate::journal::read_segment(folder.path(), frame.position).unwrap(),
                frame.segment
            );
        }
    }

    #[test]
    fn a_retry_is_stored_once_also_after_a_restart_and_only_within_its_project() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, thread, _events) = start(
            folder.path(),
            Start {
                file: 1,
                ..Start::default()
            },
        );
        assert_eq!(
            journal.append_blocking(append("a", 7, 5)).unwrap(),
            Appended::Stored(1)
        );
        assert_eq!(
            journal.append_blocking(append("a", 7, 6)).unwrap(),
            Appended::Duplicate
        );
        assert_eq!(
            journal.append_blocking(append("b", 7, 6)).unwrap(),
            Appended::Stored(1)
        );
        drop(journal);
        thread.join().unwrap();

        let known = append("a", 7, 5);
        let next = [(known.scope.clone(), 2)].into_iter().collect();
        let again = Start {
            file: 2,
            next,
            ids: vec![(5, known.scope, known.id)],
        };
        let (journal, thread, _events) = start(folder.path(), again);
        assert_eq!(
            journal.append_blocking(append("a", 7, 9)).unwrap(),
            Appended::Duplicate
        );
        assert_eq!(
            journal.append_blocking(append("a", 8, 9)).unwrap(),
            Appended::Stored(2)
        );
        drop(journal);
        thread.join().unwrap();
        assert_eq!(list(folder.path()).unwrap(), [1, 2]);
    }

    #[test]
    fn ids_are_forgotten_after_their_time() {
        let mut ids = RecentIds::new(Duration::from_secs(10));
        let scope = append("a", 1, 0).scope;
        ids.remember(1_000_000_000, scope.clone(), SegmentId([1; 16]));
        ids.remember(11_000_000_000, scope.clone(), SegmentId([2; 16]));
        assert!(ids.contains(&scope, SegmentId([1; 16])));
        ids.remember(11_000_000_001, scope.clone(), SegmentId([3; 16]));
        assert!(!ids.contains(&scope, SegmentId([1; 16])));
        assert!(ids.contains(&scope, SegmentId([2; 16])));
        assert_eq!((ids.ids.len(), ids.order.len()), (2, 2));
    }

    #[test]
    fn a_folder_that_is_gone_gives_an_error_and_nothing_is_lost_when_it_is_back() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("journal");
        let (journal, thread, events) = start(
            &folder,
            Start {
                file: 1,
                ..Start::default()
            },
        );
        let error = journal.append_blocking(append("a", 1, 1)).unwrap_err();
        assert!(matches!(error, JournalError::Write(_)), "{error}");
        std::fs::create_dir(&folder).unwrap();
        // The failed attempt took no number, and its id is not remembered.
        assert_eq!(
            journal.append_blocking(append("a", 1, 1)).unwrap(),
            Appended::Stored(1)
        );
        drop(journal);
        thread.join().unwrap();
        assert_eq!(events.iter().next(), Some(Event::Stored("a".to_owned(), 1)));
    }

    #[test]
    fn a_torn_tail_ends_the_file_and_a_flipped_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, thread, _events) = start(
            folder.path(),
            Start {
                file: 1,
                ..Start::default()
            },
        );
        for id in 1..4 {
            journal.append_blocking(append("a", id, 1)).unwrap();
        }
        drop(journal);
        thread.join().unwrap();
        let path = file::path(folder.path(), 1);
        let whole = std::fs::read(&path).unwrap();
        let frames = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let mut count = 0;
            let result = read_frames(folder.path(), 1, |_| count += 1);
            (count, result.is_ok())
        };
        let ends: Vec<usize> = [0, 18, 18 + 19, 18 + 19 + 20]
            .map(|bytes| MAGIC.len() + bytes)
            .to_vec();
        for length in 0..=whole.len() {
            let expected = ends
                .iter()
                .filter(|end| **end <= length)
                .count()
                .saturating_sub(1);
            let is_whole = ends.contains(&length);
            assert_eq!(frames(&whole[..length]), (expected, is_whole), "{length} bytes");
        }
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 0x10;
            assert!(!frames(&damaged).1, "byte {position}");
        }
    }
}
