//! `aia-shop`: one service of the shop, or the shop's customers.

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use shop::{Load, Record, Serve, Service, Telemetry, serve};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// One service of the demo shop, or (with `load`) the shop's customers.
///
/// Where telemetry goes is set by OpenTelemetry's standard `OTEL_*` variables.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    service: Option<ServiceArguments>,
}

#[derive(Subcommand)]
enum Command {
    /// Shop at a steady rate for a while or until SIGTERM, print one JSON line of what was answered, and end.
    Load {
        /// The gateway, such as `http://127.0.0.1:8081`.
        #[arg(long, value_name = "URL")]
        target: String,
        /// Requests per second.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        rate: u32,
        /// How long, in seconds.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        seconds: u64,
    },
    /// Stand between the shop and a collector: forward what is exported, and keep it in files, until SIGTERM.
    Record {
        /// The collector, such as `http://127.0.0.1:4318`.
        #[arg(long, value_name = "URL")]
        forward: String,
        /// Folder of the files.
        #[arg(long, value_name = "FOLDER")]
        into: PathBuf,
        /// A text that isn't to be kept, such as a path of this machine, and what stands for it.
        #[arg(long, value_name = "FROM=TO", value_parser = replacement)]
        replace: Vec<(String, String)>,
    },
}

#[derive(Args)]
struct ServiceArguments {
    /// Which service to be.
    #[arg(long, value_enum)]
    service: Service,
    /// Where to listen; port 0 takes a free one. One JSON line on stdout says which.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Another service, as `name=url`; once for each that this one calls.
    #[arg(long, value_name = "NAME=URL", value_parser = upstream)]
    upstream: Vec<(String, String)>,
    /// The release this process runs, sent as `service.version`.
    #[arg(long, default_value = "1.4.2")]
    release: String,
    /// Run the release that has the bug; only payment has one.
    #[arg(long)]
    fault: bool,
}

fn upstream(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && url.starts_with("http://") => {
            Ok((name.to_owned(), url.trim_end_matches('/').to_owned()))
        }
        _ => Err("expected name=http://host:port".to_owned()),
    }
}

fn replacement(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((from, to)) if !from.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("expected from=to".to_owned()),
    }
}

/// A flag that SIGTERM sets.
fn stop_when_asked() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut terminate = {
        let _entered = runtime.enter();
        signal(SignalKind::terminate())?
    };
    let set = Arc::clone(&stop);
    std::thread::spawn(move || {
        if runtime.block_on(terminate.recv()).is_some() {
            set.store(true, Ordering::Relaxed);
        }
    });
    Ok(stop)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Load {
            target,
            rate,
            seconds,
        }) => {
            let load = Load {
                target,
                rate_per_second: rate,
                duration: Duration::from_secs(seconds),
            };
            println!(
                "{}",
                serde_json::to_string(&load.run(stop_when_asked()?.as_ref()))?
            );
            return Ok(());
        }
        Some(Command::Record {
            forward,
            into,
            replace,
        }) => {
            let record = Record {
                forward,
                into,
                replacements: replace,
            };
            return Ok(record.run()?);
        }
        None => {}
    }
    let Some(service) = arguments.service else {
        anyhow::bail!("give --service or one of the commands `load` and `record`; --help tells more");
    };
    let options = Serve {
        service: service.service,
        listen: service.listen,
        upstreams: service.upstream.into_iter().collect(),
        release: service.release,
        fault: service.fault,
    };
    // The exporters' blocking HTTP client must be made and dropped outside of any async runtime, so they live here.
    let telemetry = Telemetry::from_environment(options.service.name(), &options.release)?;
    let served = serve(&options, &telemetry);
    telemetry.shutdown();
    Ok(served?)
}
