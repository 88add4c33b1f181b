//! Measures the log and metric detectors on labelled sets, laid out as their publishers do.

pub mod logs;
pub mod metrics;
