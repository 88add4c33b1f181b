//! The rows of the store.

use aia_telemetry::SegmentId;
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::runtime::{Severity, Signal};

/// What a token allows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenScope {
    /// Read incidents, reports and plugins.
    Read,
    /// Everything of the tenant.
    Operator,
}

/// A token, without the token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TokenRecord {
    /// Public id, part of the token's text.
    pub id: String,
    /// SHA-256 of the whole token: it holds 256 random bits, so a slow hash would add nothing.
    pub hash: [u8; 32],
    /// What it allows.
    pub scope: TokenScope,
    /// Nanoseconds since the Unix epoch.
    pub created_at: u64,
}

/// An ingest key, without the key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IngestKeyRecord {
    /// Key id, part of the key's text.
    pub id: String,
    /// Nanoseconds since the Unix epoch.
    pub created_at: u64,
    /// Nanoseconds since the Unix epoch, if it is revoked.
    pub revoked_at: Option<u64>,
}

/// A compacted block of segments in the object store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BlockRecord {
    /// Whose.
    pub scope: Scope,
    /// Key in the object store.
    pub object: String,
    /// First sequence number in it.
    pub first_sequence: u64,
    /// Last sequence number in it.
    pub last_sequence: u64,
    /// Earliest row, nanoseconds since the Unix epoch; 0 if none has a time.
    pub start_time: u64,
    /// Latest row, likewise.
    pub end_time: u64,
    /// Size of the object.
    pub bytes: u64,
    /// Length of its footer.
    pub footer_bytes: u64,
    /// When its newest segment was received.
    pub received_at: u64,
}

/// A session's commit, as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommitRecord {
    /// Name of the plugin.
    pub plugin: String,
    /// From 1, without gaps.
    pub number: u64,
    /// BLAKE3 of the plugin's file, hex.
    pub digest: String,
    /// Sequence number of the first segment consumed.
    pub first_sequence: u64,
    /// Sequence number of the last segment consumed.
    pub last_sequence: u64,
    /// Sequence number of the segment before the session's first: ordinal = sequence − base.
    pub base_sequence: u64,
    /// Greatest `received-at` consumed so far; ticks go on from there.
    pub received_at: u64,
    /// Ids of the segments consumed, in order.
    pub segments: Vec<SegmentId>,
    /// The session's snapshot behind the last of them, if this commit has one.
    pub snapshot: Option<Vec<u8>>,
    /// The commit that has the last snapshot: this one's own number, or an earlier one; 0 for none yet.
    pub snapshot_commit: u64,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Nobody has taken it up.
    Open,
    /// Somebody has.
    Acknowledged,
    /// Over.
    Resolved,
    /// Was over, and is back.
    Regressed,
}

impl IncidentState {
    /// Its name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Regressed => "regressed",
        }
    }

    /// Whether it isn't over.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != Self::Resolved
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Acknowledged, Self::Resolved, Self::Regressed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// An incident.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Incident {
    /// Id, such as `inc-7f3a09c2e1`.
    pub id: String,
    /// Project it belongs to.
    pub project: String,
    /// One line for a person.
    pub title: String,
    /// Where it stands.
    pub state: IncidentState,
    /// How bad it is: the worst of its recent signals, and worse if it spreads or grows.
    pub severity: Severity,
    /// Service where it began; empty if unknown.
    pub service: String,
    /// Operation there; empty if unknown.
    pub operation: String,
    /// Release there; empty if unknown.
    pub release: String,
    /// Other services that complain, sorted.
    pub affected: Vec<String>,
    /// First occurrence, nanoseconds since the Unix epoch.
    pub start_time: u64,
    /// Last occurrence, nanoseconds since the Unix epoch.
    pub end_time: u64,
    /// When AIA opened it, nanoseconds since the Unix epoch (time of the data, not of the machine).
    pub opened_at: u64,
    /// When AIA last changed it, likewise.
    pub updated_at: u64,
    /// Occurrences counted by its signals.
    pub count: u64,
    /// Rises with every change.
    pub version: u64,
    /// How it came to stand where it stands.
    #[serde(default)]
    pub lifecycle: Lifecycle,
}

/// How an incident came to stand where it stands.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Lifecycle {
    /// Signals that joined it, ever.
    pub signals: u64,
    /// When the last of them came, or when it was opened again after that: quiet counts from here. Nanoseconds since the
    /// Unix epoch.
    pub active_at: u64,
    /// When it was resolved, likewise; 0 if it isn't.
    pub resolved_at: u64,
    /// Who resolved it; empty if it isn't.
    pub resolved_by: String,
    /// The incident it was merged into; empty if it wasn't.
    pub merged_into: String,
    /// The release in which it came back; empty if it didn't, or that is unknown.
    pub regressed_in: String,
    /// The incident of the same trouble that was resolved too long ago to come back; empty if there is none.
    pub follows: String,
    /// The incident it was split off; empty if it wasn't.
    pub split_from: String,
    /// Changes in its timeline.
    pub changes: u64,
    /// Services that were blamed before the present one: blame doesn't go back to them.
    pub passed: Vec<String>,
    /// What the last minutes brought, oldest first.
    pub recent: Vec<Minute>,
    /// The minute up to which the severity followed, since the Unix epoch.
    pub weighed: u64,
    /// Traces that are pinned in full, or will be.
    pub traces: Vec<TraceToPin>,
}

