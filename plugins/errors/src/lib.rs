//! Detector of errors: exceptions on spans and in logs, HTTP 5xx, RPC statuses that blame the server, and spans with
//! the status "error".
//!
//! The way of an error: `classify` and `fault` read it from a span or a log record and fingerprint it, `identify`
//! recognises what was read before; `hold`
//! keeps it until the other services of its trace have sent theirs; `origin` lays it at the service where it began;
//! its group counts it and compares it with what is usual (`baseline`); `signal` tells of it. Every part of the
//! state has a limit, so that a snapshot stays below a mebibyte whatever is sent.

mod attributes;
mod baseline;
mod classify;
mod config;
mod decided;
mod detector;
mod fault;
mod group;
mod groups;
mod hold;
mod identify;
mod memo;
mod message;
mod novelty;
mod operation;
mod origin;
mod releases;
mod signal;
mod stack;
mod tally;
mod text;
mod traffic;
mod window;

pub use config::Config;
pub use detector::Errors;

aia_plugin_sdk::export_detector!(Errors);
