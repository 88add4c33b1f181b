//! Runs plugins: untrusted WebAssembly components, in wasmtime, under limits of time, memory and size.
//!
//! A [`Runtime`] loads files into [`Plugin`]s. A detector's plugin opens [`Session`]s, an analyst's [`Investigation`]s, a
//! reporter's renders documents.
//!
//! - **One instance serves one session.** A session's memory is never another's: an instance is made for it, and is
//!   dropped with it. What a reporter renders, it renders in an instance of its own.
//! - **The first failure ends the instance.** A trap, a limit or an invalid answer drops it with all it held; who
//!   holds the session goes on from the last snapshot.
//! - **Plugins get data and give data.** They import nothing: no clock, no file, no function of this host.
//! - **Every answer is checked** ([`check`], [`step`]) before anybody sees it.
//!
//! A file's way in: size → [`inspect`] (structure only) → [`artifact`] (cache, or compiler in a child process) →
//! `describe` in an instance → [`manifest`]. Limits and their reasons are in [`limits`], all words of failure in
//! [`error`]; `unsafe` is in [`artifact`] and nowhere else.

mod artifact;
mod batch;
mod bindings;
mod check;
mod config;
mod engine;
mod error;
mod inspect;
mod instance;
mod investigation;
mod limiter;
mod limits;
mod loader;
mod manifest;
mod plugin;
mod render;
mod resources;
mod session;
mod signal;
mod state;
mod stats;
mod step;
mod ticker;
mod trap;
mod wasi;

pub use artifact::compile_child_main;
pub use batch::Batch;
pub use bindings::analyst::exports::aia::plugin::analyst::{
    Event as AnalystEvent, Message as ModelMessage, Question, Role as ModelRole, Settings as AnalystSettings,
    Step as AnalystStep,
};
pub use bindings::detector::aia::plugin::signals::{Detail, Fingerprint, Measure, RowId, Severity, Signal};
pub use bindings::detector::exports::aia::plugin::detector::{Level, LogLine, Outcome};
pub use bindings::manifest::exports::aia::plugin::manifest::{
    Kind as PluginKind, Limits as ManifestLimits, Manifest, SignalKind, TelemetryKind,
};
pub use bindings::reporter::aia::plugin::conclusions::{
    Claim, Conclusion, Figure, Fragment, Suspect, Verdict,
};
pub use bindings::reporter::aia::plugin::evidence::{
    Answer, Case, CodeRegion, EvidenceKind, Field, Item, Request, Selector, TimeRange, TraceId,
};
pub use bindings::reporter::exports::aia::plugin::reporter::{
    Chart, Document, Report, ReportedConclusion, ReportedSignal, ReportedSuspect, Series,
    State as ReportState, Statement, TimelineEntry,
};
pub use check::KnownRows;
pub use config::{COMPILE_COMMAND, CacheConfig, CompilerConfig, RuntimeConfig};
pub use engine::Allocation;
pub use error::{
    CONTRACT_VERSION, Call, CompileError, Failure, LoadError, LoadFailure, PluginError, RuntimeError,
};
pub use inspect::Interface;
pub use investigation::Investigation;
pub use limits::{Granted, Limits};
pub use loader::Runtime;
pub(crate) use manifest::is_name as is_plugin_name;
pub use plugin::{Compiled, Plugin};
pub use session::Session;
pub use stats::{FailureReason, PluginStats};
