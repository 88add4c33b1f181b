//! Load: connections that send requests one after the other, as exporters do, each as soon as the last one is answered
//! or at a pace. All connections of a load live on one thread, and what they send is encoded before they begin: the
//! load is to cost a small part of what it loads.

mod grpc;
mod http;
mod template;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use crate::generate::{LogShape, Random, SpanShape, logs, spans};
use template::Template;

/// Wait after a refusal: what servers ask for is a second, which would measure nothing but itself.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// Where to send, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    /// Sent as a bearer token.
    pub(crate) key: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    Spans,
    Logs,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) protocol: Protocol,
    pub(crate) signal: Signal,
    /// Rows of a request.
    pub(crate) rows: usize,
    pub(crate) connections: usize,
    /// Time from one request to the next on each connection; none for as soon as there is an answer.
    pub(crate) pace: Option<Duration>,
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    /// Time from a request to its answer, in microseconds, unsorted. At a pace from when the request was due: one that
    /// waits for the one before it has waited.
    pub(crate) latencies_us: Vec<u32>,
    /// Requests refused.
    pub(crate) refused: u64,
}

impl Answered {
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies_us.extend(other.latencies_us);
        self.refused += other.refused;
    }

    /// The latency, in milliseconds, below which this share of the answers lies.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list far shorter than 2^52"
        )]
        let place = (sorted.len() as f64 * share) as usize;
        let last = sorted.last();
        sorted
            .get(place)
            .or(last)
            .map_or(f64::NAN, |us| f64::from(*us) / 1e3)
    }
}

/// Sends on this thread for so long; requests in flight then are waited for.
///
/// # Errors
/// If a connection fails, or nothing was answered.
pub(crate) fn drive(target: &Target, load: &Load, time: Duration) -> Result<Answered> {
    let mut senders = Vec::new();
    for number in 0..load.connections {
        senders.push(Sender::new(target, load, number)?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the load's runtime")?;
    let answered = runtime.block_on(async {
        let until = Instant::now() + time;
        let mut running = JoinSet::new();
        for sender in senders {
            running.spawn(sender.run(until));
        }
        let mut answered = Answered::default();
        while let Some(ended) = running.join_next().await {
            answered.add(ended.context("a sender panicked")??);
        }
        anyhow::Ok(answered)
    })?;
    ensure!(
        !answered.latencies_us.is_empty(),
        "nothing was taken; {} requests were refused",
        answered.refused
    );
    Ok(answered)
}

/// One connection's part.
struct Sender {
    target: Target,
    load: Load,
    /// Until the first request: connections take turns at a pace.
    first_due: Duration,
    /// Different for every request there ever is.
    number: u64,
    template: Template,
}

impl Sender {
    fn new(target: &Target, load: &Load, connection: usize) -> Result<Self> {
        let seed = connection as u64;
        let random = &mut Random::new(seed + 1);
        let before = |length: usize| match load.protocol {
            Protocol::Http => head(target, load.signal, length),
            Protocol::Grpc => frame(length),
        };
        let template = match load.signal {
            Signal::Spans => {
                let shape = SpanShape {
                    spans: load.rows,
                    ..SpanShape::default()
                };
                Template::spans(&spans(random, &shape), before)?
            }
            Signal::Logs => {
                let shape = LogShape {
                    records: load.rows,
                    ..LogShape::default()
                };
                Template::logs(&logs(random, &shape), before)?
            }
        };
        let turns = u32::try_from(load.connections.max(1))?;
        let turn = u32::try_from(connection)?;
        Ok(Self {
            target: target.clone(),
            load: *load,
            first_due: load.pace.unwrap_or_default() / turns * turn,
            // Nanoseconds since the epoch leave the lowest bits to the connection once they are shifted.
            number: (now_ns() << 10) | seed,
            template,
        })
    }

    async fn run(mut self, until: Instant) -> Result<Answered> {
        let key = self.target.key.as_deref();
        let mut connection = match self.load.protocol {
            Protocol::Http => Connection::Http(http::Connection::open(self.target.http).await?),
            Protocol::Grpc => {
                let path = match self.load.signal {
                    Signal::Spans => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                    Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
                };
                Connection::Grpc(grpc::Connection::open(self.target.grpc, path, key).await?)
            }
        };
        let mut answered = Answered::default();
        let mut due = Instant::now() + self.first_due;
        loop {
            let started = match self.load.pace {
                None => Instant::now(),
                Some(pace) => {
                    tokio::time::sleep_until(due.into()).await;
                    let started = due;
                    due += pace;
                    started
                }
            };
            if Instant::now() >= until {
                return Ok(answered);
            }
            self.number = self.number.wrapping_add(1 << 10);
            let is_taken = connection
                .send(self.template.stamp(self.number, now_ns()))
                .await?;
            if is_taken {
                let took = u32::try_from(started.elapsed().as_micros());
                answered.latencies_us.push(took.unwrap_or(u32::MAX));
            } else {
                answered.refused += 1;
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
}

enum Connection {
    Http(http::Connection),
    Grpc(grpc::Connection),
}

impl Connection {
    /// Whether it was taken.
    async fn send(&mut self, request: &[u8]) -> Result<bool> {
        match self {
            Self::Http(connection) => Ok(connection.send(request).await? == 200),
            Self::Grpc(connection) => Ok(connection.send(request).await? == 0),
        }
    }
}

/// The head of a request over HTTP/1.1.
fn head(target: &Target, signal: Signal, length: usize) -> Vec<u8> {
    let path = match signal {
        Signal::Spans => "/v1/traces",
        Signal::Logs => "/v1/logs",
    };
    let key = target.key.as_ref();
    let key = key.map_or_else(String::new, |key| format!("authorization: Bearer {key}\r\n"));
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-protobuf\r\n{key}content-length: {length}\r\n\r\n",
        target.http
    )
    .into_bytes()
}

/// The head of a message over gRPC: not compressed, and its length.
fn frame(length: usize) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    frame
}

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_places_in_the_order() {
        let answered = Answered {
            latencies_us: (1..=1000).rev().collect(),
            refused: 0,
        };
        assert!((answered.quantile_ms(0.5) - 0.501).abs() < 1e-9);
        assert!((answered.quantile_ms(0.99) - 0.991).abs() < 1e-9);
        assert!((answered.quantile_ms(1.0) - 1.0).abs() < 1e-9);
        assert!(Answered::default().quantile_ms(0.5).is_nan());
    }
}
