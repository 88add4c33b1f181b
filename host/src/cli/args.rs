//! Commands and their flags.

use std::path::PathBuf;
use std::time::Duration;

use aia_telemetry::{KeyId, ProjectId, SignalType, TenantId};
use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    api::parse_time,
    config::Sources,
    runtime::PluginKind,
    store::{IncidentState, TokenScope},
};

/// The autonomous incident agent: takes OpenTelemetry in, finds incidents, explains them.
#[derive(Debug, Parser)]
#[command(
    name = "aia",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags of every command.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Configuration file; `aia.toml` in the working folder by default, if it is there.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of everything AIA keeps.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<String>,
    /// Folder of plugins besides the built-in ones.
    #[arg(long, global = true, value_name = "FOLDER")]
    plugins: Option<String>,
    /// Set any setting for this run; `aia config` lists them.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start the host: listen for telemetry, find incidents, serve the API.
    Up(Up),
    /// List incidents, or show one.
    #[command(args_conflicts_with_subcommands = true)]
    Incidents(Incidents),
    /// Acknowledge, resolve, reopen, merge or split an incident, or add a note.
    Incident {
        #[command(subcommand)]
        command: IncidentCommand,
    },
    /// Tell of deploys and other changes, or list them.
    #[command(visible_alias = "changes")]
    Change {
        #[command(subcommand)]
        command: ChangeCommand,
    },
    /// Render an incident's report.
    Report(Report),
    /// Send recorded OTLP through the whole pipeline, and show what it finds.
    Replay(Replay),
    /// Run a detector over the telemetry of the data folder, and compare what it would have found.
    Backtest(Backtest),
    /// List the templates of log lines that the detector `logs` has learned.
    Templates(Templates),
    /// Measure how well a detector does on labelled data.
    Eval {
        #[command(subcommand)]
        command: EvalCommand,
    },
    /// List plugins; make, build, test, measure and check one.
    Plugin {
        #[command(subcommand)]
        command: PluginCommand,
    },
    /// Make the folder that a Worker or a Spin app at the edge is deployed from.
    Bundle {
        #[command(subcommand)]
        command: BundleCommand,
    },
    /// Make, list and revoke ingest keys, which applications send telemetry with.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Make and list tokens for the API.
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Print a configuration file with every setting and its default; with `--json`, the settings in effect.
    Config,
}

