//! AIA, the autonomous incident agent, as a host: takes OpenTelemetry in, runs detectors as sandboxed WebAssembly
//! components behind the acknowledgement, keeps incidents and renders reports.
//!
//! The way of the data, module by module: [`ingest`] → [`journal`] → [`log`] → [`sessions`], which run plugins in the
//! [`runtime`] → [`incidents`] in the [`store`] → [`investigations`]. [`replay`] sends recorded data the same way, `pull` takes
//! up what Workers at the edge have sealed.
//! [`core`] puts these together; [`authors`] is for those who write plugins; [`server`], [`api`] and [`cli`] are the
//! shells in front of it.

pub mod api;
pub mod authors;
mod background;
pub mod backtest;
pub mod bundle;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod incidents;
pub mod ingest;
pub mod investigations;
pub mod journal;
pub mod log;
mod logging;
pub mod metrics;
pub mod pull;
pub mod replay;
pub mod runtime;
mod scratch;
pub mod secrets;
pub mod server;
pub mod sessions;
pub mod store;

pub use cli::main;

/// An error and all its causes in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
