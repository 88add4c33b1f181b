//! The app over HTTP: instances are made, used for several requests and dropped as Spin does it unless told otherwise.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use anyhow::Result;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

use super::host::{Compiled, Log, Setting, State};

/// How instances are used again. The defaults are Spin's for a component of WASI 0.3.
#[derive(Clone, Copy, Debug)]
pub struct Reuse {
    /// Most requests that an instance serves.
    pub requests: usize,
    /// Most at once.
    pub at_once: usize,
    /// How long an instance that has nothing to do is kept.
    pub idle: Duration,
}

impl Default for Reuse {
    fn default() -> Self {
        Self {
            requests: 128,
            at_once: 16,
            idle: Duration::from_secs(1),
        }
    }
}

/// Serves the app on a free port; gives its address.
pub(super) async fn serve(compiled: Arc<Compiled>, setting: Setting, reuse: Reuse) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let handler = ProxyHandler::new(App {
        compiled,
        setting,
        reuse,
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handler = handler.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let handler = handler.clone();
                    async move { Ok::<_, Infallible>(answer(&handler, request).await) }
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                // A client that breaks off is the client's business.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(url)
}

async fn answer(
    handler: &ProxyHandler<App>,
    request: http::Request<Incoming>,
) -> http::Response<Either<WasiBody, Full<Bytes>>> {
    let request = request.map(|body| body.map_err(|_| Error::HttpProtocolError).boxed_unsync());
    match handler.handle((), request).await {
        Ok(response) => response.map(Either::Left),
        Err(error) => {
            handler
                .state()
                .setting
                .log
                .ended(format!("a request failed: {error:?}"));
            let mut response = http::Response::new(Either::Right(Full::default()));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

struct App {
    compiled: Arc<Compiled>,
    setting: Setting,
    reuse: Reuse,
}

impl HandlerState for App {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Use;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Use>> {
        let mut store = self
            .compiled
            .store(&self.setting)
            .map_err(|error| wasmtime::Error::msg(format!("{error:#}")))?;
        let proxy = Proxy::P3(self.compiled.service.instantiate_async(&mut store).await?);
        Ok(Instance {
            store,
            proxy,
            view: |state| state.http(),
            expiration: Expiration {
                idle: self.reuse.idle,
                sleep: None,
            },
            state: Use {
                reuse: self.reuse,
                log: self.setting.log.clone(),
            },
        })
    }
}

/// Ends an instance that has nothing to do for a while.
struct Expiration {
    idle: Duration,
    sleep: Option<(Instant, Pin<Box<tokio::time::Sleep>>)>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        state: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        if state != WorkerStatus::Idle {
            self.sleep = None;
            return Poll::Pending;
        }
        if self.sleep.as_ref().is_none_or(|(since, _)| *since != start) {
            let until = tokio::time::Instant::from_std(start + self.idle);
            self.sleep = Some((start, Box::pin(tokio::time::sleep_until(until))));
        }
        match &mut self.sleep {
            Some((_, sleep)) => sleep.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

/// How an instance is used.
struct Use {
    reuse: Reuse,
    log: Log,
}

impl WorkerState for Use {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, at_once: usize, all: usize) -> ShouldAccept {
        if all >= self.reuse.requests {
            ShouldAccept::Never
        } else if at_once >= self.reuse.at_once {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _store: StoreContextMut<'_, State>,
        _data: (),
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, _store: Store<State>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            self.log.ended(format!("an instance ended: {error:?}"));
        }
    }
}
