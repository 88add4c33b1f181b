//! How long raw telemetry is kept, and how much of it: blocks are deleted by age and by size, and telemetry is refused
//! before it can fill the disk. What is pinned with an incident was copied and stays.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{LogError, Shared};
use crate::clock;
use crate::journal::Journal;
use crate::store::{BlockRecord, Scope};

/// How often free space is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Longest time between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Sessions read their commits back to the last snapshot; older ones than this are deleted.
const KEEP_COMMITS: Duration = Duration::from_secs(3600);

/// How much of its quota a project's blocks may take: the rest is for what isn't compacted yet.
const FILL: (u64, u64) = (9, 10);

/// What is kept of raw telemetry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    /// A block whose newest segment is older is deleted.
    pub age: Duration,
    /// Most bytes of one project, in journal and blocks together. Its oldest blocks are deleted to stay below nine
    /// tenths, unless a detector has yet to read them; at the whole, its requests are refused.
    pub project_bytes: u64,
    /// With fewer bytes free on the journal's disk, requests are refused.
    pub free_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Duration::MAX,
            project_bytes: u64::MAX,
            free_bytes: 0,
        }
    }
}

impl Retention {
    /// How often blocks are looked at: often enough that what is deleted isn't much older than the age.
    fn sweep_every(&self) -> Duration {
        (self.age / 10).clamp(LOOK_EVERY / 10, SWEEP_EVERY)
    }

    /// How long a journal file may stay open, so that what is in it becomes a block well before its age is reached.
    pub(super) fn roll_within(&self) -> Duration {
        self.age / 4
    }
}

/// Why a request can't be kept, though the machine could write it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoRoom {
    /// The project has as much as it may have.
    #[error("the project's telemetry takes {used} bytes of the {limit} it may take")]
    Project {
        /// Bytes in journal and blocks.
        used: u64,
        /// [`Retention::project_bytes`].
        limit: u64,
    },
    /// The disk is nearly full.
    #[error("the disk of the journal has {free} bytes free, less than the {limit} that must stay")]
    Disk {
        /// Bytes free.
        free: u64,
        /// [`Retention::free_bytes`].
        limit: u64,
    },
}

/// The free bytes of a disk, as last looked at.
pub(super) struct FreeSpace(AtomicU64);

impl FreeSpace {
    pub(super) fn of(folder: &Path) -> Self {
        let free = Self(AtomicU64::new(u64::MAX));
        free.look(folder);
        free
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn look(&self, folder: &Path) {
        match rustix::fs::statvfs(folder) {
            Ok(disk) => {
                let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                self.0.store(free, Ordering::Relaxed);
            }
            // The last figure holds; a disk that is gone shows when it is written to.
            Err(error) => tracing::warn!(%error, "cannot find out how full the journal's disk is"),
        }
    }
}

impl Shared {
    /// Whether there is room for another segment of a project.
    pub(super) fn check_room(&self, scope: &Scope) -> Result<(), NoRoom> {
        let Retention {
            project_bytes,
            free_bytes,
            ..
        } = self.config.retention;
        let free = self.free.get();
        if free < free_bytes {
            return Err(NoRoom::Disk {
                free,
                limit: free_bytes,
            });
        }
        let used = self
            .state
            .lock()
            .projects
            .get(scope)
            .map_or(0, |project| project.bytes);
        if used >= project_bytes {
            return Err(NoRoom::Project {
                used,
                limit: project_bytes,
            });
        }
        Ok(())
    }
}

/// Starts the thread that keeps to it. It ends when the sender is dropped.
pub(super) fn start(shared: Arc<Shared>, journal: Journal) -> std::io::Result<(JoinHandle<()>, Sender<()>)> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new()
        .name("retention".into())
        .spawn(move || run(&shared, &journal, &receiver))?;
    Ok((thread, sender))
}

fn run(shared: &Shared, journal: &Journal, stop: &Receiver<()>) {
    let every = shared.config.retention.sweep_every();
    let mut next = Instant::now() + every;
    loop {
        let wait = LOOK_EVERY.min(next.saturating_duration_since(Instant::now()));
        if !matches!(stop.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            return;
        }
        shared.free.look(&shared.config.journal.folder);
        if Instant::now() >= next {
            // A file with old telemetry in it is closed, also if nobody sends any more.
            journal.roll_if_due();
            if let Err(error) = sweep(shared, clock::now()) {
                tracing::warn!(
                    error = crate::chain(&error),
                    "cannot delete old telemetry; trying again"
                );
            }
            next = Instant::now() + every;
        }
        shared.measure();
    }
}

/// Deletes what is too old and what is too much.
pub(super) fn sweep(shared: &Shared, now: u64) -> Result<(), LogError> {
    let retention = shared.config.retention;
    let oldest = now.saturating_sub(clock::nanos(retention.age));
    let kept_commits = now.saturating_sub(clock::nanos(KEEP_COMMITS));
    let scopes: Vec<Scope> = shared.state.lock().projects.keys().cloned().collect();
    for scope in scopes {
        shared.store.prune_commits(&scope, kept_commits)?;
        for block in shared.store.blocks_from(&scope, 0)? {
            let (used, consumed) = {
                let state = shared.state.lock();
                let project = state.projects.get(&scope);
                project.map_or((0, 0), |project| (project.bytes, project.consumed))
            };
            let most = retention.project_bytes / FILL.1 * FILL.0;
            let reason = if block.received_at < oldest {
                "age"
            } else if used > most && block.last_sequence <= consumed {
                "bytes"
            } else {
                break;
            };
            delete(shared, &block)?;
            shared.metrics.block_expired(reason);
        }
    }
    Ok(())
}

