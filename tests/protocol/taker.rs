//! Whoever takes OTLP in over HTTP: a host, or a Worker at the edge. One suite, two addresses.

use std::path::Path;

use aia_tests::edge::{self, SECRET, TestBucket};
use aia_tests::{Answer, Bundle, Host, Telemetry, Worker};
use anyhow::Result;

use crate::send::Way;

/// A running server.
pub(crate) enum Taker {
    Host(Box<Host>),
    Worker(Box<Worker>),
}

impl Taker {
    /// One of each.
    pub(crate) fn both(folder: &Path) -> Result<[Self; 2]> {
        let worker = Worker::start(
            &Bundle::first_party()?,
            &folder.join("worker"),
            &[("AIA_SECRET_KEY", SECRET)],
        )?;
        let own = folder.join("host");
        std::fs::create_dir_all(&own)?;
        let host = Host::start(&own)?;
        Ok([Self::Host(Box::new(host)), Self::Worker(Box::new(worker))])
    }

    /// How a request goes there: a Worker can't be reached by gRPC.
    pub(crate) fn ways(&self) -> &'static [Way] {
        match self {
            Self::Host(_) => &[Way::Protobuf, Way::Json, Way::Grpc],
            Self::Worker(_) => &[Way::Protobuf, Way::Json],
        }
    }

    /// How a body may be compressed: zstd is C code, which isn't in the Worker.
    pub(crate) fn compressions(&self) -> &'static [&'static str] {
        match self {
            Self::Host(_) => &["gzip", "zstd"],
            Self::Worker(_) => &["gzip"],
        }
    }

    pub(crate) fn ingest_key(&self) -> Result<String> {
        match self {
            Self::Host(host) => Ok(host.ingest_key().to_owned()),
            Self::Worker(_) => edge::ingest_key("default"),
        }
    }

    /// Posts with a good key, unless `authorization` is among the headers.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        match self {
            Self::Host(host) => host.post(path, headers, body),
            Self::Worker(worker) => edge::post(worker, path, headers, body),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        match self {
            Self::Host(host) => host.get_otlp(path),
            Self::Worker(worker) => Answer::get(&format!("{}{path}", worker.url())),
        }
    }

    /// Everything that was stored.
    pub(crate) fn stored(&self) -> Result<Telemetry> {
        match self {
            Self::Host(host) => host.stored(),
            Self::Worker(worker) => TestBucket::of(&worker.s3())?.stored(),
        }
    }

    /// The host, if it is one.
    pub(crate) fn host(&self) -> Option<&Host> {
        match self {
            Self::Host(host) => Some(host),
            Self::Worker(_) => None,
        }
    }
}
