//! The Cloudflare Worker: takes OTLP in at the edge, makes it durable in R2, and runs the project's detectors behind the
//! answer, in a Durable Object.
//!
//! Built for WebAssembly it is the module that Cloudflare runs; for the machine's own target it is empty.

#[cfg(target_arch = "wasm32")]
mod batch;
#[cfg(target_arch = "wasm32")]
mod bucket;
#[cfg(target_arch = "wasm32")]
mod events;
#[cfg(target_arch = "wasm32")]
mod intake;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(target_arch = "wasm32")]
mod outcome;
#[cfg(target_arch = "wasm32")]
mod plugins;
#[cfg(target_arch = "wasm32")]
mod project;
