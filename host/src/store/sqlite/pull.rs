//! What was pulled from a bucket.

use std::collections::BTreeSet;

use aia_telemetry::SegmentId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{access, database, signed, unsigned};
use crate::store::{Lead, PullCursor, Result, Scope};

pub(super) fn begin(
    connection: &mut Connection,
    scope: &Scope,
    now: u64,
    lead: Lead,
    has_log: bool,
) -> Result<PullCursor> {
    let operation = "begin to pull a project";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    if let Some(cursor) = cursor(&transaction, scope)? {
        return Ok(cursor);
    }
    access::ensure_project(&transaction, scope, now)?;
    let names = params![scope.tenant.as_str(), scope.project.as_str()];
    let begin = || {
        if lead == Lead::Edge && !has_log {
            transaction.execute(
                "UPDATE projects SET lead = 'edge' WHERE tenant = ?1 AND id = ?2 AND NOT EXISTS
                     (SELECT 1 FROM commits WHERE commits.tenant = ?1 AND commits.project = ?2)",
                names,
            )?;
        }
        transaction.execute(
            "INSERT INTO pull_cursors (tenant, project, minute, sequence) VALUES (?1, ?2, 0, 0)",
            names,
        )
    };
    begin().map_err(database(operation))?;
    transaction.commit().map_err(database(operation))?;
    Ok(PullCursor::default())
}

pub(super) fn cursor(connection: &Connection, scope: &Scope) -> Result<Option<PullCursor>> {
    connection
        .prepare_cached("SELECT minute, sequence FROM pull_cursors WHERE tenant = ?1 AND project = ?2")
        .and_then(|mut statement| {
            statement
                .query_row(params![scope.tenant.as_str(), scope.project.as_str()], |row| {
                    Ok(PullCursor {
                        minute: unsigned(row.get(0)?),
                        sequence: unsigned(row.get(1)?),
                    })
                })
                .optional()
        })
        .map_err(database("read how far a project was pulled"))
}

pub(super) fn known(
    connection: &Connection,
    scope: &Scope,
    ids: &[SegmentId],
) -> Result<BTreeSet<SegmentId>> {
    let look_up = || {
        let mut statement = connection
            .prepare_cached("SELECT 1 FROM pulled WHERE tenant = ?1 AND project = ?2 AND id = ?3")?;
        let mut known = BTreeSet::new();
        for id in ids {
            if statement.exists(params![scope.tenant.as_str(), scope.project.as_str(), id.0])? {
                known.insert(*id);
            }
        }
        Ok(known)
    };
    look_up().map_err(database("look up what was pulled"))
}

pub(super) fn record(
    connection: &mut Connection,
    scope: &Scope,
    pulled: &[(u64, SegmentId)],
    cursor: &PullCursor,
) -> Result<()> {
    let operation = "record what was pulled";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    let (tenant, project) = (scope.tenant.as_str(), scope.project.as_str());
    let write = || {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO pulled (tenant, project, id, minute) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?;
        for (minute, id) in pulled {
            statement.execute(params![tenant, project, id.0, signed(*minute)])?;
        }
        transaction.execute(
            "INSERT INTO pull_cursors (tenant, project, minute, sequence) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET minute = excluded.minute, sequence = excluded.sequence",
            params![tenant, project, signed(cursor.minute), signed(cursor.sequence)],
        )
    };
    write().map_err(database(operation))?;
    transaction.commit().map_err(database(operation))
}

pub(super) fn forget(connection: &Connection, scope: &Scope, before_minute: u64) -> Result<()> {
    connection
        .execute(
            "DELETE FROM pulled WHERE tenant = ?1 AND project = ?2 AND minute < ?3",
            params![
                scope.tenant.as_str(),
                scope.project.as_str(),
                signed(before_minute)
            ],
        )
        .map(|_| ())
        .map_err(database("forget what was pulled"))
}

pub(super) fn refuse(
    connection: &Connection,
    scope: &Scope,
    object: &str,
    tag: &str,
    now: u64,
) -> Result<()> {
    connection
        .execute(
            "INSERT INTO refused_objects (tenant, project, object, tag, refused_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET tag = excluded.tag, refused_at = excluded.refused_at",
            params![scope.tenant.as_str(), scope.project.as_str(), object, tag, signed(now)],
        )
        .map(|_| ())
        .map_err(database("remember a refused object"))
}

pub(super) fn is_refused(connection: &Connection, scope: &Scope, object: &str, tag: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM refused_objects WHERE tenant = ?1 AND project = ?2 AND object = ?3 AND tag = ?4",
        )
        .and_then(|mut statement| {
            statement.exists(params![
                scope.tenant.as_str(),
                scope.project.as_str(),
                object,
                tag
            ])
        })
        .map_err(database("look up a refused object"))
}

pub(super) fn forget_refused(connection: &Connection, scope: &Scope, before: u64) -> Result<()> {
    connection
        .execute(
            "DELETE FROM refused_objects WHERE tenant = ?1 AND project = ?2 AND refused_at < ?3",
            params![scope.tenant.as_str(), scope.project.as_str(), signed(before)],
        )
        .map(|_| ())
        .map_err(database("forget refused objects"))
}

#[cfg(test)]
mod tests {
    use crate::store::sqlite::Sqlite;
    use crate::store::{Lead, PullCursor, Store};

    use super::*;

    fn scope(project: &str) -> Scope {
        Scope {
            tenant: "t".parse().unwrap(),
            project: project.parse().unwrap(),
        }
    }

    #[test]
    fn what_was_pulled_is_known_to_its_project_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("aia.db")).unwrap();
        let (one, other) = (scope("one"), scope("other"));
        assert_eq!(store.pull_cursor(&one).unwrap(), None);
        store.begin_pull(&one, 1, Lead::Host, false).unwrap();
        let cursor = PullCursor {
            minute: 8,
            sequence: 3,
        };
        let ids = [SegmentId([1; 16]), SegmentId([2; 16]), SegmentId([3; 16])];
        store
            .record_pulled(&one, &[(7, ids[0]), (8, ids[1]), (9, ids[0])], &cursor)
            .unwrap();
        assert_eq!(
            store.pulled(&one, &ids).unwrap(),
            ids[..2].iter().copied().collect()
        );
        assert_eq!(store.pulled(&other, &ids).unwrap(), BTreeSet::new());
        assert_eq!(store.begin_pull(&one, 2, Lead::Edge, false).unwrap(), cursor);
        assert_eq!(store.lead(&one).unwrap(), (Lead::Host, 0));
        store.forget_pulled(&one, 8).unwrap();
        assert_eq!(
            store.pulled(&one, &ids).unwrap(),
            ids[1..2].iter().copied().collect()
        );
    }

    #[test]
    fn a_refused_object_is_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("aia.db")).unwrap();
        let (one, other) = (scope("one"), scope("other"));
        store.refuse_object(&one, "a", "first", 5).unwrap();
        assert!(store.is_refused(&one, "a", "first").unwrap());
        assert!(!store.is_refused(&one, "a", "second").unwrap());
        assert!(!store.is_refused(&other, "a", "first").unwrap());
        store.forget_refused(&one, 6).unwrap();
        assert!(!store.is_refused(&one, "a", "first").unwrap());
    }
}
