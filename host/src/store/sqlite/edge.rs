//! Projects whose detectors run at the edge, and the commits that are taken over from there.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::decision::Decision;
use super::{access, database, signed, unsigned};
use crate::store::{EdgeCommit, IncidentTransaction, Lead, Result, Scope, StoreError};

pub(super) fn lead(connection: &Connection, scope: &Scope) -> Result<(Lead, u64)> {
    let found = connection
        .prepare_cached("SELECT lead, sessions_from FROM projects WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement
                .query_row(params![scope.tenant.as_str(), scope.project.as_str()], |row| {
                    Ok((row.get::<_, String>(0)?, unsigned(row.get(1)?)))
                })
                .optional()
        })
        .map_err(database("look up who runs a project's detectors"))?;
    match found.as_ref().map(|(lead, from)| (lead.as_str(), *from)) {
        None => Ok((Lead::Host, 0)),
        Some(("host", from)) => Ok((Lead::Host, from)),
        Some(("edge", from)) => Ok((Lead::Edge, from)),
        Some((other, _)) => Err(StoreError::Corrupt {
            what: "project",
            id: scope.to_string(),
            reason: format!("nobody is called `{other}`"),
        }),
    }
}

pub(super) fn all_led(connection: &Connection) -> Result<Vec<Scope>> {
    let rows: Vec<(String, String)> = connection
        .prepare_cached("SELECT tenant, id FROM projects WHERE lead = 'edge' ORDER BY tenant, id")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .map_err(database("list the projects that the edge leads"))?;
    rows.iter()
        .map(|(tenant, project)| access::scope(tenant, project))
        .collect()
}

pub(super) fn take_over(connection: &Connection, scope: &Scope, sequence: u64) -> Result<bool> {
    connection
        .execute(
            "UPDATE projects SET lead = 'host', sessions_from = ?3 WHERE tenant = ?1 AND id = ?2 AND lead = 'edge'",
            params![scope.tenant.as_str(), scope.project.as_str(), signed(sequence)],
        )
        .map(|changed| changed > 0)
        .map_err(database("take over a project"))
}

pub(super) fn apply(
    connection: &mut Connection,
    scope: &Scope,
    commit: &EdgeCommit,
    decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
) -> Result<()> {
    let operation = "take over a commit of the edge";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    let (tenant, project) = (scope.tenant.as_str(), scope.project.as_str());
    let last = transaction
        .prepare_cached("SELECT number FROM edge_commits WHERE tenant = ?1 AND project = ?2 AND plugin = ?3")
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant, project, commit.plugin], |row| row.get(0))
                .optional()
        })
        .map_err(database(operation))?
        .map_or(0, unsigned);
    if last >= commit.number {
        return Err(StoreError::CommitExists {
            plugin: commit.plugin.clone(),
            number: commit.number,
        });
    }
    if last + 1 != commit.number {
        return Err(StoreError::CommitGap {
            plugin: commit.plugin.clone(),
            number: commit.number,
            last,
        });
    }
    transaction
        .prepare_cached(
            "INSERT INTO edge_commits (tenant, project, plugin, number, received_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET number = excluded.number, received_at = excluded.received_at",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                project,
                commit.plugin,
                signed(commit.number),
                signed(commit.received_at)
            ])
        })
        .map_err(database(operation))?;
    decide(&mut Decision {
        transaction: &transaction,
        scope,
    })?;
    transaction.commit().map_err(database(operation))
}

pub(super) fn commits(connection: &Connection, scope: &Scope) -> Result<Vec<EdgeCommit>> {
    connection
        .prepare_cached(
            "SELECT plugin, number, received_at FROM edge_commits WHERE tenant = ?1 AND project = ?2 ORDER BY plugin",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![scope.tenant.as_str(), scope.project.as_str()], |row| {
                    Ok(EdgeCommit {
                        plugin: row.get(0)?,
                        number: unsigned(row.get(1)?),
                        received_at: unsigned(row.get(2)?),
                    })
                })?
                .collect()
        })
        .map_err(database("read the commits of the edge"))
}

#[cfg(test)]
mod tests {
    use crate::store::Store;
    use crate::store::sqlite::Sqlite;

    use super::*;

    fn scope(project: &str) -> Scope {
        Scope {
            tenant: "t".parse().unwrap(),
            project: project.parse().unwrap(),
        }
    }

    fn commit(number: u64) -> EdgeCommit {
        EdgeCommit {
            plugin: "errors".to_owned(),
            number,
            received_at: number * 10,
        }
    }

    #[test]
    fn commits_are_taken_over_one_by_one_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("aia.db")).unwrap();
        let scope = scope("p");
        let apply = |number| store.apply_edge_commit(&scope, &commit(number), &mut |_| Ok(()));
        let gap = apply(2).unwrap_err();
        insta::assert_snapshot!(gap, @"commit 2 of plugin `errors` doesn't follow commit 0");
        apply(1).unwrap();
        apply(2).unwrap();
        let again = apply(2).unwrap_err();
        assert!(
            matches!(again, StoreError::CommitExists { number: 2, .. }),
            "{again}"
        );
        // What the decision refuses leaves nothing.
        let refused = store.apply_edge_commit(&scope, &commit(3), &mut |_| {
            Err(StoreError::Decision("no".into()))
        });
        assert!(refused.is_err());
        assert_eq!(store.edge_commits(&scope).unwrap(), [commit(2)]);
        assert_eq!(store.edge_commits(&self::scope("other")).unwrap(), []);
    }

    #[test]
    fn a_project_first_seen_through_the_bucket_is_led_by_the_edge_until_the_host_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("aia.db")).unwrap();
        let (new, sent) = (scope("new"), scope("sent"));
        // An ingest key was made for it, and nothing sent.
        store.ensure_project(&new, 1).unwrap();
        store.begin_pull(&new, 2, Lead::Edge, false).unwrap();
        store.begin_pull(&sent, 2, Lead::Edge, true).unwrap();
        assert_eq!(store.lead(&new).unwrap(), (Lead::Edge, 0));
        assert_eq!(store.lead(&sent).unwrap(), (Lead::Host, 0));
        assert_eq!(store.all_edge_led_projects().unwrap(), std::slice::from_ref(&new));
        assert!(store.take_over(&new, 7).unwrap());
        assert!(!store.take_over(&new, 9).unwrap());
        store.begin_pull(&new, 3, Lead::Edge, false).unwrap();
        assert_eq!(store.lead(&new).unwrap(), (Lead::Host, 7));
    }
}
