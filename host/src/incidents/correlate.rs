//! Which incident a signal belongs to. One failing service is one incident, however many services complain: a signal
//! joins the incident of its fingerprint, else one whose origin shares a trace with it, else one that is its cause or
//! its effect, else it opens one. Where it shows that several open incidents are one trouble, they are merged.

use std::collections::BTreeSet;

use super::grow::{self, Origin, event, opens};
use super::relate::related;
use super::{Rules, changes, lifecycle};
use crate::clock;
use crate::store::{
    Evidence, Incident, IncidentState, IncidentTransaction, PinnedSignal, Result, TimelineEvent, TraceToPin,
};

/// Signals of an incident whose evidence is pinned and which stand in its timeline. What goes on for hours repeats itself:
/// later ones still count, and still raise the severity.
const MAX_RECORDED: u64 = 200;

/// Who merges what turns out to be one trouble.
const BY: &str = "AIA";

/// A signal with its evidence.
#[derive(Clone, Debug)]
pub struct Found {
    /// The signal; its incident is yet to be decided.
    pub signal: PinnedSignal,
    /// Its evidence.
    pub evidence: Vec<Evidence>,
}

/// What a decision did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Decided {
    /// Incidents opened.
    pub opened: u64,
    /// Incidents that came back.
    pub regressed: u64,
}

/// Puts signals where they belong.
///
/// # Errors
/// If the store fails; the transaction is to be rolled back then.
pub fn decide(
    transaction: &mut dyn IncidentTransaction,
    project: &str,
    rules: &Rules,
    found: &[Found],
) -> Result<Decided> {
    let mut decided = Decided::default();
    for found in found {
        place(transaction, project, rules, found, &mut decided)?;
    }
    Ok(decided)
}

/// Where a signal goes.
enum Place {
    /// Into this open incident; the others are the same trouble.
    Join { base: Incident, others: Vec<Incident> },
    /// Into this resolved incident, which comes back; the others are the same trouble.
    Regress { base: Incident, others: Vec<Incident> },
    /// Into this resolved incident, which stays resolved: everything it tells of happened before.
    Late(Incident),
    /// Into a new incident that follows the one of this id, if that isn't empty.
    Open { follows: String },
    /// Nowhere: it is only kept.
    Keep,
}

fn place(
    transaction: &mut dyn IncidentTransaction,
    project: &str,
    rules: &Rules,
    found: &Found,
    decided: &mut Decided,
) -> Result<()> {
    let signal = &found.signal.signal;
    let now = found.signal.received_at;
    let traces = traces(&found.evidence);
    let mut pinned = found.signal.clone();
    let place = find(transaction, rules, &pinned, &traces)?;
    let (mut incident, others, is_new, is_back) = match place {
        Place::Keep => {
            transaction.put_signal(&pinned)?;
            return Ok(());
        }
        Place::Join { base, others } => (base, others, false, false),
        Place::Regress { base, others } => (base, others, false, true),
        Place::Late(base) => (base, Vec::new(), false, false),
        Place::Open { follows } => {
            let mut incident = grow::open(project, &pinned);
            incident.lifecycle.follows = follows;
            (incident, Vec::new(), true, false)
        }
    };
    // The oldest goes on: its id is the one that people have seen.
    let keep = others
        .iter()
        .chain([&incident])
        .min_by_key(|incident| (incident.opened_at, &incident.id))
        .map_or_else(String::new, |incident| incident.id.clone());
    pinned.incident.clone_from(&keep);
    let is_recorded = incident.lifecycle.signals < MAX_RECORDED;
    if !is_recorded {
        pinned.evidence.clear();
    }
    if !transaction.put_signal(&pinned)? {
        return Ok(());
    }
    if is_new {
        decided.opened += 1;
        let mut text = format!("Opened by {}: {}", pinned.detector, signal.title);
        if !incident.lifecycle.follows.is_empty() {
            text.push_str(&format!(" (as {} before)", incident.lifecycle.follows));
        }
        transaction.add_event(&incident.id, &of_signal(&pinned, "opened", text))?;
    }
    if is_back {
        decided.regressed += 1;
        regress(transaction, &mut incident, &pinned)?;
    }
    let mut incident = unite(transaction, incident, others, &keep, now)?;
    if !is_new && is_recorded {
        let text = format!("{}: {} (×{})", pinned.detector, signal.title, signal.count);
        transaction.add_event(&incident.id, &of_signal(&pinned, "signal", text))?;
    }
    let before = (
        incident.affected.clone(),
        incident.service.clone(),
        incident.start_time,
    );
    for (kind, text) in grow::add(&mut incident, &pinned, rules) {
        transaction.add_event(&incident.id, &of_signal(&pinned, kind, text))?;
    }
    let mut services: Vec<&str> = incident.affected.iter().map(String::as_str).collect();
    services.push(&incident.service);
    services.push(&signal.service);
    services.retain(|service| !service.is_empty());
    transaction.link(
        &incident.id,
        &pinned.fingerprint,
        &services,
        &traces,
        &signal.service,
    )?;
    if is_recorded {
        for evidence in &found.evidence {
            transaction.pin(&incident.id, evidence)?;
        }
        for trace in traces {
            let trace = TraceToPin {
                trace: format!("{:032x}", u128::from_be_bytes(trace)),
                since: now,
                looked: 0,
            };
            grow::want_trace(&mut incident.lifecycle.traces, &trace);
        }
    }
    if is_new
        || before
            != (
                incident.affected.clone(),
                incident.service.clone(),
                incident.start_time,
            )
    {
        changes::gather(transaction, &mut incident, now)?;
    }
    transaction.put_incident(&incident)
}

