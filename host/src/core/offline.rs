//! A host without listeners, threads of sessions or a clock: what replays and back tests run on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aia_telemetry::{RedactConfig, Redactor, ScanLimits};

use super::catalog::{self, Catalog};
use super::folder::{DataFolder, Lock};
use super::{log_config, objects};
use crate::backtest::{self, BacktestError, BacktestOptions, Backtested};
use crate::config::Config;
use crate::ingest::Pipeline;
use crate::investigations::{InvestigationConfig, Investigator, NoModels};
use crate::log::{KeyRing, Log, LogConfig, LogView, Retention};
use crate::metrics::Metrics;
use crate::replay::{self, Parts, Progress, ReplayError, ReplayOptions, Summary};
use crate::runtime::{PluginKind, Runtime};
use crate::scratch::Scratch;
use crate::secrets::Secrets;
use crate::server::BackendError;
use crate::sessions::Offline;
use crate::store::{Scope, Store, sqlite::Sqlite};

/// Plugins, loaded once for any number of replays.
pub struct OfflineHost {
    config: Config,
    catalog: Arc<Catalog>,
}

/// What a replay left.
pub struct Replayed {
    /// What was replayed.
    pub summary: Summary,
    /// The store with the incidents.
    pub store: Arc<dyn Store>,
    /// Removed with this, if it is a throw-away one.
    scratch: Option<Scratch>,
}

impl Replayed {
    /// The throw-away folder that all of it lies in, until this is dropped.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.scratch.as_ref().map(Scratch::path)
    }
}

impl OfflineHost {
    /// Loads the plugins as a host with this configuration does. Compiled ones are taken from the data folder's cache, if
    /// that is there; nothing is made.
    ///
    /// # Errors
    /// If the runtime can't be started or a built-in plugin doesn't load.
    pub fn load(config: &Config) -> Result<Self, BackendError> {
        let runtime = if DataFolder::has_secret(&config.data) {
            let folder = DataFolder::open(&config.data)?;
            catalog::runtime(config, Some((&folder, &folder.secrets()?)))?
        } else {
            catalog::runtime(config, None)?
        };
        Self::with_runtime(config, &runtime)
    }

    /// As [`Self::load`], in this runtime.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn with_runtime(config: &Config, runtime: &Arc<Runtime>) -> Result<Self, BackendError> {
        Ok(Self {
            config: config.clone(),
            catalog: Arc::new(Catalog::load_into(runtime, config)?),
        })
    }

    /// Replays recorded files.
    ///
    /// # Errors
    /// As [`ReplayError`] says.
    pub fn replay(
        &self,
        options: &ReplayOptions,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Replayed, ReplayError> {
        let failed = |what: &'static str| move |source: BackendError| ReplayError::Host { what, source };
        let scratch = match &options.into {
            Some(_) => None,
            None => Some(Scratch::make().map_err(|error| failed("make a throw-away folder")(error.into()))?),
        };
        let path = options.into.as_deref();
        let path = path.or(scratch.as_ref().map(Scratch::path));
        let mut opened = self
            .open(path.unwrap_or(Path::new(".")), scratch.is_some())
            .map_err(failed("open the data folder"))?;
        let played = replay::play(
            &mut Parts {
                pipeline: &opened.pipeline,
                log: &opened.log,
                store: opened.store.as_ref(),
                keys: &opened.keys,
                sessions: &mut opened.sessions,
                investigator: &opened.investigator,
                limit: self.config.limits.decompressed_bytes,
            },
            options,
            progress,
        );
        opened.sessions.close();
        opened.log.close();
        Ok(Replayed {
            summary: played?,
            store: Arc::clone(&opened.store),
            scratch,
        })
    }

    fn open(&self, path: &Path, is_scratch: bool) -> Result<Opened, BackendError> {
        let config = &self.config;
        let folder = DataFolder::open(path)?;
        let lock = folder.lock()?;
        let secrets = if is_scratch {
            Secrets::known()
        } else {
            folder.secrets()?
        };
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.database())?);
        let metrics = Arc::new(Metrics::default());
        let keys = Arc::new(KeyRing::new(secrets.segments(), secrets.block_footers()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()?;
        let log = Arc::new(Log::open(
            // What is replayed is as old as it is.
            LogConfig {
                retention: Retention::default(),
                ..log_config(config, &folder)
            },
            objects::open(config, &folder, is_scratch)?,
            runtime.handle().clone(),
            Arc::clone(&keys),
            Arc::clone(&store),
            Arc::clone(&metrics),
            Arc::new(|_| {}),
        )?);
        let sessions = Offline::new(
            self.catalog.detectors(),
            Arc::clone(&log),
            Arc::clone(&store),
            Arc::clone(&keys),
            Arc::clone(&metrics),
        );
        // Time is the data's alone: an analyst that fails is asked again at once.
        let investigation_config = InvestigationConfig {
            backoff: Duration::ZERO,
            ..InvestigationConfig::default()
        };
        let investigator = Investigator::new(
            investigation_config,
            self.catalog.analysts(),
            Arc::clone(&log),
            Arc::clone(&store),
            Arc::clone(&metrics),
            Arc::new(NoModels),
        );
        Ok(Opened {
            investigator,
            pipeline: pipeline(config, &keys, metrics)?,
            log,
            store,
            keys,
            sessions,
            _runtime: runtime,
            _lock: lock,
        })
    }

    /// Runs a detector over what a data folder holds and changes nothing there.
    ///
    /// # Errors
    /// As [`BacktestError`] says.
    pub fn backtest(config: &Config, options: &BacktestOptions) -> Result<Backtested, BacktestError> {
        // Without a cache: it would lie in the folder.
        let runtime = catalog::runtime(config, None).map_err(BacktestError::host("start the runtime"))?;
        Self::backtest_in(&runtime, config, options)
    }

    /// As [`Self::backtest`], in this runtime.
    ///
    /// # Errors
    /// As [`Self::backtest`].
    pub fn backtest_in(
        runtime: &Arc<Runtime>,
        config: &Config,
        options: &BacktestOptions,
    ) -> Result<Backtested, BacktestError> {
        let failed = BacktestError::host;
        let origin = options.plugin.file_name().unwrap_or(options.plugin.as_os_str());
        let bytes = std::fs::read(&options.plugin).map_err(|error| BacktestError::Plugin {
            file: options.plugin.clone(),
            source: error.into(),
        })?;
        let plugin =
            runtime
                .load(&origin.to_string_lossy(), &bytes)
                .map_err(|error| BacktestError::Plugin {
                    file: options.plugin.clone(),
                    source: error.into(),
                })?;
        if plugin.kind() != PluginKind::Detector {
            return Err(BacktestError::NoDetector {
                file: options.plugin.clone(),
            });
        }
        let folder =
            DataFolder::open(&config.data).map_err(|error| failed("open the data folder")(error.into()))?;
        // The store first: a folder without one has no secret either, and is to get none.
        let store: Arc<dyn Store> = Arc::new(
            Sqlite::open_read_only(&folder.database())
                .map_err(|error| failed("open the store")(error.into()))?,
        );
        let secrets = folder
            .secrets()
            .map_err(|error| failed("read the secret")(error.into()))?;
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .map_err(|error| failed("start a thread")(error.into()))?;
        let objects = objects::open_to_read(config, &folder)
            .map_err(|error| failed("open the blocks")(error.into()))?;
        let view = LogView::open(
            &options.scope,
            folder.journal(),
            log_config(config, &folder).segment_limits,
            objects,
            threads.handle().clone(),
            Arc::new(KeyRing::new(secrets.segments(), secrets.block_footers())),
            Arc::clone(&store),
        )
        .map_err(|error| failed("read the log")(error.into()))?;
        backtest::run(&plugin, &view, store.as_ref(), options)
    }
}

