//! Blocks and the commits of sessions.

use aia_telemetry::SegmentId;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::decision::Decision;
use super::{access, database, signed, unsigned};
use crate::store::{BlockRecord, CommitRecord, IncidentTransaction, Result, Scope, StoreError, join_ids};

const COMMIT_COLUMNS: &str =
    "plugin, number, digest, first_sequence, last_sequence, base_sequence, received_at, segments, snapshot,
     snapshot_commit";

pub(super) fn add_blocks(connection: &mut Connection, blocks: &[BlockRecord]) -> Result<()> {
    let operation = "register blocks";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    for block in blocks {
        transaction
            .prepare_cached(
                "INSERT INTO blocks (tenant, project, first_sequence, last_sequence, object, start_time, end_time,
                     bytes, footer_bytes, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT DO UPDATE SET last_sequence = excluded.last_sequence, object = excluded.object,
                     start_time = excluded.start_time, end_time = excluded.end_time, bytes = excluded.bytes,
                     footer_bytes = excluded.footer_bytes, received_at = excluded.received_at",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    block.scope.tenant.as_str(),
                    block.scope.project.as_str(),
                    signed(block.first_sequence),
                    signed(block.last_sequence),
                    block.object,
                    signed(block.start_time),
                    signed(block.end_time),
                    signed(block.bytes),
                    signed(block.footer_bytes),
                    signed(block.received_at),
                ])
            })
            .map_err(database(operation))?;
    }
    transaction.commit().map_err(database(operation))
}

pub(super) fn blocks_from(connection: &Connection, scope: &Scope, first: u64) -> Result<Vec<BlockRecord>> {
    connection
        .prepare_cached(
            "SELECT first_sequence, last_sequence, object, start_time, end_time, bytes, footer_bytes, received_at
             FROM blocks WHERE tenant = ?1 AND project = ?2 AND last_sequence >= ?3 ORDER BY first_sequence",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![scope.tenant.as_str(), scope.project.as_str(), signed(first)], |row| {
                    Ok(BlockRecord {
                        scope: scope.clone(),
                        first_sequence: unsigned(row.get(0)?),
                        last_sequence: unsigned(row.get(1)?),
                        object: row.get(2)?,
                        start_time: unsigned(row.get(3)?),
                        end_time: unsigned(row.get(4)?),
                        bytes: unsigned(row.get(5)?),
                        footer_bytes: unsigned(row.get(6)?),
                        received_at: unsigned(row.get(7)?),
                    })
                })?
                .collect()
        })
        .map_err(database("list blocks"))
}

pub(super) fn remove_block(connection: &Connection, scope: &Scope, first_sequence: u64) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM blocks WHERE tenant = ?1 AND project = ?2 AND first_sequence = ?3")
        .and_then(|mut statement| {
            statement.execute(params![
                scope.tenant.as_str(),
                scope.project.as_str(),
                signed(first_sequence)
            ])
        })
        .map_err(database("forget a block"))?;
    Ok(())
}

pub(super) fn prune_commits(connection: &Connection, scope: &Scope, before: u64) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM commits WHERE tenant = ?1 AND project = ?2 AND received_at < ?3 AND number <
                 (SELECT snapshot_commit FROM commits AS last WHERE last.tenant = ?1 AND last.project = ?2
                  AND last.plugin = commits.plugin ORDER BY last.number DESC LIMIT 1)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                scope.tenant.as_str(),
                scope.project.as_str(),
                signed(before)
            ])
        })
        .map_err(database("delete old commits"))?;
    Ok(())
}

/// The greatest `last_sequence` of each project in a table.
pub(super) fn last_sequences(connection: &Connection, table: &'static str) -> Result<Vec<(Scope, u64)>> {
    let query = format!("SELECT tenant, project, max(last_sequence) FROM {table} GROUP BY tenant, project");
    let rows: Vec<(String, String, i64)> = connection
        .prepare_cached(&query)
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })
        .map_err(database("read the last sequence numbers"))?;
    rows.into_iter()
        .map(|(tenant, project, last)| Ok((access::scope(&tenant, &project)?, unsigned(last))))
        .collect()
}

