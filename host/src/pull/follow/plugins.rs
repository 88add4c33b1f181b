//! The host's detectors as the sessions' engine sees them.

use std::sync::Arc;

use aia_edge::{LogLine, OpenFailure, Outcome, Place, PluginInfo, Plugins};
use aia_telemetry::{Columns, SignalType};

use crate::runtime::{self, Batch, Failure, Level, Plugin, TelemetryKind};

/// The configuration of plugins at the edge: their default. Where the host goes on, it is the same.
const CONFIG: &str = "{}";

/// Detectors in wasmtime.
pub struct WasmPlugins {
    infos: Vec<PluginInfo>,
    plugins: Vec<Arc<Plugin>>,
}

impl WasmPlugins {
    /// Of these plugins those that are described as they must be.
    #[must_use]
    pub fn new(plugins: impl IntoIterator<Item = Arc<Plugin>>) -> Self {
        let described = plugins
            .into_iter()
            .filter_map(|plugin| Some((info(&plugin)?, plugin)));
        let (infos, plugins) = described.unzip();
        Self { infos, plugins }
    }
}

fn info(plugin: &Plugin) -> Option<PluginInfo> {
    let manifest = plugin.manifest();
    let reads = manifest.reads.iter().map(|kind| match kind {
        TelemetryKind::Spans => SignalType::Traces,
        TelemetryKind::Logs => SignalType::Logs,
        TelemetryKind::Metrics => SignalType::Metrics,
    });
    Some(PluginInfo {
        name: plugin.name().to_owned(),
        digest: *blake3::Hash::from_hex(plugin.digest()).ok()?.as_bytes(),
        reads: reads.collect(),
        signals: manifest.signals.iter().map(|kind| kind.name.clone()).collect(),
    })
}

impl Plugins for WasmPlugins {
    type Batch = Columns;
    type Detector = WasmDetector;

    fn list(&self) -> &[PluginInfo] {
        &self.infos
    }

    fn prepare(&self, columns: Columns) -> Columns {
        columns
    }

    fn open(&self, plugin: usize, snapshot: Option<&[u8]>) -> Result<WasmDetector, OpenFailure> {
        let Some(plugin) = self.plugins.get(plugin) else {
            return Err(OpenFailure::Failed("there is no such plugin".to_owned()));
        };
        match plugin.open_session(CONFIG, snapshot) {
            Ok(session) => Ok(WasmDetector { session }),
            Err(error) if matches!(error.failure, Failure::SnapshotRefused { .. }) => {
                Err(OpenFailure::Snapshot(error.to_string()))
            }
            Err(error) => Err(OpenFailure::Failed(error.to_string())),
        }
    }
}

/// A session in wasmtime.
pub struct WasmDetector {
    session: runtime::Session,
}

/// Rows of earlier segments are looked at by the engine, and where signals are taken over.
fn any_row(_segment: u64) -> Option<u32> {
    Some(u32::MAX)
}

fn outcome(outcome: Result<runtime::Outcome, runtime::PluginError>) -> Result<Outcome, String> {
    let runtime::Outcome { signals, logs } = outcome.map_err(|error| crate::chain(&error).to_string())?;
    let logs = logs.into_iter().map(|line| LogLine {
        level: match line.level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
        },
        message: line.message,
    });
    Ok(Outcome {
        signals: signals.into_iter().map(Into::into).collect(),
        logs: logs.collect(),
    })
}

impl aia_edge::Detector for WasmDetector {
    type Batch = Columns;

    fn observe(&mut self, batch: &Columns, place: Place) -> Result<Outcome, String> {
        let batch = Batch::new(batch.clone(), place.received_at, place.segment, place.first_row);
        outcome(self.session.observe(&batch, &any_row))
    }

    fn tick(&mut self, now: u64) -> Result<Outcome, String> {
        outcome(self.session.tick(now, &any_row))
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, String> {
        self.session
            .snapshot()
            .map_err(|error| crate::chain(&error).to_string())
    }
}
