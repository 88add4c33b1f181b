//! The store: everything the host must remember but the telemetry itself. One trait, implemented by SQLite
//! ([`sqlite`]); every method takes its tenant, and a row of another tenant is answered like one that isn't there.
//!
//! Methods block: async callers go through `tokio::task::spawn_blocking`.

mod investigation;
mod model;
mod pull;
pub mod sqlite;

use std::collections::BTreeSet;

use aia_telemetry::{ProjectId, SegmentId, TenantId};

pub use investigation::{
    ChartRecord, ChartSeries, ConclusionRecord, Ending, Investigated, InvestigationRecord, StatementRecord,
    SuspectRecord,
};
pub use model::{
    BlockRecord, ChangeKind, ChangeRecord, ChangeSource, CommitRecord, Cursor, Evidence, Incident,
    IncidentFilter, IncidentState, IngestKeyRecord, Lifecycle, Minute, PinnedSignal, TimelineEvent,
    TokenRecord, TokenScope, TraceToPin,
};
pub use pull::{EdgeCommit, Lead, PullCursor};

/// Why the store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached.
    #[error("cannot {operation}")]
    Database {
        /// What was being done, as an imperative: `list incidents`.
        operation: &'static str,
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row holds something this version can't read.
    #[error("cannot read the {what} `{id}` from the store: {reason}")]
    Corrupt {
        /// Kind of row.
        what: &'static str,
        /// Which one.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database was written by a newer version of AIA.
    #[error(
        "the store has schema version {found}, this version of AIA knows up to {known}: use a newer `aia`"
    )]
    Newer {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// The database was written by an older version of AIA, and is only to be read.
    #[error(
        "the store has schema version {found}, this version of AIA reads {known}: run a command that writes, such as \
         `aia up`, once"
    )]
    Older {
        /// Version found.
        found: i64,
        /// The version that is read.
        known: i64,
    },
    /// Commit `number` of the session exists already: another owner was faster.
    #[error("commit {number} of plugin `{plugin}` exists already")]
    CommitExists {
        /// The session's plugin.
        plugin: String,
        /// The commit's number.
        number: u64,
    },
    /// Commit `number` of a session at the edge doesn't follow the last one that was taken over.
    #[error("commit {number} of plugin `{plugin}` doesn't follow commit {last}")]
    CommitGap {
        /// The session's plugin.
        plugin: String,
        /// The commit's number.
        number: u64,
        /// The last one that was taken over; 0 if none was.
        last: u64,
    },
    /// A decision inside a transaction failed.
    #[error("{0}")]
    Decision(String),
}

/// Most changes that [`Store::changes`] gives.
pub const MAX_CHANGES: usize = 1_000;

/// Most releases of services that are remembered of a project: beyond, a new one is no change any more. Telemetry names
/// them, so there has to be an end.
pub const MAX_RELEASES: usize = 10_000;

/// What the store knew of a release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Release {
    /// It was seen before.
    Known,
    /// It is the first of its service.
    First,
    /// It is new; before it there was this one.
    After(String),
    /// There are [`MAX_RELEASES`] already.
    TooMany,
}

/// A project of a tenant: what telemetry, sessions and incidents belong to.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// The project.
    pub project: ProjectId,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.tenant, self.project)
    }
}

/// Result of a store call.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The store.
///
/// # Errors
///
/// Every method fails as [`StoreError`] says: the database, a row that can't be read, and nothing else unless it says so.
#[expect(clippy::missing_errors_doc, reason = "said once for all methods, above")]
pub trait Store: Send + Sync {
    /// Makes sure that a project and its tenant exist.
    fn ensure_project(&self, scope: &Scope, now: u64) -> Result<()>;
    /// All projects of all tenants, for the host's own start-up.
    fn all_projects(&self) -> Result<Vec<Scope>>;
    /// Whether a project exists.
    fn project_exists(&self, scope: &Scope) -> Result<bool>;

