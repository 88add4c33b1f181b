//! `durability = "bucket"`: a request is acknowledged once its segment lies in the object store, so that it outlives this
//! machine. The journal is written all the same, since it gives the order. A segment's object goes when its block is
//! there; a host that starts with an empty folder finds blocks and segments in the bucket and carries on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aia_telemetry::{Footer, Header, ProjectId, SegmentId, TenantId, object_key, peek_header};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::blocks::BlockError;
use super::{LogError, Note, Shared};
use crate::journal::Append;
use crate::store::{BlockRecord, Scope};

/// Folder of segments that aren't in a block yet.
const SEGMENTS: &str = "segments";

/// When a request is durable.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Durability {
    /// When it is in the journal on this machine's disk.
    #[default]
    Journal,
    /// When it is in the object store as well.
    Bucket {
        /// Longest wait for the object store.
        timeout: Duration,
    },
}

/// Why a segment could not be put into the bucket. Worth a retry by the client.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The object store refused, or can't be reached.
    #[error("cannot put a segment into the bucket")]
    Put(#[source] object_store::Error),
    /// The object store didn't answer in time.
    #[error("the bucket didn't answer within {0:?}")]
    Slow(Duration),
    /// It isn't a segment.
    #[error("a segment without a header")]
    Header,
}

impl Shared {
    /// Makes a segment durable in the bucket, if that is asked for. One that is there already is fine.
    pub(super) async fn put_segment(&self, append: &Append) -> Result<(), BucketError> {
        let Durability::Bucket { timeout } = self.config.durability else {
            return Ok(());
        };
        // That time passes isn't worth an object.
        if append.note.signal.is_none() {
            return Ok(());
        }
        let header = peek_header(&append.segment).map_err(|_| BucketError::Header)?;
        let path = Path::from(object_key(&header));
        // What is there can't be other bytes of that id, and is never written over.
        let options = PutOptions::from(PutMode::Create);
        let put = self
            .blocks
            .objects
            .put_opts(&path, append.segment.clone().into(), options);
        match tokio::time::timeout(timeout, put).await {
            Ok(Ok(_) | Err(object_store::Error::AlreadyExists { .. })) => Ok(()),
            Ok(Err(error)) => Err(BucketError::Put(error)),
            Err(_) => Err(BucketError::Slow(timeout)),
        }
    }

    /// Deletes the objects of segments that are in a block now. What can't be deleted is found at the next start.
    pub(super) fn delete_segments(&self, paths: Vec<Path>) {
        if self.config.durability != Durability::Journal {
            self.delete_objects(paths);
        }
    }

    fn delete_objects(&self, paths: Vec<Path>) {
        let objects = Arc::clone(&self.blocks.objects);
        let deleted = self.blocks.runtime.block_on(async move {
            let paths = stream::iter(paths).map(Ok).boxed();
            objects
                .delete_stream(paths)
                .filter(|deleted| {
                    let is_failure = deleted
                        .as_ref()
                        .is_err_and(|error| !matches!(error, object_store::Error::NotFound { .. }));
                    std::future::ready(is_failure)
                })
                .count()
                .await
        });
        if deleted > 0 {
            tracing::warn!(
                objects = deleted,
                "cannot delete segments that are in blocks now; the next start does"
            );
        }
    }

    /// Registers the blocks that lie in the bucket and aren't known: a host before this one wrote them.
    pub(super) fn find_blocks(&self) -> Result<(), LogError> {
        if self.config.durability == Durability::Journal {
            return Ok(());
        }
        let mut found: BTreeMap<Scope, Vec<(String, u64)>> = BTreeMap::new();
        for (path, size) in self.list("blocks")? {
            if let Some((scope, _)) = scope_of(&path) {
                found.entry(scope).or_default().push((path.to_string(), size));
            }
        }
        for (scope, objects) in found {
            let known: BTreeSet<String> = self
                .store
                .blocks_from(&scope, 0)?
                .into_iter()
                .map(|block| block.object)
                .collect();
            let mut blocks = Vec::new();
            for (object, size) in objects.into_iter().filter(|(object, _)| !known.contains(object)) {
                match self.blocks.describe(&scope, &object, size) {
                    Ok(block) => blocks.push(block),
                    Err(error) => {
                        self.metrics.segment_lost();
                        tracing::error!(error = crate::chain(&error), "leaving out a block of the bucket");
                    }
                }
            }
            if !blocks.is_empty() {
                tracing::info!(%scope, blocks = blocks.len(), "found blocks of an earlier host in the bucket");
                self.store.ensure_project(&scope, crate::clock::now())?;
                self.store.add_blocks(&blocks)?;
            }
        }
        Ok(())
    }

