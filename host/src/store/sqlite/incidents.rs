//! Incidents, their signals, timelines and evidence.

use aia_telemetry::TenantId;
use rusqlite::{Connection, OptionalExtension, Transaction, params, params_from_iter, types::Value};

use super::{database, from_json, signed, to_json};
use crate::store::{
    Evidence, Incident, IncidentFilter, IncidentTransaction, PinnedSignal, Result, Scope, TimelineEvent,
};

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
    if let Some(before) = filter.before {
        query.push_str(" AND opened_at < ?");
        values.push(Value::from(signed(before)));
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
    let query = "SELECT incident, body FROM timeline WHERE tenant = ? AND incident = ? ORDER BY number";
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

/// Runs a query that gives (id, JSON body).
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

/// What a decision about incidents sees of the transaction it runs in.
pub(super) struct Decision<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) scope: &'a Scope,
}

impl Decision<'_> {
    /// Unresolved incidents linked to one of these values, oldest first.
    fn linked(&self, kind: &str, values: &[&[u8]], since: u64) -> Result<Vec<Incident>> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; values.len()].join(", ");
        let query = format!(
            "SELECT DISTINCT incidents.id, incidents.body, incidents.opened_at FROM incident_links AS links
             JOIN incidents ON incidents.tenant = links.tenant AND incidents.id = links.incident
             WHERE links.tenant = ? AND links.project = ? AND links.kind = ? AND incidents.state <> 'resolved'
                 AND incidents.updated_at >= ? AND links.value IN ({marks})
             ORDER BY incidents.opened_at, incidents.id"
        );
        let mut parameters = vec![
            Value::from(self.scope.tenant.as_str().to_owned()),
            Value::from(self.scope.project.as_str().to_owned()),
            Value::from(kind.to_owned()),
            Value::from(signed(since)),
        ];
        parameters.extend(values.iter().map(|value| Value::from(value.to_vec())));
        bodies(
            self.transaction,
            "find incidents",
            "incident",
            &query,
            &parameters,
        )
    }

    fn add_link(&self, incident: &str, kind: &str, value: &[u8]) -> Result<()> {
        self.transaction
            .prepare_cached(
                "INSERT INTO incident_links (tenant, project, kind, value, incident) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    self.scope.tenant.as_str(),
                    self.scope.project.as_str(),
                    kind,
                    value,
                    incident
                ])
            })
            .map(|_| ())
            .map_err(database("link an incident"))
    }
}

impl IncidentTransaction for Decision<'_> {
    fn put_signal(&mut self, signal: &PinnedSignal) -> Result<bool> {
        let body = to_json("signal", &signal.id, signal)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO signals (tenant, project, id, incident, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    self.scope.tenant.as_str(),
                    self.scope.project.as_str(),
                    signal.id,
                    signal.incident,
                    signed(signal.received_at),
                    body
                ])
            })
            .map(|inserted| inserted > 0)
            .map_err(database("store a signal"))
    }

    fn open_by_fingerprint(&mut self, fingerprint: &str) -> Result<Option<Incident>> {
        Ok(self
            .linked("fingerprint", &[fingerprint.as_bytes()], 0)?
            .into_iter()
            .next())
    }

    fn open_by_traces(&mut self, traces: &[[u8; 16]]) -> Result<Vec<Incident>> {
        let values: Vec<&[u8]> = traces.iter().map(<[u8; 16]>::as_slice).collect();
        self.linked("trace", &values, 0)
    }

    fn open_by_services(&mut self, services: &[&str], since: u64) -> Result<Vec<Incident>> {
        let values: Vec<&[u8]> = services.iter().map(|service| service.as_bytes()).collect();
        self.linked("service", &values, since)
    }

    fn put_incident(&mut self, incident: &Incident) -> Result<()> {
        let body = to_json("incident", &incident.id, incident)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO incidents (tenant, project, id, state, opened_at, updated_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at, body = excluded.body",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    self.scope.tenant.as_str(),
                    self.scope.project.as_str(),
                    incident.id,
                    incident.state.as_str(),
                    signed(incident.opened_at),
                    signed(incident.updated_at),
                    body
                ])
            })
            .map(|_| ())
            .map_err(database("store an incident"))
    }

    fn link(
        &mut self,
        incident: &str,
        fingerprint: &str,
        services: &[&str],
        traces: &[[u8; 16]],
    ) -> Result<()> {
        self.add_link(incident, "fingerprint", fingerprint.as_bytes())?;
        for service in services {
            self.add_link(incident, "service", service.as_bytes())?;
        }
        for trace in traces {
            self.add_link(incident, "trace", trace)?;
        }
        Ok(())
    }

    fn add_event(&mut self, incident: &str, event: &TimelineEvent) -> Result<()> {
        let body = to_json("timeline entry", incident, event)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO timeline (tenant, incident, number, body) VALUES (?1, ?2,
                     (SELECT coalesce(max(number), 0) + 1 FROM timeline WHERE tenant = ?1 AND incident = ?2), ?3)",
            )
            .and_then(|mut statement| statement.execute(params![self.scope.tenant.as_str(), incident, body]))
            .map(|_| ())
            .map_err(database("extend a timeline"))
    }

    fn pin(&mut self, incident: &str, evidence: &Evidence) -> Result<()> {
        let body = to_json("evidence", &evidence.id, evidence)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO evidence (tenant, incident, id, time, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    self.scope.tenant.as_str(),
                    incident,
                    evidence.id,
                    signed(evidence.time),
                    body
                ])
            })
            .map(|_| ())
            .map_err(database("pin evidence"))
    }
}
