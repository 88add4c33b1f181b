//! Blocks: a project's consecutive segments in one object, with a footer that says what each holds.
//!
//! An object is the segments one behind the other, the footer (postcard), its length (`u64`, little-endian), BLAKE3 of it
//! (32 bytes) keyed per project, and the magic. The segments carry their own MACs; the footer's hash keeps anybody who can write to the bucket from
//! hiding rows.

use std::collections::VecDeque;
use std::sync::Arc;

use aia_telemetry::{Footer, SegmentId, SignalType};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::bucket::record;
use super::chunks::{CHUNK_BYTES, Chunks};
use super::{KeyRing, LogError};
use crate::store::{BlockRecord, Scope, Store, StoreError};

/// Last bytes of a block: format 1.
const MAGIC: &[u8; 8] = b"AIAB\x01\0\0\0";

/// Bytes behind the footer: its length, its hash and the magic.
const TRAILER: usize = 8 + 32 + MAGIC.len();

/// Footers kept in memory, of all projects together. A footer of 256 segments takes some 200 KiB at most.
const CACHED_FOOTERS: usize = 64;

/// Why a block can't be read.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The object store failed.
    #[error("cannot reach the object `{object}`")]
    Object {
        /// Its key.
        object: String,
        /// The store's reason.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The object isn't what it should be.
    #[error("the object `{object}` is damaged: {reason}")]
    Damaged {
        /// Its key.
        object: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The store failed.
    #[error("cannot look up the block")]
    Store(#[source] Box<StoreError>),
    /// No block holds this segment.
    #[error("no block holds it")]
    Missing,
}

impl BlockError {
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Missing => true,
            Self::Object { source, .. } => matches!(**source, object_store::Error::NotFound { .. }),
            Self::Store(_) => false,
        }
    }
}

/// What the footer says of a segment.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct BlockEntry {
    pub(super) id: SegmentId,
    pub(super) sequence: u64,
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) signal: Option<SignalType>,
    pub(super) rows: u32,
    pub(super) received_at: u64,
    pub(super) footer: Option<Footer>,
}

/// A block to be written.
pub(super) struct NewBlock {
    pub(super) record: BlockRecord,
    pub(super) bytes: Bytes,
}

/// Reads and writes blocks. Blocks the calling thread, which must not be one of the async runtime's.
pub(super) struct Blocks {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) runtime: tokio::runtime::Handle,
    keys: Arc<KeyRing>,
    store: Arc<dyn Store>,
    /// Newest last.
    footers: Mutex<VecDeque<(String, Arc<Vec<BlockEntry>>)>>,
    chunks: Chunks,
    /// The block in which a segment was looked up last: whoever reads a log reads on in it.
    last: Mutex<Option<BlockRecord>>,
}

impl Blocks {
    pub(super) fn new(
        objects: Arc<dyn ObjectStore>,
        runtime: tokio::runtime::Handle,
        keys: Arc<KeyRing>,
        store: Arc<dyn Store>,
    ) -> Self {
        Self {
            objects,
            runtime,
            keys,
            store,
            footers: Mutex::default(),
            chunks: Chunks::default(),
            last: Mutex::default(),
        }
    }

    /// Puts together a block of segments whose sequence numbers are consecutive.
    pub(super) fn build(&self, scope: &Scope, segments: Vec<(BlockEntry, Vec<u8>)>) -> Option<NewBlock> {
        let first_sequence = segments.first()?.0.sequence;
        let mut bytes = Vec::new();
        let mut entries = Vec::with_capacity(segments.len());
        for (mut entry, segment) in segments {
            entry.offset = bytes.len() as u64;
            bytes.extend_from_slice(&segment);
            entries.push(entry);
        }
        let footer = postcard::to_allocvec(&entries).ok()?;
        let hash = self.footer_hash(scope, &footer);
        bytes.extend_from_slice(&footer);
        bytes.extend_from_slice(&(footer.len() as u64).to_le_bytes());
        bytes.extend_from_slice(hash.as_bytes());
        bytes.extend_from_slice(MAGIC);
        let object = format!("blocks/{}/{}/{first_sequence:020}", scope.tenant, scope.project);
        let footer_bytes = (footer.len() + TRAILER) as u64;
        let record = record(scope, &object, bytes.len() as u64, footer_bytes, &entries)?;
        Some(NewBlock {
            record,
            bytes: bytes.into(),
        })
    }

