//! Taking commits over: each once, in order, with the rows that show its signals.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aia_edge::{ChainError, Link, read_commits};
use aia_telemetry::{
    Columns, Commit, Consumed, Header, RowId, SegmentId, Signal, commit_key, describe_row, object_key,
    signal_id,
};

use super::ordinals::Ordinals;
use super::{FollowError, Followed, Follower};
use crate::incidents::{self, Decided, Found, evidence_id, fingerprint_hash, from_row};
use crate::pull::bucket::{BucketError, Query};
use crate::runtime;
use crate::store::{EdgeCommit, Evidence, PinnedSignal, Scope, StoreError};

/// How often it is looked for plugins that have a session now.
const LIST_EVERY: Duration = Duration::from_secs(60);

/// Where a session stands.
#[derive(Default)]
pub(super) struct Stand {
    /// Number of the last commit that was taken over, and up to when time has passed in it.
    pub(super) number: u64,
    pub(super) received_at: u64,
    /// Its hash, if it was read.
    hash: Option<[u8; 32]>,
    ordinals: Ordinals,
    /// Told once of a chain that is broken.
    is_told: bool,
}

/// What reading commits failed of: a bucket that fails is no forger.
fn refused(scope: &Scope, plugin: &str, error: ChainError) -> FollowError {
    let (scope, plugin) = (scope.clone(), plugin.to_owned());
    match error {
        ChainError::Bucket(error) => FollowError::Read {
            scope,
            plugin,
            reason: error.to_string(),
        },
        source => FollowError::Chain {
            scope,
            plugin,
            source,
        },
    }
}

impl Follower {
    /// Takes over what there is of a project's commits; whether there was any.
    pub(super) fn apply_commits(&self, scope: &Scope, followed: &mut Followed) -> Result<bool, FollowError> {
        for applied in self.target.store.edge_commits(scope)? {
            let stand = followed.plugins.entry(applied.plugin).or_default();
            stand.number = applied.number;
            stand.received_at = applied.received_at;
        }
        if followed.listed.is_none_or(|at| at.elapsed() >= LIST_EVERY) {
            for plugin in self.plugins(scope)? {
                followed.plugins.entry(plugin).or_default();
            }
            followed.listed = Some(Instant::now());
        }
        let names: Vec<String> = followed.plugins.keys().cloned().collect();
        let mut is_new = false;
        for plugin in names {
            let Some(mut stand) = followed.plugins.remove(&plugin) else {
                continue;
            };
            let before = stand.number;
            let applied = self.apply_plugin(scope, followed, &plugin, &mut stand);
            is_new |= stand.number > before;
            let result = match applied {
                // One session that is broken holds up no other.
                Err(error @ FollowError::Chain { .. }) => {
                    if !std::mem::replace(&mut stand.is_told, true) {
                        tracing::error!(target: "audit", error = crate::chain(&error), "commits of the edge are refused");
                    }
                    Ok(())
                }
                Ok(()) => {
                    stand.is_told = false;
                    Ok(())
                }
                Err(error) => Err(error),
            };
            followed.plugins.insert(plugin, stand);
            result?;
        }
        Ok(is_new)
    }

    /// The plugins that have sessions there. Names are what others wrote: only those that could be a plugin's are taken.
    fn plugins(&self, scope: &Scope) -> Result<Vec<String>, FollowError> {
        let prefix = format!("sessions/{}/{}/", scope.tenant, scope.project);
        let query = Query {
            prefix: &prefix,
            after: None,
            token: None,
            folders: true,
        };
        let page = self
            .wait(self.bucket.list(query))?
            .map_err(|source| FollowError::Bucket {
                scope: scope.clone(),
                source,
            })?;
        let names = page
            .folders
            .iter()
            .filter_map(|folder| folder.strip_prefix(&prefix)?.strip_suffix('/'));
        Ok(names
            .filter(|name| runtime::is_plugin_name(name))
            .map(ToOwned::to_owned)
            .collect())
    }

    fn apply_plugin(
        &self,
        scope: &Scope,
        followed: &Followed,
        plugin: &str,
        stand: &mut Stand,
    ) -> Result<(), FollowError> {
        let objects = self.objects();
        let read = |number| self.wait(read_commits(&objects, &followed.keys, plugin, number, number));
        // The last one that was taken over, so that the next is seen to follow it. It may have been deleted meanwhile.
        if stand.number > 0 && stand.hash.is_none() {
            match read(stand.number)? {
                Ok(links) => {
                    stand.hash = links.first().map(|link| link.hash);
                    links.iter().for_each(|link| stand.ordinals.learn(&link.commit));
                }
                Err(ChainError::Missing { .. }) => {}
                Err(error) => return Err(refused(scope, plugin, error)),
            }
        }
        // To ask for the next one costs less than to list.
        loop {
            let links = match read(stand.number + 1)? {
                Ok(links) => links,
                Err(ChainError::Missing { .. }) => return Ok(()),
                Err(error) => return Err(refused(scope, plugin, error)),
            };
            for link in links {
                let follows = stand.hash.is_none_or(|hash| hash == link.commit.previous);
                if !follows {
                    let object_key = commit_key(&scope.tenant, &scope.project, plugin, link.commit.number);
                    return Err(refused(scope, plugin, ChainError::Broken { object_key }));
                }
                stand.ordinals.learn(&link.commit);
                self.apply(scope, followed, &link, stand)?;
                stand.hash = Some(link.hash);
            }
        }
    }

