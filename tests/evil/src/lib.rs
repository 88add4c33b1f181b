//! A detector that misbehaves in every way the host defends against. For tests only.
//!
//! What it does wrong is chosen by its configuration ([`Config`]); what it does wrong when it is asked for its manifest,
//! where there is no configuration, by a word compiled into it ([`Description`]), which a test replaces in the file.
//! The enums here are matched without a wildcard in the host's tests: a misdeed without a test doesn't compile.

mod config;
mod deeds;
mod description;
mod detector;
mod signals;

pub use config::{Config, Deed, Flaw, Stage};
pub use description::Description;
pub use detector::Evil;

aia_plugin_sdk::export_detector!(Evil);
