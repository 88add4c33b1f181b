//! One trouble, one signal: what turns unusual together is told of together, under the name of what was most so.

use std::collections::BTreeSet;
use std::time::Duration;

use aia_plugin_sdk::{RowId, Severity, Time};
use serde::{Deserialize, Serialize};

use crate::table::RowIdKept;

/// Kinds of what is found.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) enum Kind {
    Spike,
    Shift,
    Unrest,
    Season,
    Limit,
    Missing,
}

/// Something found about one series.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) service: u16,
    pub(crate) metric: u16,
    pub(crate) label: String,
    pub(crate) unit: String,
    pub(crate) surprise: f32,
    pub(crate) is_high: bool,
    pub(crate) value: f64,
    pub(crate) usual: f64,
    /// Whether it lasts, and whether that is what the metric does all the time.
    pub(crate) lasts: bool,
    pub(crate) is_habit: bool,
    /// Seconds until a limit is reached, or since the last value.
    pub(crate) seconds: u32,
    pub(crate) start: Time,
    pub(crate) end: Time,
    pub(crate) rows: Vec<RowIdKept>,
}

impl Found {
    pub(crate) fn severity(&self) -> Severity {
        match self.kind {
            Kind::Missing => Severity::Low,
            Kind::Limit => Severity::Medium,
            // How much it varies alone hurts nobody.
            Kind::Unrest => Severity::Low,
            // A single value, however odd, is over when one looks; and what never moved may be odd without mattering.
            _ if self.lasts && self.is_large() && !self.is_habit => Severity::Medium,
            _ => Severity::Low,
        }
    }

    /// Whether it differs from what is usual by a part of that which could matter.
    fn is_large(&self) -> bool {
        (self.value - self.usual).abs() > LARGE * self.usual.abs()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = RowId> {
        self.rows.iter().copied().map(RowId::from)
    }
}

/// The least part of what is usual by which a value has to differ to be of medium severity. It is arbitrary: a series
/// that hardly ever moves is surprising long before it matters.
const LARGE: f64 = 0.25;

/// Most things found between two ticks that are kept, the most surprising ones. Each takes at most 300 bytes of a
/// snapshot, all of them 19 KiB.
const MAX_FOUND: usize = 64;

/// Most cases. Each takes at most 300 bytes of a snapshot.
const MAX_CASES: usize = 32;

/// Most services of a case.
const MAX_SERVICES: usize = 32;

/// How long after the last thing found a case is over.
const CASE: Duration = Duration::from_secs(600);

/// How far apart two services may turn unusual for it to be taken for one trouble.
const TOGETHER: Duration = Duration::from_secs(60);

/// A trouble that is being told of.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Case {
    /// Of what was most surprising at first: it names the case.
    pub(crate) kind: Kind,
    pub(crate) service: u16,
    pub(crate) metric: u16,
    pub(crate) label: String,
    pub(crate) services: BTreeSet<u16>,
    pub(crate) start: Time,
    last: Time,
    told: Time,
    severity: u8,
}

/// What was found since the last tick, and the cases.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Cases {
    found: Vec<Found>,
    cases: Vec<Case>,
}

impl Cases {
    /// Takes a finding. Where there are too many, the least surprising one goes.
    pub(crate) fn find(&mut self, found: Found) {
        let same = |other: &&mut Found| {
            (other.service, other.metric, &other.label) == (found.service, found.metric, &found.label)
                && (other.kind == Kind::Limit) == (found.kind == Kind::Limit)
        };
        if let Some(other) = self.found.iter_mut().find(same) {
            if found.surprise >= other.surprise || found.lasts && !other.lasts {
                let rows = std::mem::take(&mut other.rows);
                let start = other.start.min(found.start);
                *other = Found { start, ..found };
                for row in rows {
                    if other.rows.len() < 4 && !other.rows.contains(&row) {
                        other.rows.push(row);
                    }
                }
            }
            return;
        }
        if self.found.len() >= MAX_FOUND {
            let least = self
                .found
                .iter()
                .enumerate()
                .min_by(|(_, a), (_, b)| a.surprise.total_cmp(&b.surprise))
                .map(|(index, other)| (index, other.surprise));
            match least {
                Some((index, surprise)) if surprise < found.surprise => {
                    self.found.remove(index);
                }
                _ => return,
            }
        }
        self.found.push(found);
    }

    /// Lays what was found to cases; gives those to be told of, with what was found, the most surprising first.
    pub(crate) fn take(&mut self, now: Time, update: Duration) -> Vec<(Case, Vec<Found>)> {
        self.cases.retain(|case| now.since(case.last) < CASE);
        let mut found = std::mem::take(&mut self.found);
        // A limit that comes near is the most important thing about a series, though nothing about it is surprising.
        found.sort_by(|a, b| {
            let is_limit = |found: &Found| found.kind == Kind::Limit;
            is_limit(b)
                .cmp(&is_limit(a))
                .then_with(|| b.surprise.total_cmp(&a.surprise))
                .then_with(|| (a.service, a.metric, &a.label).cmp(&(b.service, b.metric, &b.label)))
        });
        let mut by_case: Vec<Vec<Found>> = vec![Vec::new(); self.cases.len()];
        for found in found {
            let place = self.place(&found, now);
            let Some(case) = self.cases.get_mut(place) else {
                continue;
            };
            case.last = now;
            if case.services.len() < MAX_SERVICES {
                case.services.insert(found.service);
            }
            by_case.resize(self.cases.len(), Vec::new());
            if let Some(list) = by_case.get_mut(place) {
                list.push(found);
            }
        }
        let mut told = Vec::new();
        for (case, list) in self.cases.iter_mut().zip(by_case) {
            let Some(worst) = list.iter().map(|found| rank(found.severity())).max() else {
                continue;
            };
            if !case.told.is_set() || now.since(case.told) >= update || worst > case.severity {
                case.told = now;
                case.severity = case.severity.max(worst);
                told.push((case.clone(), list));
            }
        }
        told
    }

    /// The case that a finding belongs to, a new one if there is none.
    fn place(&mut self, found: &Found, now: Time) -> usize {
        let is_missing = found.kind == Kind::Missing;
        let joins = |case: &Case| {
            (case.kind == Kind::Missing) == is_missing
                && (case.services.contains(&found.service) || now.since(case.start) <= TOGETHER)
        };
        if let Some(place) = self.cases.iter().position(joins) {
            return place;
        }
        if self.cases.len() >= MAX_CASES {
            self.cases.remove(0);
        }
        self.cases.push(Case {
            kind: found.kind,
            service: found.service,
            metric: found.metric,
            label: found.label.clone(),
            services: BTreeSet::new(),
            start: now,
            last: now,
            told: Time::UNSET,
            severity: 0,
        });
        self.cases.len() - 1
    }
}

fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}
