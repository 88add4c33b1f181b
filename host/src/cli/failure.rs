//! What can go wrong with a command, and what to do about it.

use std::{io, path::PathBuf};

use crate::{
    api::TokenError,
    authors::AuthorsError,
    backtest::BacktestError,
    bundle::BundleError,
    config::ConfigError,
    incidents::{ActError, changes::ChangeError},
    replay::ReplayError,
    server::{BackendError, FirstStartError, ReportError, ServeError},
    store::StoreError,
};

/// Why a command failed. Shown with all its causes and, where there is one, the way out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A setting is wrong.
    #[error("the configuration is wrong")]
    Config(#[from] ConfigError),
    /// There is no data folder, and the command would make none.
    #[error("there is no data folder `{}`", data.display())]
    NoData { data: PathBuf },
    /// A part of the core doesn't open.
    #[error("cannot {what} in the data folder `{}`", data.display())]
    Open {
        what: &'static str,
        data: PathBuf,
        #[source]
        source: BackendError,
    },
    /// The host doesn't start.
    #[error("cannot start AIA on the data folder `{}`", data.display())]
    Start {
        data: PathBuf,
        #[source]
        source: BackendError,
    },
    /// The listeners don't start.
    #[error("cannot start the listeners")]
    Serve(#[from] ServeError),
    /// The first key and token can't be made.
    #[error("cannot prepare the first start")]
    FirstStart(#[from] FirstStartError),
    /// The labelled data of log lines can't be measured.
    #[error("cannot measure log templates")]
    EvalLogs(#[from] aia_eval::logs::Error),
    /// The labelled data of metrics can't be measured.
    #[error("cannot measure the detector of metrics")]
    EvalMetrics(#[from] aia_eval::metrics::Error),
    /// What a detector has learned isn't of this version.
    #[error("what `{plugin}` has learned is of another version of it than this `aia` can read")]
    OtherVersion {
        plugin: &'static str,
        #[source]
        source: aia_plugin_logs::DecodeError,
    },
    /// The system refuses something that every process gets.
    #[error("cannot {what}")]
    System {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    /// The store fails.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// No such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        what: &'static str,
        id: String,
        list: &'static str,
    },
    /// No such project.
    #[error("there is no project `{project}`")]
    NoProject { project: String },
    /// The name is taken.
    #[error("project `{project}` has an ingest key `{name}` already")]
    KeyExists { name: String, project: String },
    /// An incident doesn't allow what is asked for.
    #[error("cannot do that to the incident")]
    Act(#[source] ActError),
    /// A change isn't taken.
    #[error("cannot take note of the change")]
    Change(#[from] ChangeError),
    /// No report.
    #[error("cannot make the report")]
    Report(#[from] ReportError),
    /// No token.
    #[error("cannot make a token")]
    Token(#[from] TokenError),
    /// The sandbox doesn't start.
    #[error("cannot start the plugin runtime")]
    Runtime(#[source] BackendError),
    /// A plugin can't be made, built, loaded or measured.
    #[error(transparent)]
    Authors(#[from] AuthorsError),
    /// No bundle.
    #[error("cannot make the bundle")]
    Bundle(#[from] BundleError),
    /// A plugin doesn't do what its fixtures say.
    #[error("{failed} of {cases} cases failed")]
    Fixtures { failed: usize, cases: usize },
    /// No replay.
    #[error("cannot replay")]
    Replay(#[from] ReplayError),
    /// No back test.
    #[error("cannot test the detector")]
    Backtest(#[from] BacktestError),
    /// A file can't be written.
    #[error("cannot write `{}`", file.display())]
    Write {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Standard output can't be written.
    #[error("cannot write to standard output")]
    Print(#[source] io::Error),
}

impl Failure {
    /// Whether the caller made a mistake, rather than something having failed.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            Self::Config(_)
            | Self::Replay(ReplayError::UnknownFormat { .. } | ReplayError::UnknownSignal { .. }) => true,
            Self::Authors(error) => error.is_usage(),
            _ => false,
        }
    }

    /// What to do about it, where that can be said.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.help(),
            Self::Authors(error) => error.help(),
            Self::Bundle(error) => error.help().map(str::to_owned),
            Self::NoData { .. } => Some("`--data` names another one; `aia up` makes one".to_owned()),
            Self::Serve(ServeError::Bind { setting, source, .. }) => {
                (source.kind() == io::ErrorKind::AddrInUse).then(|| {
                    format!("is `aia up` running already? `--set {setting}=127.0.0.1:0` takes any free port")
                })
            }
            Self::NotFound { list, .. } => Some(format!("`{list}` lists what there is")),
            Self::NoProject { .. } => Some("`aia key create --project` makes one with a key".to_owned()),
            Self::KeyExists { .. } => {
                Some("a revoked key's name is never used again; choose another `--name`".to_owned())
            }
            Self::Report(ReportError::UnknownFormat { .. }) => {
                Some("`aia plugin list` shows what each reporter renders".to_owned())
            }
            Self::Replay(ReplayError::Damaged { .. }) => {
                Some("`--keep-going` passes over what is damaged and says so".to_owned())
            }
            Self::Replay(ReplayError::Older { .. }) => {
                Some("give another folder with `--into`, or another `--project`".to_owned())
            }
            _ => None,
        }
    }
}