fn delete(shared: &Shared, block: &BlockRecord) -> Result<(), LogError> {
    // The object first: a crash in between leaves a row, and the next sweep ends what was begun.
    shared.blocks.delete(block).map_err(|source| LogError::Block {
        scope: block.scope.clone(),
        sequence: block.first_sequence,
        source,
    })?;
    shared.store.remove_block(&block.scope, block.first_sequence)?;
    let mut state = shared.state.lock();
    if let Some(project) = state.projects.get_mut(&block.scope) {
        project.bytes = project.bytes.saturating_sub(block.bytes);
    }
    Ok(())
}

impl Shared {
    /// Shows how full everything is.
    fn measure(&self) {
        let limit = self.config.retention.project_bytes;
        let (total, fullest) = {
            let state = self.state.lock();
            let bytes = state.projects.values().map(|project| project.bytes);
            (bytes.clone().sum(), bytes.max().unwrap_or(0))
        };
        #[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
        let ratio = fullest as f64 / limit.max(1) as f64;
        self.metrics.storage(total, ratio, self.free.get());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, append, append_json, scope, try_append, wait_for_compaction};
    use super::super::*;
    use super::*;
    use crate::journal::JournalError;

    const SECOND: u64 = 1_000_000_000;

    fn body(second: u64) -> String {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{second:032x}","spanId":"{second:016x}","name":"n"}}]}}]}}]}}"#
        )
    }

    /// Blocks of one segment each, received so many seconds after `start`.
    fn blocks(fixture: &Fixture, log: &Log, start: u64, seconds: std::ops::RangeInclusive<u64>) {
        for second in seconds {
            let received_at = start + second * SECOND;
            append_json(log, &scope(), SignalType::Traces, &body(second), received_at);
            log.roll();
            wait_for_compaction(&fixture.journal(), 0);
        }
    }

    fn sequences(fixture: &Fixture) -> Vec<u64> {
        let blocks = fixture.store().blocks_from(&scope(), 0).unwrap();
        blocks.iter().map(|block| block.first_sequence).collect()
    }

    #[test]
    fn blocks_go_by_age() {
        let fixture = Fixture::new();
        let retention = Retention {
            age: Duration::from_secs(10),
            ..Retention::default()
        };
        let log = fixture.open_keeping(retention);
        // In the future, where the thread that sweeps by the clock has nothing to do.
        let start = clock::now() + 1_000 * SECOND;
        blocks(&fixture, &log, start, 1..=4);
        sweep(&log.shared, start + 13 * SECOND - 1).unwrap();
        assert_eq!(sequences(&fixture), [3, 4]);
        assert!(log.peek(&scope(), 2).err().unwrap().is_lost());
        assert!(log.peek(&scope(), 3).is_ok());
        sweep(&log.shared, start + 100 * SECOND).unwrap();
        assert_eq!(sequences(&fixture), [0; 0]);
        // Numbers go on.
        assert_eq!(append(&log, 9), Appended::Stored(5));
        log.close();
    }

    #[test]
    fn the_oldest_blocks_go_when_there_is_too_much_but_none_that_a_detector_has_yet_to_read() {
        let fixture = Fixture::new();
        let log = fixture.open_keeping(Retention::default());
        blocks(&fixture, &log, 0, 1..=4);
        let size = fixture.store().blocks_from(&scope(), 0).unwrap()[0].bytes;
        log.close();
        let retention = Retention {
            project_bytes: 3 * size,
            ..Retention::default()
        };
        let log = fixture.open_keeping(retention);
        sweep(&log.shared, 5 * SECOND).unwrap();
        assert_eq!(sequences(&fixture), [1, 2, 3, 4]);
        let full = try_append(&log, 7).unwrap_err();
        assert!(
            matches!(full, JournalError::NoRoom(NoRoom::Project { .. })),
            "{full}"
        );

        log.set_consumed(&scope(), 1);
        sweep(&log.shared, 5 * SECOND).unwrap();
        assert_eq!(sequences(&fixture), [2, 3, 4]);
        log.set_consumed(&scope(), 4);
        sweep(&log.shared, 5 * SECOND).unwrap();
        assert_eq!(sequences(&fixture), [3, 4]);
        assert_eq!(append(&log, 7), Appended::Stored(5));
        log.close();
    }

    #[test]
    fn a_disk_that_is_nearly_full_takes_nothing() {
        let fixture = Fixture::new();
        let retention = Retention {
            free_bytes: u64::MAX,
            ..Retention::default()
        };
        let log = fixture.open_keeping(retention);
        let full = try_append(&log, 1).unwrap_err();
        assert!(
            matches!(full, JournalError::NoRoom(NoRoom::Disk { free, .. }) if free > 0),
            "{full}"
        );
        log.close();
    }
}
