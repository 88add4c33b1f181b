//! Projects, tokens and ingest keys.

use aia_telemetry::{ProjectId, TenantId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{database, signed, unsigned};
use crate::store::{IngestKeyRecord, Result, Scope, StoreError, TokenRecord, TokenScope};

pub(super) fn ensure_project(connection: &Connection, scope: &Scope, now: u64) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO projects (tenant, id, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                scope.tenant.as_str(),
                scope.project.as_str(),
                signed(now)
            ])
        })
        .map(|_| ())
        .map_err(database("create a project"))
}

pub(super) fn all_projects(connection: &Connection) -> Result<Vec<Scope>> {
    let operation = "list projects";
    let mut statement = connection
        .prepare_cached("SELECT tenant, id FROM projects ORDER BY tenant, id")
        .map_err(database(operation))?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(database(operation))?;
    rows.iter()
        .map(|(tenant, project)| scope(tenant, project))
        .collect()
}

pub(super) fn project_exists(connection: &Connection, scope: &Scope) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM projects WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.exists(params![scope.tenant.as_str(), scope.project.as_str()]))
        .map_err(database("look up a project"))
}

pub(super) fn add_token(connection: &Connection, tenant: &TenantId, token: &TokenRecord) -> Result<()> {
    connection
        .execute(
            "INSERT INTO tokens (tenant, id, hash, scope, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                tenant.as_str(),
                token.id,
                token.hash,
                scope_name(token.scope),
                signed(token.created_at)
            ],
        )
        .map(|_| ())
        .map_err(database("create a token"))
}

pub(super) fn token_by_hash(
    connection: &Connection,
    hash: &[u8; 32],
) -> Result<Option<(TenantId, TokenRecord)>> {
    let found = connection
        .prepare_cached("SELECT id, hash, scope, created_at, tenant FROM tokens WHERE hash = ?1")
        .and_then(|mut statement| {
            statement
                .query_row(params![hash], |row| Ok((row.get::<_, String>(4)?, token(row)?)))
                .optional()
        })
        .map_err(database("look up a token"))?;
    found
        .map(|(tenant, token)| Ok((tenant_id(&tenant)?, token)))
        .transpose()
}

pub(super) fn tokens(connection: &Connection, tenant: &TenantId) -> Result<Vec<TokenRecord>> {
    connection
        .prepare_cached(
            "SELECT id, hash, scope, created_at FROM tokens WHERE tenant = ?1 ORDER BY created_at, id",
        )
        .and_then(|mut statement| statement.query_map(params![tenant.as_str()], token)?.collect())
        .map_err(database("list tokens"))
}

pub(super) fn add_ingest_key(connection: &Connection, scope: &Scope, key: &IngestKeyRecord) -> Result<()> {
    connection
        .execute(
            "INSERT INTO ingest_keys (tenant, project, id, created_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                scope.tenant.as_str(),
                scope.project.as_str(),
                key.id,
                signed(key.created_at),
                key.revoked_at.map(signed)
            ],
        )
        .map(|_| ())
        .map_err(database("create an ingest key"))
}

pub(super) fn ingest_keys(connection: &Connection, scope: &Scope) -> Result<Vec<IngestKeyRecord>> {
    connection
        .prepare_cached(
            "SELECT id, created_at, revoked_at FROM ingest_keys WHERE tenant = ?1 AND project = ?2
             ORDER BY created_at, id",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![scope.tenant.as_str(), scope.project.as_str()], |row| {
                    Ok(IngestKeyRecord {
                        id: row.get(0)?,
                        created_at: unsigned(row.get(1)?),
                        revoked_at: row.get::<_, Option<i64>>(2)?.map(unsigned),
                    })
                })?
                .collect()
        })
        .map_err(database("list ingest keys"))
}

pub(super) fn revoke_ingest_key(connection: &Connection, scope: &Scope, id: &str, now: u64) -> Result<bool> {
    connection
        .execute(
            "UPDATE ingest_keys SET revoked_at = coalesce(revoked_at, ?4) WHERE tenant = ?1 AND project = ?2 AND id = ?3",
            params![scope.tenant.as_str(), scope.project.as_str(), id, signed(now)],
        )
        .map(|changed| changed > 0)
        .map_err(database("revoke an ingest key"))
}

pub(super) fn all_revoked_ingest_keys(connection: &Connection) -> Result<Vec<(Scope, String)>> {
    let operation = "list revoked ingest keys";
    let rows: Vec<(String, String, String)> = connection
        .prepare_cached("SELECT tenant, project, id FROM ingest_keys WHERE revoked_at IS NOT NULL")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })
        .map_err(database(operation))?;
    rows.into_iter()
        .map(|(tenant, project, id)| Ok((scope(&tenant, &project)?, id)))
        .collect()
}

/// Tenant and project of a row.
pub(super) fn scope(tenant: &str, project: &str) -> Result<Scope> {
    let project = project
        .parse::<ProjectId>()
        .map_err(|error| StoreError::Corrupt {
            what: "project",
            id: project.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(Scope {
        tenant: tenant_id(tenant)?,
        project,
    })
}

fn tenant_id(tenant: &str) -> Result<TenantId> {
    tenant
        .parse()
        .map_err(|error: aia_telemetry::NameError| StoreError::Corrupt {
            what: "tenant",
            id: tenant.to_owned(),
            reason: error.to_string(),
        })
}

fn scope_name(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Read => "read",
        TokenScope::Operator => "operator",
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    let scope: String = row.get(2)?;
    Ok(TokenRecord {
        id: row.get(0)?,
        hash: row.get(1)?,
        // An unknown scope allows the least.
        scope: if scope == "operator" {
            TokenScope::Operator
        } else {
            TokenScope::Read
        },
        created_at: unsigned(row.get(3)?),
    })
}
