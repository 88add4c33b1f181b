//! A project's log as it lies on disk, read beside a running host or without one: nothing is locked, nothing changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use aia_telemetry::{SegmentLimits, peek_header};
use object_store::ObjectStore;

use super::blocks::Blocks;
use super::{KeyRing, LogError, LogSegment};
use crate::journal::{self, FramePosition};
use crate::store::{Scope, Store};

/// A look at one project's log, as it was when the view was made.
pub struct LogView {
    scope: Scope,
    folder: PathBuf,
    limits: SegmentLimits,
    keys: Arc<KeyRing>,
    blocks: Blocks,
    /// Sequence numbers and times of receipt, in order.
    entries: BTreeMap<u64, u64>,
    rows: BTreeMap<u64, u32>,
    /// Where those lie that are in the journal.
    tail: BTreeMap<u64, FramePosition>,
}

impl LogView {
    /// Finds out what the project's log holds.
    ///
    /// # Errors
    /// If folder, store or a block can't be read.
    pub fn open(
        scope: &Scope,
        journal: PathBuf,
        limits: SegmentLimits,
        objects: Arc<dyn ObjectStore>,
        runtime: tokio::runtime::Handle,
        keys: Arc<KeyRing>,
        store: Arc<dyn Store>,
    ) -> Result<Self, LogError> {
        let mut view = Self {
            scope: scope.clone(),
            folder: journal,
            limits,
            keys: Arc::clone(&keys),
            blocks: Blocks::new(objects, runtime, keys, store),
            entries: BTreeMap::new(),
            rows: BTreeMap::new(),
            tail: BTreeMap::new(),
        };
        // The journal first: a file that is compacted meanwhile is found again among the blocks.
        view.list_journal()?;
        view.list_blocks()?;
        Ok(view)
    }

    /// Sequence numbers and times of receipt of all segments, in order.
    #[must_use]
    pub fn segments(&self) -> Vec<(u64, u64)> {
        self.entries
            .iter()
            .map(|(sequence, received_at)| (*sequence, *received_at))
            .collect()
    }

    /// Rows of a segment.
    #[must_use]
    pub fn rows(&self, sequence: u64) -> Option<u32> {
        self.rows.get(&sequence).copied()
    }

    /// Reads a segment.
    ///
    /// # Errors
    /// See [`LogError::is_lost`].
    pub fn read(&self, sequence: u64) -> Result<LogSegment, LogError> {
        if let Some(position) = self.tail.get(&sequence) {
            match journal::read_segment(&self.folder, *position) {
                Ok(bytes) => return self.segment(sequence, &bytes),
                // Compacted since: it is in a block now.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(self.failed("read", source)),
            }
        }
        let (_, bytes) = self.blocks.segment(&self.scope, sequence)?;
        self.segment(sequence, &bytes)
    }

    fn segment(&self, sequence: u64, bytes: &[u8]) -> Result<LogSegment, LogError> {
        let opened = self.keys.of(&self.scope).open(bytes, &self.limits);
        let (header, columns) = opened.map_err(|source| LogError::Damaged {
            scope: self.scope.clone(),
            sequence,
            source,
        })?;
        Ok(LogSegment {
            sequence,
            id: header.id,
            received_at: header.received_at,
            columns,
        })
    }

    fn list_blocks(&mut self) -> Result<(), LogError> {
        let failed = |scope: &Scope, sequence, source| LogError::Block {
            scope: scope.clone(),
            sequence,
            source,
        };
        let records = self
            .blocks
            .all(&self.scope)
            .map_err(|error| failed(&self.scope, 0, error))?;
        for record in records {
            let footer = self
                .blocks
                .footer(&record)
                .map_err(|error| failed(&self.scope, record.first_sequence, error))?;
            for entry in footer.iter() {
                self.entries.insert(entry.sequence, entry.received_at);
                self.rows.insert(entry.sequence, entry.rows);
            }
        }
        Ok(())
    }

    fn list_journal(&mut self) -> Result<(), LogError> {
        let files = match journal::list(&self.folder) {
            Ok(files) => files,
            // A folder in which no host ever ran.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(self.failed("list", source)),
        };
        for file in files {
            let is_genuine = |segment: &[u8]| self.keys.is_genuine(segment, &self.limits);
            let mut found = Vec::new();
            let read = journal::read_frames(&self.folder, file, is_genuine, |frame| {
                let Ok(header) = peek_header(&frame.segment) else {
                    return;
                };
                if header.tenant == self.scope.tenant && header.project == self.scope.project {
                    found.push((frame.sequence, header.received_at, header.rows, frame.position));
                }
            });
            match read {
                Ok(damages) => {
                    for damage in damages {
                        // A write under way, or damage that the host reports when it starts.
                        tracing::info!(file, ?damage, "reading what is whole of a journal file");
                    }
                }
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(LogError::Journal(error)),
            }
            for (sequence, received_at, rows, position) in found {
                self.entries.insert(sequence, received_at);
                self.rows.insert(sequence, rows);
                self.tail.insert(sequence, position);
            }
        }
        Ok(())
    }

    fn failed(&self, operation: &'static str, source: std::io::Error) -> LogError {
        LogError::Folder {
            operation,
            folder: self.folder.clone(),
            source,
        }
    }
}