    /// Takes over one commit: its signals and that it was, in one transaction.
    fn apply(
        &self,
        scope: &Scope,
        followed: &Followed,
        link: &Link,
        stand: &mut Stand,
    ) -> Result<(), FollowError> {
        let Commit {
            number,
            plugin,
            received_at,
            segments,
            ..
        } = &link.commit;
        let found = self.found(scope, followed, &link.commit, &mut stand.ordinals)?;
        let edge = EdgeCommit {
            plugin: plugin.clone(),
            number: *number,
            received_at: *received_at,
        };
        let mut decided = Decided::default();
        let applied = self
            .target
            .store
            .apply_edge_commit(scope, &edge, &mut |transaction| {
                decided = incidents::decide(transaction, scope.project.as_str(), &self.target.rules, &found)?;
                Ok(())
            });
        match applied {
            Ok(()) => {
                let (segments, signals) = (segments.len() as u64, found.len() as u64);
                self.target.metrics.committed(plugin, segments, signals);
                self.target.metrics.incidents(decided.opened, decided.regressed);
            }
            // Another thread of ours, or another host.
            Err(StoreError::CommitExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        stand.number = *number;
        stand.received_at = *received_at;
        if !found.is_empty() {
            (self.target.found)(scope);
        }
        self.target.waker.wake(scope);
        Ok(())
    }

    /// The signals with their evidence. Rows that can't be found are left out; a signal without any is refused: no claim
    /// without evidence.
    fn found(
        &self,
        scope: &Scope,
        followed: &Followed,
        commit: &Commit,
        ordinals: &mut Ordinals,
    ) -> Result<Vec<Found>, FollowError> {
        let mut segments: BTreeMap<u64, Option<(SegmentId, Columns)>> = BTreeMap::new();
        let mut found = Vec::new();
        for (index, (received_at, signal)) in (0_u32..).zip(&commit.signals) {
            let mut evidence: Vec<Evidence> = Vec::new();
            for RowId { segment, row } in &signal.evidence {
                if !segments.contains_key(segment) {
                    let columns = self.segment(scope, followed, &commit.plugin, ordinals, *segment)?;
                    segments.insert(*segment, columns);
                }
                let Some(Some((id, columns))) = segments.get(segment) else {
                    continue;
                };
                if evidence.iter().any(|known| known.id == evidence_id(*id, *row)) {
                    continue;
                }
                evidence.extend(describe_row(columns, *row).map(|content| from_row(*id, *row, content)));
            }
            if evidence.is_empty() {
                self.target.metrics.signal_refused(&commit.plugin);
                tracing::error!(%scope, plugin = commit.plugin, number = commit.number, "a signal's evidence doesn't exist");
                continue;
            }
            let signal: runtime::Signal = Signal::clone(signal).into();
            found.push(Found {
                signal: PinnedSignal {
                    id: signal_id(
                        &scope.tenant,
                        &scope.project,
                        &commit.plugin,
                        commit.number,
                        index,
                    ),
                    incident: String::new(),
                    detector: commit.plugin.clone(),
                    fingerprint: fingerprint_hash(&commit.plugin, &signal.fingerprint),
                    received_at: *received_at,
                    evidence: evidence.iter().map(|evidence| evidence.id.clone()).collect(),
                    signal,
                },
                evidence,
            });
        }
        Ok(found)
    }

    /// A segment of the session, from the bucket. None if it isn't there any more, or isn't genuine.
    fn segment(
        &self,
        scope: &Scope,
        followed: &Followed,
        plugin: &str,
        ordinals: &mut Ordinals,
        ordinal: u64,
    ) -> Result<Option<(SegmentId, Columns)>, FollowError> {
        let objects = self.objects();
        let find = ordinals.find(&objects, &followed.keys, plugin, ordinal);
        let consumed = self.wait(find)?.map_err(|error| refused(scope, plugin, error))?;
        let Some(Consumed {
            id,
            received_at,
            rows,
            ..
        }) = consumed.filter(|consumed| consumed.rows > 0)
        else {
            return Ok(None);
        };
        let header = Header {
            id,
            rows,
            ..followed.keys.empty_header(received_at)
        };
        let key = object_key(&header);
        let limit = self.segment_limits.max_columns_bytes as u64;
        let bytes = match self.wait(self.bucket.get(&key, limit))? {
            Ok(bytes) => bytes,
            Err(BucketError::Missing | BucketError::TooLarge { .. } | BucketError::Unnameable) => {
                return Ok(None);
            }
            Err(error) => {
                return Err(FollowError::Read {
                    scope: scope.clone(),
                    plugin: plugin.to_owned(),
                    reason: crate::chain(&error).to_string(),
                });
            }
        };
        let opened = followed.keys.open_at(&key, &bytes, &self.segment_limits);
        Ok(opened.ok().and_then(|(_, columns)| Some((id, columns?))))
    }
}
