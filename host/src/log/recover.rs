//! What the log holds after a start: the blocks' last sequence numbers from the store, and every frame of the journal.

use std::collections::BTreeMap;

use aia_telemetry::peek_header;

use super::blocks::Blocks;
use super::{Head, LogError, ProjectLog, TailEntry};
use crate::clock;
use crate::journal::{self, JournalConfig, JournalDamage, Start};
use crate::metrics::Metrics;
use crate::store::{Scope, Store};

pub(super) struct Recovered {
    pub(super) projects: BTreeMap<Scope, ProjectLog>,
    /// Files to be compacted, oldest first.
    pub(super) files: Vec<u64>,
    pub(super) start: Start,
}

pub(super) fn recover(
    config: &JournalConfig,
    store: &dyn Store,
    blocks: &Blocks,
    metrics: &Metrics,
) -> Result<Recovered, LogError> {
    let mut projects: BTreeMap<Scope, ProjectLog> = BTreeMap::new();
    let mut ids = Vec::new();
    let remembered_since = clock::now().saturating_sub(clock::nanos(config.remember_ids));
    for (scope, last) in store.last_block_sequences()? {
        let project = projects.entry(scope.clone()).or_default();
        project.head.sequence = last;
        for record in store.blocks_from(&scope, last)? {
            project.head.received_at = record.received_at;
        }
        let recent = store
            .blocks_from(&scope, 0)?
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
    let folder = &config.folder;
    let failed = |source| LogError::Folder {
        operation: "list",
        folder: folder.clone(),
        source,
    };
    let files = journal::list(folder).map_err(failed)?;
    for &file in &files {
        let read = journal::read_frames(folder, file, |frame| {
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
            *sequence = frame.sequence;
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
        match read {
            Ok(()) => {}
            // A write that was under way when the host died: nobody was told that it is safe.
            Err(damage @ JournalDamage::Frame { .. }) if Some(&file) == files.last() => {
                tracing::info!(reason = %damage, "the journal ends in a write that was never acknowledged");
            }
            Err(damage) => {
                metrics.journal_damaged();
                tracing::error!(
                    error = crate::chain(&damage),
                    "the journal is damaged; going on behind it"
                );
            }
        }
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
