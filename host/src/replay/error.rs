//! Why recorded telemetry can't be replayed.

use std::path::PathBuf;

use crate::server::BackendError;

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The name says nothing of what is in the file.
    #[error(
        "cannot tell what `{}` is: a recording ends in `.otlp` (requests in protobuf, each behind its length), `.jsonl` or \
         `.json` (a request a line), and may be compressed (`.zst`, `.gz`)", file.display()
    )]
    UnknownFormat {
        /// Which file.
        file: PathBuf,
    },
    /// Protobuf doesn't say which of the three signals it is.
    #[error(
        "cannot tell whether `{}` holds traces, logs or metrics: name it like `a.traces.otlp`, or say `--signal`",
        file.display()
    )]
    UnknownSignal {
        /// Which file.
        file: PathBuf,
    },
    /// A file can't be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// What is in a file isn't what it should be.
    #[error("`{}` is damaged at byte {offset}{}", file.display(), if *is_compressed { " of what it decompresses to" } else { "" })]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where the request begins.
        offset: u64,
        /// Whether that is an offset behind decompression.
        is_compressed: bool,
        /// What is wrong.
        #[source]
        flaw: Flaw,
    },
    /// More requests than are indexed.
    #[error("the files hold more than {limit} requests with telemetry: replay them in parts, with `--into`")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Nothing to replay.
    #[error("the files hold no telemetry")]
    Empty,
    /// The folder's telemetry is newer.
    #[error("project `{project}` in `{}` has telemetry up to {newest}; these files begin at {begin}", folder.display())]
    Older {
        /// The folder.
        folder: PathBuf,
        /// The project.
        project: String,
        /// Time of its newest segment.
        newest: String,
        /// The earliest time in the files.
        begin: String,
    },
    /// A part of the host failed.
    #[error("cannot {what}")]
    Host {
        /// What was being done.
        what: &'static str,
        /// Why.
        #[source]
        source: BackendError,
    },
}

/// What is wrong with a request.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Flaw {
    /// The file ends too early.
    #[error("the file ends within a request")]
    Truncated,
    /// No length can be read.
    #[error("a request's length is expected, but there is none")]
    Length,
    /// Larger than a request may be.
    #[error("a request of more than {limit} bytes (setting `limits.decompressed-bytes`)")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The compressed bytes are damaged.
    #[error("it can't be decompressed: {reason}")]
    Compression {
        /// What is wrong.
        reason: String,
    },
    /// Not OTLP.
    #[error("no request with {signal}: {reason}")]
    Request {
        /// What it should hold.
        signal: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// JSON that is no request.
    #[error("no OTLP request: {reason}")]
    Json {
        /// What is wrong.
        reason: String,
    },
    /// The name says otherwise.
    #[error("it holds {found}, where the name or `--signal` says {expected}")]
    OtherSignal {
        /// What it holds.
        found: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
}

impl Flaw {
    /// Whether what follows in the file can't be read either.
    pub(super) fn ends_file(&self) -> bool {
        matches!(self, Self::Truncated | Self::Length | Self::Compression { .. })
    }
}
