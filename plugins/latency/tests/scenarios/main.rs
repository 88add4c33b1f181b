//! The detector as a host sees it: batches and ticks in, signals out. The harness restores it from a snapshot before
//! every call, so each scenario also shows that restoring changes nothing.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod arrival;
mod bounds;
mod failures;
mod felt;
mod noise;
mod quiet;
mod restoring;
mod shop;
mod slow;
