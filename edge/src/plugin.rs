//! Plugins as a runtime offers them: wasmtime, V8 through jco, a composition.

use aia_telemetry::{Columns, Signal, SignalType};

/// A detector as its file and its manifest describe it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PluginInfo {
    /// Name.
    pub name: String,
    /// BLAKE3 of its file.
    pub digest: [u8; 32],
    /// What it reads.
    pub reads: Vec<SignalType>,
    /// Kinds of signals it emits.
    pub signals: Vec<String>,
}

/// What a call gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Signals found, in order.
    pub signals: Vec<Signal>,
    /// Log lines.
    pub logs: Vec<LogLine>,
}

/// Something that a plugin logs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// `debug`, `info` or `warn`.
    pub level: &'static str,
    /// The text: a plugin's, so hostile.
    pub message: String,
}

/// Where a batch belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Ordinal of its segment in the session, from 1.
    pub segment: u64,
    /// When that was received, in nanoseconds since the Unix epoch.
    pub received_at: u64,
    /// Row of the segment that is row 0 here.
    pub first_row: u32,
}

/// Why a session can't be opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OpenFailure {
    /// The plugin refuses the snapshot.
    Snapshot(String),
    /// Anything else: it refuses its configuration, traps, or there is no instance to be had.
    Failed(String),
}

/// The plugins of a runtime, in the order in which they are given batches.
pub trait Plugins {
    /// A batch, made once for all plugins.
    type Batch;
    /// A session in an instance of its own.
    type Detector: Detector<Batch = Self::Batch>;

    /// What there is.
    fn list(&self) -> &[PluginInfo];

    /// Makes a batch of columns, which are valid and no longer than a batch may be.
    fn prepare(&self, columns: Columns) -> Self::Batch;

    /// Opens a session of the plugin with that index, in an instance that nothing else uses.
    ///
    /// # Errors
    /// If the plugin or the runtime says so.
    fn open(&self, plugin: usize, snapshot: Option<&[u8]>) -> Result<Self::Detector, OpenFailure>;
}

/// A session of a detector. After the first error it isn't called again.
pub trait Detector {
    /// A batch.
    type Batch;

    /// Reads a batch.
    ///
    /// # Errors
    /// What the plugin or its runtime says.
    fn observe(&mut self, batch: &Self::Batch, place: Place) -> Result<Outcome, String>;

    /// Time passes.
    ///
    /// # Errors
    /// What the plugin or its runtime says.
    fn tick(&mut self, now: u64) -> Result<Outcome, String>;

    /// The whole state.
    ///
    /// # Errors
    /// What the plugin or its runtime says.
    fn snapshot(&mut self) -> Result<Vec<u8>, String>;
}
