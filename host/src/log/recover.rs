//! What the log holds after a start: the blocks' last sequence numbers from the store, and every frame of the journal.

use std::collections::BTreeMap;

use aia_telemetry::peek_header;

use super::{Head, LogError, ProjectLog, Shared, TailEntry};
use crate::clock;
use crate::journal::{self, Start};
use crate::store::Scope;

pub(super) struct Recovered {
    pub(super) projects: BTreeMap<Scope, ProjectLog>,
    /// Files to be compacted, oldest first.
    pub(super) files: Vec<u64>,
    pub(super) start: Start,
}

pub(super) fn recover(shared: &Shared) -> Result<Recovered, LogError> {
    let Shared {
        config,
        keys,
        store,
        blocks,
        metrics,
        ..
    } = shared;
    let mut projects: BTreeMap<Scope, ProjectLog> = BTreeMap::new();
    let mut ids = Vec::new();
    let remembered_since = clock::now().saturating_sub(clock::nanos(config.journal.remember_ids));
    for (scope, last) in store.last_block_sequences()? {
        let project = projects.entry(scope.clone()).or_default();
        project.head.sequence = last;
        for record in store.blocks_from(&scope, last)? {
            project.head.received_at = record.received_at;
        }
        let records = store.blocks_from(&scope, 0)?;
        project.bytes = records.iter().map(|record| record.bytes).sum();
        let recent = records
            .into_iter()
            .filter(|record| record.received_at >= remembered_since);
        for record in recent {
            match blocks.footer(&record) {
                Ok(entries) => {
                    for entry in entries.iter() {
                        ids.push((entry.received_at, scope.clone(), entry.id));
                        if entry.signal.is_some() {
                            project.head.telemetry_at = project.head.telemetry_at.max(entry.received_at);
                        }
                    }
                }
                Err(error) => {
                    metrics.segment_lost();
                    tracing::error!(error = crate::chain(&error), "cannot read a block's footer");
                }
            }
        }
    }
    let folder = &config.journal.folder;
    let failed = |source| LogError::Folder {
        operation: "list",
        folder: folder.clone(),
        source,
    };
    let files = journal::list(folder).map_err(failed)?;
    for &file in &files {
        let is_genuine = |segment: &[u8]| keys.is_genuine(segment, &config.segment_limits);
        let damages = journal::read_frames(folder, file, is_genuine, |frame| {
            let Ok(header) = peek_header(&frame.segment) else {
                metrics.segment_lost();
                tracing::error!(
                    file,
                    offset = frame.position.offset,
                    "a journal frame holds no segment"
                );
                return;
            };
            let scope = Scope {
                tenant: header.tenant,
                project: header.project,
            };
            ids.push((header.received_at, scope.clone(), header.id));
            let project = projects.entry(scope).or_default();
            let Head {
                sequence,
                received_at,
                telemetry_at,
            } = &mut project.head;
            *received_at = header.received_at.max(*received_at);
            if header.signal.is_some() {
                *telemetry_at = header.received_at.max(*telemetry_at);
            }
            if frame.sequence <= *sequence {
                // The crash came between registering the blocks and deleting this file.
                return;
            }
            if *sequence > 0 && frame.sequence > *sequence + 1 {
                tracing::error!(
                    file,
                    first = *sequence + 1,
                    last = frame.sequence - 1,
                    "segments are missing from the journal"
                );
                (*sequence + 1..frame.sequence).for_each(|_| metrics.segment_lost());
            }
            *sequence = frame.sequence;
            project.bytes += u64::from(frame.position.length);
            let entry = TailEntry {
                id: header.id,
                received_at: header.received_at,
                position: frame.position,
                signal: header.signal,
                rows: header.rows,
                footer: None,
                columns: None,
                weight: 0,
            };
            project.tail.insert(frame.sequence, entry);
        });
        for damage in damages.map_err(LogError::Journal)? {
            let (offset, bytes, reason) = (damage.offset, damage.length, damage.reason);
            if damage.is_torn {
                tracing::info!(
                    file,
                    offset,
                    bytes,
                    reason,
                    "the journal ends in a write that was never acknowledged"
                );
            } else {
                metrics.journal_damaged();
                tracing::error!(
                    file,
                    offset,
                    bytes,
                    reason,
                    "the journal is damaged; going on behind it"
                );
            }
        }
    }
    // Numbers that a session has consumed aren't given out again, even if what they named is lost.
    for (scope, consumed) in store.last_consumed_sequences()? {
        let head = &mut projects.entry(scope).or_default().head;
        head.sequence = head.sequence.max(consumed);
    }
    ids.sort_unstable();
    ids.retain(|(received_at, ..)| *received_at >= remembered_since);
    let next = projects
        .iter()
        .map(|(scope, project)| (scope.clone(), project.head.sequence + 1))
        .collect();
    let start = Start {
        file: files.last().map_or(1, |last| last + 1),
        next,
        ids,
    };
    Ok(Recovered {
        projects,
        files,
        start,
    })
}
