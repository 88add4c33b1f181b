//! What a decision about incidents sees of the transaction it runs in.

use std::collections::BTreeSet;

use rusqlite::{
    Connection, OptionalExtension, Params, Transaction, TransactionBehavior, params, types::Value,
};

use super::incidents::{bodies, evidence, one, signals};
use super::{changes, database, signed, to_json};
use crate::store::{
    ChangeRecord, Evidence, Incident, IncidentTransaction, PinnedSignal, Release, Result, Scope,
    TimelineEvent,
};

/// Most incidents that one look at a project takes up.
const MAX_FOUND: i64 = 1_000;

/// Runs a decision in a transaction of its own.
pub(super) fn transact(
    connection: &mut Connection,
    scope: &Scope,
    decide: &mut dyn FnMut(&mut dyn IncidentTransaction) -> Result<()>,
) -> Result<()> {
    let operation = "change incidents";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database(operation))?;
    decide(&mut Decision {
        transaction: &transaction,
        scope,
    })?;
    transaction.commit().map_err(database(operation))
}

pub(super) struct Decision<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) scope: &'a Scope,
}

impl Decision<'_> {
    fn tenant(&self) -> &str {
        self.scope.tenant.as_str()
    }

    fn project(&self) -> &str {
        self.scope.project.as_str()
    }

    /// Runs a statement; gives the number of rows it changed.
    fn execute(&self, operation: &'static str, statement: &str, parameters: impl Params) -> Result<usize> {
        self.transaction
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute(parameters))
            .map_err(database(operation))
    }

    /// Incidents linked to one of these values, oldest first.
    fn linked(&self, kind: &str, values: &[&[u8]], since: u64, and: &str) -> Result<Vec<Incident>> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; values.len()].join(", ");
        let query = format!(
            "SELECT DISTINCT incidents.id, incidents.body, incidents.opened_at FROM incident_links AS links
             JOIN incidents ON incidents.tenant = links.tenant AND incidents.id = links.incident
             WHERE links.tenant = ? AND links.project = ? AND links.kind = ? AND incidents.updated_at >= ? {and}
                 AND links.value IN ({marks})
             ORDER BY incidents.opened_at, incidents.id LIMIT {MAX_FOUND}"
        );
        let mut parameters = vec![
            Value::from(self.tenant().to_owned()),
            Value::from(self.project().to_owned()),
            Value::from(kind.to_owned()),
            Value::from(signed(since)),
        ];
        parameters.extend(values.iter().map(|value| Value::from(value.to_vec())));
        self.incidents(&query, &parameters)
    }

    fn incidents(&self, query: &str, parameters: &[Value]) -> Result<Vec<Incident>> {
        bodies(self.transaction, "find incidents", "incident", query, parameters)
    }

    /// Links an incident; false if it was linked already.
    fn add_link(&self, incident: &str, kind: &str, value: &[u8]) -> Result<bool> {
        self.execute(
            "link an incident",
            "INSERT INTO incident_links (tenant, project, kind, value, incident) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            params![self.tenant(), self.project(), kind, value, incident],
        )
        .map(|linked| linked > 0)
    }
}

const UNRESOLVED: &str = "AND incidents.state <> 'resolved'";