    /// Keeps a token's record (never the token).
    fn add_token(&self, tenant: &TenantId, token: &TokenRecord) -> Result<()>;
    /// Finds the token with this SHA-256, and the tenant it belongs to: the one look-up that precedes knowing it.
    fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, TokenRecord)>>;
    /// Tokens of a tenant.
    fn tokens(&self, tenant: &TenantId) -> Result<Vec<TokenRecord>>;

    /// Keeps an ingest key's record (never the key).
    fn add_ingest_key(&self, scope: &Scope, key: &IngestKeyRecord) -> Result<()>;
    /// Ingest keys of a project.
    fn ingest_keys(&self, scope: &Scope) -> Result<Vec<IngestKeyRecord>>;
    /// Revokes a key; false if there is none of that id.
    fn revoke_ingest_key(&self, scope: &Scope, id: &str, now: u64) -> Result<bool>;
    /// Every revoked key of every tenant, for the host's own list.
    fn all_revoked_ingest_keys(&self) -> Result<Vec<(Scope, String)>>;

    /// Registers compacted blocks; durable when it returns.
    fn add_blocks(&self, blocks: &[BlockRecord]) -> Result<()>;
    /// Blocks of a project that hold rows of sequence numbers from `first` on, in order.
    fn blocks_from(&self, scope: &Scope, first: u64) -> Result<Vec<BlockRecord>>;
    /// Forgets the block that begins with this sequence number.
    fn remove_block(&self, scope: &Scope, first_sequence: u64) -> Result<()>;
    /// Deletes commits that were received before `before` and aren't needed to resume their session.
    fn prune_commits(&self, scope: &Scope, before: u64) -> Result<()>;
    /// The last sequence number in any block of each project.
    fn last_block_sequences(&self) -> Result<Vec<(Scope, u64)>>;
    /// The last sequence number that any session of each project has consumed.
    fn last_consumed_sequences(&self) -> Result<Vec<(Scope, u64)>>;

    /// Creates the first commits of sessions, which consume nothing, all in one transaction; those that exist stay.
    fn register_sessions(&self, scope: &Scope, commits: &[CommitRecord]) -> Result<()>;
    /// The commits of a session from its last snapshot on, in order; the first holds the snapshot.
    fn resume(&self, scope: &Scope, plugin: &str) -> Result<Vec<CommitRecord>>;
    /// The last commit's number and the last sequence number it consumed, for every session of a project.
    fn session_positions(&self, scope: &Scope) -> Result<Vec<(String, u64, u64)>>;
    /// Creates a commit and whatever `decide` does to incidents, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::CommitExists`] if another owner created that number first; nothing is changed then.
    fn commit(
        &self,
        scope: &Scope,
        commit: &CommitRecord,
        decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
    ) -> Result<()>;

    /// Whatever `decide` does to incidents and changes of a project, in one transaction: what it reads stays true until
    /// it ends, and an error undoes all of it.
    fn transact(
        &self,
        scope: &Scope,
        decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
    ) -> Result<()>;

    /// Incidents of a tenant, newest first.
    fn incidents(&self, tenant: &TenantId, filter: &IncidentFilter) -> Result<Vec<Incident>>;
    /// One incident.
    fn incident(&self, tenant: &TenantId, id: &str) -> Result<Option<Incident>>;
    /// Signals of an incident in the order they came.
    fn incident_signals(&self, tenant: &TenantId, incident: &str) -> Result<Vec<PinnedSignal>>;
    /// All signals of a project that were received from `from` to `to` (both included), also those of no incident, in the
    /// order they came.
    fn signals(&self, scope: &Scope, from: u64, to: u64) -> Result<Vec<PinnedSignal>>;
    /// The timeline of an incident, in the order of time.
    fn timeline(&self, tenant: &TenantId, incident: &str) -> Result<Vec<TimelineEvent>>;
    /// The evidence pinned with an incident.
    fn evidence(&self, tenant: &TenantId, incident: &str) -> Result<Vec<Evidence>>;

    /// Keeps a change; false if one of that id is there already.
    fn add_change(&self, scope: &Scope, change: &ChangeRecord) -> Result<bool>;
    /// Changes that happened from `from` to `to`, both included, in the order of their times. Of more than
    /// [`MAX_CHANGES`] the newest.
    fn changes(&self, scope: &Scope, from: u64, to: u64) -> Result<Vec<ChangeRecord>>;

    /// Signals of a project that lasted into `from..to` (nanoseconds since the Unix epoch), by their start; at most `limit`.
    fn signals_between(&self, scope: &Scope, from: u64, to: u64, limit: usize) -> Result<Vec<PinnedSignal>>;
    /// Stores all that an investigation leaves behind, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Decision`] if the project has no such incident.
    fn put_investigation(&self, scope: &Scope, done: &Investigated) -> Result<()>;
    /// The last investigation of an incident by each analyst.
    fn investigations(&self, tenant: &TenantId, incident: &str) -> Result<Vec<InvestigationRecord>>;
    /// What was concluded of an incident, newest first; the newest 20.
    fn conclusions(&self, tenant: &TenantId, incident: &str) -> Result<Vec<ConclusionRecord>>;
    /// The charts of the time around an incident.
    fn charts(&self, tenant: &TenantId, incident: &str) -> Result<Vec<ChartRecord>>;

    /// Begins to pull a project, the first time: makes it where it isn't there, and has it led by `lead` unless the host
    /// has taken telemetry of it already (`has_log`, or sessions). Later times only give the cursor.
    fn begin_pull(&self, scope: &Scope, now: u64, lead: Lead, has_log: bool) -> Result<PullCursor>;
    /// How far a project was pulled; none if it never was.
    fn pull_cursor(&self, scope: &Scope) -> Result<Option<PullCursor>>;
    /// Which of these segments are recorded as being in the log.
    fn pulled(&self, scope: &Scope, ids: &[SegmentId]) -> Result<BTreeSet<SegmentId>>;
    /// Records segments that are in the log, each with the minute it was received in, and how far the project is pulled,
    /// in one transaction.
    fn record_pulled(&self, scope: &Scope, pulled: &[(u64, SegmentId)], cursor: &PullCursor) -> Result<()>;
    /// Forgets the segments received before this minute: their objects are gone.
    fn forget_pulled(&self, scope: &Scope, before_minute: u64) -> Result<()>;
    /// Remembers that an object of this content isn't to be fetched again.
    fn refuse_object(&self, scope: &Scope, object: &str, tag: &str, now: u64) -> Result<()>;
    /// Whether an object of this content was refused.
    fn is_refused(&self, scope: &Scope, object: &str, tag: &str) -> Result<bool>;
    /// Forgets the objects that were refused before `before`.
    fn forget_refused(&self, scope: &Scope, before: u64) -> Result<()>;

    /// Who runs a project's detectors, and the sequence number behind which the host's sessions begin.
    fn lead(&self, scope: &Scope) -> Result<(Lead, u64)>;
    /// All projects whose detectors run at the edge, for the host's own start-up.
    fn all_edge_led_projects(&self) -> Result<Vec<Scope>>;
    /// Has the host run a project's detectors from here on, behind this sequence number; false if it did already.
    fn take_over(&self, scope: &Scope, sequence: u64) -> Result<bool>;
    /// Takes over a commit of a session at the edge: notes its number and does whatever `decide` does to incidents, in one
    /// transaction.
    ///
    /// # Errors
    /// [`StoreError::CommitExists`] if it was taken over already, [`StoreError::CommitGap`] if one before it wasn't; nothing
    /// is changed then.
    fn apply_edge_commit(
        &self,
        scope: &Scope,
        commit: &EdgeCommit,
        decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
    ) -> Result<()>;
    /// The last commits of a project's sessions at the edge that were taken over, by plugin.
    fn edge_commits(&self, scope: &Scope) -> Result<Vec<EdgeCommit>>;
    /// Proves that the store can be read and written.
    fn check(&self) -> Result<()>;
}