    /// Puts a block; putting the same once more changes nothing.
    pub(super) fn put(&self, block: &NewBlock) -> Result<(), BlockError> {
        let object = &block.record.object;
        self.runtime
            .block_on(
                self.objects
                    .put(&Path::from(object.as_str()), block.bytes.clone().into()),
            )
            .map(|_| ())
            .map_err(|source| BlockError::Object {
                object: object.clone(),
                source: Box::new(source),
            })
    }

    /// Deletes a block; one that is gone is fine.
    pub(super) fn delete(&self, block: &BlockRecord) -> Result<(), BlockError> {
        let path = Path::from(block.object.as_str());
        match self.runtime.block_on(self.objects.delete(&path)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {
                self.footers.lock().retain(|(object, _)| *object != block.object);
                self.chunks.forget(&block.object);
                self.last.lock().take_if(|last| last.object == block.object);
                Ok(())
            }
            Err(source) => Err(BlockError::Object {
                object: block.object.clone(),
                source: Box::new(source),
            }),
        }
    }

    /// Reads a segment's bytes.
    pub(super) fn segment(&self, scope: &Scope, sequence: u64) -> Result<(SegmentId, Bytes), LogError> {
        let failed = |source| LogError::Block {
            scope: scope.clone(),
            sequence,
            source,
        };
        let (record, entry) = self.entry(scope, sequence).map_err(failed)?;
        let bytes = self.bytes(&record, entry.offset, entry.length).map_err(failed)?;
        Ok((entry.id, bytes))
    }

    /// The entry of a segment and the block it lies in.
    pub(super) fn entry(
        &self,
        scope: &Scope,
        sequence: u64,
    ) -> Result<(BlockRecord, BlockEntry), BlockError> {
        let record = self.record(scope, sequence)?;
        let entries = self.footer(&record)?;
        let index = entries
            .binary_search_by_key(&sequence, |entry| entry.sequence)
            .map_err(|_| BlockError::Missing)?;
        let entry = entries.get(index).cloned().ok_or(BlockError::Missing)?;
        Ok((record, entry))
    }

    /// The block that holds a segment.
    fn record(&self, scope: &Scope, sequence: u64) -> Result<BlockRecord, BlockError> {
        let holds = |record: &BlockRecord| {
            record.scope == *scope && (record.first_sequence..=record.last_sequence).contains(&sequence)
        };
        if let Some(record) = self.last.lock().as_ref().filter(|record| holds(record)) {
            return Ok(record.clone());
        }
        let records = self
            .store
            .blocks_from(scope, sequence)
            .map_err(|error| BlockError::Store(Box::new(error)))?;
        let record = records
            .into_iter()
            .next()
            .filter(holds)
            .ok_or(BlockError::Missing)?;
        *self.last.lock() = Some(record.clone());
        Ok(record)
    }

    /// All blocks of a project.
    pub(super) fn all(&self, scope: &Scope) -> Result<Vec<BlockRecord>, BlockError> {
        self.store
            .blocks_from(scope, 0)
            .map_err(|error| BlockError::Store(Box::new(error)))
    }

