//! Detector of log lines that are new, come more often than usual or stay away.
//!
//! `miner` makes templates of lines, one by one; `body` finds the line in a record; `stats` counts how often a template
//! comes and says whether that is unusual; `mix` compares releases; `detector` brings them together for each service, and `signal` tells of what
//! it finds. Every part of the state has a limit, so that a snapshot stays below a mebibyte.

mod body;
mod config;
mod detector;
mod memo;
mod miner;
mod mix;
mod signal;
mod stats;

pub use aia_plugin_sdk::snapshot::DecodeError;
pub use config::Config;
pub use detector::{LogLines, Template, templates};
pub use miner::{Extra, Miner};

aia_plugin_sdk::export_detector!(LogLines);
