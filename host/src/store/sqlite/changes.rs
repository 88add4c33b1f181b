//! Changes.

use rusqlite::{Connection, params};

use super::{database, from_json, signed, to_json};
use crate::store::{ChangeRecord, MAX_CHANGES, Result, Scope};

pub(super) fn add(connection: &Connection, scope: &Scope, change: &ChangeRecord) -> Result<bool> {
    let body = to_json("change", &change.id, change)?;
    connection
        .prepare_cached(
            "INSERT INTO changes (tenant, project, id, time, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                scope.tenant.as_str(),
                scope.project.as_str(),
                change.id,
                signed(change.time),
                body
            ])
        })
        .map(|inserted| inserted > 0)
        .map_err(database("keep a change"))
}

pub(super) fn list(connection: &Connection, scope: &Scope, from: u64, to: u64) -> Result<Vec<ChangeRecord>> {
    let rows: Vec<(String, String)> = connection
        .prepare_cached(
            "SELECT id, body FROM changes WHERE tenant = ?1 AND project = ?2 AND time BETWEEN ?3 AND ?4
             ORDER BY time DESC, id DESC LIMIT ?5",
        )
        .and_then(|mut statement| {
            statement
                .query_map(
                    params![
                        scope.tenant.as_str(),
                        scope.project.as_str(),
                        signed(from),
                        signed(to),
                        i64::try_from(MAX_CHANGES).unwrap_or(i64::MAX)
                    ],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?
                .collect()
        })
        .map_err(database("list changes"))?;
    rows.iter()
        .rev()
        .map(|(id, body)| from_json("change", id, body))
        .collect()
}

#[cfg(test)]
mod tests {
    use aia_telemetry::{ProjectId, TenantId};

    use super::*;
    use crate::store::sqlite::Sqlite;
    use crate::store::{ChangeKind, ChangeSource, Store};

    fn scope(tenant: &str, project: &str) -> Scope {
        Scope {
            tenant: TenantId::new(tenant).unwrap(),
            project: ProjectId::new(project).unwrap(),
        }
    }

    fn change(id: &str, time: u64) -> ChangeRecord {
        ChangeRecord {
            id: id.to_owned(),
            project: "p".to_owned(),
            time,
            kind: ChangeKind::Deploy,
            service: "payment".to_owned(),
            release: "2.0.0".to_owned(),
            release_previous: "1.0.0".to_owned(),
            author: "ada".to_owned(),
            text: "Grüße 🦀".to_owned(),
            link: "https://example.com/1".to_owned(),
            source: ChangeSource::Cli,
            received_at: time + 1,
        }
    }

    #[test]
    fn changes_come_back_in_order_and_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("aia.db")).unwrap();
        let own = scope("t", "p");
        assert!(store.add_change(&own, &change("b", 20)).unwrap());
        assert!(store.add_change(&own, &change("a", 10)).unwrap());
        assert!(!store.add_change(&own, &change("a", 11)).unwrap());
        assert_eq!(
            store.changes(&own, 0, u64::MAX).unwrap(),
            [change("a", 10), change("b", 20)]
        );
        assert_eq!(store.changes(&own, 10, 19).unwrap(), [change("a", 10)]);
        assert_eq!(store.changes(&own, 11, 20).unwrap(), [change("b", 20)]);
        // The id is taken in this project only, and others see nothing.
        for other in [scope("t", "q"), scope("u", "p")] {
            assert_eq!(store.changes(&other, 0, u64::MAX).unwrap(), []);
            assert!(store.add_change(&other, &change("a", 10)).unwrap());
        }
    }

    #[test]
    fn of_too_many_the_newest_are_given() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("aia.db")).unwrap();
        let own = scope("t", "p");
        let count = MAX_CHANGES as u64 + 5;
        // One transaction: a sync for each would take a while.
        store.writer().execute_batch("BEGIN").unwrap();
        for number in 1..=count {
            add(&store.writer(), &own, &change(&number.to_string(), number)).unwrap();
        }
        store.writer().execute_batch("COMMIT").unwrap();
        let found = store.changes(&own, 0, u64::MAX).unwrap();
        assert_eq!(found.len(), MAX_CHANGES);
        assert_eq!(
            (
                found.first().map(|change| change.time),
                found.last().map(|change| change.time)
            ),
            (Some(6), Some(count))
        );
    }
}
