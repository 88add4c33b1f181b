//! Runs one service until it is asked to stop.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::client::Upstreams;
use crate::server::instrument;
use crate::services::{self, Service};
use crate::telemetry::Telemetry;

/// Which service to run, and how.
#[derive(Clone, Debug)]
pub struct Serve {
    /// Which.
    pub service: Service,
    /// Where; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Base URLs of the services it calls, by name.
    pub upstreams: BTreeMap<String, String>,
    /// Its release.
    pub release: String,
    /// Whether that release has the bug.
    pub fault: bool,
}

/// Why a service couldn't run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no faulty release of this service.
    #[error("--fault is for payment: {service} has no faulty release")]
    NoFault {
        /// Which.
        service: &'static str,
    },
    /// The runtime, its signals or the address.
    #[error("{operation}")]
    Io {
        /// What was tried.
        operation: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl ServeError {
    fn io(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let operation = operation.into();
        move |source| Self::Io { operation, source }
    }
}

/// Serves until SIGTERM or SIGINT, then lets running requests end. When it listens, it prints one JSON line on stdout:
/// `{"ready":true,"service":"payment","url":"http://127.0.0.1:40123"}`.
///
/// # Errors
/// When the address is taken, or [`Serve::fault`] is set for a service without a faulty release.
pub fn serve(options: &Serve, telemetry: &Telemetry) -> Result<(), ServeError> {
    let router = router(options, telemetry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(ServeError::io("starting the runtime"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(ServeError::io(format!("listening on {}", options.listen)))?;
        let address = listener
            .local_addr()
            .map_err(ServeError::io("asking for the own address"))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::io("waiting for SIGTERM"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::io("waiting for SIGINT"))?;
        let service = options.service.name();
        println!(
            "{}",
            json!({ "ready": true, "service": service, "url": format!("http://{address}") })
        );
        tracing::info!(release = options.release.as_str(), "{service} is up");
        axum::serve(listener, router)
            .with_graceful_shutdown(async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            })
            .await
            .map_err(ServeError::io("serving"))
    })
}

/// The service's routes, instrumented, and `/healthz`, which isn't.
pub(crate) fn router(options: &Serve, telemetry: &Telemetry) -> Result<Router, ServeError> {
    if options.fault && options.service != Service::Payment {
        return Err(ServeError::NoFault {
            service: options.service.name(),
        });
    }
    let instruments = telemetry.instruments();
    let upstreams = Arc::new(Upstreams::new(options.upstreams.clone(), instruments.clone()));
    Ok(services::routes(options.service, upstreams, options.fault)
        .route_layer(middleware::from_fn_with_state(instruments, instrument))
        .route("/healthz", get(|| async { "ok" })))
}
