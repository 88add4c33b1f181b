//! Pulls segments that Workers at the edge put into a bucket. What lies there was written over the network by whoever has a
//! key to it, so nothing is believed: keys are only believed if a segment has such a key, objects only if their MAC, made
//! with this deployment's secret over the bytes and the key, is right. The rest is put aside.
//!
//! A pulled segment is appended to the log as it is, with the time at which the edge received it, and stays in the bucket
//! for a while. It is appended once: the store records what was pulled, and what the log holds beyond that is recorded
//! before more is pulled.
//!
//! One thread looks at the bucket again and again: at the newest minutes, and now and then at everything.

mod append;
mod bucket;
mod error;
mod expire;
mod fetch;
mod follow;
mod key;
mod list;
mod listing;
#[cfg(test)]
mod memory;
mod metrics;
mod project;
mod quarantine;
mod revoked;
mod s3;
mod stop;
#[cfg(test)]
mod tests;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aia_telemetry::{RootSecret, SegmentLimits};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::clock;
use crate::config::{self, Config};
use crate::log::{KeyRing, Log};
use crate::metrics::Metrics;
use crate::sessions::Leads;
use crate::store::{Lead, Scope, Store};
use bucket::{Bucket, BucketError};
use error::PullError;
pub use follow::WasmPlugins;
pub(crate) use follow::{Follow, FollowTarget};
use metrics::PullMetrics;
use project::{Looked, Project};
use revoked::Revoked;
use s3::S3;
use stop::Stop;
use trouble::Trouble;

/// How often it is looked for new projects.
const DISCOVER_EVERY: Duration = Duration::from_secs(10);

/// While nothing comes, and while the bucket doesn't answer, the time between two looks grows to so many times
/// `pull.every`.
const QUIET: u32 = 5;

/// Wait while memory is used up.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(1);

/// Most sealed bytes that are in memory at once, but for a single larger object.
const CHUNK_BYTES: u64 = 16 << 20;

/// Columns of so many sealed bytes are handed to the sessions; those of more are read back from the journal.
const KEEP_COLUMNS_BYTES: usize = 2 << 20;

/// Largest object that is fetched, whatever requests may have: a journal frame takes twice that.
const MAX_OBJECT_BYTES: u64 = 512 << 20;

/// Who leads a project that is first seen in the bucket.
fn lead_of_new_project() -> Lead {
    Lead::Edge
}

/// How the bucket is pulled.
#[derive(Clone, Debug)]
struct PullConfig {
    every: Duration,
    overlap: Duration,
    sweep_every: Duration,
    keep: Duration,
    /// Largest object.
    object_bytes: u64,
    /// Bytes that are fetched before they are appended.
    chunk_bytes: u64,
    segment_limits: SegmentLimits,
    lead: Lead,
    /// Stands for a host that dies between log and store.
    #[cfg(test)]
    dies_after_append: bool,
}

impl PullConfig {
    fn new(config: &Config, segment_limits: SegmentLimits) -> Self {
        let pull = &config.pull;
        // Columns are larger than the message they were made of, and LZ4 makes them smaller by more than that.
        let object_bytes = (config.limits.decompressed_bytes as u64).saturating_mul(2);
        Self {
            every: pull.every,
            overlap: pull.overlap,
            sweep_every: pull.sweep_every,
            keep: pull.keep,
            object_bytes: object_bytes.min(MAX_OBJECT_BYTES),
            chunk_bytes: CHUNK_BYTES.min(config.limits.bytes_in_flight as u64 / 4),
            segment_limits,
            lead: lead_of_new_project(),
            #[cfg(test)]
            dies_after_append: false,
        }
    }
}

/// Whether there is memory for more.
pub(crate) type HasRoom = Box<dyn Fn() -> bool + Send>;

/// What pulled segments go to.
pub(crate) struct Target {
    pub(crate) log: Arc<Log>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) leads: Arc<Leads>,
    pub(crate) keys: Arc<KeyRing>,
    /// Seals the list of revoked keys.
    pub(crate) root: RootSecret,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) has_room: HasRoom,
}

/// Why pulling can't begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PullStartError {
    /// The settings make no client.
    #[error("cannot set up the bucket of `pull.url`")]
    Setup(#[from] object_store::Error),
    /// There is no thread to be had.
    #[error("cannot start the thread that pulls")]
    Thread(#[from] std::io::Error),
}

/// The thread that pulls. Ends when it is dropped.
pub(crate) struct Pull {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Pull {
    /// Starts it, if a bucket is configured. Whether that answers isn't waited for. Within a tokio runtime.
    ///
    /// # Errors
    /// If there is no client or thread to be had.
    pub(crate) fn start(
        config: &Config,
        segment_limits: SegmentLimits,
        target: Target,
        registry: &mut Registry,
    ) -> Result<Option<Self>, PullStartError> {
        let settings: &config::Pull = &config.pull;
        let Some(name) = &settings.bucket else {
            return Ok(None);
        };
        let bucket = S3::open(name, settings, config.objects.timeout)?;
        let (stop, stopped) = watch::channel(false);
        let puller = Puller::new(
            PullConfig::new(config, segment_limits),
            Box::new(bucket),
            target,
            PullMetrics::register(registry),
            Stop::new(tokio::runtime::Handle::current(), stopped),
        );
        let thread = std::thread::Builder::new()
            .name("pull".into())
            .spawn(move || puller.run())?;
        Ok(Some(Self {
            stop,
            thread: Some(thread),
        }))
    }
}

impl Drop for Pull {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that pulls panicked");
        }
    }
}

