//! Investigations, conclusions, charts, and signals by time.

use aia_telemetry::TenantId;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::decision::Decision;
use super::incidents::bodies;
use super::{database, from_json, signed, to_json};
use crate::store::{
    ChartRecord, ConclusionRecord, IncidentTransaction, Investigated, InvestigationRecord, PinnedSignal,
    Result, Scope, StoreError,
};

/// Conclusions of an incident that are given; older ones stay in the store.
const MAX_CONCLUSIONS: u32 = 20;

pub(super) fn put(connection: &mut Connection, scope: &Scope, done: &Investigated) -> Result<()> {
    let operation = "store an investigation";
    let (tenant, incident) = (scope.tenant.as_str(), done.record.incident.as_str());
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    let is_there: Option<i64> = transaction
        .prepare_cached("SELECT 1 FROM incidents WHERE tenant = ?1 AND project = ?2 AND id = ?3")
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant, scope.project.as_str(), incident], |row| {
                    row.get(0)
                })
                .optional()
        })
        .map_err(database(operation))?;
    if is_there.is_none() {
        return Err(StoreError::Decision(format!(
            "{scope} has no incident `{incident}`"
        )));
    }
    let body = to_json("investigation", incident, &done.record)?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO investigations (tenant, incident, analyst, body) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| statement.execute(params![tenant, incident, done.record.analyst, body]))
        .map_err(database(operation))?;
    if let Some(conclusion) = &done.conclusion {
        let body = to_json("conclusion", &conclusion.id, conclusion)?;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO conclusions (tenant, incident, id, time, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut statement| {
                statement.execute(params![tenant, incident, conclusion.id, signed(conclusion.time), body])
            })
            .map_err(database(operation))?;
    }
    if !done.charts.is_empty() {
        let body = to_json("charts", incident, &done.charts)?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO charts (tenant, incident, body) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![tenant, incident, body]))
            .map_err(database(operation))?;
    }
    let mut decision = Decision {
        transaction: &transaction,
        scope,
    };
    for evidence in &done.evidence {
        decision.pin(incident, evidence)?;
    }
    if let Some(event) = &done.event {
        decision.add_event(incident, event)?;
    }
    transaction.commit().map_err(database(operation))
}

pub(super) fn investigations(
    connection: &Connection,
    tenant: &TenantId,
    incident: &str,
) -> Result<Vec<InvestigationRecord>> {
    let query = "SELECT analyst, body FROM investigations WHERE tenant = ? AND incident = ? ORDER BY analyst";
    let values = [text(tenant.as_str()), text(incident)];
    bodies(connection, "list investigations", "investigation", query, &values)
}

pub(super) fn conclusions(
    connection: &Connection,
    tenant: &TenantId,
    incident: &str,
) -> Result<Vec<ConclusionRecord>> {
    let query =
        "SELECT id, body FROM conclusions WHERE tenant = ? AND incident = ? ORDER BY time DESC, id LIMIT ?";
    let values = [
        text(tenant.as_str()),
        text(incident),
        Value::from(MAX_CONCLUSIONS),
    ];
    bodies(connection, "list conclusions", "conclusion", query, &values)
}

pub(super) fn charts(connection: &Connection, tenant: &TenantId, incident: &str) -> Result<Vec<ChartRecord>> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM charts WHERE tenant = ?1 AND incident = ?2")
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant.as_str(), incident], |row| row.get(0))
                .optional()
        })
        .map_err(database("read an incident's charts"))?;
    body.map_or_else(|| Ok(Vec::new()), |body| from_json("charts", incident, &body))
}

pub(super) fn signals_between(
    connection: &Connection,
    scope: &Scope,
    from: u64,
    to: u64,
    limit: usize,
) -> Result<Vec<PinnedSignal>> {
    let query = "SELECT id, body FROM signals WHERE tenant = ? AND project = ?
                     AND json_extract(body, '$.signal.end_time') >= ? AND json_extract(body, '$.signal.start_time') < ?
                 ORDER BY json_extract(body, '$.signal.start_time'), id LIMIT ?";
    let values = [
        text(scope.tenant.as_str()),
        text(scope.project.as_str()),
        Value::from(signed(from)),
        Value::from(signed(to)),
        Value::from(i64::try_from(limit).unwrap_or(i64::MAX)),
    ];
    bodies(connection, "list signals", "signal", query, &values)
}

fn text(text: &str) -> Value {
    Value::from(text.to_owned())
}
