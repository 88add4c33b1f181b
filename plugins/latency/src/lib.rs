//! Detector of operations that are slower than usual, and of error rates that rose.
//!
//! The way of a span: its operation (`operations`) counts its duration (`stats`, `sketch`), and `hold` keeps the span
//! until the other services of its trace have sent theirs. `trace` then tells how much of its time it spent by itself,
//! so that a slow callee isn't laid at its callers. At every tick each operation compares its window with what is usual
//! (`comparison`, `significance`); `cases` make one finding a service of that, and `signal` tells of it. Every part of
//! the state has a limit, so that a snapshot stays below a mebibyte whatever is sent.

mod cases;
mod comparison;
mod config;
mod detector;
mod felt;
mod hold;
mod limits;
mod operation;
mod operations;
mod pending;
mod seen;
mod services;
mod signal;
mod significance;
mod sketch;
mod source;
mod stats;
mod trace;

pub use config::Config;
pub use detector::Latency;

aia_plugin_sdk::export_detector!(Latency);