/// `aia up`
#[derive(Debug, clap::Args)]
pub(super) struct Up {
    /// Where to take OTLP over HTTP; port 0 is any free one.
    #[arg(long, value_name = "ADDRESS")]
    otlp_http: Option<String>,
    /// Where to take OTLP over gRPC.
    #[arg(long, value_name = "ADDRESS")]
    otlp_grpc: Option<String>,
    /// Where to serve the API.
    #[arg(long, value_name = "ADDRESS")]
    api: Option<String>,
    /// Threads that serve requests and run detectors; 0 for one per processor.
    #[arg(long, value_name = "NUMBER")]
    workers: Option<String>,
    /// `text` or `json`.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// What is logged: a level, or directives.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

/// `aia incidents`
#[derive(Debug, clap::Args)]
pub(super) struct Incidents {
    #[command(subcommand)]
    pub(super) command: Option<IncidentsCommand>,
    #[command(flatten)]
    pub(super) list: ListIncidents,
}

#[derive(Debug, Subcommand)]
pub(super) enum IncidentsCommand {
    /// List incidents, newest first.
    List(ListIncidents),
    /// Show one incident with its signals, timeline and evidence.
    Show {
        /// Id of the incident.
        id: String,
        #[command(flatten)]
        of: OfTenant,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum IncidentCommand {
    /// Show an incident with its signals, timeline and evidence.
    Show {
        /// Id of the incident.
        id: String,
        #[command(flatten)]
        of: OfTenant,
    },
    /// Take an incident up.
    Ack(OfIncident),
    /// Say that an incident is over.
    Resolve(OfIncident),
    /// Say that a resolved incident isn't over.
    Reopen(OfIncident),
    /// Merge an incident into another one, which takes over everything it holds.
    Merge {
        #[command(flatten)]
        of: OfIncident,
        /// Id of the incident that takes over.
        #[arg(long, value_name = "ID")]
        into: String,
    },
    /// Make an incident of its own of some of an incident's signals.
    Split {
        #[command(flatten)]
        of: OfIncident,
        /// Id of a signal; may be given several times. `aia incidents show ID --json` shows them.
        #[arg(long, value_name = "ID")]
        signal: Vec<String>,
        /// Fingerprint whose signals are meant, those to come as well; may be given several times.
        #[arg(long, value_name = "HASH")]
        fingerprint: Vec<String>,
    },
    /// Add a note to an incident's timeline.
    Note {
        /// Id of the incident.
        id: String,
        /// The note.
        text: String,
        #[command(flatten)]
        of: OfTenant,
    },
}

/// Which incident, and what is said to it.
#[derive(Debug, clap::Args)]
pub(super) struct OfIncident {
    /// Id of the incident.
    pub(super) id: String,
    /// Say something to it; it stands in the timeline.
    #[arg(long)]
    pub(super) text: Option<String>,
    /// Only if the incident still has this version.
    #[arg(long, value_name = "NUMBER")]
    pub(super) if_version: Option<u64>,
    #[command(flatten)]
    pub(super) of: OfTenant,
}

#[derive(Debug, Subcommand)]
pub(super) enum ChangeCommand {
    /// Another release of a service.
    Deploy {
        /// Name of the service, as in `service.name`.
        #[arg(long)]
        service: String,
        /// The release that came, as in `service.version`.
        #[arg(long)]
        release: String,
        /// The release that went.
        #[arg(long)]
        previous: Option<String>,
        #[command(flatten)]
        told: Told,
    },
    /// Settings were changed.
    Config(NewChange),
    /// A feature flag was changed.
    Flag(NewChange),
    /// Machines, networks or databases were changed.
    Infrastructure(NewChange),
    /// Something else was changed.
    Other(NewChange),
    /// List changes, oldest first.
    List(ListChanges),
}

/// A change that is no deploy.
#[derive(Debug, clap::Args)]
pub(super) struct NewChange {
    /// Name of the service it concerns; none if it concerns several or all.
    #[arg(long)]
    pub(super) service: Option<String>,
    /// The release it concerns.
    #[arg(long)]
    pub(super) release: Option<String>,
    #[command(flatten)]
    pub(super) told: Told,
}

/// What is told of any change.
#[derive(Debug, clap::Args)]
pub(super) struct Told {
    /// When it happened, such as `2026-11-23T12:00:05Z`; now if it isn't said.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) at: Option<u64>,
    /// Who did it.
    #[arg(long)]
    pub(super) author: Option<String>,
    /// Where to read more.
    #[arg(long, value_name = "URL")]
    pub(super) link: Option<String>,
    /// In words.
    #[arg(long)]
    pub(super) text: Option<String>,
    #[command(flatten)]
    pub(super) of: OfProject,
}

/// `aia change list`
#[derive(Debug, clap::Args)]
pub(super) struct ListChanges {
    /// Only those at or after this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) from: Option<u64>,
    /// Only those at or before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) to: Option<u64>,
    /// Only those of this service.
    #[arg(long)]
    pub(super) service: Option<String>,
    #[command(flatten)]
    pub(super) of: OfProject,
}

fn time(text: &str) -> Result<u64, String> {
    parse_time(text).ok_or_else(|| "a time such as `2026-11-23T12:00:05Z`".to_owned())
}

/// `aia incidents list`
#[derive(Debug, clap::Args)]
pub(super) struct ListIncidents {
    #[command(flatten)]
    pub(super) of: OfTenant,
    /// Only of this project.
    #[arg(long)]
    pub(super) project: Option<ProjectId>,
    /// Only in these states.
    #[arg(long, value_name = "STATE", value_parser = state, value_delimiter = ',')]
    pub(super) state: Vec<IncidentState>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
}

fn state(name: &str) -> Result<IncidentState, String> {
    IncidentState::parse(name).ok_or_else(|| "one of: open, acknowledged, resolved, regressed".to_owned())
}

/// Whose.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OfTenant {
    /// The tenant.
    #[arg(long, default_value = "default")]
    pub(super) tenant: TenantId,
}

/// Whose, and of which project.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OfProject {
    /// The tenant.
    #[arg(long, default_value = "default")]
    pub(super) tenant: TenantId,
    /// The project.
    #[arg(long, default_value = "default")]
    pub(super) project: ProjectId,
}

/// `aia report`
#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// Id of the incident.
    pub(super) id: String,
    /// Write it to a file instead of printing it.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// `markdown`, `html`, `pdf` or a media type that a plugin renders.
    #[arg(long, default_value = "markdown")]
    pub(super) format: String,
    #[command(flatten)]
    pub(super) of: OfTenant,
}