impl IncidentTransaction for Decision<'_> {
    fn put_signal(&mut self, signal: &PinnedSignal) -> Result<bool> {
        let body = to_json("signal", &signal.id, signal)?;
        self.execute(
            "store a signal",
            "INSERT INTO signals (tenant, project, id, incident, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
            params![
                self.tenant(),
                self.project(),
                signal.id,
                signal.incident,
                signed(signal.received_at),
                body
            ],
        )
        .map(|inserted| inserted > 0)
    }

    fn incident(&mut self, id: &str) -> Result<Option<Incident>> {
        Ok(one(self.transaction, &self.scope.tenant, id)?
            .filter(|incident| incident.project == self.project()))
    }

    fn signals(&mut self, incident: &str) -> Result<Vec<PinnedSignal>> {
        signals(self.transaction, &self.scope.tenant, incident)
    }

    fn evidence(&mut self, incident: &str) -> Result<Vec<Evidence>> {
        evidence(self.transaction, &self.scope.tenant, incident)
    }

    fn unresolved(&mut self) -> Result<Vec<Incident>> {
        let query = format!(
            "SELECT id, body FROM incidents WHERE tenant = ? AND project = ? {UNRESOLVED}
             ORDER BY opened_at, id LIMIT {MAX_FOUND}"
        );
        let parameters = [
            Value::from(self.tenant().to_owned()),
            Value::from(self.project().to_owned()),
        ];
        self.incidents(&query, &parameters)
    }

    fn by_fingerprint(&mut self, fingerprint: &str) -> Result<Option<Incident>> {
        let found = self.linked("fingerprint", &[fingerprint.as_bytes()], 0, "")?;
        let is_open = |incident: &&Incident| incident.state.is_open();
        Ok(found.iter().find(is_open).or(found.last()).cloned())
    }

    fn open_by_traces(&mut self, traces: &[[u8; 16]]) -> Result<Vec<(Incident, BTreeSet<String>)>> {
        if traces.is_empty() {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; traces.len()].join(", ");
        let query = format!(
            "SELECT DISTINCT incidents.id, incidents.body, incidents.opened_at FROM incident_traces AS traces
             JOIN incidents ON incidents.tenant = traces.tenant AND incidents.id = traces.incident
             WHERE traces.tenant = ? AND traces.project = ? {UNRESOLVED} AND traces.trace IN ({marks})
             ORDER BY incidents.opened_at, incidents.id LIMIT {MAX_FOUND}"
        );
        let mut parameters = vec![
            Value::from(self.tenant().to_owned()),
            Value::from(self.project().to_owned()),
        ];
        parameters.extend(traces.iter().map(|trace| Value::from(trace.to_vec())));
        let found = self.incidents(&query, &parameters)?;
        let services = format!(
            "SELECT DISTINCT service FROM incident_traces
             WHERE tenant = ? AND project = ? AND incident = ? AND trace IN ({marks})"
        );
        found
            .into_iter()
            .map(|incident| {
                let mut parameters = parameters.clone();
                parameters.insert(2, Value::from(incident.id.clone()));
                let services = self
                    .transaction
                    .prepare_cached(&services)
                    .and_then(|mut statement| {
                        statement
                            .query_map(rusqlite::params_from_iter(&parameters), |row| row.get(0))?
                            .collect::<rusqlite::Result<BTreeSet<String>>>()
                    })
                    .map_err(database("find incidents"))?;
                Ok((incident, services))
            })
            .collect()
    }

    fn open_by_services(&mut self, services: &[&str], since: u64) -> Result<Vec<Incident>> {
        let values: Vec<&[u8]> = services.iter().map(|service| service.as_bytes()).collect();
        self.linked("service", &values, since, UNRESOLVED)
    }

    fn touched_since(&mut self, service: &str, since: u64) -> Result<Vec<Incident>> {
        if !service.is_empty() {
            let and = format!(
                "AND (incidents.state <> 'resolved' OR incidents.updated_at >= {})",
                signed(since)
            );
            return self.linked("service", &[service.as_bytes()], 0, &and);
        }
        let query = format!(
            "SELECT id, body FROM incidents WHERE tenant = ? AND project = ? AND (state <> 'resolved' OR updated_at >= ?)
             ORDER BY opened_at, id LIMIT {MAX_FOUND}"
        );
        let parameters = [
            Value::from(self.tenant().to_owned()),
            Value::from(self.project().to_owned()),
            Value::from(signed(since)),
        ];
        self.incidents(&query, &parameters)
    }

    fn put_incident(&mut self, incident: &Incident) -> Result<()> {
        let body = to_json("incident", &incident.id, incident)?;
        self.execute(
            "store an incident",
            "INSERT INTO incidents (tenant, project, id, state, opened_at, updated_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at, body = excluded.body",
            params![
                self.tenant(),
                self.project(),
                incident.id,
                incident.state.as_str(),
                signed(incident.opened_at),
                signed(incident.updated_at),
                body
            ],
        )
        .map(|_| ())
    }

    fn link(
        &mut self,
        incident: &str,
        fingerprint: &str,
        services: &[&str],
        traces: &[[u8; 16]],
        seen_by: &str,
    ) -> Result<()> {
        if !fingerprint.is_empty() {
            self.add_link(incident, "fingerprint", fingerprint.as_bytes())?;
        }
        for service in services {
            self.add_link(incident, "service", service.as_bytes())?;
        }
        for trace in traces {
            self.execute(
                "link an incident",
                "INSERT INTO incident_traces (tenant, project, trace, incident, service) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
                params![self.tenant(), self.project(), trace.as_slice(), incident, seen_by],
            )?;
        }
        Ok(())
    }

    fn add_event(&mut self, incident: &str, event: &TimelineEvent) -> Result<()> {
        let body = to_json("timeline entry", incident, event)?;
        self.execute(
            "extend a timeline",
            "INSERT INTO timeline (tenant, incident, number, body) VALUES (?1, ?2,
                 (SELECT coalesce(max(number), 0) + 1 FROM timeline WHERE tenant = ?1 AND incident = ?2), ?3)",
            params![self.tenant(), incident, body],
        )
        .map(|_| ())
    }

    fn pin(&mut self, incident: &str, evidence: &Evidence) -> Result<bool> {
        let body = to_json("evidence", &evidence.id, evidence)?;
        self.execute(
            "pin evidence",
            "INSERT INTO evidence (tenant, incident, id, time, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            params![self.tenant(), incident, evidence.id, signed(evidence.time), body],
        )
        .map(|pinned| pinned > 0)
    }

    fn absorb(&mut self, from: &str, into: &str) -> Result<()> {
        let operation = "merge incidents";
        let both = params![self.tenant(), from, into];
        for statement in [
            "UPDATE signals SET incident = ?3, body = json_set(body, '$.incident', ?3)
             WHERE tenant = ?1 AND incident = ?2",
            "INSERT INTO timeline (tenant, incident, number, body)
             SELECT tenant, ?3, number + (SELECT coalesce(max(number), 0) FROM timeline WHERE tenant = ?1 AND incident = ?3),
                 body FROM timeline WHERE tenant = ?1 AND incident = ?2",
            "UPDATE OR IGNORE evidence SET incident = ?3 WHERE tenant = ?1 AND incident = ?2",
            "UPDATE OR IGNORE incident_links SET incident = ?3 WHERE tenant = ?1 AND incident = ?2",
            "UPDATE OR IGNORE incident_traces SET incident = ?3 WHERE tenant = ?1 AND incident = ?2",
        ] {
            self.execute(operation, statement, both)?;
        }
        // What both had is left behind.
        for statement in [
            "DELETE FROM evidence WHERE tenant = ?1 AND incident = ?2",
            "DELETE FROM incident_links WHERE tenant = ?1 AND incident = ?2",
            "DELETE FROM incident_traces WHERE tenant = ?1 AND incident = ?2",
        ] {
            self.execute(operation, statement, params![self.tenant(), from])?;
        }
        Ok(())
    }

    fn move_signal(&mut self, signal: &PinnedSignal, into: &str) -> Result<()> {
        let operation = "split an incident";
        let from = &signal.incident;
        for evidence in &signal.evidence {
            self.execute(
                operation,
                "INSERT OR IGNORE INTO evidence (tenant, incident, id, time, body)
                 SELECT tenant, ?4, id, time, body FROM evidence WHERE tenant = ?1 AND incident = ?2 AND id = ?3",
                params![self.tenant(), from, evidence, into],
            )?;
        }
        self.execute(
            operation,
            "UPDATE signals SET incident = ?3, body = json_set(body, '$.incident', ?3)
             WHERE tenant = ?1 AND id = ?2",
            params![self.tenant(), signal.id, into],
        )
        .map(|_| ())
    }

    fn unpin(&mut self, incident: &str, evidence: &str) -> Result<()> {
        self.execute(
            "split an incident",
            "DELETE FROM evidence WHERE tenant = ?1 AND incident = ?2 AND id = ?3",
            params![self.tenant(), incident, evidence],
        )
        .map(|_| ())
    }

    fn set_apart(&mut self, fingerprint: &str, from: &str, into: &str) -> Result<()> {
        self.execute(
            "split an incident",
            "DELETE FROM incident_links WHERE tenant = ?1 AND project = ?2 AND value = ?3 AND incident = ?4
                 AND kind IN ('fingerprint', 'apart')",
            params![self.tenant(), self.project(), fingerprint.as_bytes(), from],
        )?;
        self.add_link(into, "fingerprint", fingerprint.as_bytes())?;
        self.add_link(into, "apart", fingerprint.as_bytes()).map(|_| ())
    }

    fn is_apart(&mut self, fingerprint: &str) -> Result<bool> {
        self.transaction
            .prepare_cached(
                "SELECT 1 FROM incident_links WHERE tenant = ?1 AND project = ?2 AND kind = 'apart' AND value = ?3",
            )
            .and_then(|mut statement| {
                statement.exists(params![self.tenant(), self.project(), fingerprint.as_bytes()])
            })
            .map_err(database("find incidents"))
    }

    fn add_change(&mut self, change: &ChangeRecord) -> Result<bool> {
        changes::add(self.transaction, self.scope, change)
    }

    fn changes(&mut self, from: u64, to: u64) -> Result<Vec<ChangeRecord>> {
        changes::list(self.transaction, self.scope, from, to)
    }

    fn link_change(&mut self, incident: &str, change: &str) -> Result<bool> {
        self.add_link(incident, "change", change.as_bytes())
    }

    fn see_release(&mut self, service: &str, release: &str, time: u64) -> Result<Release> {
        let operation = "keep a release";
        let previous: Option<String> = self
            .transaction
            .prepare_cached(
                "SELECT release FROM releases WHERE tenant = ?1 AND project = ?2 AND service = ?3
                 ORDER BY release = ?4 DESC, first_seen DESC, release LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![self.tenant(), self.project(), service, release], |row| {
                        row.get(0)
                    })
                    .optional()
            })
            .map_err(database(operation))?;
        if previous.as_deref() == Some(release) {
            return Ok(Release::Known);
        }
        let added = self.execute(
            operation,
            "INSERT INTO releases (tenant, project, service, release, first_seen)
             SELECT ?1, ?2, ?3, ?4, ?5
             WHERE (SELECT count(*) FROM releases WHERE tenant = ?1 AND project = ?2) < ?6",
            params![
                self.tenant(),
                self.project(),
                service,
                release,
                signed(time),
                i64::try_from(crate::store::MAX_RELEASES).unwrap_or(i64::MAX)
            ],
        )?;
        Ok(match previous {
            _ if added == 0 => Release::TooMany,
            None => Release::First,
            Some(previous) => Release::After(previous),
        })
    }
}
