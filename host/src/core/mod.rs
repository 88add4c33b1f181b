//! The core: puts store, log, plugins and sessions together for one machine, in one folder.
//!
//! ```text
//! <data>/secret.key   the deployment's secret        <data>/aia.db     the store
//! <data>/journal/     what is acknowledged           <data>/objects/   blocks of segments
//! <data>/cache/       compiled plugins               <data>/lock       held by the running host
//! ```

mod catalog;
mod folder;
mod hot_swap;
mod objects;
mod offline;
mod plugin_folder;
mod reports;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aia_telemetry::{IngestSecrets, SegmentLimits};
use prometheus_client::registry::Registry;

use crate::backtest::{BacktestError, BacktestOptions, Backtested};
use crate::config::Config;
use crate::ingest::{Intake, JournalIntake, MemoryLimit};
use crate::investigations::{self, InvestigationConfig, Investigations, Investigator, NoModels};
use crate::journal::JournalConfig;
use crate::log::{Durability, KeyRing, Log, LogConfig};
use crate::metrics::Metrics;
use crate::pull::{self, Follow, Pull};
use crate::replay::{Progress, ReplayError, ReplayOptions};
use crate::runtime::Runtime;
use crate::server::{Backend, BackendError, NotReady, PluginCatalog, Readiness, Reports, Running, Services};
use crate::sessions::{self, SessionConfig, Sessions};
use crate::store::{Store, sqlite::Sqlite};
use catalog::Catalog;
use folder::{DataFolder, Lock};
use hot_swap::HotSwap;
use reports::PluginReports;

pub use folder::FolderError;
pub use objects::ObjectsError;
pub use offline::{OfflineHost, Replayed, StoredLog};

/// Bytes that a segment's columns may have when decoded, for each byte that a request may have: columns are at most so
/// much larger than the message they were scanned from (see `ScanLimits::max_expansion`).
const COLUMNS_PER_BYTE: usize = 16;

/// The host on one machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

