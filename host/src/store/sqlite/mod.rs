//! The store on SQLite: one file in WAL mode, so that the command line reads beside a running host.

mod access;
mod changes;
mod decision;
mod edge;
mod incidents;
mod investigations;
mod migrations;
mod pull;
mod sessions;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aia_telemetry::{SegmentId, TenantId};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OpenFlags};

use super::{
    BlockRecord, ChangeRecord, ChartRecord, CommitRecord, ConclusionRecord, EdgeCommit, Evidence, Incident,
    IncidentFilter, IncidentTransaction, IngestKeyRecord, Investigated, InvestigationRecord, Lead,
    PinnedSignal, PullCursor, Result, Scope, Store, StoreError, TimelineEvent, TokenRecord,
};

/// How long a writer waits for another process (the command line beside a running host) before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The store on SQLite.
pub struct Sqlite {
    /// One writer: SQLite has no more.
    writer: Mutex<Connection>,
    /// One reader beside it, so that the API doesn't wait for a commit's fsync.
    reader: Mutex<Connection>,
}

impl Sqlite {
    /// Opens the database file, creating it and its tables where they aren't there.
    ///
    /// # Errors
    /// If the file can't be opened, or a newer version of AIA wrote it.
    pub fn open(path: &Path) -> Result<Self> {
        let writer = connect(path)?;
        migrations::migrate(&writer)?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(connect(path)?),
        })
    }

    /// Opens the database only to read: nothing in its folder is changed, be a host running on it or not. What would write
    /// fails.
    ///
    /// # Errors
    /// If there is none, it can't be opened, or another version of AIA wrote it.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        let reader = connect_read_only(path)?;
        migrations::require(&reader)?;
        Ok(Self {
            writer: Mutex::new(connect_read_only(path)?),
            reader: Mutex::new(reader),
        })
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock()
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock()
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A journal file is deleted once its block is registered here, so that row must have reached the disk.
        connection.pragma_update(None, "synchronous", "FULL")?;
        // 2 MiB of pages per connection instead of SQLite's own default: an idle host stays small.
        connection.pragma_update(None, "cache_size", -2048)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    open().map_err(database("open the store"))
}

fn connect_read_only(path: &Path) -> Result<Connection> {
    let open = || {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        // Characters that mean something in a URI.
        let name = path.to_string_lossy().replace('%', "%25");
        let name = name.replace('?', "%3f").replace('#', "%23");
        let mut shared_memory = path.as_os_str().to_owned();
        shared_memory.push("-shm");
        // After an orderly end there is no log beside the file: reading it "immutable" makes none. With a host running,
        // or after it died, what is in the log counts.
        let how = if Path::new(&shared_memory).exists() {
            "mode=ro"
        } else {
            "mode=ro&immutable=1"
        };
        let connection = Connection::open_with_flags(format!("file:{name}?{how}"), flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    };
    open().map_err(database("open the store to read"))
}

/// Wraps the driver's errors.
fn database(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database {
        operation,
        source: Box::new(source),
    }
}

/// SQLite's integers are signed. Times and numbers that don't fit (hostile timestamps) are stored as the largest.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Back from [`signed`].
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Encodes a row's body.
fn to_json<T: serde::Serialize>(what: &'static str, id: &str, body: &T) -> Result<String> {
    serde_json::to_string(body).map_err(|error| StoreError::Corrupt {
        what,
        id: id.to_owned(),
        reason: error.to_string(),
    })
}

/// Decodes a row's body.
fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, id: &str, body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|error| StoreError::Corrupt {
        what,
        id: id.to_owned(),
        reason: error.to_string(),
    })
}

impl Store for Sqlite {
    fn ensure_project(&self, scope: &Scope, now: u64) -> Result<()> {
        access::ensure_project(&self.writer(), scope, now)
    }

    fn all_projects(&self) -> Result<Vec<Scope>> {
        access::all_projects(&self.reader())
    }

    fn project_exists(&self, scope: &Scope) -> Result<bool> {
        access::project_exists(&self.reader(), scope)
    }

