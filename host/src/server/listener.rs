//! A listener: accepts connections, serves them with HTTP/1.1 or HTTP/2, cuts off slow ones, drains at the end.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tower::ServiceExt;

use crate::config::Limits;

/// Largest head of a request over HTTP/2: a few headers and a token fit ten times over.
const HEAD_BYTES: u32 = 16 << 10;

/// Largest head over HTTP/1.1, where bodies are read through the same buffer: large enough not to slow them down.
const HTTP1_BUFFER_BYTES: usize = 64 << 10;

/// Requests at once on one HTTP/2 connection; an exporter has one or two.
const STREAMS: u32 = 128;

/// What one HTTP/2 stream, and one connection, may send before it was read: a request of 512 spans in one go.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// How long accepting rests when the process has no file descriptors left.
const REST_AFTER_ERROR: Duration = Duration::from_millis(100);

/// What a listener speaks. One protocol a port: telling them apart would wait for bytes that may never come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A bound socket with what it serves.
pub(super) struct Listener {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
    protocol: Protocol,
    app: Router,
    limits: Limits,
}

impl Listener {
    /// Binds; connections wait until [`Listener::serve`].
    pub(super) async fn bind(
        name: &'static str,
        address: SocketAddr,
        protocol: Protocol,
        app: Router,
        limits: &Limits,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        if !address.ip().is_loopback() {
            tracing::warn!(
                listener = name,
                %address,
                "listening beyond loopback without TLS: keys and telemetry cross the network in clear"
            );
        }
        Ok(Self {
            name,
            socket,
            address,
            protocol,
            app,
            limits: limits.clone(),
        })
    }

    /// Where it listens, with the real port.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` turns true, then lets requests in flight end, for at most `limits.drain_time`.
    pub(super) async fn serve(self, mut stop: watch::Receiver<bool>) {
        let server = Arc::new(self.connection_builder());
        let permits = Arc::new(Semaphore::new(self.limits.connections));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            // A permit first: beyond the limit, connections wait in the socket's queue and cost nothing here.
            let accepted = tokio::select! {
                accepted = accept(&self.socket, &permits) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let connection = Connection {
                        server: Arc::clone(&server),
                        app: self.app.clone(),
                        first_request: self.limits.idle_time,
                    };
                    let watcher = graceful.watcher();
                    connections.spawn(async move {
                        connection.serve(stream, watcher).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(listener = self.name, %error, "cannot accept a connection");
                    tokio::time::sleep(REST_AFTER_ERROR).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        drop(self.socket);
        if tokio::time::timeout(self.limits.drain_time, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(
                listener = self.name,
                open = connections.len(),
                "connections cut off at the end"
            );
        }
        connections.shutdown().await;
    }

    fn connection_builder(&self) -> auto::Builder<TokioExecutor> {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle_time)
            .max_buf_size(HTTP1_BUFFER_BYTES);
        server
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            // A peer that is gone without a word is noticed by an unanswered ping.
            .keep_alive_interval(self.limits.idle_time)
            .keep_alive_timeout(self.limits.idle_time);
        match self.protocol {
            Protocol::Http1 => server.http1_only(),
            Protocol::Http2 => server.http2_only(),
        }
    }
}

async fn accept(
    socket: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = socket.accept().await?;
    // Answers are small: waiting to fill a packet would only delay them.
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

struct Connection {
    server: Arc<auto::Builder<TokioExecutor>>,
    app: Router,
    first_request: Duration,
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        let spoke = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let spoke = Arc::clone(&spoke);
            move |request: Request<Incoming>| {
                spoke.store(true, Ordering::Relaxed);
                self.app.clone().oneshot(request)
            }
        });
        let connection = self
            .server
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let mut connection = std::pin::pin!(watcher.watch(connection));
        let silence = tokio::time::sleep(self.first_request);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            // HTTP/1.1 has its own timer for this; the handshake of HTTP/2 has none.
            () = silence => {
                if !spoke.load(Ordering::Relaxed) {
                    return;
                }
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "connection ended");
        }
    }
}
