//! Whoever takes OTLP in over HTTP: a host, or a Worker or a Spin app at the edge. One suite, three addresses.

use std::path::Path;

use aia_tests::edge::{self, SECRET, TestBucket};
use aia_tests::spin::{SpinApp, SpinBundle, variables};
use aia_tests::{Answer, Bundle, Host, S3Server, Telemetry, Worker};
use anyhow::Result;

use crate::send::Way;

/// A running server.
pub(crate) enum Taker {
    Host(Box<Host>),
    Worker(Box<Worker>),
    Spin(Box<SpinApp>, S3Server),
}

impl Taker {
    /// One of each.
    pub(crate) fn all(folder: &Path) -> Result<[Self; 3]> {
        let worker = Worker::start(
            &Bundle::first_party()?,
            &folder.join("worker"),
            &[("AIA_SECRET_KEY", SECRET)],
        )?;
        let own = folder.join("host");
        std::fs::create_dir_all(&own)?;
        let host = Host::start(&own)?;
        let s3 = S3Server::start(&folder.join("s3"))?;
        let app = SpinApp::start(&SpinBundle::first_party()?, variables(&s3.settings()))?;
        Ok([
            Self::Host(Box::new(host)),
            Self::Worker(Box::new(worker)),
            Self::Spin(Box::new(app), s3),
        ])
    }

    /// How a request goes there: the edge can't be reached by gRPC.
    pub(crate) fn ways(&self) -> &'static [Way] {
        match self {
            Self::Host(_) => &[Way::Protobuf, Way::Json, Way::Grpc],
            Self::Worker(_) | Self::Spin(..) => &[Way::Protobuf, Way::Json],
        }
    }

    /// How a body may be compressed: zstd is C code, which isn't at the edge.
    pub(crate) fn compressions(&self) -> &'static [&'static str] {
        match self {
            Self::Host(_) => &["gzip", "zstd"],
            Self::Worker(_) | Self::Spin(..) => &["gzip"],
        }
    }

    pub(crate) fn ingest_key(&self) -> Result<String> {
        match self {
            Self::Host(host) => Ok(host.ingest_key().to_owned()),
            Self::Worker(_) | Self::Spin(..) => edge::ingest_key("default"),
        }
    }

    /// Posts with a good key, unless `authorization` is among the headers.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        match self {
            Self::Host(host) => host.post(path, headers, body),
            Self::Worker(worker) => edge::post(worker, path, headers, body),
            Self::Spin(app, _) => edge::post_to(app.url(), path, headers, body),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        match self {
            Self::Host(host) => host.get_otlp(path),
            Self::Worker(worker) => Answer::get(&format!("{}{path}", worker.url())),
            Self::Spin(app, _) => Answer::get(&format!("{}{path}", app.url())),
        }
    }

    /// Everything that was stored.
    pub(crate) fn stored(&self) -> Result<Telemetry> {
        match self {
            Self::Host(host) => host.stored(),
            Self::Worker(worker) => TestBucket::of(&worker.s3())?.stored(),
            Self::Spin(_, s3) => TestBucket::of(&s3.settings())?.stored(),
        }
    }

    /// The host, if it is one.
    pub(crate) fn host(&self) -> Option<&Host> {
        match self {
            Self::Host(host) => Some(host),
            Self::Worker(_) | Self::Spin(..) => None,
        }
    }
}