    /// The segments that lie in the bucket and are neither in a block nor in the journal, in the order they were received.
    /// Objects of those that are get deleted.
    pub(super) fn find_segments(&self) -> Result<Vec<Append>, LogError> {
        if self.config.durability == Durability::Journal {
            return Ok(Vec::new());
        }
        let mut found: BTreeMap<Scope, Vec<Path>> = BTreeMap::new();
        for (path, _) in self.list(SEGMENTS)? {
            if let Some((scope, _)) = scope_of(&path) {
                found.entry(scope).or_default().push(path);
            }
        }
        let mut appends = Vec::new();
        let mut superfluous = Vec::new();
        for (scope, paths) in found {
            let known: BTreeSet<String> = self.known_ids(&scope)?.iter().map(ToString::to_string).collect();
            for path in paths {
                let id = path.filename().unwrap_or_default();
                if known.contains(id) {
                    superfluous.push(path);
                } else if let Some(append) = self.fetch_segment(&scope, &path)? {
                    appends.push(append);
                }
            }
        }
        self.delete_objects(superfluous);
        appends.sort_by_key(|append| append.received_at);
        Ok(appends)
    }

    fn known_ids(&self, scope: &Scope) -> Result<BTreeSet<SegmentId>, LogError> {
        let mut known: BTreeSet<SegmentId> = {
            let state = self.state.lock();
            let project = state.projects.get(scope);
            project
                .into_iter()
                .flat_map(|project| project.tail.values().map(|entry| entry.id))
                .collect()
        };
        for block in self.store.blocks_from(scope, 0)? {
            if let Ok(entries) = self.blocks.footer(&block) {
                known.extend(entries.iter().map(|entry| entry.id));
            }
        }
        Ok(known)
    }

    /// Reads a segment that lies there; none if it isn't what its key says.
    fn fetch_segment(&self, scope: &Scope, path: &Path) -> Result<Option<Append>, LogError> {
        let failed = |source| LogError::Block {
            scope: scope.clone(),
            sequence: 0,
            source: BlockError::Object {
                object: path.to_string(),
                source: Box::new(source),
            },
        };
        let objects = &self.blocks.objects;
        let bytes = self
            .blocks
            .runtime
            .block_on(async { objects.get(path).await?.bytes().await })
            .map_err(failed)?;
        let keys = self.keys.of(scope);
        match keys.open_at(path.as_ref(), &bytes, &self.config.segment_limits) {
            Ok((header, columns)) => {
                let note = Note {
                    signal: header.signal,
                    rows: header.rows,
                    footer: columns.as_ref().map(|columns| Arc::new(Footer::of(columns))),
                    columns: None,
                    weight: 0,
                };
                Ok(Some(Append {
                    scope: scope.clone(),
                    id: header.id,
                    received_at: header.received_at,
                    segment: bytes.to_vec(),
                    note,
                }))
            }
            Err(error) => {
                self.metrics.segment_lost();
                tracing::error!(%error, object = %path, "leaving out an object of the bucket that doesn't verify");
                Ok(None)
            }
        }
    }

    /// Keys and sizes of all objects in a folder.
    fn list(&self, folder: &str) -> Result<Vec<(Path, u64)>, LogError> {
        let objects = &self.blocks.objects;
        let prefix = Path::from(folder);
        self.blocks
            .runtime
            .block_on(async {
                objects
                    .list(Some(&prefix))
                    .map_ok(|object| (object.location, object.size))
                    .try_collect()
                    .await
            })
            .map_err(LogError::Bucket)
    }
}

/// Where a segment lies in the bucket, if it was put there.
pub(super) fn segment_key(header: &Header) -> Option<Path> {
    header.signal.is_some().then(|| Path::from(object_key(header)))
}

/// Whose an object is: `<folder>/<tenant>/<project>/…`, and the rest of its key.
fn scope_of(path: &Path) -> Option<(Scope, String)> {
    let mut parts = path.as_ref().splitn(4, '/').skip(1);
    let scope = Scope {
        tenant: TenantId::new(parts.next()?).ok()?,
        project: ProjectId::new(parts.next()?).ok()?,
    };
    Some((scope, parts.next()?.to_owned()))
}

/// What a block's record says, put together from its object.
pub(super) fn record(
    scope: &Scope,
    object: &str,
    size: u64,
    footer_bytes: u64,
    entries: &[super::blocks::BlockEntry],
) -> Option<BlockRecord> {
    let (first, last) = (entries.first()?, entries.last()?);
    let times = entries
        .iter()
        .filter_map(|entry| entry.footer.as_ref())
        .filter(|footer| footer.max_time > 0);
    let start_time = times.clone().map(|footer| footer.min_time).min();
    Some(BlockRecord {
        scope: scope.clone(),
        object: object.to_owned(),
        first_sequence: first.sequence,
        last_sequence: last.sequence,
        start_time: start_time.unwrap_or(0),
        end_time: times.map(|footer| footer.max_time).max().unwrap_or(0),
        bytes: size,
        footer_bytes,
        received_at: entries.iter().map(|entry| entry.received_at).max().unwrap_or(0),
    })
}
