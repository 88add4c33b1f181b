//! A small shop of four services (gateway, checkout, payment, inventory), each a process of its own, instrumented with
//! the OpenTelemetry Rust SDK exactly as its documentation says. Nothing in here knows of AIA: it is an application
//! like any other that exports OTLP, with a bug in one of its releases.
//!
//! ```text
//! load ─► gateway ─┬─► checkout ─┬─► inventory
//!                  │             └─► payment      2.0.0 keeps its ledger in the wrong currency
//!                  └─► inventory
//! ```

mod client;
mod failure;
mod load;
mod record;
mod serve;
mod server;
mod services;
mod telemetry;
#[cfg(test)]
mod tests;

pub use load::{Load, Tally};
pub use record::Record;
pub use serve::{Serve, ServeError, serve};
pub use services::Service;
pub use telemetry::{Telemetry, TelemetryError};
