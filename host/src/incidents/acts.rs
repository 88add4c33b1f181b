//! What people do to incidents. Each act reads, checks and writes in one transaction, so that two at once don't lose one
//! another, and stands in the timeline with who did it.

use aia_telemetry::{ProjectId, TenantId};

use super::Rules;
use super::correlate::traces;
use super::grow::{self, Origin, event};
use crate::store::{
    Incident, IncidentState, IncidentTransaction, Lifecycle, PinnedSignal, Scope, Store, StoreError,
    TraceToPin,
};

/// Longest text of an act, in bytes.
pub const MAX_ACT_TEXT: usize = 10_000;

/// What somebody does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// Takes it up.
    Acknowledge,
    /// Says that it is over.
    Resolve,
    /// Says that it isn't.
    Reopen,
    /// Says that it is the same trouble as another incident, which takes over everything it holds.
    Merge {
        /// Id of that incident.
        into: String,
    },
    /// Says that some of its signals are another trouble, which becomes an incident of its own.
    Split {
        /// Ids of signals.
        signals: Vec<String>,
        /// Fingerprints: their signals, and all that will come.
        fingerprints: Vec<String>,
    },
    /// Says something.
    Note,
}

/// What came of an act.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The incident as it is now; of a merge the one that took over, of a split the new one.
    pub incident: Incident,
    /// Whether anything changed: acknowledging what is acknowledged changes nothing.
    pub is_changed: bool,
}

/// Why an act isn't done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such incident.
    #[error("there is no incident `{id}`")]
    NotFound {
        /// The id.
        id: String,
    },
    /// It changed since the caller looked.
    #[error("the incident has changed since: it is at version {found} now")]
    Changed {
        /// Its version.
        found: u64,
    },
    /// It was merged: what is to be done is to be done there.
    #[error("`{id}` was merged into `{into}`")]
    Merged {
        /// Its id.
        id: String,
        /// Into which.
        into: String,
    },
    /// Its state, or that of the other incident, doesn't allow that.
    #[error("{0}")]
    State(String),
    /// What is asked for makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who acts, when, and what they say.
struct Actor<'a> {
    by: &'a str,
    at: u64,
    text: &'a str,
}

impl Actor<'_> {
    /// Puts the act into a timeline.
    fn note(
        &self,
        transaction: &mut dyn IncidentTransaction,
        incident: &str,
        kind: &str,
        done: &str,
    ) -> Result<(), StoreError> {
        let mut text = format!("{done} by {}", self.by);
        if !self.text.is_empty() {
            text.push_str(&format!(": {}", self.text));
        }
        transaction.add_event(incident, &event(self.at, kind, text))
    }
}

/// Does something to an incident. `expected` is the version that the caller saw; none if any will do. `by` says who does
/// it and `text` what they say to it; `now` is in nanoseconds since the Unix epoch.
///
/// # Errors
/// As [`ActError`] says. Nothing is changed then.
#[expect(
    clippy::too_many_arguments,
    reason = "who, what, to which, when: each is something else"
)]
pub fn act(
    store: &dyn Store,
    tenant: &TenantId,
    id: &str,
    expected: Option<u64>,
    act: &Act,
    by: &str,
    text: &str,
    now: u64,
) -> Result<Done, ActError> {
    if text.len() > MAX_ACT_TEXT {
        return Err(ActError::Wrong(format!(
            "`text` has at most {MAX_ACT_TEXT} bytes"
        )));
    }
    let not_found = || ActError::NotFound { id: id.to_owned() };
    // Only to learn the project; everything else is read again in the transaction.
    let seen = store.incident(tenant, id)?.ok_or_else(not_found)?;
    let project = ProjectId::new(&seen.project).map_err(|error| StoreError::Corrupt {
        what: "incident",
        id: id.to_owned(),
        reason: error.to_string(),
    })?;
    let scope = Scope {
        tenant: tenant.clone(),
        project,
    };
    let actor = Actor { by, at: now, text };
    let mut done = Err(not_found());
    let ended = store.transact(&scope, &mut |transaction| {
        done = perform(transaction, id, expected, act, &actor);
        match &done {
            Ok(_) => Ok(()),
            // Undoes what was done so far.
            Err(_) => Err(StoreError::Decision("the act isn't done".to_owned())),
        }
    });
    let done = done?;
    ended?;
    Ok(done)
}

