//! Investigations of made-up incidents.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml's leave for tests doesn't reach their helpers"
)]

mod bounds;
mod sentences;
mod topologies;
mod verdicts;
mod world;