    fn add_token(&self, tenant: &TenantId, token: &TokenRecord) -> Result<()> {
        access::add_token(&self.writer(), tenant, token)
    }

    fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, TokenRecord)>> {
        access::token_by_hash(&self.reader(), hash)
    }

    fn tokens(&self, tenant: &TenantId) -> Result<Vec<TokenRecord>> {
        access::tokens(&self.reader(), tenant)
    }

    fn add_ingest_key(&self, scope: &Scope, key: &IngestKeyRecord) -> Result<()> {
        access::add_ingest_key(&self.writer(), scope, key)
    }

    fn ingest_keys(&self, scope: &Scope) -> Result<Vec<IngestKeyRecord>> {
        access::ingest_keys(&self.reader(), scope)
    }

    fn revoke_ingest_key(&self, scope: &Scope, id: &str, now: u64) -> Result<bool> {
        access::revoke_ingest_key(&self.writer(), scope, id, now)
    }

    fn all_revoked_ingest_keys(&self) -> Result<Vec<(Scope, String)>> {
        access::all_revoked_ingest_keys(&self.reader())
    }

    fn add_blocks(&self, blocks: &[BlockRecord]) -> Result<()> {
        sessions::add_blocks(&mut self.writer(), blocks)
    }

    fn blocks_from(&self, scope: &Scope, first: u64) -> Result<Vec<BlockRecord>> {
        sessions::blocks_from(&self.reader(), scope, first)
    }

    fn remove_block(&self, scope: &Scope, first_sequence: u64) -> Result<()> {
        sessions::remove_block(&self.writer(), scope, first_sequence)
    }

    fn prune_commits(&self, scope: &Scope, before: u64) -> Result<()> {
        sessions::prune_commits(&self.writer(), scope, before)
    }

    fn last_block_sequences(&self) -> Result<Vec<(Scope, u64)>> {
        sessions::last_sequences(&self.reader(), "blocks")
    }

    fn last_consumed_sequences(&self) -> Result<Vec<(Scope, u64)>> {
        sessions::last_sequences(&self.reader(), "commits")
    }

    fn register_sessions(&self, scope: &Scope, commits: &[CommitRecord]) -> Result<()> {
        sessions::register(&mut self.writer(), scope, commits)
    }

    fn resume(&self, scope: &Scope, plugin: &str) -> Result<Vec<CommitRecord>> {
        sessions::resume(&self.reader(), scope, plugin)
    }

    fn session_positions(&self, scope: &Scope) -> Result<Vec<(String, u64, u64)>> {
        sessions::positions(&self.reader(), scope)
    }

    fn commit(
        &self,
        scope: &Scope,
        commit: &CommitRecord,
        decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
    ) -> Result<()> {
        sessions::commit(&mut self.writer(), scope, commit, decide)
    }

    fn incidents(&self, tenant: &TenantId, filter: &IncidentFilter) -> Result<Vec<Incident>> {
        incidents::list(&self.reader(), tenant, filter)
    }

    fn incident(&self, tenant: &TenantId, id: &str) -> Result<Option<Incident>> {
        incidents::one(&self.reader(), tenant, id)
    }

    fn incident_signals(&self, tenant: &TenantId, incident: &str) -> Result<Vec<PinnedSignal>> {
        incidents::signals(&self.reader(), tenant, incident)
    }

    fn signals(&self, scope: &Scope, from: u64, to: u64) -> Result<Vec<PinnedSignal>> {
        incidents::received(&self.reader(), scope, from, to)
    }

    fn timeline(&self, tenant: &TenantId, incident: &str) -> Result<Vec<TimelineEvent>> {
        incidents::timeline(&self.reader(), tenant, incident)
    }

    fn evidence(&self, tenant: &TenantId, incident: &str) -> Result<Vec<Evidence>> {
        incidents::evidence(&self.reader(), tenant, incident)
    }

    fn transact(
        &self,
        scope: &Scope,
        decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
    ) -> Result<()> {
        decision::transact(&mut self.writer(), scope, decide)
    }

    fn add_change(&self, scope: &Scope, change: &ChangeRecord) -> Result<bool> {
        changes::add(&self.writer(), scope, change)
    }

    fn changes(&self, scope: &Scope, from: u64, to: u64) -> Result<Vec<ChangeRecord>> {
        changes::list(&self.reader(), scope, from, to)
    }

    fn signals_between(&self, scope: &Scope, from: u64, to: u64, limit: usize) -> Result<Vec<PinnedSignal>> {
        investigations::signals_between(&self.reader(), scope, from, to, limit)
    }

    fn put_investigation(&self, scope: &Scope, done: &Investigated) -> Result<()> {
        investigations::put(&mut self.writer(), scope, done)
    }

    fn investigations(&self, tenant: &TenantId, incident: &str) -> Result<Vec<InvestigationRecord>> {
        investigations::investigations(&self.reader(), tenant, incident)
    }

    fn conclusions(&self, tenant: &TenantId, incident: &str) -> Result<Vec<ConclusionRecord>> {
        investigations::conclusions(&self.reader(), tenant, incident)
    }

    fn charts(&self, tenant: &TenantId, incident: &str) -> Result<Vec<ChartRecord>> {
        investigations::charts(&self.reader(), tenant, incident)
    }

    fn begin_pull(&self, scope: &Scope, now: u64, lead: Lead, has_log: bool) -> Result<PullCursor> {
        pull::begin(&mut self.writer(), scope, now, lead, has_log)
    }

    fn pull_cursor(&self, scope: &Scope) -> Result<Option<PullCursor>> {
        pull::cursor(&self.reader(), scope)
    }

    fn pulled(&self, scope: &Scope, ids: &[SegmentId]) -> Result<BTreeSet<SegmentId>> {
        pull::known(&self.reader(), scope, ids)
    }

    fn record_pulled(&self, scope: &Scope, pulled: &[(u64, SegmentId)], cursor: &PullCursor) -> Result<()> {
        pull::record(&mut self.writer(), scope, pulled, cursor)
    }

    fn forget_pulled(&self, scope: &Scope, before_minute: u64) -> Result<()> {
        pull::forget(&self.writer(), scope, before_minute)
    }

    fn refuse_object(&self, scope: &Scope, object: &str, tag: &str, now: u64) -> Result<()> {
        pull::refuse(&self.writer(), scope, object, tag, now)
    }

    fn is_refused(&self, scope: &Scope, object: &str, tag: &str) -> Result<bool> {
        pull::is_refused(&self.reader(), scope, object, tag)
    }

    fn forget_refused(&self, scope: &Scope, before: u64) -> Result<()> {
        pull::forget_refused(&self.writer(), scope, before)
    }

    fn lead(&self, scope: &Scope) -> Result<(Lead, u64)> {
        edge::lead(&self.reader(), scope)
    }

    fn all_edge_led_projects(&self) -> Result<Vec<Scope>> {
        edge::all_led(&self.reader())
    }

    fn take_over(&self, scope: &Scope, sequence: u64) -> Result<bool> {
        edge::take_over(&self.writer(), scope, sequence)
    }

    fn apply_edge_commit(
        &self,
        scope: &Scope,
        commit: &EdgeCommit,
        decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
    ) -> Result<()> {
        edge::apply(&mut self.writer(), scope, commit, decide)
    }

    fn edge_commits(&self, scope: &Scope) -> Result<Vec<EdgeCommit>> {
        edge::commits(&self.reader(), scope)
    }

    fn check(&self) -> Result<()> {
        let operation = "reach the store";
        self.reader()
            .query_row("SELECT 1", [], |_| Ok(()))
            .map_err(database(operation))?;
        // Takes and gives back the write lock: proves that the file can be written without changing it.
        self.writer()
            .execute_batch("BEGIN IMMEDIATE; ROLLBACK;")
            .map_err(database(operation))
    }
}
