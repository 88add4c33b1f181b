//! The runtime against plugins that misbehave, files that are no plugins, and caches that were tampered with.
//!
//! What these tests don't show: that wasmtime's sandbox holds (that is wasmtime's to test), and how fast it all is
//! (`bench/` measures that).
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy.toml's leave for tests doesn't reach their helpers"
)]

mod cache;
mod compiler;
mod deeds;
mod descriptions;
mod files;
mod flaws;
mod investigations;
mod isolation;
mod support;
mod wasi;