/// `aia replay`
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Recordings: `.otlp` (protobuf, each request behind its length as a varint) or `.jsonl` (a request a line), also
    /// compressed (`.zst`, `.gz`); in any order.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Keep it in this data folder; a throw-away one by default.
    #[arg(long, value_name = "FOLDER")]
    pub(super) into: Option<PathBuf>,
    /// What the files hold, where their names don't say.
    #[arg(long, value_enum)]
    pub(super) signal: Option<SignalName>,
    /// Time that passes behind the last row, so that detectors end what they wait for; up to a day.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = settle)]
    pub(super) settle: Duration,
    /// Pass over damaged requests instead of ending at the first.
    #[arg(long)]
    pub(super) keep_going: bool,
    #[command(flatten)]
    pub(super) of: OfProject,
}

/// The kinds of telemetry, as a flag's value.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SignalName {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

impl From<SignalName> for SignalType {
    fn from(name: SignalName) -> Self {
        match name {
            SignalName::Traces => Self::Traces,
            SignalName::Logs => Self::Logs,
            SignalName::Metrics => Self::Metrics,
        }
    }
}

fn settle(text: &str) -> Result<Duration, String> {
    let wrong = || "a time of at most a day, such as 120s".to_owned();
    let time = text.parse::<jiff::SignedDuration>().map_err(|_| wrong())?;
    let time = Duration::try_from(time).map_err(|_| wrong())?;
    (time <= Duration::from_secs(24 * 60 * 60))
        .then_some(time)
        .ok_or_else(wrong)
}

/// `aia backtest`
#[derive(Debug, clap::Args)]
pub(super) struct Backtest {
    /// The detector's file.
    #[arg(value_name = "PLUGIN.wasm")]
    pub(super) plugin: PathBuf,
    /// Only what was received at or after this, such as `2026-11-23T12:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) from: Option<u64>,
    /// Only what was received at or before this.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) to: Option<u64>,
    /// The detector's configuration.
    #[arg(long = "plugin-config", value_name = "JSON", default_value = "{}")]
    pub(super) plugin_config: String,
    #[command(flatten)]
    pub(super) of: OfProject,
}

/// `aia templates`
#[derive(Debug, clap::Args)]
pub(super) struct Templates {
    /// Only those of this service.
    #[arg(long)]
    pub(super) service: Option<String>,
    #[command(flatten)]
    pub(super) of: OfProject,
}

#[derive(Debug, Subcommand)]
pub(super) enum EvalCommand {
    /// Mine templates of log lines: `<System>/<System>_2k.log_structured.csv`, as loghub lays them out.
    Logs(Labelled),
    /// Look for what is unusual in series: `data/**/*.csv` and `labels/combined_windows.json`, as the Numenta benchmark
    /// lays them out.
    Metrics(Labelled),
}

