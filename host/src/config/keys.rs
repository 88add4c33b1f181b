//! The table of settings: one entry each, with its default as it would stand in `aia.toml`, and why it is there.

use std::time::Duration;

use super::{
    Acknowledge, Config, LogFormat,
    secret::Secret,
    value::{Expected, Raw},
};

/// A setting.
pub(super) struct Key {
    /// Its name in `aia.toml`, with the table before the dot.
    pub(super) name: &'static str,
    /// Its default, as TOML. Goes through `apply` like any other value.
    pub(super) default: &'static str,
    /// What it does and why the default is what it is, for `aia config`.
    pub(super) doc: &'static str,
    /// Checks a value and puts it in its place.
    pub(super) apply: fn(&mut Config, Raw<'_>) -> Result<(), Expected>,
}

impl Key {
    /// The variable of the environment that sets it: `listen.otlp-http` is `AIA_LISTEN_OTLP_HTTP`.
    pub(super) fn variable(&self) -> String {
        let name = self.name.replace(['.', '-'], "_").to_ascii_uppercase();
        format!("{}{name}", super::sources::VARIABLE_PREFIX)
    }

    /// Whether its value is never shown.
    pub(super) fn is_secret(&self) -> bool {
        self.name == SECRET_ACCESS_KEY
    }
}

/// The setting that is a secret.
pub(super) const SECRET_ACCESS_KEY: &str = "pull.secret-access-key";

/// A setting that has to go with another.
pub(super) const PULL_KEEP: &str = "pull.keep";

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Every setting, in the order of `aia config`: those without a table first.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "data",
        default: r#""./aia-data""#,
        doc: "Folder of everything AIA keeps: store, journal, telemetry, secrets, caches. Made if it isn't there,\n\
              readable by its owner only.",
        apply: |config, raw| raw.path().map(|value| config.data = value),
    },
    Key {
        name: "plugins",
        default: r#""""#,
        doc: "Folder of plugins (*.wasm) besides the built-in ones; empty for none.",
        apply: |config, raw| raw.optional_path().map(|value| config.plugins = value),
    },
    Key {
        name: "workers",
        default: "0",
        doc: "Threads that serve requests and run detectors; 0 for one per processor.",
        apply: |config, raw| {
            let threads = raw.count(0, 1024)?;
            let processors = || std::thread::available_parallelism().map_or(1, usize::from);
            config.workers = if threads == 0 { processors() } else { threads };
            Ok(())
        },
    },
    Key {
        name: "durability",
        default: r#""journal""#,
        doc: "When a request is acknowledged: \"journal\", when it is on this machine's disk, or \"bucket\", when it is in\n\
              the object store as well and outlives the machine. That takes a put for each request.",
        apply: |config, raw| {
            config.durability =
                raw.choice(&[("journal", Acknowledge::Journal), ("bucket", Acknowledge::Bucket)])?;
            Ok(())
        },
    },
    Key {
        name: "listen.otlp-http",
        default: r#""127.0.0.1:4318""#,
        doc: "OTLP over HTTP (protobuf and JSON). Port 0 is any free one. AIA doesn't speak TLS yet: bind beyond\n\
              loopback only behind something that does.",
        apply: |config, raw| raw.address().map(|value| config.listen.otlp_http = value),
    },
    Key {
        name: "listen.otlp-grpc",
        default: r#""127.0.0.1:4317""#,
        doc: "OTLP over gRPC.",
        apply: |config, raw| raw.address().map(|value| config.listen.otlp_grpc = value),
    },
    Key {
        name: "listen.api",
        default: r#""127.0.0.1:8080""#,
        doc: "REST API, health and metrics.",
        apply: |config, raw| raw.address().map(|value| config.listen.api = value),
    },
    Key {
        name: "limits.request-bytes",
        default: r#""64 MiB""#,
        doc: "Largest body of an OTLP request as sent (413 beyond). Exporters send 512 spans, some 100 KiB, by\n\
              default; collectors may batch a hundred times that.",
        apply: |config, raw| {
            raw.size(KIB, GIB)
                .map(|value| config.limits.request_bytes = value)
        },
    },
    Key {
        name: "limits.decompressed-bytes",
        default: r#""64 MiB""#,
        doc: "Largest body of an OTLP request after decompression (413 beyond): what one request can make AIA\n\
              hold, however well it is compressed.",
        apply: |config, raw| {
            raw.size(KIB, GIB)
                .map(|value| config.limits.decompressed_bytes = value)
        },
    },
    Key {
        name: "limits.requests-in-flight",
        default: "256",
        doc: "OTLP requests handled at once, over both protocols; more are told to come again (429). Well above\n\
              what a disk needs to share one flush among many.",
        apply: |config, raw| {
            raw.count(1, 65_536)
                .map(|value| config.limits.requests_in_flight = value)
        },
    },
    Key {
        name: "limits.bytes-in-flight",
        default: r#""256 MiB""#,
        doc: "Bytes of OTLP bodies held at once, over both protocols; more are told to come again (429). Room for\n\
              the largest request, as sent and decompressed, is the least.",
        apply: |config, raw| {
            raw.size(KIB, 64 * GIB)
                .map(|value| config.limits.bytes_in_flight = value)
        },
    },
    Key {
        name: "limits.memory",
        default: r#""4 GiB""#,
        doc: "Resident memory of AIA. Near it, by eight times `limits.bytes-in-flight`, requests are told to come again\n\
              (429) until some is given back. Keep it below what the machine or the container has, and above\n\
              sixteen times `limits.bytes-in-flight`.",
        apply: |config, raw| {
            raw.size(128 * MIB, 1024 * GIB)
                .map(|value| config.limits.memory = value)
        },
    },
    Key {
        name: "limits.attributes-per-row",
        default: "1024",
        doc: "Most attributes of a span, log record or data point, and of each event, link and exemplar. A row with more\n\
              is refused, the others of its request are taken (`partial_success`). OpenTelemetry's SDKs keep 128.",
        apply: |config, raw| {
            raw.count(1, 1_048_576)
                .map(|value| config.limits.attributes_per_row = value)
        },
    },
    Key {
        name: "limits.row-age",
        default: r#""0 s""#,
        doc: "Rows that are older when they come are refused, the others of their request are taken\n\
              (`partial_success`). \"0 s\" refuses none: what a collector held back for a day is still evidence.",
        apply: |config, raw| {
            raw.duration(Duration::ZERO, DAY * 3660)
                .map(|value| config.limits.row_age = value)
        },
    },
    Key {
        name: "limits.connections",
        default: "1024",
        doc: "Connections of each listener; more wait to be accepted. Protects file descriptors.",
        apply: |config, raw| {
            raw.count(1, 65_536)
                .map(|value| config.limits.connections = value)
        },
    },
    Key {
        name: "limits.idle-time",
        default: r#""75 s""#,
        doc: "A connection that brings no complete request head for so long is closed. Longer than the 60 s\n\
              between two exports of metrics, so that they can share a connection.",
        apply: |config, raw| {
            raw.duration(SECOND, HOUR)
                .map(|value| config.limits.idle_time = value)
        },
    },
    Key {
        name: "limits.body-time",
        default: r#""30 s""#,
        doc: "A request whose body isn't there after so long is refused (400): slow clients must not hold memory.",
        apply: |config, raw| {
            raw.duration(SECOND / 10, HOUR)
                .map(|value| config.limits.body_time = value)
        },
    },
    Key {
        name: "limits.drain-time",
        default: r#""10 s""#,
        doc: "How long requests in flight may take to end when AIA is told to stop.",
        apply: |config, raw| {
            raw.duration(SECOND / 10, HOUR)
                .map(|value| config.limits.drain_time = value)
        },
    },
    Key {
        name: "plugin.memory",
        default: r#""64 MiB""#,
        doc: "Largest memory of one instance of a plugin. Its manifest may ask for less.",
        apply: |config, raw| raw.size(MIB, 4 * GIB).map(|value| config.plugin.memory = value),
    },
    Key {
        name: "plugin.call-time",
        default: r#""1 s""#,
        doc: "Longest call of a plugin. Its manifest may ask for less.",
        apply: |config, raw| {
            raw.duration(SECOND / 100, SECOND * 60)
                .map(|value| config.plugin.call_time = value)
        },
    },
    Key {
        name: "objects.url",
        default: r#""""#,
        doc: "Where blocks of telemetry lie: \"s3://bucket/prefix\", or empty for files in the data folder. S3 takes its\n\
              credentials from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, …), never from a file.",
        apply: |config, raw| raw.bucket_url().map(|value| config.objects.url = value),
    },
    Key {
        name: "objects.endpoint",
        default: r#""""#,
        doc: "URL of a service that speaks S3, such as R2 or MinIO; empty for AWS.",
        apply: |config, raw| raw.web_url().map(|value| config.objects.endpoint = value),
    },
    Key {
        name: "objects.region",
        default: r#""auto""#,
        doc: "Region of the bucket. R2 and most others that aren't AWS take \"auto\".",
        apply: |config, raw| raw.text().map(|value| config.objects.region = value),
    },
    Key {
        name: "objects.timeout",
        default: r#""10 s""#,
        doc: "Longest wait for an answer of S3, also where segments are pulled from. With durability = \"bucket\", clients are\n\
              then told to come again (503).",
        apply: |config, raw| {
            raw.duration(SECOND / 10, HOUR)
                .map(|value| config.objects.timeout = value)
        },
    },
    Key {
        name: "pull.url",
        default: r#""""#,
        doc: "Bucket that Workers at the edge put segments into: \"s3://bucket\"; empty to pull nothing.",
        apply: |config, raw| raw.bucket().map(|value| config.pull.bucket = value),
    },
    Key {
        name: "pull.endpoint",
        default: r#""""#,
        doc: "URL of the service that it lies in, such as \"https://ACCOUNT.r2.cloudflarestorage.com\"; empty for AWS.",
        apply: |config, raw| raw.web_url().map(|value| config.pull.endpoint = value),
    },
    Key {
        name: "pull.region",
        default: r#""auto""#,
        doc: "Its region. R2 and most others that aren't AWS take \"auto\".",
        apply: |config, raw| raw.text().map(|value| config.pull.region = value),
    },
    Key {
        name: "pull.access-key-id",
        default: r#""""#,
        doc: "Key that may list, get, put and delete in it; empty for that of the environment (AWS_ACCESS_KEY_ID, …).",
        apply: |config, raw| raw.optional_text().map(|value| config.pull.access_key_id = value),
    },
    Key {
        name: SECRET_ACCESS_KEY,
        default: r#""""#,
        doc: "The key's secret. Better in the environment than in a file, and never shown.",
        apply: |config, raw| {
            raw.optional_text()
                .map(|value| config.pull.secret_access_key = value.map(Secret::new))
        },
    },
    Key {
        name: "pull.every",
        default: r#""2 s""#,
        doc: "Time between two looks at it while segments come. Without any the time grows to five times that. Each look\n\
              is a request that costs something.",
        apply: |config, raw| {
            raw.duration(SECOND / 10, HOUR)
                .map(|value| config.pull.every = value)
        },
    },
    Key {
        name: "pull.overlap",
        default: r#""15 min""#,
        doc: "How far a look goes back behind the newest segment: what is put late is found within this time at once,\n\
              later with the next sweep.",
        apply: |config, raw| {
            raw.duration(SECOND * 60, DAY)
                .map(|value| config.pull.overlap = value)
        },
    },
    Key {
        name: "pull.sweep-every",
        default: r#""1 h""#,
        doc: "Time between two looks at all that is in it, whenever it was received.",
        apply: |config, raw| {
            raw.duration(SECOND, DAY)
                .map(|value| config.pull.sweep_every = value)
        },
    },
    Key {
        name: "pull.takeover-after",
        default: r#""60 s""#,
        doc: "How long the sessions of a project of the edge may stand still behind what was pulled before this host goes on\n\
              with them. The edge commits every 10 seconds.",
        apply: |config, raw| {
            raw.duration(SECOND, DAY)
                .map(|value| config.pull.takeover_after = value)
        },
    },
    Key {
        name: PULL_KEEP,
        default: r#""7 d""#,
        doc: "How long segments stay in it after they were received; then they are deleted, if they were pulled. \"0 s\"\n\
              deletes none, for buckets that expire objects by a rule of their own. Above `pull.overlap`.",
        apply: |config, raw| {
            raw.duration(Duration::ZERO, DAY * 3660)
                .map(|value| config.pull.keep = value)
        },
    },
    Key {
        name: "retention.age",
        default: r#""14 d""#,
        doc: "Raw telemetry is deleted after so long. Incidents keep their evidence.",
        apply: |config, raw| {
            raw.duration(SECOND, DAY * 3660)
                .map(|value| config.retention.age = value)
        },
    },
    Key {
        name: "retention.project-bytes",
        default: r#""20 GiB""#,
        doc: "Most bytes of raw telemetry of one project, as stored. Beyond nine tenths the oldest is deleted, unless a\n\
              detector has yet to read it; at the whole the project's requests are told to come again (429).",
        apply: |config, raw| {
            raw.size(MIB, GIB * GIB)
                .map(|value| config.retention.project_bytes = value as u64)
        },
    },
    Key {
        name: "retention.free-bytes",
        default: r#""512 MiB""#,
        doc: "With fewer bytes free on the disk of the data folder, telemetry is told to come again (429): a full disk\n\
              would stop the store as well.",
        apply: |config, raw| {
            raw.size(0, GIB * GIB)
                .map(|value| config.retention.free_bytes = value as u64)
        },
    },
    Key {
        name: "incidents.resolve-after",
        default: r#""30 min""#,
        doc: "An incident that had no signal for so long is resolved. Detectors repeat what goes on every half minute;\n\
              what comes back within this time is one incident, not several.",
        apply: |config, raw| {
            raw.duration(SECOND * 60, DAY * 30)
                .map(|value| config.incidents.resolve_after = value)
        },
    },
    Key {
        name: "incidents.regress-within",
        default: r#""30 d""#,
        doc: "A resolved incident whose trouble returns within this time comes back as regressed; later, a new one is\n\
              opened that names it.",
        apply: |config, raw| {
            raw.duration(SECOND * 60, DAY * 3660)
                .map(|value| config.incidents.regress_within = value)
        },
    },
    Key {
        name: "incidents.wide-services",
        default: "5",
        doc: "An incident that affects so many services, its origin included, is a step more severe than its signals.",
        apply: |config, raw| {
            raw.count(2, 101)
                .map(|value| config.incidents.wide_services = value)
        },
    },
    Key {
        name: "redaction.emails",
        default: "false",
        doc: "Whether e-mail addresses are removed from telemetry before it is stored. Secrets always are.",
        apply: |config, raw| raw.boolean().map(|value| config.redaction.emails = value),
    },
    Key {
        name: "log.format",
        default: r#""text""#,
        doc: "How log lines look: \"text\" or \"json\". They go to standard error.",
        apply: |config, raw| {
            config.log.format = raw.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])?;
            Ok(())
        },
    },
    Key {
        name: "log.level",
        default: r#""info""#,
        doc: "What is logged: a level, or directives such as \"info,aia::ingest=debug\".",
        apply: |config, raw| raw.log_level().map(|value| config.log.level = value),
    },
];

