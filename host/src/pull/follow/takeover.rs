//! Going on where the edge's commits stop: an isolate that died before it could, a plugin that its runtime doesn't bear, an
//! edge that is gone. The same engine as there, with wasmtime; whose commit is first has it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use aia_edge::{Config, Memory, MemoryError, Note, Owner};
use aia_telemetry::ProjectKeys;

use super::objects::Objects;
use super::plugins::WasmPlugins;
use super::{FollowError, Followed, Follower};
use crate::clock;
use crate::pull::stop::Stop;
use crate::sessions::Detector;
use crate::store::Scope;

/// What an owner remembers while this process lives: in wasmtime no plugin ends that.
#[derive(Default)]
struct ProcessMemory(RefCell<Note>);

impl Memory for ProcessMemory {
    async fn read(&self) -> Result<Note, MemoryError> {
        Ok(self.0.borrow().clone())
    }

    async fn write(&self, note: &Note) -> Result<(), MemoryError> {
        *self.0.borrow_mut() = note.clone();
        Ok(())
    }
}

type HostOwner = Owner<Objects, WasmPlugins, ProcessMemory>;

/// What the host does of a project's sessions itself.
#[derive(Default)]
pub(super) struct Takeover {
    /// Since when a plugin's session is behind, and at which commit.
    behind: BTreeMap<String, (Instant, u64)>,
    owners: BTreeMap<String, HostOwner>,
}

impl Takeover {
    /// Whether there is something that this host goes on with.
    pub(super) fn is_at_work(&self) -> bool {
        !self.owners.is_empty()
    }

    /// Commits what these sessions know.
    pub(super) fn close(&mut self, stop: &Stop) {
        for owner in self.owners.values_mut() {
            // The host is being stopped: what isn't committed is found again by whoever goes on.
            let _ = stop.or(owner.close(clock::now()));
        }
    }
}

impl Follower {
    /// Goes on with those sessions that have been behind what was pulled for too long, until somebody else does.
    pub(super) fn go_on_where_they_stop(
        &self,
        scope: &Scope,
        followed: &mut Followed,
    ) -> Result<(), FollowError> {
        let newest = self.target.log.head(scope).received_at;
        let detectors = (self.target.detectors)();
        for detector in detectors.iter() {
            let plugin = detector.plugin.name();
            let (number, received_at) = followed
                .plugins
                .get(plugin)
                .map_or((0, 0), |stand| (stand.number, stand.received_at));
            let takeover = &mut followed.takeover;
            if takeover.owners.contains_key(plugin) {
                continue;
            }
            if received_at >= newest {
                takeover.behind.remove(plugin);
                continue;
            }
            let (since, at) = *takeover
                .behind
                .entry(plugin.to_owned())
                .or_insert((Instant::now(), number));
            if at != number {
                takeover
                    .behind
                    .insert(plugin.to_owned(), (Instant::now(), number));
            } else if since.elapsed() >= self.takeover_after {
                tracing::warn!(%scope, plugin, commit = number, "the edge commits no more; this host goes on");
                let keys = ProjectKeys::derive(&self.target.root, &scope.tenant, &scope.project);
                takeover
                    .owners
                    .insert(plugin.to_owned(), self.owner(detector, keys));
            }
        }
        self.step(scope, followed)
    }

    fn owner(&self, detector: &Detector, keys: ProjectKeys) -> HostOwner {
        let config = Config {
            max_columns_bytes: self.segment_limits.max_columns_bytes,
            ..Config::default()
        };
        let plugins = WasmPlugins::new([std::sync::Arc::clone(&detector.plugin)]);
        Owner::new(self.objects(), plugins, ProcessMemory::default(), keys, config)
    }

    fn step(&self, scope: &Scope, followed: &mut Followed) -> Result<(), FollowError> {
        let mut ended = Vec::new();
        for (plugin, owner) in &mut followed.takeover.owners {
            let now = clock::now();
            self.wait(owner.step(now))?;
            for report in owner.take_reports() {
                match report.level {
                    "debug" => tracing::debug!(%scope, "{}", report.text),
                    "info" => tracing::info!(%scope, "{}", report.text),
                    "warn" => tracing::warn!(%scope, "{}", report.text),
                    _ => tracing::error!(%scope, "{}", report.text),
                }
            }
            if owner.has_rival() {
                tracing::info!(%scope, plugin, "the edge commits again; it goes on");
                ended.push(plugin.clone());
            } else if owner.next_step(now).is_none() {
                ended.push(plugin.clone());
            }
        }
        for plugin in ended {
            followed.takeover.owners.remove(&plugin);
            followed.takeover.behind.remove(&plugin);
        }
        Ok(())
    }
}
