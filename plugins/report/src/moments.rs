//! The timeline with its changes: those that stand in it, and those that only the evidence has.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::reporter::{EvidenceKind, Item, Report};

/// Something that happened.
pub(crate) struct Moment<'a> {
    /// When, nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    /// What kind of thing.
    pub(crate) kind: &'a str,
    /// In words.
    pub(crate) text: &'a str,
    /// What shows it.
    pub(crate) evidence: Vec<&'a str>,
    /// Number of the change, from 1, if it is one.
    pub(crate) change: Option<usize>,
    /// Where the change can be read about.
    pub(crate) link: Option<&'a str>,
}

/// All moments in order of time.
pub(crate) fn moments(report: &Report) -> Vec<Moment<'_>> {
    let changes: BTreeMap<&str, &Item> = report
        .evidence
        .iter()
        .filter(|item| matches!(item.kind, EvidenceKind::Change))
        .map(|item| (item.id.as_str(), item))
        .collect();
    let mut told = BTreeSet::new();
    let mut moments: Vec<Moment<'_>> = Vec::new();
    for entry in &report.timeline {
        let is_change = entry.kind == "change";
        let mut evidence: Vec<&str> = entry.evidence.iter().map(String::as_str).collect();
        let named = evidence.iter().find_map(|id| changes.get(id));
        // The timeline tells of a change when it is taken note of, before anybody has it as evidence.
        let meant = || {
            changes.values().find(|item| {
                is_change && item.time == entry.time && entry.text.contains(item.service.as_str())
            })
        };
        let change = named.or_else(meant);
        if let Some(item) = change.filter(|_| named.is_none()) {
            evidence.push(&item.id);
        }
        if let Some(item) = change.filter(|_| is_change) {
            told.insert(item.id.as_str());
        }
        moments.push(Moment {
            time: entry.time,
            kind: &entry.kind,
            text: &entry.text,
            evidence,
            change: is_change.then_some(0),
            link: change.filter(|_| is_change).and_then(|item| field(item, "link")),
        });
    }
    for item in changes.values().filter(|item| !told.contains(item.id.as_str())) {
        moments.push(Moment {
            time: item.time,
            kind: "change",
            text: &item.title,
            evidence: vec![&item.id],
            change: Some(0),
            link: field(item, "link"),
        });
    }
    moments.sort_by_key(|moment| moment.time);
    for (position, moment) in moments
        .iter_mut()
        .filter(|moment| moment.change.is_some())
        .enumerate()
    {
        moment.change = Some(position + 1);
    }
    moments
}

/// The first value of a name.
pub(crate) fn field<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.fields
        .iter()
        .find(|field| field.name == name)
        .map(|field| field.value.as_str())
}

/// The fields people read: without nanoseconds of what stands there for people too.
pub(crate) fn readable(item: &Item) -> Vec<(&str, &str)> {
    let names: BTreeSet<&str> = item.fields.iter().map(|field| field.name.as_str()).collect();
    item.fields
        .iter()
        .filter(|field| {
            field
                .name
                .strip_suffix("_ns")
                .is_none_or(|name| !names.contains(name))
        })
        .map(|field| (field.name.as_str(), field.value.as_str()))
        .collect()
}
