//! The compactor: turns each complete journal file into a block per project and deletes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use aia_telemetry::{Footer, peek_header};

use super::blocks::{BlockEntry, BlockError, NewBlock};
use super::{LogError, Shared};
use crate::journal::{self, Frame};
use crate::store::Scope;

/// Waits between attempts while the object store or the database doesn't answer.
const RETRY: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// Most bytes of segments in a block of one project: bounds what the compactor holds in memory.
const MAX_BLOCK_BYTES: usize = 64 << 20;

pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<(JoinHandle<()>, Sender<u64>)> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new()
        .name("compactor".into())
        .spawn(move || run(&shared, &receiver))?;
    Ok((thread, sender))
}

fn run(shared: &Shared, receiver: &Receiver<u64>) {
    // Files go in order, so that a project's blocks do: a failure holds up the rest.
    while let Ok(file) = receiver.recv() {
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
            // The log is closing: the file stays, and the next start compacts it.
            if matches!(
                receiver.recv_timeout(wait),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
            ) {
                return;
            }
        }
    }
}

fn compact(shared: &Shared, file: u64) -> Result<(), LogError> {
    let folder = &shared.config.journal.folder;
    let mut projects: BTreeMap<Scope, Vec<Frame>> = BTreeMap::new();
    let read = journal::read_frames(folder, file, |frame| {
        // Who wrote the frame checked it; what doesn't parse any more is damage that opening it will report.
        if let Ok(header) = peek_header(&frame.segment) {
            let scope = Scope {
                tenant: header.tenant,
                project: header.project,
            };
            projects.entry(scope).or_default().push(frame);
        }
    });
    if let Err(damage) = read {
        if matches!(&damage, journal::JournalDamage::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
        {
            return Ok(());
        }
        // Reported when the file was recovered; what is readable is kept.
        tracing::warn!(
            error = crate::chain(&damage),
            "compacting what is readable of a damaged journal file"
        );
    }
    let mut records = Vec::new();
    for (scope, frames) in projects {
        let mut segments = Vec::new();
        let mut bytes = 0;
        for frame in frames {
            bytes += frame.segment.len();
            segments.push((shared.block_entry(&scope, &frame), frame.segment));
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
            for sequence in block.first_sequence..=block.last_sequence {
                let entry = project.tail.remove(&sequence);
                freed += entry
                    .filter(|entry| entry.columns.is_some())
                    .map_or(0, |entry| entry.weight);
            }
        }
        state.cached = state.cached.saturating_sub(freed);
    }
    journal::remove(folder, file).map_err(|source| LogError::Folder {
        operation: "delete a compacted file of",
        folder: folder.clone(),
        source,
    })
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
    fn block_entry(&self, scope: &Scope, frame: &Frame) -> BlockEntry {
        let known = {
            let state = self.state.lock();
            state
                .projects
                .get(scope)
                .and_then(|project| project.tail.get(&frame.sequence))
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
            let opened = self
                .keys
                .of(scope)
                .open(&frame.segment, &self.config.segment_limits);
            match (opened, peek_header(&frame.segment)) {
                (Ok((header, columns)), _) => {
                    let footer = columns.as_ref().map(Footer::of);
                    (header.id, header.signal, header.rows, header.received_at, footer)
                }
                // Kept as it is: whoever reads it finds out that it doesn't verify.
                (Err(_), Ok(header)) => (header.id, header.signal, header.rows, header.received_at, None),
                (Err(_), Err(_)) => (aia_telemetry::SegmentId([0; 16]), None, 0, 0, None),
            }
        });
        let length = frame.position.length;
        BlockEntry {
            id,
            sequence: frame.sequence,
            offset: 0,
            length,
            signal,
            rows,
            received_at,
            footer,
        }
    }
}
