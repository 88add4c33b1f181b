//! The Cloudflare Worker.
//!
//! Built for WebAssembly it is the module that Cloudflare runs; for the machine's own target there is nothing here yet.

#[cfg(target_arch = "wasm32")]
mod events;
