//! What can go wrong with a plugin, said so that an operator knows which plugin, which call and which limit.

use super::stats::FailureReason;

/// The version of the contract that this host speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// A plugin failed in a call. Its session is poisoned: nothing more can be asked of it.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}`: {call} {failure}")]
pub struct PluginError {
    /// Name of the plugin.
    pub plugin: String,
    /// What it was doing.
    pub call: Call,
    /// What happened.
    pub failure: Failure,
}

/// What a plugin is asked to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Call {
    /// Make an instance and ask for the manifest.
    Describe,
    /// Make an instance and open a session or an investigation in it.
    Open,
    /// Read spans.
    ObserveSpans,
    /// Read log records.
    ObserveLogs,
    /// Read metrics.
    ObserveMetrics,
    /// Let time pass.
    Tick,
    /// Give the session's state.
    Snapshot,
    /// Make an instance and render a report.
    Render,
    /// Take the next step of an investigation.
    Advance,
}

impl Call {
    /// Its name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Open => "open",
            Self::ObserveSpans => "observe-spans",
            Self::ObserveLogs => "observe-logs",
            Self::ObserveMetrics => "observe-metrics",
            Self::Tick => "tick",
            Self::Snapshot => "snapshot",
            Self::Render => "render",
            Self::Advance => "advance",
        }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How a call failed. Texts that come from the plugin are cut to the limit of log lines, and hold no control
/// characters.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Failure {
    /// It didn't end in time.
    #[error("took longer than {maximum_ms} ms (limit `{limit}`)")]
    Time {
        /// Name of the limit.
        limit: &'static str,
        /// Milliseconds it may take.
        maximum_ms: u128,
    },
    /// It trapped, having been refused memory or table elements.
    #[error("has {current} {unit} and wanted {requested}; at most {maximum} are allowed (limit `{limit}`)")]
    Allocation {
        /// Name of the limit.
        limit: &'static str,
        /// What is counted.
        unit: &'static str,
        /// What it had.
        current: u64,
        /// What it wanted to have.
        requested: u64,
        /// What it may have.
        maximum: u64,
    },
    /// Its calls were nested too deep.
    #[error("recursed too deep: its stack may have {maximum} bytes (limit `stack-bytes`)")]
    Stack {
        /// Bytes of stack.
        maximum: u64,
    },
    /// It trapped: a panic, usually, in a plugin written in Rust.
    #[error("trapped: {trap}")]
    Trap {
        /// What kind of trap.
        trap: String,
    },
    /// What it gave is more than the host takes in one call.
    #[error("gave more than {maximum} bytes (limit `returned-bytes`)")]
    Returned {
        /// Bytes taken.
        maximum: u64,
    },
    /// Something it gave is larger than allowed.
    #[error("gave {subject} of {current} {unit}; at most {maximum} are allowed (limit `{limit}`)")]
    TooMuch {
        /// What is too large.
        subject: String,
        /// Name of the limit.
        limit: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        current: u64,
        /// How many are allowed.
        maximum: u64,
    },
    /// It wanted to go on with an investigation that has to end.
    #[error("took {maximum} steps without an end; no more are allowed (limit `steps`)")]
    Steps {
        /// Steps allowed.
        maximum: u64,
    },
    /// Evidence names a row that doesn't exist.
    #[error(
        "gave signal {signal} a row of evidence that doesn't exist: row {row} of segment {segment}, which {has}"
    )]
    Row {
        /// Index of the signal in the outcome.
        signal: usize,
        /// Ordinal of the segment.
        segment: u64,
        /// Row in it.
        row: u32,
        /// What there is instead, in words.
        has: String,
    },
    /// What it gave has the right type, but the contract forbids it.
    #[error("gave {what}")]
    Invalid {
        /// What it gave.
        what: String,
    },
    /// What it did isn't what the component model or the contract allow, such as a list outside of its memory.
    #[error("broke the contract: {what}")]
    Contract {
        /// What wasmtime says of it.
        what: String,
    },
    /// It refused its configuration.
    #[error("refused its configuration: {message}")]
    ConfigRefused {
        /// Why, in the plugin's words.
        message: String,
    },
    /// It refused the snapshot.
    #[error("refused its snapshot: {message}")]
    SnapshotRefused {
        /// Why, in the plugin's words.
        message: String,
    },
    /// It gave an error.
    #[error("gave an error: {message}")]
    ReturnedError {
        /// The plugin's words.
        message: String,
    },
    /// A snapshot that the host was to hand in is larger than any plugin may have.
    #[error(
        "can't be given a snapshot of {current} bytes; at most {maximum} are allowed (limit `snapshot-bytes`)"
    )]
    SnapshotTooLarge {
        /// Bytes of the snapshot.
        current: u64,
        /// Bytes allowed.
        maximum: u64,
    },
    /// It was asked for something it doesn't do: another kind of plugin, or another format.
    #[error("isn't possible: {what}")]
    Unsupported {
        /// What was asked, and what there is.
        what: String,
    },
    /// All instances that this host allows are in use.
    #[error("found no free instance: {maximum} are in use (limit `instances`)")]
    Instances {
        /// Instances allowed.
        maximum: u64,
    },
    /// An earlier call to this session failed.
    #[error("was not done: an earlier call failed and ended this session")]
    Poisoned,
    /// The investigation has ended, well or badly.
    #[error("was not done: the investigation is over")]
    Over,
}