    /// The verified footer of a block.
    pub(super) fn footer(&self, record: &BlockRecord) -> Result<Arc<Vec<BlockEntry>>, BlockError> {
        if let Some((_, footer)) = self
            .footers
            .lock()
            .iter()
            .rev()
            .find(|(object, _)| *object == record.object)
        {
            return Ok(Arc::clone(footer));
        }
        let damaged = |reason| BlockError::Damaged {
            object: record.object.clone(),
            reason,
        };
        let start = record
            .bytes
            .checked_sub(record.footer_bytes)
            .ok_or(damaged("its footer is longer than it"))?;
        let bytes = self.range(record, start, record.footer_bytes)?;
        let (footer, trailer) = bytes
            .len()
            .checked_sub(TRAILER)
            .map(|at| bytes.split_at(at))
            .ok_or(damaged("its footer is cut short"))?;
        let (_, trailer) = trailer.split_at(8);
        let (hash, magic) = trailer.split_at(32);
        if magic != MAGIC {
            return Err(damaged("it doesn't end like a block of format 1"));
        }
        // Comparing `blake3::Hash` takes constant time.
        if blake3::Hash::from_slice(hash).ok() != Some(self.footer_hash(&record.scope, footer)) {
            return Err(damaged("its footer doesn't verify"));
        }
        let entries: Vec<BlockEntry> =
            postcard::from_bytes(footer).map_err(|_| damaged("its footer can't be decoded"))?;
        let entries = Arc::new(entries);
        let mut footers = self.footers.lock();
        footers.push_back((record.object.clone(), Arc::clone(&entries)));
        if footers.len() > CACHED_FOOTERS {
            footers.pop_front();
        }
        Ok(entries)
    }

    /// The record of a block that lies in the object store, if it verifies.
    pub(super) fn describe(&self, scope: &Scope, object: &str, size: u64) -> Result<BlockRecord, BlockError> {
        let damaged = |reason| BlockError::Damaged {
            object: object.to_owned(),
            reason,
        };
        let mut unknown = BlockRecord {
            scope: scope.clone(),
            object: object.to_owned(),
            first_sequence: 0,
            last_sequence: 0,
            start_time: 0,
            end_time: 0,
            bytes: size,
            footer_bytes: 0,
            received_at: 0,
        };
        let trailer = TRAILER as u64;
        let start = size.checked_sub(trailer).ok_or(damaged("it is cut short"))?;
        let bytes = self.range(&unknown, start, trailer)?;
        let length = bytes.first_chunk().copied().map(u64::from_le_bytes);
        unknown.footer_bytes = length
            .and_then(|length| length.checked_add(trailer))
            .ok_or(damaged("its footer's length is wrong"))?;
        let entries = self.footer(&unknown)?;
        record(scope, object, size, unknown.footer_bytes, &entries)
            .filter(|record| object.ends_with(&format!("/{:020}", record.first_sequence)))
            .ok_or(damaged("its footer is of another block"))
    }

    /// Bytes of a segment that lies there, read together with what lies behind it.
    pub(super) fn bytes(&self, record: &BlockRecord, offset: u64, length: u32) -> Result<Bytes, BlockError> {
        let (object, length) = (record.object.as_str(), u64::from(length));
        if let Some(bytes) = self.chunks.get(object, offset, length) {
            return Ok(bytes);
        }
        let behind_segments = record.bytes.saturating_sub(record.footer_bytes);
        let ahead = CHUNK_BYTES.min(behind_segments.saturating_sub(offset));
        let mut bytes = self.range(record, offset, length.max(ahead))?;
        if length < ahead {
            self.chunks.keep(object, offset, bytes.clone());
        }
        // A store that gives less than it was asked for gives a segment that doesn't verify.
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn range(&self, record: &BlockRecord, offset: u64, length: u64) -> Result<Bytes, BlockError> {
        let path = Path::from(record.object.as_str());
        self.runtime
            .block_on(
                self.objects
                    .get_range(&path, offset..offset.saturating_add(length)),
            )
            .map_err(|source| BlockError::Object {
                object: record.object.clone(),
                source: Box::new(source),
            })
    }

    fn footer_hash(&self, scope: &Scope, footer: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.keys.footer_key(scope), footer)
    }
}
