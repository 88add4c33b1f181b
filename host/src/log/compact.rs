//! The compactor: turns each complete journal file into a block per project and deletes it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aia_telemetry::{Footer, peek_header};

use super::blocks::{BlockEntry, BlockError, NewBlock};
use super::bucket::segment_key;
use super::{LogError, Shared};
use crate::journal::{self, FramePosition};
use crate::store::Scope;

/// Waits between attempts while the object store or the database doesn't answer.
const RETRY: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// Most bytes of segments in a block, but for the last one: the compactor holds twice that in memory.
const MAX_BLOCK_BYTES: usize = 16 << 20;

pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<(JoinHandle<()>, Sender<u64>)> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new()
        .name("compactor".into())
        .spawn(move || run(&shared, &receiver))?;
    Ok((thread, sender))
}

fn run(shared: &Shared, receiver: &Receiver<u64>) {
    // Files go in order, so that a project's blocks do: a failure holds up the rest.
    let mut waiting = VecDeque::new();
    while let Some(file) = waiting.pop_front().or_else(|| receiver.recv().ok()) {
        let mut attempt = 0;
        while let Err(error) = compact(shared, file) {
            shared.metrics.compaction_failed();
            let wait = RETRY.get(attempt).or(RETRY.last()).copied().unwrap_or_default();
            tracing::warn!(
                error = crate::chain(&error),
                file,
                "cannot compact a journal file; trying again in {wait:?}"
            );
            attempt += 1;
            let again = Instant::now() + wait;
            loop {
                match receiver.recv_timeout(again.saturating_duration_since(Instant::now())) {
                    Ok(next) => waiting.push_back(next),
                    Err(RecvTimeoutError::Timeout) => break,
                    // The log is closing: the files stay, and the next start compacts them.
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }
}

fn compact(shared: &Shared, file: u64) -> Result<(), LogError> {
    let folder = &shared.config.journal.folder;
    // Places and headers alone: a file holds more than has to be in memory.
    let mut projects: BTreeMap<Scope, Vec<Place>> = BTreeMap::new();
    let mut keys = Vec::new();
    let is_genuine = |segment: &[u8]| shared.keys.is_genuine(segment, &shared.config.segment_limits);
    let read = journal::read_frames(folder, file, is_genuine, |frame| {
        // Who wrote the frame checked it; what doesn't parse any more is damage that opening it will report.
        if let Ok(header) = peek_header(&frame.segment) {
            keys.extend(segment_key(&header));
            let scope = Scope {
                tenant: header.tenant.clone(),
                project: header.project.clone(),
            };
            projects.entry(scope).or_default().push(Place {
                sequence: frame.sequence,
                position: frame.position,
            });
        }
    });
    let damages = match read {
        Ok(damages) => damages,
        Err(error) if error.is_gone() => return Ok(()),
        Err(error) => return Err(LogError::Journal(error)),
    };
    let mut records = Vec::new();
    for (scope, places) in projects {
        let mut segments = Vec::new();
        let mut bytes = 0;
        for place in places {
            let read = journal::read_segment(folder, place.position);
            let segment = read.map_err(|source| LogError::Folder {
                operation: "read",
                folder: folder.clone(),
                source,
            })?;
            bytes += segment.len();
            segments.push((shared.block_entry(&scope, &place, &segment), segment));
            if bytes > MAX_BLOCK_BYTES {
                put(shared, &scope, std::mem::take(&mut segments), &mut records)?;
                bytes = 0;
            }
        }
        put(shared, &scope, segments, &mut records)?;
    }
    let blocks: Vec<_> = records.iter().map(|block| block.record.clone()).collect();
    shared.store.add_blocks(&blocks)?;
    {
        let mut state = shared.state.lock();
        let mut freed = 0;
        for block in &blocks {
            let Some(project) = state.projects.get_mut(&block.scope) else {
                continue;
            };
            project.bytes += block.bytes;
            for sequence in block.first_sequence..=block.last_sequence {
                let entry = project.tail.remove(&sequence);
                let length = entry.as_ref().map_or(0, |entry| u64::from(entry.position.length));
                project.bytes = project.bytes.saturating_sub(length);
                freed += entry
                    .filter(|entry| entry.columns.is_some())
                    .map_or(0, |entry| entry.weight);
            }
        }
        state.cached = state.cached.saturating_sub(freed);
    }
    shared.delete_segments(keys);
    let disk = shared.config.journal.disk.as_ref();
    let failed = |operation| {
        move |source| LogError::Folder {
            operation,
            folder: folder.clone(),
            source,
        }
    };
    let damaged: u64 = damages
        .iter()
        .filter(|damage| !damage.is_torn)
        .map(|damage| damage.length)
        .sum();
    if damaged == 0 {
        return journal::remove(disk, folder, file).map_err(failed("delete a compacted file of"));
    }
    let path = journal::quarantine(disk, folder, file).map_err(failed("put aside a damaged file of"))?;
    shared.metrics.journal_quarantined();
    tracing::error!(
        path = %path.display(),
        bytes = damaged,
        "a damaged journal file is kept aside; what could be read of it is safe"
    );
    Ok(())
}

/// Where a segment of the file lies.
struct Place {
    sequence: u64,
    position: FramePosition,
}

fn put(
    shared: &Shared,
    scope: &Scope,
    segments: Vec<(BlockEntry, Vec<u8>)>,
    records: &mut Vec<NewBlock>,
) -> Result<(), LogError> {
    let sequence = segments.first().map_or(0, |(entry, _)| entry.sequence);
    let Some(mut block) = shared.blocks.build(scope, segments) else {
        return Ok(());
    };
    let failed = |source: BlockError| LogError::Block {
        scope: scope.clone(),
        sequence,
        source,
    };
    shared.blocks.put(&block).map_err(failed)?;
    // Only its record is needed from here on.
    block.bytes = bytes::Bytes::new();
    records.push(block);
    Ok(())
}

impl Shared {
    /// What the footer is to say of a frame. The log knows most of it; after a restart the segment is opened.
    fn block_entry(&self, scope: &Scope, place: &Place, segment: &[u8]) -> BlockEntry {
        let known = {
            let state = self.state.lock();
            state
                .projects
                .get(scope)
                .and_then(|project| project.tail.get(&place.sequence))
                .and_then(|entry| {
                    let footer = entry.footer.as_deref().cloned();
                    // An empty segment has no footer; one of telemetry without is to be opened.
                    (footer.is_some() || entry.signal.is_none()).then_some((
                        entry.id,
                        entry.signal,
                        entry.rows,
                        entry.received_at,
                        footer,
                    ))
                })
        };
        let (id, signal, rows, received_at, footer) = known.unwrap_or_else(|| {
            let opened = self.keys.of(scope).open(segment, &self.config.segment_limits);
            match (opened, peek_header(segment)) {
                (Ok((header, columns)), _) => {
                    let footer = columns.as_ref().map(Footer::of);
                    (header.id, header.signal, header.rows, header.received_at, footer)
                }
                // Kept as it is: whoever reads it finds out that it doesn't verify.
                (Err(_), Ok(header)) => (header.id, header.signal, header.rows, header.received_at, None),
                (Err(_), Err(_)) => (aia_telemetry::SegmentId([0; 16]), None, 0, 0, None),
            }
        });
        let length = place.position.length;
        BlockEntry {
            id,
            sequence: place.sequence,
            offset: 0,
            length,
            signal,
            rows,
            received_at,
            footer,
        }
    }
}