fn perform(
    transaction: &mut dyn IncidentTransaction,
    id: &str,
    expected: Option<u64>,
    act: &Act,
    actor: &Actor<'_>,
) -> Result<Done, ActError> {
    let mut incident = find(transaction, id)?;
    if expected.is_some_and(|expected| expected != incident.version) {
        return Err(ActError::Changed {
            found: incident.version,
        });
    }
    if !matches!(act, Act::Note) {
        refuse_merged(&incident)?;
    }
    let (kind, word) = match act {
        Act::Acknowledge if incident.state == IncidentState::Acknowledged => return Ok(unchanged(incident)),
        Act::Acknowledge if incident.state == IncidentState::Resolved => {
            return Err(ActError::State(format!("`{id}` is resolved: reopen it first")));
        }
        Act::Acknowledge => {
            incident.state = IncidentState::Acknowledged;
            ("acknowledged", "Acknowledged")
        }
        Act::Resolve if incident.state == IncidentState::Resolved => return Ok(unchanged(incident)),
        Act::Resolve => {
            actor.note(transaction, id, "resolved", "Resolved")?;
            grow::resolve(&mut incident, actor.at, actor.by);
            transaction.put_incident(&incident)?;
            return Ok(changed(incident));
        }
        Act::Reopen if incident.state.is_open() => return Ok(unchanged(incident)),
        Act::Reopen => {
            incident.state = IncidentState::Open;
            let lifecycle = &mut incident.lifecycle;
            lifecycle.resolved_at = 0;
            lifecycle.resolved_by.clear();
            lifecycle.active_at = lifecycle.active_at.max(actor.at);
            ("reopened", "Reopened")
        }
        Act::Merge { into } => return merge(transaction, incident, into, actor),
        Act::Split {
            signals,
            fingerprints,
        } => return split(transaction, incident, signals, fingerprints, actor),
        Act::Note if actor.text.trim().is_empty() => {
            return Err(ActError::Wrong("a note needs `text`".to_owned()));
        }
        Act::Note => ("note", "Note"),
    };
    actor.note(transaction, id, kind, word)?;
    incident.version += 1;
    incident.updated_at = incident.updated_at.max(actor.at);
    transaction.put_incident(&incident)?;
    Ok(changed(incident))
}

fn find(transaction: &mut dyn IncidentTransaction, id: &str) -> Result<Incident, ActError> {
    transaction
        .incident(id)?
        .ok_or_else(|| ActError::NotFound { id: id.to_owned() })
}

fn refuse_merged(incident: &Incident) -> Result<(), ActError> {
    let into = &incident.lifecycle.merged_into;
    if into.is_empty() {
        return Ok(());
    }
    Err(ActError::Merged {
        id: incident.id.clone(),
        into: into.clone(),
    })
}

fn changed(incident: Incident) -> Done {
    Done {
        incident,
        is_changed: true,
    }
}

fn unchanged(incident: Incident) -> Done {
    Done {
        incident,
        is_changed: false,
    }
}

fn merge(
    transaction: &mut dyn IncidentTransaction,
    gone: Incident,
    into: &str,
    actor: &Actor<'_>,
) -> Result<Done, ActError> {
    if gone.id == into {
        return Err(ActError::Wrong(
            "an incident can't be merged into itself".to_owned(),
        ));
    }
    let mut keep = find(transaction, into)?;
    refuse_merged(&keep)?;
    if gone.state.is_open() && !keep.state.is_open() {
        return Err(ActError::State(format!("`{into}` is resolved: reopen it first")));
    }
    if !actor.text.is_empty() {
        actor.note(transaction, &keep.id, "note", "Note")?;
    }
    grow::merge(transaction, &mut keep, gone, Origin::Keep, actor.at, actor.by)?;
    transaction.put_incident(&keep)?;
    Ok(changed(keep))
}