impl Failure {
    /// Its kind, for counters; `None` if the plugin wasn't even called.
    #[must_use]
    pub fn reason(&self) -> Option<FailureReason> {
        match self {
            Self::Time { .. } => Some(FailureReason::Time),
            Self::Allocation { .. } => Some(FailureReason::Memory),
            Self::Stack { .. } => Some(FailureReason::Stack),
            Self::Trap { .. } => Some(FailureReason::Trap),
            Self::Returned { .. } | Self::TooMuch { .. } | Self::Steps { .. } => Some(FailureReason::Size),
            Self::Row { .. } | Self::Invalid { .. } | Self::Contract { .. } => Some(FailureReason::Invalid),
            Self::ConfigRefused { .. } | Self::SnapshotRefused { .. } => Some(FailureReason::Refused),
            Self::ReturnedError { .. } => Some(FailureReason::Error),
            Self::SnapshotTooLarge { .. }
            | Self::Unsupported { .. }
            | Self::Instances { .. }
            | Self::Poisoned
            | Self::Over => None,
        }
    }
}

/// A file is no plugin that this host can run.
#[derive(Debug)]
pub struct LoadError {
    /// What the caller calls it: the file's name, or that of a built-in plugin.
    pub plugin: String,
    /// What is wrong.
    pub failure: LoadFailure,
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "plugin `{}` can't be loaded: {}",
            self.plugin, self.failure
        )
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The failure itself is in the words above.
        self.failure.source()
    }
}

