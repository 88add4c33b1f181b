//! Ingest: OTLP over HTTP and gRPC in front of one [`Intake`].
//!
//! Both protocols are thin: they find signal, encoding and key, and what follows is the same for both and written once
//! in [`gate`]. A key is verified before a byte of the body is read, so that strangers can't make AIA hold anything.

mod accept;
mod auth;
mod body;
mod gate;
mod grpc;
mod http;
mod intake;
mod memory;
mod metrics;
mod turns;

pub(crate) use accept::{JournalIntake, Pipeline};
pub(crate) use auth::RevokedKeys;
pub(crate) use gate::Gate;
pub use intake::{Accepted, Intake};
pub(crate) use memory::MemoryLimit;
pub(crate) use metrics::IngestMetrics;

/// OTLP over gRPC as a service, to be served with HTTP/2.
pub(crate) fn grpc_router(gate: std::sync::Arc<Gate>) -> axum::Router {
    grpc::router(gate)
}

/// OTLP over HTTP as a service.
pub(crate) fn http_router(gate: std::sync::Arc<Gate>) -> axum::Router {
    http::router(gate)
}
