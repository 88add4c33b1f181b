//! Plugins for the edge, whose runtimes compile no component at run time.
//!
//! Each file is loaded as a host would (so that a file no host would run is refused with the same words), must import nothing
//! and be a detector. Its manifest is read here, in the host's own sandbox, so that the edge knows what a plugin reads before
//! it makes an instance of it.
//!
//! - [`worker()`]: a Cloudflare Worker runs core modules that were uploaded with it, and JavaScript; those are made of
//!   component files by `js-component-bindgen`.
//! - [`spin()`]: a Spin app takes the files as they are and composes them with AIA's component.

mod error;
mod folder;
mod source;
mod spin;
mod transpiled;
mod worker;

pub use error::BundleError;
pub use folder::{Bundle, BundleFile};
pub use source::Source;
pub use spin::{SPIN_SLOTS, spin, spin_manifest};
pub use worker::worker;