/// Why a file can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    /// The file is larger than components may be.
    #[error("it has {current} bytes; at most {maximum} are allowed (limit `component-bytes`)")]
    TooLarge {
        /// Bytes of the file.
        current: u64,
        /// Bytes allowed.
        maximum: u64,
    },
    /// It isn't a WebAssembly component.
    #[error("it isn't a WebAssembly component: {reason}")]
    NotAComponent {
        /// What it is instead, or where reading failed.
        reason: String,
    },
    /// It imports something of the system that no plugin has.
    #[error(
        "it imports `{import}`, which plugins don't have; of WASI there is 0.2 with cli, clocks, filesystem, io, \
         random and sockets, all of them empty"
    )]
    Wasi {
        /// The import.
        import: String,
    },
    /// It imports a function, a resource or something else that is no type.
    #[error("it imports the {kind} `{import}`; a plugin may import types only")]
    Import {
        /// `function`, `resource`, …
        kind: &'static str,
        /// The import, with its interface.
        import: String,
    },
    /// It doesn't export what every plugin, or its kind of plugin, does.
    #[error("it doesn't export {missing}")]
    MissingExport {
        /// What is missing.
        missing: String,
    },
    /// It was made for another version of the contract.
    #[error("it exports `{found}`; this host speaks version {CONTRACT_VERSION} of the contract")]
    ContractVersion {
        /// The export.
        found: String,
    },
    /// It is of several kinds at once.
    #[error("it is of more than one kind ({kinds}); a plugin is of one")]
    MixedKinds {
        /// The kinds.
        kinds: String,
    },
    /// The functions it exports aren't those of the contract.
    #[error("what it exports isn't what the contract has: {reason}")]
    Signature {
        /// What is different.
        reason: String,
    },
    /// It needs more to start than any plugin may have.
    #[error("it needs {current} {unit} to start; at most {maximum} are allowed (limit `{limit}`)")]
    Resources {
        /// Name of the limit.
        limit: &'static str,
        /// What is counted.
        unit: &'static str,
        /// What it needs.
        current: u64,
        /// What is allowed.
        maximum: u64,
    },
    /// It couldn't be compiled.
    #[error("it couldn't be compiled")]
    Compile(#[source] CompileError),
    /// It couldn't be asked for its manifest.
    #[error("it couldn't be asked for its manifest")]
    Describe(#[source] Box<PluginError>),
    /// Its manifest isn't valid.
    #[error("its manifest's `{field}` {reason}")]
    Manifest {
        /// The field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Compiling a component failed.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The component isn't valid, or the compiler can't cope with it.
    #[error("the compiler refused it: {message}")]
    Refused {
        /// What the compiler says.
        message: String,
    },
    /// It took too long.
    #[error("compiling took longer than {maximum_ms} ms (limit `compile-time`)")]
    Time {
        /// Milliseconds allowed.
        maximum_ms: u128,
    },
    /// It took too much memory.
    #[error("compiling took more than {maximum} bytes of address space (limit `compile-memory-bytes`)")]
    Memory {
        /// Bytes allowed.
        maximum: u64,
    },
    /// The compiled code is too large.
    #[error("the compiled code has more than {maximum} bytes (limit `artifact-bytes`)")]
    Size {
        /// Bytes allowed.
        maximum: u64,
    },
    /// The process that compiles ended in a way that says nothing.
    #[error("the process that compiles ended with {status}: {message}")]
    Ended {
        /// How it ended.
        status: String,
        /// The end of what it printed.
        message: String,
    },
    /// The process that compiles couldn't be started or talked to.
    #[error("the process that compiles couldn't be {operation}")]
    Process {
        /// `started`, `read from`, …
        operation: &'static str,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The compiled code isn't for this engine.
    #[error("the compiled code can't be loaded: {message}")]
    Artifact {
        /// What wasmtime says.
        message: String,
    },
}

/// The runtime couldn't be set up.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// There is no engine for this machine.
    #[error("the WebAssembly engine couldn't be made: {message}")]
    Engine {
        /// What wasmtime says.
        message: String,
    },
    /// The thread that limits the time of plugins can't be started.
    #[error("the thread that limits the time of plugins couldn't be started")]
    Ticker(#[source] std::io::Error),
    /// The folder for compiled code can't be used.
    #[error("the folder for compiled plugins `{folder}` couldn't be made")]
    Cache {
        /// The folder.
        folder: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

/// A text of a plugin, fit to be printed: cut to so many bytes, control characters replaced.
pub(super) fn printable(text: &str, max_bytes: usize) -> String {
    let cut = text.len() > max_bytes;
    let text = text
        .get(..text.floor_char_boundary(max_bytes))
        .unwrap_or_default();
    let mut printable: String = text
        .chars()
        .map(|char| {
            if char.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        })
        .collect();
    if cut {
        printable.push('…');
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_plugins_are_cut_between_characters_and_hold_no_control_characters() {
        assert_eq!(printable("plain", 10), "plain");
        assert_eq!(printable("äää", 3), "ä…");
        assert_eq!(printable("\u{1b}[2Jgone\n", 100), "\u{fffd}[2Jgone\u{fffd}");
    }
}
