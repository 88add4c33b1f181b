//! Changes: what people and telemetry tell of deploys, settings and flags, and which incidents they stand beside.

use super::grow::event;
use crate::store::{
    ChangeKind, ChangeRecord, ChangeSource, Incident, IncidentTransaction, Release, Result, Scope, Store,
    StoreError,
};

/// A change so long before an incident's start still stands in its timeline, nanoseconds: one hour.
const BEFORE: u64 = 3_600_000_000_000;

/// Most changes in an incident's timeline.
const MAX_LISTED: u64 = 100;

/// Without a time of its own, the same said again within this time is a retry, nanoseconds: 15 minutes, as for
/// telemetry.
const RETRY: u64 = 900_000_000_000;

/// Telemetry of a release that somebody announced so long before is no change of its own, nanoseconds: one day.
const ANNOUNCED: u64 = 86_400_000_000_000;

/// Longest name of a service or release, and other text, in bytes.
pub const MAX_NAME: usize = 200;
/// As [`MAX_NAME`], for texts and links.
pub const MAX_TEXT: usize = 2_000;

/// A change as somebody tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Announcement {
    /// What was changed.
    pub kind: ChangeKind,
    /// When; now if it isn't said. Nanoseconds since the Unix epoch.
    pub time: Option<u64>,
    /// The service; empty if it concerns none, or all.
    pub service: String,
    /// The release that came.
    pub release: String,
    /// The release that went.
    pub release_previous: String,
    /// Who did it.
    pub author: String,
    /// In words.
    pub text: String,
    /// Where to read more.
    pub link: String,
}

/// Why a change isn't taken.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A deploy is of something.
    #[error("a deploy needs `{0}`")]
    Missing(&'static str),
    /// Longer than is kept.
    #[error("`{field}` has at most {maximum} bytes")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its limit.
        maximum: usize,
    },
    /// It is to be followed, so it is an address of the web.
    #[error("`link` begins with `https://` or `http://`")]
    Link,
    /// A change that says nothing helps nobody.
    #[error("say what was changed: one of `service`, `release` and `text` at least")]
    Empty,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Announcement {
    fn check(&self) -> std::result::Result<(), ChangeError> {
        let fields = [
            ("service", &self.service, MAX_NAME),
            ("release", &self.release, MAX_NAME),
            ("release_previous", &self.release_previous, MAX_NAME),
            ("author", &self.author, MAX_NAME),
            ("text", &self.text, MAX_TEXT),
            ("link", &self.link, MAX_TEXT),
        ];
        for (field, value, maximum) in fields {
            if value.len() > maximum {
                return Err(ChangeError::TooLong { field, maximum });
            }
        }
        if self.kind == ChangeKind::Deploy {
            for (field, value) in [("service", &self.service), ("release", &self.release)] {
                if value.is_empty() {
                    return Err(ChangeError::Missing(field));
                }
            }
        }
        if self.service.is_empty() && self.release.is_empty() && self.text.is_empty() {
            return Err(ChangeError::Empty);
        }
        if !self.link.is_empty()
            && !["https://", "http://"]
                .iter()
                .any(|scheme| self.link.starts_with(scheme))
        {
            return Err(ChangeError::Link);
        }
        Ok(())
    }

    fn record(&self, scope: &Scope, source: ChangeSource, time: u64, received_at: u64) -> ChangeRecord {
        let mut record = ChangeRecord {
            id: String::new(),
            project: scope.project.as_str().to_owned(),
            time,
            kind: self.kind,
            service: self.service.clone(),
            release: self.release.clone(),
            release_previous: self.release_previous.clone(),
            author: self.author.clone(),
            text: self.text.clone(),
            link: self.link.clone(),
            source,
            received_at,
        };
        record.id = id(&record, &time.to_string());
        record
    }
}

/// Keeps what somebody tells, and puts it beside the incidents it concerns. The same told again is the same change: the
/// second value is false then.
///
/// # Errors
/// If it is incomplete or too long, or the store fails.
pub fn announce(
    store: &dyn Store,
    scope: &Scope,
    told: &Announcement,
    source: ChangeSource,
    now: u64,
) -> std::result::Result<(ChangeRecord, bool), ChangeError> {
    told.check()?;
    let mut done = None;
    store.transact(scope, &mut |transaction| {
        let mut record = told.record(scope, source, told.time.unwrap_or(now), now);
        if told.time.is_none() {
            let known = transaction.changes(now.saturating_sub(RETRY), now)?;
            let same = known.into_iter().rev().find(|known| {
                // All that differs between a change and its retry is the clock.
                let again = ChangeRecord {
                    id: known.id.clone(),
                    time: known.time,
                    received_at: known.received_at,
                    ..record.clone()
                };
                again == *known && known.time == known.received_at
            });
            if let Some(same) = same {
                record = same;
            }
        }
        let is_new = arrived(transaction, &record)?;
        if !is_new {
            let known = transaction.changes(record.time, record.time)?;
            record = known
                .into_iter()
                .find(|known| known.id == record.id)
                .unwrap_or(record);
        }
        done = Some((record, is_new));
        Ok(())
    })?;
    done.ok_or_else(|| StoreError::Decision("nothing was decided".to_owned()).into())
}

