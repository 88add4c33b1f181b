//! Configuration: flags over environment over `aia.toml` over defaults.
//!
//! [`keys`] is the one table of every setting: name, default, what it protects and where it goes. The annotated file
//! of `aia config`, the names of the environment's variables and the checks all come from it. Anything unknown is an
//! error that names the nearest known key: a misspelled limit must not be a limit that isn't there.

mod error;
mod file;
mod keys;
mod plugin_settings;
mod pull;
mod secret;
mod sources;
mod value;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use error::{ConfigError, Origin};
pub use keys::annotated_defaults;
pub use plugin_settings::{AllPluginSettings, PluginSettings};
pub use pull::Pull;
pub use secret::Secret;
pub use sources::{Loaded, Setting, Sources};

use crate::incidents::Rules;
use crate::log::Retention;

/// Everything that can be set. Values come from [`Sources::load`] only, so that none misses its default.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `data`: the folder that holds the store, the journal, blocks, secrets and caches.
    pub data: PathBuf,
    /// `plugins`: a folder of plugins besides the built-in ones, if there is one.
    pub plugins: Option<PathBuf>,
    /// `workers`: threads that run sessions of detectors and serve requests; never 0.
    pub workers: usize,
    /// `listen.…`
    pub listen: Listen,
    /// `limits.…`
    pub limits: Limits,
    /// `plugin.…`
    pub plugin: PluginLimits,
    /// `settings.<plugin>.…`: what plugins are told.
    pub settings: AllPluginSettings,
    /// `durability`: when a request is acknowledged.
    pub durability: Acknowledge,
    /// `objects.…`
    pub objects: Objects,
    /// `pull.…`
    pub pull: Pull,
    /// `retention.…`
    pub retention: Retention,
    /// `incidents.…`
    pub incidents: Rules,
    /// `redaction.…`
    pub redaction: Redaction,
    /// `log.…`
    pub log: Log,
}

/// Where AIA listens. Port 0 is any free one.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// `listen.otlp-http`
    pub otlp_http: SocketAddr,
    /// `listen.otlp-grpc`
    pub otlp_grpc: SocketAddr,
    /// `listen.api`
    pub api: SocketAddr,
}

/// What a client may take of the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// `limits.request-bytes`: largest body of an OTLP request as sent.
    pub request_bytes: usize,
    /// `limits.decompressed-bytes`: largest body of an OTLP request after decompression.
    pub decompressed_bytes: usize,
    /// `limits.requests-in-flight`: OTLP requests handled at once, over both protocols.
    pub requests_in_flight: usize,
    /// `limits.bytes-in-flight`: bytes of OTLP bodies held at once, over both protocols.
    pub bytes_in_flight: usize,
    /// `limits.memory`: resident memory of the process, in bytes.
    pub memory: usize,
    /// `limits.attributes-per-row`: attributes of a span, log record or point, and of what belongs to it.
    pub attributes_per_row: usize,
    /// `limits.row-age`: rows that are older when they come are refused; zero for no limit.
    pub row_age: Duration,
    /// `limits.connections`: connections per listener.
    pub connections: usize,
    /// `limits.idle-time`: longest wait for the head of a connection's next request.
    pub idle_time: Duration,
    /// `limits.body-time`: longest wait for the whole body of a request.
    pub body_time: Duration,
    /// `limits.drain-time`: longest wait for requests in flight when AIA ends.
    pub drain_time: Duration,
}

/// What a plugin may take of the host; a plugin's manifest may ask for less.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginLimits {
    /// `plugin.memory`: largest linear memory of one instance, in bytes.
    pub memory: usize,
    /// `plugin.call-time`: longest call.
    pub call_time: Duration,
}

/// When a request is acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acknowledge {
    /// When it is in the journal.
    Journal,
    /// When it is in the bucket, too.
    Bucket,
}

/// Where blocks of telemetry lie. Credentials come from the environment's `AWS_…` variables alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// `objects.url`: `s3://bucket/prefix`; none for files in the data folder.
    pub url: Option<String>,
    /// `objects.endpoint`: of an S3-compatible service; none for AWS.
    pub endpoint: Option<String>,
    /// `objects.region`
    pub region: String,
    /// `objects.timeout`: longest wait for an answer.
    pub timeout: Duration,
}

/// What is removed from telemetry before it is stored, besides secrets, which always are.
#[derive(Clone, Debug, PartialEq)]
pub struct Redaction {
    /// `redaction.emails`
    pub emails: bool,
}

/// What is logged, and how. Logs go to standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// `log.format`
    pub format: LogFormat,
    /// `log.level`: directives of `tracing`, such as `info` or `info,aia::ingest=debug`.
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The defaults alone: what holds with no file, no environment and no flags.
    ///
    /// # Errors
    /// Never for the table as it stands; a test says so.
    pub fn defaults() -> Result<Self, ConfigError> {
        Ok(Sources::default().load()?.config)
    }

    /// A value to be overwritten by the table's defaults. Says nothing about them.
    fn blank() -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data: PathBuf::new(),
            plugins: None,
            workers: 1,
            listen: Listen {
                otlp_http: anywhere,
                otlp_grpc: anywhere,
                api: anywhere,
            },
            limits: Limits {
                request_bytes: 0,
                decompressed_bytes: 0,
                requests_in_flight: 0,
                bytes_in_flight: 0,
                memory: 0,
                attributes_per_row: 0,
                row_age: Duration::ZERO,
                connections: 0,
                idle_time: Duration::ZERO,
                body_time: Duration::ZERO,
                drain_time: Duration::ZERO,
            },
            plugin: PluginLimits {
                memory: 0,
                call_time: Duration::ZERO,
            },
            settings: AllPluginSettings::new(),
            durability: Acknowledge::Journal,
            objects: Objects::default(),
            pull: Pull::default(),
            retention: Retention::default(),
            incidents: Rules::default(),
            redaction: Redaction { emails: false },
            log: Log {
                format: LogFormat::Text,
                level: String::new(),
            },
        }
    }
}
