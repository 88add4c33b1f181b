//! What the store remembers of what is pulled from a bucket, and of projects whose detectors run elsewhere.

/// Who runs the detectors of a project.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Lead {
    /// This host, in sessions of its own.
    #[default]
    Host,
    /// A Worker at the edge, whose commits the host takes over.
    Edge,
}

/// How far a project was pulled.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PullCursor {
    /// The newest minute of which a segment was pulled, counted from the Unix epoch.
    pub minute: u64,
    /// The newest sequence number of the project's log when that was written: what was pulled up to there is recorded.
    pub sequence: u64,
}

/// The last commit of a session at the edge that was taken over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EdgeCommit {
    /// The session's plugin.
    pub plugin: String,
    /// The commit's number.
    pub number: u64,
    /// When the last segment that it consumed was received, nanoseconds since the Unix epoch.
    pub received_at: u64,
}
