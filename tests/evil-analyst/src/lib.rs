//! An analyst that misbehaves in every way the host defends against. For tests only.
//!
//! What it does wrong is chosen by its configuration ([`Config`]). The enum of deeds is matched without a wildcard in the
//! host's tests: a misdeed without a test doesn't compile.

mod analyst;
mod deeds;

pub use analyst::EvilAnalyst;
pub use deeds::{Config, Deed};

aia_plugin_sdk::export_analyst!(EvilAnalyst);
