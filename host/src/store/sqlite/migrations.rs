//! The schema and how databases of earlier versions get it.

use rusqlite::Connection;

use super::database;
use crate::store::{Result, StoreError};

/// What makes each version of the schema of the one before; the first makes it of an empty file. A new file goes through
/// all of them, so that there is one way to a schema. Never change one that was released: add one.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

/// The version of the schema that this version of AIA writes.
pub(super) fn known_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings a database to the schema of this version; `PRAGMA user_version` holds which one it has.
pub(super) fn migrate(connection: &Connection) -> Result<()> {
    let known = known_version();
    loop {
        let found = version(connection)?;
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        let next = usize::try_from(found).unwrap_or(0);
        let Some(migration) = MIGRATIONS.get(next) else {
            return Ok(());
        };
        step(connection, found, migration)?;
    }
}

/// Checks that a database that is only read has the schema of this version.
pub(super) fn require(connection: &Connection) -> Result<()> {
    let known = known_version();
    match version(connection)? {
        found if found > known => Err(StoreError::Newer { found, known }),
        found if found < known => Err(StoreError::Older { found, known }),
        _ => Ok(()),
    }
}

fn version(connection: &Connection) -> Result<i64> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(database("read the store's schema version"))
}

/// One step, unless another process (the command line beside a host) has just made it.
fn step(connection: &Connection, from: i64, migration: &str) -> Result<()> {
    let operation = "bring the store's tables up to date";
    connection
        .execute_batch("BEGIN EXCLUSIVE")
        .map_err(database(operation))?;
    let done = version(connection).and_then(|found| {
        if found != from {
            return Ok(());
        }
        let to = from + 1;
        connection
            .execute_batch(&format!("{migration}\nPRAGMA user_version = {to};"))
            .map_err(database(operation))
    });
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute_batch(end).map_err(database(operation));
    done.and(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<String> {
        connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap()
    }

    #[test]
    fn a_database_of_any_earlier_version_gets_the_schema_and_keeps_its_rows() {
        let fresh = Connection::open_in_memory().unwrap();
        migrate(&fresh).unwrap();
        for earlier in 1..MIGRATIONS.len() {
            let connection = Connection::open_in_memory().unwrap();
            for migration in &MIGRATIONS[..earlier] {
                connection.execute_batch(migration).unwrap();
            }
            connection
                .execute_batch(&format!(
                    "PRAGMA user_version = {earlier};
                     INSERT INTO projects (tenant, id, created_at) VALUES ('t', 'p', 7);"
                ))
                .unwrap();
            migrate(&connection).unwrap();
            assert_eq!(tables(&connection), tables(&fresh));
            assert_eq!(
                version(&connection).unwrap(),
                i64::try_from(MIGRATIONS.len()).unwrap()
            );
            let created: i64 = connection
                .query_row("SELECT created_at FROM projects", [], |row| row.get(0))
                .unwrap();
            assert_eq!(created, 7);
            // Once more changes nothing.
            migrate(&connection).unwrap();
        }
    }

    #[test]
    fn incidents_of_the_first_schema_keep_traces_and_count_of_signals() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!(
                "{}\nPRAGMA user_version = 1;
                 INSERT INTO incidents VALUES ('t', 'p', 'inc-1', 'open', 5, 7,
                     '{{\"id\":\"inc-1\",\"version\":3,\"updated_at\":1795435205000000001}}');
                 INSERT INTO incident_links VALUES ('t', 'p', 'trace', x'0a', 'inc-1');
                 INSERT INTO incident_links VALUES ('t', 'p', 'service', x'61', 'inc-1');",
                MIGRATIONS[0]
            ))
            .unwrap();
        migrate(&connection).unwrap();
        let text = |query: &str| -> String { connection.query_row(query, [], |row| row.get(0)).unwrap() };
        assert_eq!(
            text("SELECT json_extract(body, '$.lifecycle') FROM incidents"),
            r#"{"signals":3,"active_at":1795435205000000001}"#
        );
        assert_eq!(
            text("SELECT hex(trace) || incident || service FROM incident_traces"),
            "0Ainc-1"
        );
        assert_eq!(text("SELECT group_concat(kind) FROM incident_links"), "service");
    }

    #[test]
    fn a_database_of_a_later_version_is_left_alone() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA user_version = 1000").unwrap();
        let error = migrate(&connection).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 1000, .. }), "{error}");
        assert_eq!(tables(&connection), [""; 0]);
    }

    #[test]
    fn a_step_that_fails_leaves_the_database_as_it_was() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection).unwrap();
        let before = tables(&connection);
        let at = version(&connection).unwrap();
        step(
            &connection,
            at,
            "CREATE TABLE half (a INTEGER); CREATE TABLE projects (a INTEGER);",
        )
        .unwrap_err();
        assert_eq!((tables(&connection), version(&connection).unwrap()), (before, at));
    }
}