/// What the thread works with.
struct Puller {
    config: PullConfig,
    bucket: Box<dyn Bucket>,
    log: Arc<Log>,
    store: Arc<dyn Store>,
    leads: Arc<Leads>,
    keys: Arc<KeyRing>,
    core_metrics: Arc<Metrics>,
    metrics: PullMetrics,
    has_room: HasRoom,
    stop: Stop,
    revoked: Revoked,
    projects: BTreeMap<Scope, Project>,
    discovered: Option<Instant>,
    /// When what was put aside was last looked through.
    tidied: Option<Instant>,
    trouble: Trouble,
    /// Told once until a deletion works.
    cannot_delete: bool,
    /// What the last round did, also if part of it failed.
    done: Looked,
}

impl Puller {
    fn new(
        config: PullConfig,
        bucket: Box<dyn Bucket>,
        target: Target,
        metrics: PullMetrics,
        stop: Stop,
    ) -> Self {
        let Target {
            log,
            store,
            leads,
            keys,
            root,
            metrics: core_metrics,
            has_room,
        } = target;
        Self {
            config,
            bucket,
            log,
            store,
            leads,
            keys,
            core_metrics,
            metrics,
            has_room,
            stop,
            revoked: Revoked::new(root),
            projects: BTreeMap::new(),
            discovered: None,
            tidied: None,
            trouble: Trouble::default(),
            cannot_delete: false,
            done: Looked::default(),
        }
    }

    fn run(mut self) {
        let mut wait = self.config.every;
        loop {
            let quiet = self.config.every.saturating_mul(QUIET);
            let round = self.round();
            wait = match (round, self.done) {
                (Err(PullError::Stopped), _) => return,
                (Ok(_), Looked { has_more: true, .. }) => Duration::ZERO,
                // That one project has no room makes the others no slower.
                (_, Looked { segments: 1.., .. }) => self.config.every,
                (Ok(_), _) => wait.saturating_add(self.config.every).min(quiet),
                (Err(_), _) => quiet,
            };
            if self.stop.wait(wait).is_err() {
                return;
            }
        }
    }

    /// Looks at everything there is to look at once. What fails was told; gives the last failure.
    fn round(&mut self) -> Result<Looked, PullError> {
        let mut all = Looked::default();
        self.done = all;
        let mut failure = None;
        // A key that may only read is a reason to say so, not to pull more slowly.
        if let Err(error) = self
            .revoked
            .keep(self.bucket.as_ref(), self.store.as_ref(), &self.stop)
        {
            self.fail(error, &mut None)?;
        }
        if let Err(error) = self.discover() {
            self.fail(error, &mut failure)?;
        }
        let scopes: Vec<Scope> = self.projects.keys().cloned().collect();
        for scope in scopes {
            let mut project = self.projects.remove(&scope).unwrap_or_default();
            let looked = self.look(&scope, &mut project);
            self.projects.insert(scope, project);
            match looked {
                Ok(looked) => {
                    all.segments += looked.segments;
                    all.has_more |= looked.has_more;
                }
                Err(error) => {
                    let concerns_all = error.concerns_all();
                    self.fail(error, &mut failure)?;
                    if concerns_all {
                        break;
                    }
                }
            }
        }
        self.done = all;
        if failure.is_none()
            && let Err(error) = self.tidy()
        {
            self.fail(error, &mut failure)?;
        }
        match failure {
            Some(error) => Err(error),
            None => {
                self.metrics.succeeded();
                self.trouble.is_over();
                Ok(all)
            }
        }
    }

    /// Tells of a failure, unless it is that the host is being stopped.
    fn fail(&mut self, error: PullError, failure: &mut Option<PullError>) -> Result<(), PullError> {
        if matches!(error, PullError::Stopped) {
            return Err(error);
        }
        self.trouble.tell(&self.metrics, &error);
        *failure = Some(error);
        Ok(())
    }

    /// Finds projects that weren't there before.
    fn discover(&mut self) -> Result<(), PullError> {
        if self.discovered.is_some_and(|at| at.elapsed() < DISCOVER_EVERY) {
            return Ok(());
        }
        let found = self.stop.or(list::projects(self.bucket.as_ref()))??;
        let mut known = std::mem::take(&mut self.projects);
        self.projects = found
            .into_iter()
            .map(|scope| {
                let project = known.remove(&scope).unwrap_or_default();
                (scope, project)
            })
            .collect();
        self.discovered = Some(Instant::now());
        Ok(())
    }

    /// Deletes what was put aside and has been there for long enough.
    fn tidy(&mut self) -> Result<(), PullError> {
        let is_due = self
            .tidied
            .is_none_or(|at| at.elapsed() >= self.config.sweep_every);
        if self.config.keep.is_zero() || !is_due {
            return Ok(());
        }
        self.tidied = Some(Instant::now());
        let before = clock::now().saturating_sub(clock::nanos(self.config.keep));
        match expire::quarantined(self.bucket.as_ref(), &self.stop, before) {
            Err(PullError::Bucket(error)) => {
                self.tell_of_deletions(Err(error));
                Ok(())
            }
            done => done,
        }
    }

    /// That nothing can be deleted is no reason to pull nothing.
    fn tell_of_deletions(&mut self, deleted: Result<(), BucketError>) {
        match deleted {
            Ok(()) => self.cannot_delete = false,
            Err(error) => {
                self.metrics.errors.inc();
                if !std::mem::replace(&mut self.cannot_delete, true) {
                    tracing::warn!(
                        error = crate::chain(&error),
                        "cannot delete what has been in the bucket for `pull.keep`; let the key delete, or set \"0 s\" and have \
                         the bucket expire objects"
                    );
                }
            }
        }
    }
}