/// `aia eval logs` and `aia eval metrics`
#[derive(Debug, clap::Args)]
pub(super) struct Labelled {
    /// Folder of the data and its labels.
    #[arg(value_name = "FOLDER")]
    pub(super) folder: PathBuf,
    /// Behind `--json`: write the JSON there, and print the table.
    #[arg(value_name = "FILE", requires = "json")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// List the plugins, also those that don't run, with the reason.
    List,
    /// Make the folder of a new plugin: a small one that compiles, passes its tests and finds something.
    New(NewPlugin),
    /// Build a plugin written in Rust: cargo makes a module, which becomes a component.
    Build(BuildPlugin),
    /// Run a plugin on its fixtures, in the sandbox and under a host's limits.
    Test(TestPlugin),
    /// Measure a detector: time, memory and state, beside those of `errors`.
    Bench(BenchPlugin),
    /// Check a file as if it lay in the folder of plugins, and show what it is.
    Inspect {
        /// The component.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum BundleCommand {
    /// Make components what a Cloudflare Worker runs: core modules and JavaScript.
    Worker(BundleWorker),
    /// Make a Spin app of components: its spin.toml, with each in a slot of AIA's own.
    Spin(BundleSpin),
}

/// `aia bundle worker`
#[derive(Debug, clap::Args)]
pub(super) struct BundleWorker {
    /// Component of a detector that imports nothing; may be given several times. All detectors that AIA comes with by
    /// default.
    #[arg(long, value_name = "FILE")]
    pub(super) plugin: Vec<PathBuf>,
    /// Folder of the Worker itself, which `cargo xtask edge` builds; without it there are only plugins.
    #[arg(long, value_name = "FOLDER")]
    pub(super) shell: Option<PathBuf>,
    /// Folder of the bundle; an earlier bundle there is replaced.
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: PathBuf,
}

/// `aia bundle spin`
#[derive(Debug, clap::Args)]
pub(super) struct BundleSpin {
    /// Component of a detector that imports nothing; may be given several times. All detectors that AIA comes with by
    /// default.
    #[arg(long, value_name = "FILE")]
    pub(super) plugin: Vec<PathBuf>,
    /// AIA's component for Spin, which `cargo xtask spin` builds.
    #[arg(long, value_name = "FILE")]
    pub(super) component: PathBuf,
    /// Folder of the bundle; an earlier bundle there is replaced.
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: PathBuf,
}

/// `aia plugin new`
#[derive(Debug, clap::Args)]
pub(super) struct NewPlugin {
    /// Its name; its folder is made in the working folder.
    pub(super) name: String,
    /// What it does.
    #[arg(long, value_enum)]
    pub(super) kind: KindName,
    /// What it is written in; there is `rust`.
    #[arg(long, default_value = "rust", value_name = "LANGUAGE")]
    pub(super) lang: String,
    /// Folder of the plugin SDK; by default the folder `sdk` of the clone around the working folder.
    #[arg(long, value_name = "FOLDER")]
    pub(super) sdk: Option<PathBuf>,
}

/// The kinds of plugins, as a flag's value.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum KindName {
    /// Reads telemetry, gives signals.
    Detector,
    /// Finds the cause of an incident.
    Analyst,
    /// Renders an incident.
    Reporter,
}

impl From<KindName> for PluginKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Detector => Self::Detector,
            KindName::Analyst => Self::Analyst,
            KindName::Reporter => Self::Reporter,
        }
    }
}