fn split(
    transaction: &mut dyn IncidentTransaction,
    mut incident: Incident,
    ids: &[String],
    fingerprints: &[String],
    actor: &Actor<'_>,
) -> Result<Done, ActError> {
    let all = transaction.signals(&incident.id)?;
    for id in ids {
        if all.iter().all(|signal| signal.id != *id) {
            return Err(ActError::Wrong(format!("the incident has no signal `{id}`")));
        }
    }
    for fingerprint in fingerprints {
        if all.iter().all(|signal| signal.fingerprint != *fingerprint) {
            return Err(ActError::Wrong(format!(
                "the incident has no signal of fingerprint `{fingerprint}`"
            )));
        }
    }
    let (chosen, rest): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|signal| ids.contains(&signal.id) || fingerprints.contains(&signal.fingerprint));
    let rules = Rules::default();
    let (Some(new), Some(left)) = (
        grow::anew(&incident.project, &chosen, &rules),
        grow::anew(&incident.project, &rest, &rules),
    ) else {
        return Err(ActError::Wrong(
            "name some of the incident's signals or fingerprints, and not all of them".to_owned(),
        ));
    };
    let new = Incident {
        id: split_id(&incident, &chosen),
        opened_at: actor.at,
        updated_at: actor.at,
        version: 1,
        lifecycle: Lifecycle {
            active_at: actor.at,
            split_from: incident.id.clone(),
            ..new.lifecycle
        },
        ..new
    };
    let new = move_signals(transaction, &incident, new, &chosen, &rest)?;

    actor.note(
        transaction,
        &incident.id,
        "split",
        &format!("{} was split off", new.id),
    )?;
    actor.note(
        transaction,
        &new.id,
        "opened",
        &format!("Split off {}", incident.id),
    )?;
    transaction.put_incident(&new)?;
    // What the rest says; what happened to the incident stays.
    incident.title = left.title;
    incident.service = left.service;
    incident.operation = left.operation;
    incident.release = left.release;
    incident.affected = left.affected;
    incident.start_time = left.start_time;
    incident.end_time = left.end_time;
    incident.count = left.count;
    incident.lifecycle.signals = left.lifecycle.signals;
    incident.lifecycle.passed = left.lifecycle.passed;
    incident.lifecycle.recent = left.lifecycle.recent;
    incident.version += 1;
    incident.updated_at = incident.updated_at.max(actor.at);
    transaction.put_incident(&incident)?;
    Ok(changed(new))
}

/// Gives the chosen signals to a new incident, with their evidence, and the fingerprints of which none is left.
fn move_signals(
    transaction: &mut dyn IncidentTransaction,
    incident: &Incident,
    mut new: Incident,
    chosen: &[PinnedSignal],
    rest: &[PinnedSignal],
) -> Result<Incident, ActError> {
    let evidence = transaction.evidence(&incident.id)?;
    let is_kept = |id: &String| rest.iter().any(|signal| signal.evidence.contains(id));
    for signal in chosen {
        transaction.move_signal(signal, &new.id)?;
        let own: Vec<_> = evidence
            .iter()
            .filter(|evidence| signal.evidence.contains(&evidence.id))
            .cloned()
            .collect();
        let traces = traces(&own);
        for trace in &traces {
            let trace = TraceToPin {
                trace: format!("{:032x}", u128::from_be_bytes(*trace)),
                since: signal.received_at,
                looked: 0,
            };
            grow::want_trace(&mut new.lifecycle.traces, &trace);
        }
        let is_gone = rest.iter().all(|left| left.fingerprint != signal.fingerprint);
        if is_gone {
            transaction.set_apart(&signal.fingerprint, &incident.id, &new.id)?;
        }
        let mut services: Vec<&str> = signal.signal.affected.iter().map(String::as_str).collect();
        services.push(&signal.signal.service);
        services.retain(|service| !service.is_empty());
        transaction.link(&new.id, "", &services, &traces, &signal.signal.service)?;
    }
    let mut gone: Vec<&String> = chosen.iter().flat_map(|signal| &signal.evidence).collect();
    gone.retain(|id| !is_kept(id));
    for id in gone {
        transaction.unpin(&incident.id, id)?;
    }
    Ok(new)
}

/// Of what is split off, so that whoever does it again gets the same.
fn split_id(incident: &Incident, chosen: &[PinnedSignal]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("AIA 2026-11 split");
    hasher.update(incident.id.as_bytes());
    hasher.update(&incident.version.to_le_bytes());
    for signal in chosen {
        hasher.update(signal.id.as_bytes());
    }
    let id: String = hasher.finalize().to_hex().chars().take(12).collect();
    format!("inc-{id}")
}
