//! `aia up`

use std::{net::SocketAddr, path::Path, sync::Arc};

use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{failure::Failure, output::Output, text};
use crate::{
    clock,
    config::Config,
    server::{Addresses, Backend, FirstStart, Running, Server, Services, first_start},
};

/// One line on standard output once everything listens, with `--json`.
#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    otlp_http: String,
    otlp_grpc: String,
    api: String,
    data: String,
    ingest_key: Option<&'a str>,
    operator_token: Option<&'a str>,
    pid: u32,
}

pub(super) fn run(backend: &dyn Backend, config: &Config, output: &mut Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.workers)
        .thread_name("aia-worker")
        .enable_all()
        .build()
        .map_err(|source| Failure::System {
            what: "start the worker threads",
            source,
        })?;
    runtime.block_on(up(backend, config, output))
}

async fn up(backend: &dyn Backend, config: &Config, output: &mut Output) -> Result<(), Failure> {
    // Before anything starts, so that a signal at any time ends it in order.
    let handler = |kind| {
        signal(kind).map_err(|source| Failure::System {
            what: "handle signals",
            source,
        })
    };
    let (mut terminate, mut interrupt) = (
        handler(SignalKind::terminate())?,
        handler(SignalKind::interrupt())?,
    );
    let (services, running) = backend.start(config).map_err(|source| Failure::Start {
        data: config.data.clone(),
        source,
    })?;
    let served = serve(config, services, output).await;
    let ended = match served {
        Ok(server) => {
            let signal = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal, "stopping");
            server.stop().await;
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    stop(running).await;
    ended
}

async fn stop(running: Box<dyn Running>) {
    running.stop().await;
    tracing::info!("stopped");
}

async fn serve(config: &Config, services: Services, output: &mut Output) -> Result<Server, Failure> {
    let (store, secrets) = (Arc::clone(&services.store), Arc::clone(&services.secrets));
    // Listening first: a port that is taken must not swallow a key that is shown once.
    let server = Server::start(config, services).await?;
    let made = tokio::task::spawn_blocking(move || first_start(store.as_ref(), &secrets, clock::now())).await;
    let made = made.map_err(|error| Failure::System {
        what: "prepare the first start",
        source: error.into(),
    })??;
    announce(config, server.addresses(), made.as_ref(), output)?;
    Ok(server)
}

fn announce(
    config: &Config,
    addresses: Addresses,
    made: Option<&FirstStart>,
    output: &mut Output,
) -> Result<(), Failure> {
    let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    let ready = Ready {
        ready: true,
        otlp_http: url(addresses.otlp_http),
        otlp_grpc: url(addresses.otlp_grpc),
        api: url(addresses.api),
        data: data.display().to_string(),
        ingest_key: made.map(|made| made.ingest_key.expose_secret()),
        operator_token: made.map(|made| made.operator_token.reveal()),
        pid: std::process::id(),
    };
    tracing::info!(
        otlp_http = ready.otlp_http,
        otlp_grpc = ready.otlp_grpc,
        api = ready.api,
        "ready"
    );
    if output.json {
        output.value(&ready)
    } else {
        output.text(&greeting(&ready, &data))
    }
}

fn greeting(ready: &Ready<'_>, data: &Path) -> String {
    let mut greeting = format!(
        "AIA is up.\n  OTLP/HTTP  {}\n  OTLP/gRPC  {}\n  API        {}\n  data       {}\n",
        ready.otlp_http,
        ready.otlp_grpc,
        ready.api,
        text::line(&data.display().to_string()),
    );
    match (ready.ingest_key, ready.operator_token) {
        (Some(key), Some(token)) => greeting.push_str(&format!(
            "\nThis is the first start. Key and token are shown this once:\n  ingest key      {key}\n  operator token  \
             {token}\n\nTo send the telemetry of an instrumented application:\n  export \
             OTEL_EXPORTER_OTLP_ENDPOINT={}\n  export OTEL_EXPORTER_OTLP_HEADERS={}\n",
            ready.otlp_http,
            headers_variable(key),
        )),
        _ => greeting.push_str("\n`aia key create` makes an ingest key, `aia token create` a token for the API.\n"),
    }
    greeting
}

/// The value of `OTEL_EXPORTER_OTLP_HEADERS`. The specification has it in the format of W3C Baggage, whose values are
/// percent-encoded: the space behind `Bearer` must be `%20`. A key has no other character that needs it.
fn headers_variable(key: &str) -> String {
    format!("authorization=Bearer%20{key}")
}

/// An address to connect to; what listens everywhere is told as loopback.
fn url(address: SocketAddr) -> String {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready<'a>(key: Option<&'a str>, token: Option<&'a str>) -> Ready<'a> {
        Ready {
            ready: true,
            otlp_http: url("0.0.0.0:4318".parse().unwrap()),
            otlp_grpc: url("[::]:4317".parse().unwrap()),
            api: url("127.0.0.1:8080".parse().unwrap()),
            data: "/data".to_owned(),
            ingest_key: key,
            operator_token: token,
            pid: 1,
        }
    }

    #[test]
    fn the_first_start_shows_two_lines_to_paste() {
        let ready = ready(
            Some("aia_1.default.default.default.MAC"),
            Some("aiat_0123456789_SECRET"),
        );
        insta::assert_snapshot!(greeting(&ready, Path::new("/data")), @r"
        AIA is up.
          OTLP/HTTP  http://127.0.0.1:4318
          OTLP/gRPC  http://[::1]:4317
          API        http://127.0.0.1:8080
          data       /data

        This is the first start. Key and token are shown this once:
          ingest key      aia_1.default.default.default.MAC
          operator token  aiat_0123456789_SECRET

        To send the telemetry of an instrumented application:
          export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
          export OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20aia_1.default.default.default.MAC
        ");
    }

    #[test]
    fn later_starts_show_no_secret() {
        insta::assert_snapshot!(greeting(&ready(None, None), Path::new("/data")), @r"
        AIA is up.
          OTLP/HTTP  http://127.0.0.1:4318
          OTLP/gRPC  http://[::1]:4317
          API        http://127.0.0.1:8080
          data       /data

        `aia key create` makes an ingest key, `aia token create` a token for the API.
        ");
    }
}