/// Makes one of several incidents that turned out to be one trouble; where it began is what `base` says.
fn unite(
    transaction: &mut dyn IncidentTransaction,
    base: Incident,
    others: Vec<Incident>,
    keep: &str,
    now: u64,
) -> Result<Incident> {
    let mut all = others;
    let base_id = base.id.clone();
    all.push(base);
    let Some(at) = all.iter().position(|incident| incident.id == keep) else {
        return Err(crate::store::StoreError::Decision(format!(
            "{keep} is not among its own"
        )));
    };
    let mut united = all.swap_remove(at);
    for gone in all {
        let origin = if gone.id == base_id {
            Origin::Gone
        } else {
            Origin::Keep
        };
        grow::merge(transaction, &mut united, gone, origin, now, BY)?;
    }
    Ok(united)
}

fn find(
    transaction: &mut dyn IncidentTransaction,
    rules: &Rules,
    pinned: &PinnedSignal,
    traces: &[[u8; 16]],
) -> Result<Place> {
    let signal = &pinned.signal;
    let now = pinned.received_at;
    let mut own = transaction.by_fingerprint(&pinned.fingerprint)?;
    if let Some(own) = &mut own {
        lifecycle::settle(transaction, own, now, rules)?;
    }
    let (mut belongs, mut proven) = if transaction.is_apart(&pinned.fingerprint)? {
        // Split off by somebody: only its own incident concerns it.
        (Vec::new(), Vec::new())
    } else {
        let related = related(transaction, pinned, traces)?;
        (
            open_ones(transaction, related.belongs, now, rules)?,
            open_ones(transaction, related.proven, now, rules)?,
        )
    };
    // What somebody took apart isn't put together again.
    let is_split = own
        .as_ref()
        .is_some_and(|own| !own.lifecycle.split_from.is_empty());
    if is_split {
        proven.clear();
    }
    let mut follows = String::new();
    match own {
        Some(own) if own.state.is_open() => {
            proven.retain(|incident| incident.id != own.id);
            return Ok(Place::Join {
                base: own,
                others: proven,
            });
        }
        Some(own) if signal.end_time <= own.lifecycle.resolved_at => return Ok(Place::Late(own)),
        // The effect of something else that is going on.
        Some(_) if !belongs.is_empty() => {}
        Some(_) if !opens(signal.severity) && proven.is_empty() => return Ok(Place::Keep),
        Some(own) => {
            let back = own
                .lifecycle
                .resolved_at
                .saturating_add(clock::nanos(rules.regress_within));
            if opens(signal.severity) && now <= back {
                return Ok(Place::Regress {
                    base: own,
                    others: proven,
                });
            }
            follows = own.id;
        }
        None => {}
    }
    let base = if belongs.is_empty() {
        proven.first().cloned()
    } else {
        Some(belongs.swap_remove(0))
    };
    Ok(match base {
        Some(base) => {
            proven.retain(|incident| incident.id != base.id && base.lifecycle.split_from.is_empty());
            Place::Join { base, others: proven }
        }
        None if opens(signal.severity) => Place::Open { follows },
        None => Place::Keep,
    })
}

/// Those that are still open at a time.
fn open_ones(
    transaction: &mut dyn IncidentTransaction,
    incidents: Vec<Incident>,
    now: u64,
    rules: &Rules,
) -> Result<Vec<Incident>> {
    let mut open = Vec::with_capacity(incidents.len());
    for mut incident in incidents {
        lifecycle::settle(transaction, &mut incident, now, rules)?;
        if incident.state.is_open() {
            open.push(incident);
        }
    }
    Ok(open)
}

/// What was over is back.
fn regress(
    transaction: &mut dyn IncidentTransaction,
    incident: &mut Incident,
    pinned: &PinnedSignal,
) -> Result<()> {
    let signal = &pinned.signal;
    incident.state = IncidentState::Regressed;
    incident.lifecycle.resolved_at = 0;
    incident.lifecycle.resolved_by.clear();
    incident.lifecycle.regressed_in.clone_from(&signal.release);
    if signal.service == incident.service && !signal.release.is_empty() {
        incident.release.clone_from(&signal.release);
    }
    let text = if signal.release.is_empty() {
        format!("Back: {}", signal.title)
    } else {
        format!("Back in release {}: {}", signal.release, signal.title)
    };
    transaction.add_event(&incident.id, &of_signal(pinned, "regressed", text))
}

fn of_signal(pinned: &PinnedSignal, kind: &str, text: String) -> TimelineEvent {
    TimelineEvent {
        evidence: pinned.evidence.clone(),
        ..event(pinned.received_at, kind, text)
    }
}

/// The distinct traces of evidence.
pub(super) fn traces(evidence: &[Evidence]) -> Vec<[u8; 16]> {
    let ids: BTreeSet<u128> = evidence
        .iter()
        .filter_map(|evidence| u128::from_str_radix(&evidence.trace_id, 16).ok())
        .collect();
    ids.into_iter().map(u128::to_be_bytes).collect()
}
