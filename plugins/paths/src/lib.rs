//! Detector of paths through the code that end early.
//!
//! The log records of a span are a path: it starts at the operation, goes from place to place and ends. An exception that
//! a caller swallows shows in no status and no record, only in what is missing behind the last one. `hold` keeps a span
//! until its service has written something later, so that what is missing is known to be missing; `place` names where
//! records were written; `passes` counts for each place how often a path ended there, and compares with what is usual;
//! `signal` tells of it. Every part of the state has a limit, so that a snapshot stays below a mebibyte.

mod config;
mod detector;
mod hold;
mod passes;
mod place;
mod places;
mod signal;

pub use config::Config;
pub use detector::Paths;

aia_plugin_sdk::export_detector!(Paths);