pub(super) fn resume(connection: &Connection, scope: &Scope, plugin: &str) -> Result<Vec<CommitRecord>> {
    let query = format!(
        "SELECT {COMMIT_COLUMNS} FROM commits WHERE tenant = ?1 AND project = ?2 AND plugin = ?3 AND number >= coalesce(
             (SELECT snapshot_commit FROM commits WHERE tenant = ?1 AND project = ?2 AND plugin = ?3
              ORDER BY number DESC LIMIT 1), 0)
         ORDER BY number"
    );
    connection
        .prepare_cached(&query)
        .and_then(|mut statement| {
            statement
                .query_map(
                    params![scope.tenant.as_str(), scope.project.as_str(), plugin],
                    commit_record,
                )?
                .collect()
        })
        .map_err(database("read a session's commits"))
}

pub(super) fn positions(connection: &Connection, scope: &Scope) -> Result<Vec<(String, u64, u64)>> {
    connection
        .prepare_cached(
            "SELECT plugin, max(number), max(last_sequence) FROM commits WHERE tenant = ?1 AND project = ?2
             GROUP BY plugin ORDER BY plugin",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![scope.tenant.as_str(), scope.project.as_str()], |row| {
                    Ok((row.get(0)?, unsigned(row.get(1)?), unsigned(row.get(2)?)))
                })?
                .collect()
        })
        .map_err(database("read the positions of sessions"))
}

pub(super) fn commit(
    connection: &mut Connection,
    scope: &Scope,
    commit: &CommitRecord,
    decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
) -> Result<()> {
    let operation = "commit a session";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    if !insert(&transaction, scope, commit).map_err(database(operation))? {
        return Err(StoreError::CommitExists {
            plugin: commit.plugin.clone(),
            number: commit.number,
        });
    }
    if commit.snapshot.is_some() {
        // What lies before the snapshot will never be read again: resuming begins at the newest one.
        transaction
            .prepare_cached(
                "DELETE FROM commits WHERE tenant = ?1 AND project = ?2 AND plugin = ?3 AND number < ?4",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    scope.tenant.as_str(),
                    scope.project.as_str(),
                    commit.plugin,
                    signed(commit.number)
                ])
            })
            .map_err(database(operation))?;
    }
    decide(&mut Decision {
        transaction: &transaction,
        scope,
    })?;
    transaction.commit().map_err(database(operation))
}

pub(super) fn register(connection: &mut Connection, scope: &Scope, commits: &[CommitRecord]) -> Result<()> {
    let operation = "register sessions";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    for commit in commits {
        insert(&transaction, scope, commit).map_err(database(operation))?;
    }
    transaction.commit().map_err(database(operation))
}

/// Creates a commit; false if its number is taken.
fn insert(transaction: &Transaction<'_>, scope: &Scope, commit: &CommitRecord) -> rusqlite::Result<bool> {
    let mut statement = transaction.prepare_cached(&format!(
        "INSERT INTO commits (tenant, project, {COMMIT_COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING"
    ))?;
    let inserted = statement.execute(params![
        scope.tenant.as_str(),
        scope.project.as_str(),
        commit.plugin,
        signed(commit.number),
        commit.digest,
        signed(commit.first_sequence),
        signed(commit.last_sequence),
        signed(commit.base_sequence),
        signed(commit.received_at),
        join_ids(&commit.segments),
        commit.snapshot,
        signed(commit.snapshot_commit),
    ])?;
    Ok(inserted > 0)
}

fn commit_record(row: &Row<'_>) -> rusqlite::Result<CommitRecord> {
    let segments: Vec<u8> = row.get(7)?;
    Ok(CommitRecord {
        plugin: row.get(0)?,
        number: unsigned(row.get(1)?),
        digest: row.get(2)?,
        first_sequence: unsigned(row.get(3)?),
        last_sequence: unsigned(row.get(4)?),
        base_sequence: unsigned(row.get(5)?),
        received_at: unsigned(row.get(6)?),
        segments: segments
            .as_chunks::<16>()
            .0
            .iter()
            .copied()
            .map(SegmentId)
            .collect(),
        snapshot: row.get(8)?,
        snapshot_commit: unsigned(row.get(9)?),
    })
}