/// `aia plugin build`
#[derive(Debug, clap::Args)]
pub(super) struct BuildPlugin {
    /// The plugin's folder.
    #[arg(default_value = ".")]
    pub(super) folder: PathBuf,
    /// Where to write the component; by default beside its `Cargo.toml`, under the package's name.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// `aia plugin test`
#[derive(Debug, clap::Args)]
pub(super) struct TestPlugin {
    /// The plugin's folder, which is built first, or a component.
    #[arg(default_value = ".", value_name = "FOLDER|FILE")]
    pub(super) plugin: PathBuf,
    /// Folder of the fixtures; by default `fixtures` in the plugin's folder, or beside the component.
    #[arg(long, value_name = "FOLDER")]
    pub(super) fixtures: Option<PathBuf>,
    /// Write what comes out as what is expected from now on.
    #[arg(long)]
    pub(super) update: bool,
}

/// `aia plugin bench`
#[derive(Debug, clap::Args)]
pub(super) struct BenchPlugin {
    /// The component.
    pub(super) file: PathBuf,
    /// What to measure with.
    #[arg(long, value_enum, default_value_t = SignalName::Traces)]
    pub(super) signal: SignalName,
    /// Recorded OTLP to measure with, as for `aia replay`, instead of generated telemetry.
    #[arg(long = "recording", value_name = "FILE")]
    pub(super) recordings: Vec<PathBuf>,
    /// The detector's configuration.
    #[arg(long = "plugin-config", value_name = "JSON", default_value = "{}")]
    pub(super) plugin_config: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key; it is shown once.
    Create(CreateKey),
    /// List the keys of a project.
    List(OfProject),
    /// Revoke a key: a running host refuses it within seconds, for ever.
    Revoke(RevokeKey),
}

/// `aia key create`
#[derive(Debug, clap::Args)]
pub(super) struct CreateKey {
    /// What to call the key; a random name by default.
    #[arg(long)]
    pub(super) name: Option<KeyId>,
    #[command(flatten)]
    pub(super) of: OfProject,
}

/// `aia key revoke`
#[derive(Debug, clap::Args)]
pub(super) struct RevokeKey {
    /// Name of the key.
    pub(super) name: KeyId,
    #[command(flatten)]
    pub(super) of: OfProject,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token; it is shown once.
    Create(CreateToken),
    /// List the tokens of a tenant.
    List(OfTenant),
}

/// `aia token create`
#[derive(Debug, clap::Args)]
pub(super) struct CreateToken {
    /// What it allows.
    #[arg(long, value_enum, default_value_t = ScopeName::Read)]
    pub(super) scope: ScopeName,
    #[command(flatten)]
    pub(super) of: OfTenant,
}

/// What a token allows, as a flag's value.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ScopeName {
    /// Read incidents, reports and plugins.
    Read,
    /// Everything of the tenant, and the host's metrics.
    Operator,
}

impl From<ScopeName> for TokenScope {
    fn from(scope: ScopeName) -> Self {
        match scope {
            ScopeName::Read => Self::Read,
            ScopeName::Operator => Self::Operator,
        }
    }
}

impl Args {
    /// Adds what the flags say to what the process has.
    pub(super) fn sources(&self, mut sources: Sources) -> Sources {
        let common = &self.common;
        let mut flags = vec![
            ("data", "--data", &common.data),
            ("plugins", "--plugins", &common.plugins),
        ];
        if let Command::Up(up) = &self.command {
            flags.extend([
                ("listen.otlp-http", "--otlp-http", &up.otlp_http),
                ("listen.otlp-grpc", "--otlp-grpc", &up.otlp_grpc),
                ("listen.api", "--api", &up.api),
                ("workers", "--workers", &up.workers),
                ("log.format", "--log-format", &up.log_format),
                ("log.level", "--log-level", &up.log_level),
            ]);
        }
        let given = flags
            .into_iter()
            .filter_map(|(key, flag, value)| Some((key, flag.to_owned(), value.clone()?)));
        sources.flags.extend(given);
        sources.assignments.extend(common.set.iter().cloned());
        if common.config.is_some() {
            sources.file.clone_from(&common.config);
        }
        sources
    }
}