impl Backend for Host {
    fn start(&self, config: &Config) -> Result<(Services, Box<dyn Running>), BackendError> {
        let folder = DataFolder::open(&config.data)?;
        let lock = folder.lock()?;
        let secrets = folder.secrets()?;
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.database())?);
        let metrics = Arc::new(Metrics::default());
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let catalog = Arc::new(Catalog::load(config, &folder, &secrets)?);
        metrics.show_plugins(catalog.loaded());
        let keys = Arc::new(KeyRing::new(secrets.segments(), secrets.block_footers()));
        let session_config = SessionConfig {
            workers: config.workers,
            rules: config.incidents.clone(),
            ..SessionConfig::default()
        };
        let found = investigations::Wake::default();
        let (changed, told) = (found.clone(), found.clone());
        let (waker, inboxes) =
            sessions::queues(session_config.workers, Arc::new(move |scope| told.wake(scope)));
        let wake = waker.clone();
        let objects = objects::open(config, &folder, false)?;
        let log_config = LogConfig {
            durability: objects::durability(config)?,
            ..log_config(config, &folder)
        };
        // Recovery reads blocks, and waits for them.
        let log = tokio::task::block_in_place(|| {
            Log::open(
                log_config,
                objects,
                tokio::runtime::Handle::current(),
                Arc::clone(&keys),
                Arc::clone(&store),
                Arc::clone(&metrics),
                Arc::new(move |scope| wake.wake(scope)),
            )
        })?;
        let log = Arc::new(log);
        let investigator = Arc::new(Investigator::new(
            InvestigationConfig::default(),
            catalog.analysts(),
            Arc::clone(&log),
            Arc::clone(&store),
            Arc::clone(&metrics),
            Arc::new(NoModels),
        ));
        let investigations = Investigations::start(Arc::clone(&investigator), found)?;
        let sessions = Sessions::start(
            session_config,
            catalog.detectors(),
            (waker, inboxes),
            Arc::clone(&log),
            Arc::clone(&store),
            Arc::clone(&keys),
            Arc::clone(&metrics),
        )?;
        let sessions = Arc::new(sessions);
        let hot_swap = match config.plugins {
            Some(_) => Some(HotSwap::start(
                Arc::clone(&catalog),
                Arc::clone(&sessions),
                investigator,
                Arc::clone(&metrics),
            )?),
            None => None,
        };
        let intake = Arc::new(JournalIntake::new(
            Arc::clone(&log),
            sessions.leads(),
            offline::pipeline(config, &keys, Arc::clone(&metrics))?,
            config.workers,
            MemoryLimit::new(config.limits.memory, config.limits.bytes_in_flight),
        ));
        let room = Arc::clone(&intake);
        let target = pull::Target {
            log: Arc::clone(&log),
            store: Arc::clone(&store),
            leads: sessions.leads(),
            keys,
            root: secrets.segments(),
            metrics: Arc::clone(&metrics),
            has_room: Box::new(move || room.has_room()),
        };
        let pull = Pull::start(config, segment_limits(config), target, &mut registry)?;
        let running = Arc::clone(&sessions);
        let target = pull::FollowTarget {
            log: Arc::clone(&log),
            store: Arc::clone(&store),
            leads: sessions.leads(),
            root: secrets.segments(),
            metrics: Arc::clone(&metrics),
            rules: config.incidents.clone(),
            detectors: Box::new(move || running.detectors()),
            found: Arc::new(move |scope| changed.wake(scope)),
            waker: sessions.waker(),
        };
        let follow = Follow::start(config, segment_limits(config), target)?;
        let services = Services {
            store: Arc::clone(&store),
            intake,
            secrets: Arc::new(secrets.ingest()),
            reports: Arc::new(PluginReports::new(Arc::clone(&store), Arc::clone(&catalog))),
            plugins: catalog,
            readiness: Arc::new(CoreReadiness { store, metrics }),
            metrics: registry,
        };
        let running = RunningHost {
            log,
            sessions,
            investigations,
            hot_swap,
            pull,
            follow,
            lock,
        };
        Ok((services, Box::new(running)))
    }

    fn store(&self, config: &Config) -> Result<Arc<dyn Store>, BackendError> {
        let folder = DataFolder::open(&config.data)?;
        Ok(Arc::new(Sqlite::open(&folder.database())?))
    }

    fn secrets(&self, config: &Config) -> Result<IngestSecrets, BackendError> {
        Ok(DataFolder::open(&config.data)?.secrets()?.ingest())
    }

    fn plugins(&self, config: &Config) -> Result<Arc<dyn PluginCatalog>, BackendError> {
        let folder = DataFolder::open(&config.data)?;
        Ok(Arc::new(Catalog::load(config, &folder, &folder.secrets()?)?))
    }

    fn runtime(&self, config: &Config) -> Result<Arc<Runtime>, BackendError> {
        catalog::runtime(config, None)
    }

    fn replay(
        &self,
        config: &Config,
        options: &ReplayOptions,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Replayed, ReplayError> {
        let failed = |source| ReplayError::Host {
            what: "load the plugins",
            source,
        };
        OfflineHost::load(config)
            .map_err(failed)?
            .replay(options, progress)
    }

    fn backtest(&self, config: &Config, options: &BacktestOptions) -> Result<Backtested, BacktestError> {
        OfflineHost::backtest(config, options)
    }

    fn reports(&self, config: &Config) -> Result<Arc<dyn Reports>, BackendError> {
        let folder = DataFolder::open(&config.data)?;
        let catalog = Arc::new(Catalog::load(config, &folder, &folder.secrets()?)?);
        Ok(Arc::new(PluginReports::new(
            Arc::new(Sqlite::open(&folder.database())?),
            catalog,
        )))
    }
}

fn segment_limits(config: &Config) -> SegmentLimits {
    SegmentLimits {
        max_columns_bytes: config.limits.decompressed_bytes.saturating_mul(COLUMNS_PER_BYTE),
    }
}

fn log_config(config: &Config, folder: &DataFolder) -> LogConfig {
    LogConfig {
        journal: JournalConfig::new(folder.journal()),
        cache_bytes: LogConfig::CACHE_BYTES,
        segment_limits: segment_limits(config),
        retention: config.retention,
        durability: Durability::Journal,
    }
}

struct CoreReadiness {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl Readiness for CoreReadiness {
    fn check(&self) -> Result<(), NotReady> {
        self.store.check().map_err(|error| NotReady {
            part: "store",
            source: Box::new(error),
        })
    }

    fn lag_seconds(&self) -> f64 {
        self.metrics.lag_seconds()
    }
}

/// What has to be ended in order: first those who read and append to the log, then the log, then the lock.
struct RunningHost {
    log: Arc<Log>,
    sessions: Arc<Sessions>,
    investigations: Investigations,
    hot_swap: Option<HotSwap>,
    pull: Option<Pull>,
    follow: Option<Follow>,
    lock: Lock,
}

impl Running for RunningHost {
    fn stop(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let ended = tokio::task::spawn_blocking(move || {
                drop(self.pull);
                drop(self.follow);
                drop(self.hot_swap);
                self.investigations.close();
                self.sessions.close();
                self.log.close();
                drop(self.lock);
            });
            if let Err(error) = ended.await {
                tracing::error!(%error, "the host did not end in order; the next start goes on from the last commits");
            }
        })
    }
}
