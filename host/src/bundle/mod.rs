//! Plugins for runtimes that can't compile a component at run time.
//!
//! A Cloudflare Worker runs core modules that were uploaded with it, and JavaScript. [`worker`] makes those of component
//! files: each is loaded as a host would (so that a file no host would run is refused with the same words), must import
//! nothing and be a detector, and is transpiled by `js-component-bindgen`. The manifest is read here, in the host's own
//! sandbox, so that the Worker knows what a plugin reads before it makes an instance of it.
//!
//! What lies where in the folder is said in [`folder`].

mod error;
mod folder;
mod source;
mod transpiled;

pub use error::BundleError;
pub use folder::{BundleFile, WorkerBundle, worker};
pub use source::Source;