/// The known key closest to what was written.
pub(super) fn nearest(written: &str, known: impl Iterator<Item = String>) -> String {
    let likeness = |name: &str| strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase());
    known
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .unwrap_or_default()
}

/// The key of that name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether there is a table of that name.
pub(super) fn is_table(name: &str) -> bool {
    KEYS.iter()
        .filter_map(|key| key.name.split_once('.'))
        .any(|(table, _)| table == name)
}

/// A whole `aia.toml` that says what holds anyway: every setting with its default, its variable and why.
#[must_use]
pub fn annotated_defaults() -> String {
    let mut text = String::from(
        "# aia.toml: every setting of AIA with its default. Flags go over the environment, the environment over\n\
         # this file. `--set KEY=VALUE` sets any of them for one run.\n",
    );
    let mut current = "";
    for key in KEYS {
        let (table, name) = key.name.split_once('.').unwrap_or(("", key.name));
        text.push('\n');
        if table != current {
            text.push_str(&format!("[{table}]\n"));
            current = table;
        }
        for line in key.doc.lines() {
            text.push_str(&format!("# {}\n", line.trim_start()));
        }
        text.push_str(&format!(
            "# Environment: {}\n{name} = {}\n",
            key.variable(),
            key.default
        ));
    }
    text.push_str(super::plugin_settings::COMMENT);
    text
}
