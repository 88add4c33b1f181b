//! The server: the three listeners in front of [`Services`], started and stopped together.
//!
//! The shells know the core by four things only: [`Services`] (what requests need), [`Running`] (to stop it),
//! [`Backend`] (to start it, and to open its parts for commands that work beside a running host), and what
//! [`Config`] holds. The core implements [`Backend`]; tests put their own things in
//! [`Services`].

mod first_start;
mod listener;
mod services;

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

pub use first_start::{FirstStart, FirstStartError, default_scope, first_start};
pub use services::{
    Backend, BackendError, NotReady, PluginCatalog, PluginInfo, Readiness, RenderedReport, ReportError,
    Reports, Running, Services, media_type,
};

use crate::{
    api,
    config::Config,
    ingest::{self, Gate, IngestMetrics, RevokedKeys},
    store::StoreError,
};
use listener::{Listener, Protocol};

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address can't be had.
    #[error("cannot listen on {address} (setting `{setting}`)")]
    Bind {
        /// The setting.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The list of revoked keys can't be read, and without it nobody may send.
    #[error("cannot read the revoked ingest keys")]
    RevokedKeys(#[source] StoreError),
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Addresses {
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// REST API, health, metrics.
    pub api: SocketAddr,
}

/// A server that serves.
pub struct Server {
    addresses: Addresses,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    refresh: AbortHandle,
}

impl Server {
    /// Binds all listeners, then serves in the background. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If an address can't be had; nothing listens then.
    pub async fn start(config: &Config, services: Services) -> Result<Self, ServeError> {
        let Services {
            store,
            intake,
            secrets,
            plugins,
            reports,
            readiness,
            metrics: mut registry,
        } = services;
        let revoked = Arc::new(RevokedKeys::load(Arc::clone(&store)).map_err(ServeError::RevokedKeys)?);
        let metrics = IngestMetrics::register(&mut registry);
        let gate = Gate::new(
            secrets,
            Arc::clone(&revoked),
            intake,
            &config.limits,
            config.workers,
            metrics,
        );
        let gate = Arc::new(gate);
        let api = api::router(api::Parts {
            store,
            plugins,
            reports,
            readiness,
            registry,
        });

        let listen = &config.listen;
        let bind = async |setting, address, protocol, app| {
            let bound = Listener::bind(setting, address, protocol, app, &config.limits).await;
            bound.map_err(|source| ServeError::Bind {
                setting,
                address,
                source,
            })
        };
        let http = ingest::http_router(Arc::clone(&gate));
        let http = bind("listen.otlp-http", listen.otlp_http, Protocol::Http1, http).await?;
        let grpc = bind(
            "listen.otlp-grpc",
            listen.otlp_grpc,
            Protocol::Http2,
            ingest::grpc_router(gate),
        )
        .await?;
        let api = bind("listen.api", listen.api, Protocol::Http1, api).await?;

        let addresses = Addresses {
            otlp_http: http.address(),
            otlp_grpc: grpc.address(),
            api: api.address(),
        };
        let (stop, stopped) = watch::channel(false);
        let mut listeners = JoinSet::new();
        for listener in [http, grpc, api] {
            listeners.spawn(listener.serve(stopped.clone()));
        }
        let refresh = tokio::spawn(revoked.keep_fresh()).abort_handle();
        Ok(Self {
            addresses,
            stop,
            listeners,
            refresh,
        })
    }

    /// Where it listens, with the real ports.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Accepts nothing more, lets requests in flight end for at most `limits.drain-time`, then returns.
    pub async fn stop(mut self) {
        self.refresh.abort();
        self.stop.send_replace(true);
        while let Some(ended) = self.listeners.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a listener failed");
            }
        }
    }
}
