//! Projects whose detectors run at the edge. Their sessions advance by commits in the bucket: the host takes these over,
//! one after the other, into incidents; and where they stop, it goes on at the next one itself.
//!
//! Nothing that lies there is believed before its MAC was verified, and no signal before its rows were found.

mod apply;
mod objects;
mod ordinals;
mod plugins;
mod takeover;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aia_edge::ChainError;
use aia_telemetry::{ProjectKeys, RootSecret, SegmentLimits};
use tokio::sync::watch;

use super::bucket::BucketError;
use super::s3::S3;
use super::stop::Stop;
use super::{Bucket, PullStartError};
use crate::config::Config;
use crate::incidents::Rules;
use crate::log::{Log, Wake};
use crate::metrics::Metrics;
use crate::sessions::{Detector, Leads, Waker};
use crate::store::{Scope, Store, StoreError};
use objects::Objects;
pub use plugins::WasmPlugins;
use takeover::Takeover;

/// Rounds that are left out at most while nothing is new: with one every 2 s, a look every 12 s.
const MOST_LEFT_OUT: u32 = 5;

/// Why a project's commits aren't taken over for now.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    /// The host is being stopped.
    #[error("the host is being stopped")]
    Stopped,
    /// The bucket fails.
    #[error("cannot follow the sessions of {scope}")]
    Bucket {
        scope: Scope,
        #[source]
        source: BucketError,
    },
    /// Commits aren't genuine.
    #[error("cannot take over the commits of plugin `{plugin}` of {scope}")]
    Chain {
        scope: Scope,
        plugin: String,
        #[source]
        source: ChainError,
    },
    /// What lies there can't be read now.
    #[error("cannot read what plugin `{plugin}` of {scope} committed: {reason}")]
    Read {
        scope: Scope,
        plugin: String,
        reason: String,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What following works with.
pub(crate) struct FollowTarget {
    pub(crate) log: Arc<Log>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) leads: Arc<Leads>,
    /// What the keys of projects are derived from.
    pub(crate) root: RootSecret,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) rules: Rules,
    /// The detectors in force, for where the host goes on itself.
    pub(crate) detectors: Box<dyn Fn() -> Arc<Vec<Detector>> + Send>,
    /// Told when signals of a project were taken over.
    pub(crate) found: Wake,
    /// Tends a project's incidents when its time has passed.
    pub(crate) waker: Waker,
}

/// The thread that follows. Ends when it is dropped.
pub(crate) struct Follow {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Follow {
    /// Starts it, if a bucket is configured. Within a tokio runtime.
    ///
    /// # Errors
    /// If there is no client or thread to be had.
    pub(crate) fn start(
        config: &Config,
        segment_limits: SegmentLimits,
        target: FollowTarget,
    ) -> Result<Option<Self>, PullStartError> {
        let Some(name) = &config.pull.bucket else {
            return Ok(None);
        };
        let bucket = Arc::new(S3::open(name, &config.pull, config.objects.timeout)?);
        let (stop, stopped) = watch::channel(false);
        let follower = Follower {
            every: config.pull.every,
            takeover_after: config.pull.takeover_after,
            segment_limits,
            bucket,
            stop: Stop::new(tokio::runtime::Handle::current(), stopped),
            target,
            projects: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("follow".into())
            .spawn(move || follower.run())?;
        Ok(Some(Self {
            stop,
            thread: Some(thread),
        }))
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that follows the edge panicked");
        }
    }
}

/// What the thread works with.
struct Follower {
    every: Duration,
    takeover_after: Duration,
    segment_limits: SegmentLimits,
    bucket: Arc<dyn Bucket>,
    stop: Stop,
    target: FollowTarget,
    projects: BTreeMap<Scope, Followed>,
}

/// What is known of a project that is followed.
struct Followed {
    keys: ProjectKeys,
    /// Where its plugins' sessions stand.
    plugins: BTreeMap<String, apply::Stand>,
    /// When it was last looked for further plugins.
    listed: Option<Instant>,
    /// Rounds in which nothing was new, and those that are left out for it.
    quiet: u32,
    left_out: u32,
    takeover: Takeover,
}

impl Follower {
    fn run(mut self) {
        loop {
            if matches!(self.round(), Err(FollowError::Stopped)) || self.stop.wait(self.every).is_err() {
                break;
            }
        }
        // Whoever goes on finds a snapshot.
        for project in self.projects.values_mut() {
            project.takeover.close(&self.stop);
        }
    }

    /// Looks at every project of the edge once.
    fn round(&mut self) -> Result<(), FollowError> {
        let scopes = self.target.leads.edge();
        self.projects.retain(|scope, _| scopes.contains(scope));
        for scope in scopes {
            let mut followed = self.projects.remove(&scope).unwrap_or_else(|| Followed {
                keys: ProjectKeys::derive(&self.target.root, &scope.tenant, &scope.project),
                plugins: BTreeMap::new(),
                listed: None,
                quiet: 0,
                left_out: 0,
                takeover: Takeover::default(),
            });
            let looked = if followed.left_out > 0 && !followed.takeover.is_at_work() {
                followed.left_out -= 1;
                Ok(())
            } else {
                self.look(&scope, &mut followed)
            };
            self.projects.insert(scope, followed);
            match looked {
                Err(FollowError::Stopped) => return Err(FollowError::Stopped),
                Err(error) => tracing::warn!(error = crate::chain(&error), "trying again"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn look(&self, scope: &Scope, followed: &mut Followed) -> Result<(), FollowError> {
        let is_new = self.apply_commits(scope, followed)?;
        // Every look costs a request a plugin, also where nothing happens.
        followed.quiet = if is_new {
            0
        } else {
            (followed.quiet + 1).min(MOST_LEFT_OUT)
        };
        followed.left_out = followed.quiet;
        self.go_on_where_they_stop(scope, followed)
    }

    fn objects(&self) -> Objects {
        Objects(Arc::clone(&self.bucket))
    }

    fn wait<T>(&self, done: impl Future<Output = T>) -> Result<T, FollowError> {
        self.stop.or(done).map_err(|_| FollowError::Stopped)
    }
}