/// A project's log as it lies in a data folder, beside a running host or without one. Nothing is changed.
pub struct StoredLog {
    view: LogView,
    store: Arc<dyn Store>,
    _runtime: tokio::runtime::Runtime,
}

impl StoredLog {
    /// Opens it.
    ///
    /// # Errors
    /// If folder, store or secret can't be read.
    pub fn open(config: &Config, scope: &Scope) -> Result<Self, BackendError> {
        let folder = DataFolder::open(&config.data)?;
        let store: Arc<dyn Store> = Arc::new(Sqlite::open_read_only(&folder.database())?);
        let secrets = folder.secrets()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()?;
        let view = LogView::open(
            scope,
            folder.journal(),
            log_config(config, &folder).segment_limits,
            objects::open_to_read(config, &folder)?,
            runtime.handle().clone(),
            Arc::new(KeyRing::new(secrets.segments(), secrets.block_footers())),
            Arc::clone(&store),
        )?;
        Ok(Self {
            view,
            store,
            _runtime: runtime,
        })
    }

    /// The log.
    #[must_use]
    pub fn view(&self) -> &LogView {
        &self.view
    }

    /// What the store knows of it.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }
}

/// The parts of an open folder, in the order in which they end.
struct Opened {
    pipeline: Pipeline,
    sessions: Offline,
    investigator: Investigator,
    log: Arc<Log>,
    store: Arc<dyn Store>,
    keys: Arc<KeyRing>,
    _runtime: tokio::runtime::Runtime,
    _lock: Lock,
}

/// What stands between requests and segments.
pub(super) fn pipeline(
    config: &Config,
    keys: &Arc<KeyRing>,
    metrics: Arc<Metrics>,
) -> Result<Pipeline, BackendError> {
    let redactor = Redactor::new(&RedactConfig {
        emails: config.redaction.emails,
        ..RedactConfig::default()
    })?;
    let limits = ScanLimits {
        max_body_bytes: u32::try_from(config.limits.decompressed_bytes).unwrap_or(u32::MAX),
        max_attributes: u32::try_from(config.limits.attributes_per_row).unwrap_or(u32::MAX),
        ..ScanLimits::default()
    };
    Ok(Pipeline::new(Arc::clone(keys), redactor, limits, metrics).with_max_row_age(config.limits.row_age))
}