/// What a minute brought to an incident.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Minute {
    /// Minutes since the Unix epoch.
    pub minute: u64,
    /// Occurrences that the signals counted.
    pub count: u64,
    /// The worst signal.
    pub severity: Severity,
}

/// A trace to be pinned with an incident.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TraceToPin {
    /// Trace id, 32 hex digits.
    pub trace: String,
    /// When a signal brought it, nanoseconds since the Unix epoch.
    pub since: u64,
    /// How often it was looked up: rows that come late are found the next time.
    pub looked: u32,
}

/// A signal, its detector and its place.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PinnedSignal {
    /// Hash of (session, commit, index).
    pub id: String,
    /// Incident it belongs to; empty until that is decided.
    pub incident: String,
    /// Name of the detector.
    pub detector: String,
    /// Hash of (detector, fingerprint version, parts).
    pub fingerprint: String,
    /// `received-at` of the segment or tick that gave it.
    pub received_at: u64,
    /// Ids of its evidence, in the order of the signal's rows.
    pub evidence: Vec<String>,
    /// What the detector said.
    pub signal: Signal,
}

/// Something that happened to an incident.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TimelineEvent {
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// `opened`, `signal`, `severity`, `acknowledged`, …
    pub kind: String,
    /// In words.
    pub text: String,
    /// What shows it.
    pub evidence: Vec<String>,
}

/// A piece of evidence, pinned with an incident so that retention doesn't cut it away: a row of telemetry, or what an
/// analyst was given.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Evidence {
    /// `ev-<segment id>-<row>` of a row; `op-…`, `se-…`, `sig-…` or `ch-…` of the other kinds.
    pub id: String,
    /// Segment the row lies in, hex; empty if it is no row.
    pub segment: String,
    /// Row there.
    pub row: u32,
    /// `span`, `log` or `point` of a row; `operation`, `series`, `signal` or `change`.
    pub kind: String,
    /// Nanoseconds since the Unix epoch.
    pub time: u64,
    /// `service.name`; empty if it has none.
    pub service: String,
    /// Trace id, 32 hex digits; empty if it has none.
    pub trace_id: String,
    /// Span id, 16 hex digits; empty if it has none.
    pub span_id: String,
    /// One line for a person.
    pub title: String,
    /// Its values, as text.
    pub fields: Vec<(String, String)>,
}

/// What kind of change it was.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Another release of a service.
    Deploy,
    /// Settings.
    Config,
    /// A feature flag.
    Flag,
    /// Machines, networks, databases.
    Infrastructure,
    /// Anything else.
    Other,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Deploy,
        Self::Config,
        Self::Flag,
        Self::Infrastructure,
        Self::Other,
    ];

    /// Its name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Config => "config",
            Self::Flag => "flag",
            Self::Infrastructure => "infrastructure",
            Self::Other => "other",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Who told of a change.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeSource {
    /// `aia change`
    Cli,
    /// `POST /api/v1/changes`
    Api,
    /// Telemetry of a release that wasn't seen before.
    Telemetry,
}

impl ChangeSource {
    /// Its name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Api => "api",
            Self::Telemetry => "telemetry",
        }
    }
}

/// Something that was changed: a deploy, a setting, a flag.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChangeRecord {
    /// Hash of what it says, so that a retry counts once: `chg-` and 32 hex digits.
    pub id: String,
    /// Project it belongs to.
    pub project: String,
    /// When it happened, nanoseconds since the Unix epoch.
    pub time: u64,
    /// What was changed.
    pub kind: ChangeKind,
    /// The service that was changed; empty if it concerns none, or all.
    pub service: String,
    /// The release that came; empty if unknown.
    pub release: String,
    /// The release that went; empty if unknown.
    pub release_previous: String,
    /// Who did it; empty if unknown.
    pub author: String,
    /// In words; may be empty.
    pub text: String,
    /// Where to read more; may be empty.
    pub link: String,
    /// Who told AIA.
    pub source: ChangeSource,
    /// When AIA was told, nanoseconds since the Unix epoch; of telemetry, the time of its segment.
    pub received_at: u64,
}

/// Which incidents are wanted.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// Only of this project.
    pub project: Option<String>,
    /// Only in these states; all if empty.
    pub states: Vec<IncidentState>,
    /// Only those behind this one in the list, for paging.
    pub before: Option<Cursor>,
    /// At most so many; 0 is 100.
    pub limit: usize,
}

/// A place in the list of incidents, newest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// When the incident there was opened, nanoseconds since the Unix epoch.
    pub opened_at: u64,
    /// Its id, which orders those that were opened at once; none for behind all of them.
    pub id: Option<String>,
}
