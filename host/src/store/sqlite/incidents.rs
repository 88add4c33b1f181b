//! Incidents, their signals, timelines and evidence.

use aia_telemetry::TenantId;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter, types::Value};

use super::{database, from_json, signed};
use crate::store::{Evidence, Incident, IncidentFilter, PinnedSignal, Result, Scope, TimelineEvent};

/// Incidents listed where the caller names no limit.
const DEFAULT_LIMIT: usize = 100;

pub(super) fn list(
    connection: &Connection,
    tenant: &TenantId,
    filter: &IncidentFilter,
) -> Result<Vec<Incident>> {
    let mut query = String::from("SELECT id, body FROM incidents WHERE tenant = ?");
    let mut values = vec![Value::from(tenant.as_str().to_owned())];
    if let Some(project) = &filter.project {
        query.push_str(" AND project = ?");
        values.push(Value::from(project.clone()));
    }
    if !filter.states.is_empty() {
        let marks = vec!["?"; filter.states.len()].join(", ");
        query.push_str(&format!(" AND state IN ({marks})"));
        values.extend(
            filter
                .states
                .iter()
                .map(|state| Value::from(state.as_str().to_owned())),
        );
    }
    if let Some(before) = &filter.before {
        // Several may have opened at once: the id tells which of them were on the page before.
        query.push_str(" AND (opened_at < ? OR (opened_at = ? AND id > ?))");
        let opened_at = signed(before.opened_at);
        values.extend([
            Value::from(opened_at),
            Value::from(opened_at),
            before.id.clone().map_or(Value::Null, Value::from),
        ]);
    }
    query.push_str(" ORDER BY opened_at DESC, id LIMIT ?");
    let limit = if filter.limit == 0 {
        DEFAULT_LIMIT
    } else {
        filter.limit
    };
    values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    bodies(connection, "list incidents", "incident", &query, &values)
}

pub(super) fn one(connection: &Connection, tenant: &TenantId, id: &str) -> Result<Option<Incident>> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM incidents WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant.as_str(), id], |row| row.get(0))
                .optional()
        })
        .map_err(database("read an incident"))?;
    body.map(|body| from_json("incident", id, &body)).transpose()
}

pub(super) fn signals(
    connection: &Connection,
    tenant: &TenantId,
    incident: &str,
) -> Result<Vec<PinnedSignal>> {
    let query = "SELECT id, body FROM signals WHERE tenant = ? AND incident = ? ORDER BY received_at, id";
    bodies(
        connection,
        "list signals",
        "signal",
        query,
        &two(tenant, incident),
    )
}

pub(super) fn received(
    connection: &Connection,
    scope: &Scope,
    from: u64,
    to: u64,
) -> Result<Vec<PinnedSignal>> {
    let query = "SELECT id, body FROM signals WHERE tenant = ? AND project = ? AND received_at BETWEEN ? AND ? \
                 ORDER BY received_at, id";
    let values = [
        Value::from(scope.tenant.as_str().to_owned()),
        Value::from(scope.project.as_str().to_owned()),
        Value::from(signed(from)),
        Value::from(signed(to)),
    ];
    bodies(connection, "list signals", "signal", query, &values)
}

pub(super) fn timeline(
    connection: &Connection,
    tenant: &TenantId,
    incident: &str,
) -> Result<Vec<TimelineEvent>> {
    // Changes and merged incidents bring events from before what stands there already.
    let query = "SELECT incident, body FROM timeline WHERE tenant = ? AND incident = ?
         ORDER BY json_extract(body, '$.time'), number";
    bodies(
        connection,
        "read a timeline",
        "timeline entry",
        query,
        &two(tenant, incident),
    )
}

pub(super) fn evidence(connection: &Connection, tenant: &TenantId, incident: &str) -> Result<Vec<Evidence>> {
    let query = "SELECT id, body FROM evidence WHERE tenant = ? AND incident = ? ORDER BY time, id";
    bodies(
        connection,
        "list evidence",
        "evidence",
        query,
        &two(tenant, incident),
    )
}

fn two(tenant: &TenantId, incident: &str) -> [Value; 2] {
    [
        Value::from(tenant.as_str().to_owned()),
        Value::from(incident.to_owned()),
    ]
}

/// Runs a query that gives id and JSON body first.
pub(super) fn bodies<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    operation: &'static str,
    what: &'static str,
    query: &str,
    values: &[Value],
) -> Result<Vec<T>> {
    let rows: Vec<(String, String)> = connection
        .prepare_cached(query)
        .and_then(|mut statement| {
            statement
                .query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .map_err(database(operation))?;
    rows.iter().map(|(id, body)| from_json(what, id, body)).collect()
}
