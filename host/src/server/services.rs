//! The seam between the shells (listeners, API, command line) and what does the work.

use std::{error::Error, future::Future, pin::Pin, sync::Arc};

use aia_telemetry::{IngestSecrets, TenantId};
use prometheus_client::registry::Registry;
use serde::Serialize;

use crate::{
    backtest::{BacktestError, BacktestOptions, Backtested},
    config::Config,
    core::Replayed,
    ingest::Intake,
    replay::{Progress, ReplayError, ReplayOptions},
    runtime::Runtime,
    store::Store,
};

/// What the listeners and the API stand in front of. The core makes one after it has started.
pub struct Services {
    /// Tokens, revoked keys, incidents.
    pub store: Arc<dyn Store>,
    /// Takes verified OTLP requests.
    pub intake: Arc<dyn Intake>,
    /// Verifies ingest keys.
    pub secrets: Arc<IngestSecrets>,
    /// Lists plugins.
    pub plugins: Arc<dyn PluginCatalog>,
    /// Renders reports.
    pub reports: Arc<dyn Reports>,
    /// Says whether requests can be served.
    pub readiness: Arc<dyn Readiness>,
    /// Holds the core's metrics already; the shells add theirs and serve it at `/metrics`.
    pub metrics: Registry,
}

/// The plugins at hand.
pub trait PluginCatalog: Send + Sync {
    /// All of them, by name; also those that can't run, with the reason.
    fn plugins(&self) -> Vec<PluginInfo>;
}

/// A plugin, as the API and the command line show it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PluginInfo {
    /// Its name; the file's name if it has no manifest.
    pub name: String,
    /// Its version; empty if it has no manifest.
    pub version: String,
    /// `detector`, `analyst` or `reporter`; empty if it has no manifest.
    pub kind: String,
    /// One sentence, by its author.
    pub description: String,
    /// `built-in`, or the file's name within the folder of plugins.
    pub origin: String,
    /// BLAKE3 of the file, hex.
    pub digest: String,
    /// Kinds of signals it emits.
    pub signals: Vec<String>,
    /// Media types it renders.
    pub formats: Vec<String>,
    /// Largest memory of one instance, in bytes, as granted.
    pub memory_bytes: u64,
    /// Longest call in milliseconds, as granted.
    pub call_time_ms: u64,
    /// Whether it imports nothing of the system, so that it also runs in a Worker and in Spin.
    pub pure: bool,
    /// JSON Schema of what it can be told in `settings.<plugin>`; `null` if it has no manifest.
    pub config_schema: serde_json::Value,
    /// Whether it runs.
    pub runs: bool,
    /// Why it doesn't run, or why its newest file doesn't and the last good one goes on; `null` if nothing is wrong.
    pub problem: Option<String>,
}

/// Renders incidents. Calls block (they run a plugin): async callers go through `spawn_blocking`.
pub trait Reports: Send + Sync {
    /// Renders an incident as a media type, such as `text/markdown`; `None` if the tenant has none of that id.
    ///
    /// # Errors
    /// If no reporter renders that, or the reporter fails.
    fn render(
        &self,
        tenant: &TenantId,
        incident: &str,
        media_type: &str,
    ) -> Result<Option<RenderedReport>, ReportError>;
}

/// A report, ready to be served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RenderedReport {
    /// Its media type, such as `text/markdown`.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The media type of a format as people name it: `markdown`, `html`, `pdf`, or a media type itself.
#[must_use]
pub fn media_type(format: &str) -> &str {
    match format {
        "markdown" | "md" => "text/markdown",
        "html" => "text/html",
        "pdf" => "application/pdf",
        other => other,
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No reporter renders that.
    #[error("no reporter renders `{media_type}`; there is {}", known.join(", "))]
    UnknownFormat {
        /// What was asked for.
        media_type: String,
        /// What could have been asked for.
        known: Vec<String>,
    },
    /// The store or the plugin failed.
    #[error("cannot render the report of incident `{incident}`")]
    Failed {
        /// Which incident.
        incident: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Whether the host can do its work.
pub trait Readiness: Send + Sync {
    /// Proves it, within a second or so. Blocks.
    ///
    /// # Errors
    /// The name of the part that fails, such as `store` or `journal`, and why; the reason is logged, the name told.
    fn check(&self) -> Result<(), NotReady>;

    /// How far detection is behind what was acknowledged, in seconds. Being behind refuses nobody, so it doesn't make
    /// the host unready.
    fn lag_seconds(&self) -> f64;
}

/// A part that fails.
#[derive(Debug, thiserror::Error)]
#[error("{part} is not ready")]
pub struct NotReady {
    /// Which.
    pub part: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Why the core can't do something; shown with its whole chain.
pub type BackendError = Box<dyn Error + Send + Sync>;

/// The core, as the command line sees it.
///
/// `start` is for `aia up`. The other methods open single parts of a data folder for commands that may run beside a
/// host that is up; they make nothing that isn't there but the folder and the secret.
pub trait Backend: Sync {
    /// Starts everything behind the listeners. Called within a tokio runtime of `config.workers` threads; may block.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    fn start(&self, config: &Config) -> Result<(Services, Box<dyn Running>), BackendError>;

    /// Opens the store.
    ///
    /// # Errors
    /// If it can't be opened.
    fn store(&self, config: &Config) -> Result<Arc<dyn Store>, BackendError>;

    /// Loads the secrets that ingest keys are made with.
    ///
    /// # Errors
    /// If they can't be loaded or made.
    fn secrets(&self, config: &Config) -> Result<IngestSecrets, BackendError>;

    /// Loads the plugins, to list them.
    ///
    /// # Errors
    /// If the runtime can't be started; a plugin that fails is listed with its problem.
    fn plugins(&self, config: &Config) -> Result<Arc<dyn PluginCatalog>, BackendError>;

    /// The runtime that plugins have, for whoever writes one. Needs no data folder, and makes none.
    ///
    /// # Errors
    /// If it can't be started.
    fn runtime(&self, config: &Config) -> Result<Arc<Runtime>, BackendError>;

    /// Replays recorded files, in a throw-away folder or a named one.
    ///
    /// # Errors
    /// As [`ReplayError`] says.
    fn replay(
        &self,
        config: &Config,
        options: &ReplayOptions,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Replayed, ReplayError>;

    /// Runs a detector over what the data folder holds, and changes nothing there.
    ///
    /// # Errors
    /// As [`BacktestError`] says.
    fn backtest(&self, config: &Config, options: &BacktestOptions) -> Result<Backtested, BacktestError>;

    /// Loads what renders reports.
    ///
    /// # Errors
    /// If the runtime or the store can't be started.
    fn reports(&self, config: &Config) -> Result<Arc<dyn Reports>, BackendError>;
}

/// What [`Backend::start`] started.
pub trait Running: Send {
    /// Stops it after the listeners have: commits sessions, closes the journal. What is acknowledged is durable
    /// already, so this only spares work at the next start.
    fn stop(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