/// What a decision about incidents may read and change, inside of one transaction of one project.
///
/// # Errors
///
/// As those of [`Store`].
#[expect(clippy::missing_errors_doc, reason = "said once for all methods, above")]
pub trait IncidentTransaction {
    /// Stores a signal; false if it was there already (storing is an upsert: nothing counts twice).
    fn put_signal(&mut self, signal: &PinnedSignal) -> Result<bool>;
    /// The incident of that id, if it is of this project.
    fn incident(&mut self, id: &str) -> Result<Option<Incident>>;
    /// Signals of an incident in the order they came.
    fn signals(&mut self, incident: &str) -> Result<Vec<PinnedSignal>>;
    /// The evidence pinned with an incident.
    fn evidence(&mut self, incident: &str) -> Result<Vec<Evidence>>;
    /// Unresolved incidents, oldest first; the first 1,000.
    fn unresolved(&mut self) -> Result<Vec<Incident>>;
    /// The incident that holds this fingerprint: an unresolved one, else the newest.
    fn by_fingerprint(&mut self, fingerprint: &str) -> Result<Option<Incident>>;
    /// Unresolved incidents whose evidence shares one of these traces, oldest first, each with the services whose
    /// signals brought the shared ones.
    fn open_by_traces(&mut self, traces: &[[u8; 16]]) -> Result<Vec<(Incident, BTreeSet<String>)>>;
    /// Unresolved incidents changed at or after `since` that hold one of these services (as origin or affected), oldest
    /// first.
    fn open_by_services(&mut self, services: &[&str], since: u64) -> Result<Vec<Incident>>;
    /// Unresolved incidents, and resolved ones changed at or after `since`, that hold a service, or any service if it is
    /// empty; oldest first.
    fn touched_since(&mut self, service: &str, since: u64) -> Result<Vec<Incident>>;
    /// Creates or replaces an incident.
    fn put_incident(&mut self, incident: &Incident) -> Result<()>;
    /// Remembers that an incident holds a fingerprint (unless it is empty), services and traces; the latter were brought
    /// by a signal of the service `seen_by`.
    fn link(
        &mut self,
        incident: &str,
        fingerprint: &str,
        services: &[&str],
        traces: &[[u8; 16]],
        seen_by: &str,
    ) -> Result<()>;
    /// Appends to the timeline.
    fn add_event(&mut self, incident: &str, event: &TimelineEvent) -> Result<()>;
    /// Pins evidence; what is there already stays. Says whether it was new.
    fn pin(&mut self, incident: &str, evidence: &Evidence) -> Result<bool>;
    /// Gives everything that an incident holds to another one; the timeline stays with it, too.
    fn absorb(&mut self, from: &str, into: &str) -> Result<()>;
    /// Gives a signal to another incident, with a copy of its evidence.
    fn move_signal(&mut self, signal: &PinnedSignal, into: &str) -> Result<()>;
    /// Takes evidence away from an incident.
    fn unpin(&mut self, incident: &str, evidence: &str) -> Result<()>;
    /// Gives a fingerprint to another incident, for good: [`Self::is_apart`] says so from then on.
    fn set_apart(&mut self, fingerprint: &str, from: &str, into: &str) -> Result<()>;
    /// Whether somebody split this fingerprint off.
    fn is_apart(&mut self, fingerprint: &str) -> Result<bool>;
    /// As [`Store::add_change`].
    fn add_change(&mut self, change: &ChangeRecord) -> Result<bool>;
    /// As [`Store::changes`].
    fn changes(&mut self, from: u64, to: u64) -> Result<Vec<ChangeRecord>>;
    /// Remembers that a change stands in an incident's timeline; false if it did already.
    fn link_change(&mut self, incident: &str, change: &str) -> Result<bool>;
    /// Remembers that telemetry has shown a release.
    fn see_release(&mut self, service: &str, release: &str, time: u64) -> Result<Release>;
}

/// Ids of segments as one block of bytes, for a commit's row.
pub(crate) fn join_ids(ids: &[SegmentId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.0).collect()
}