/// Takes note of a release that telemetry shows. The first of a service is only remembered; a later one is a change,
/// unless somebody announced it.
///
/// # Errors
/// If the store fails.
pub fn see_release(store: &dyn Store, scope: &Scope, service: &str, release: &str, at: u64) -> Result<()> {
    store.transact(scope, &mut |transaction| {
        let Release::After(previous) = transaction.see_release(service, release, at)? else {
            return Ok(());
        };
        let announced = transaction.changes(at.saturating_sub(ANNOUNCED), at.saturating_add(RETRY))?;
        let is_announced = announced.iter().any(|known| {
            known.kind == ChangeKind::Deploy && known.service == service && known.release == release
        });
        if is_announced {
            return Ok(());
        }
        let mut record = ChangeRecord {
            id: String::new(),
            project: scope.project.as_str().to_owned(),
            time: at,
            kind: ChangeKind::Deploy,
            service: service.to_owned(),
            release: release.to_owned(),
            release_previous: String::new(),
            author: String::new(),
            text: String::new(),
            link: String::new(),
            source: ChangeSource::Telemetry,
            received_at: at,
        };
        // Of what was seen, not of when or after what.
        record.id = id(&record, "");
        record.release_previous = previous;
        arrived(transaction, &record).map(|_| ())
    })
}

/// Keeps a change and puts it into the timelines it belongs to; false if it was there.
fn arrived(transaction: &mut dyn IncidentTransaction, change: &ChangeRecord) -> Result<bool> {
    if !transaction.add_change(change)? {
        return Ok(false);
    }
    for mut incident in transaction.touched_since(&change.service, change.time)? {
        let end = incident.end_time.max(incident.lifecycle.resolved_at);
        let is_during = incident.start_time <= change.time.saturating_add(BEFORE)
            && (incident.state.is_open() || change.time <= end);
        if is_during && incident.lifecycle.merged_into.is_empty() && list(transaction, &mut incident, change)?
        {
            incident.version += 1;
            incident.updated_at = incident.updated_at.max(change.received_at);
            transaction.put_incident(&incident)?;
        }
    }
    Ok(true)
}

/// Puts the changes of an incident's services, from an hour before its start on, into its timeline. The caller stores the
/// incident.
pub(super) fn gather(
    transaction: &mut dyn IncidentTransaction,
    incident: &mut Incident,
    now: u64,
) -> Result<()> {
    let from = incident.start_time.saturating_sub(BEFORE);
    for change in transaction.changes(from, now.max(incident.end_time))? {
        let concerns = change.service.is_empty()
            || change.service == incident.service
            || incident.affected.contains(&change.service);
        if concerns {
            list(transaction, incident, &change)?;
        }
    }
    Ok(())
}

fn list(
    transaction: &mut dyn IncidentTransaction,
    incident: &mut Incident,
    change: &ChangeRecord,
) -> Result<bool> {
    if incident.lifecycle.changes >= MAX_LISTED || !transaction.link_change(&incident.id, &change.id)? {
        return Ok(false);
    }
    incident.lifecycle.changes += 1;
    transaction.add_event(&incident.id, &event(change.time, "change", words(change)))?;
    Ok(true)
}

/// A change in one line.
#[must_use]
pub fn words(change: &ChangeRecord) -> String {
    let mut text = match change.kind {
        ChangeKind::Deploy => "Deploy",
        ChangeKind::Config => "Settings",
        ChangeKind::Flag => "Flag",
        ChangeKind::Infrastructure => "Infrastructure",
        ChangeKind::Other => "Change",
    }
    .to_owned();
    if !change.service.is_empty() {
        text.push_str(&format!(" of {}", change.service));
    }
    if !change.release.is_empty() {
        text.push_str(&format!(" {}", change.release));
    }
    if !change.release_previous.is_empty() {
        text.push_str(&format!(" after {}", change.release_previous));
    }
    if !change.author.is_empty() {
        text.push_str(&format!(" by {}", change.author));
    }
    if change.source == ChangeSource::Telemetry {
        text.push_str(", first seen in telemetry");
    }
    if !change.text.is_empty() {
        text.push_str(&format!(": {}", change.text));
    }
    if !change.link.is_empty() {
        text.push_str(&format!(" ({})", change.link));
    }
    text
}

/// Hash of what a change says.
fn id(change: &ChangeRecord, time: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("AIA 2026-11 change");
    for text in [
        change.project.as_str(),
        change.kind.as_str(),
        change.source.as_str(),
        &change.service,
        &change.release,
        &change.release_previous,
        &change.author,
        &change.text,
        &change.link,
        time,
    ] {
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let hash: String = hasher.finalize().to_hex().chars().take(32).collect();
    format!("chg-{hash}")
}
