//! All series of a project: found by what they are, within bounds.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::semconv::clip;
use aia_plugin_sdk::{RowId, Time};
use serde::{Deserialize, Serialize};

use crate::identity::one_line;
use crate::reading::Previous;
use crate::series::Series;

/// Most series. Each takes at most 855 bytes of a snapshot, all of them 835 KiB.
pub(crate) const MAX_SERIES: usize = 1000;

/// Most series of one metric of one service: an attribute with too many values takes no room of other metrics.
const MAX_OF_METRIC: u32 = 250;

/// Most buckets of cumulative histograms, of all series together. Each takes at most 10 bytes of a snapshot,
/// all of them 74 KiB.
const MAX_ALL_BUCKETS: usize = 7500;

/// Most names of services and metrics. Each takes at most 90 bytes of a snapshot, both kinds together 70 KiB.
const MAX_NAMES: usize = 400;

/// Longest name, and unit, in bytes.
const MAX_NAME_BYTES: usize = 80;
const MAX_UNIT_BYTES: usize = 16;

/// Values from which on a series is known well enough to be remembered for long.
const KNOWN: u32 = 40;

/// How long a silent series is remembered, known or not, in seconds.
const KNOWN_SECONDS: u64 = 86_400;
const STRANGE_SECONDS: u64 = 600;

/// How long a series has to be silent to give its room to a new one where there is none: in seconds, and in usual
/// intervals. Whole fleets of instances are replaced by others within minutes, several times a day.
const GIVES_WAY_SECONDS: u64 = 1800;
const GIVES_WAY_INTERVALS: f64 = 3.0;

/// A series with what it is called.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) service: u16,
    pub(crate) metric: u16,
    pub(crate) label: String,
    pub(crate) unit: String,
    pub(crate) previous: Option<Box<Previous>>,
    pub(crate) series: Series,
    pub(crate) received: Time,
    /// The last value and its row.
    pub(crate) last: f64,
    pub(crate) row: Option<RowIdKept>,
    /// Surprising values in a row, and values towards a limit in a row.
    pub(crate) streak: u8,
    pub(crate) climb: u8,
    /// Row and time of the first surprising value of the streak.
    pub(crate) since: Option<(RowIdKept, Time)>,
    /// Where the streak lasts, whether that is the metric's habit.
    pub(crate) habit: Option<bool>,
}

impl Entry {
    /// Whether it has been silent for so long that a new series may take its place.
    fn gives_way(&self, now: Time) -> bool {
        let silence = now.since(self.received);
        silence.as_secs() >= GIVES_WAY_SECONDS
            && silence.as_secs_f64() >= GIVES_WAY_INTERVALS * self.series.interval_seconds()
    }
}

/// A row, as snapshots hold it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct RowIdKept {
    segment: u64,
    row: u32,
}

impl From<RowId> for RowIdKept {
    fn from(row: RowId) -> Self {
        Self {
            segment: row.segment,
            row: row.row,
        }
    }
}

impl From<RowIdKept> for RowId {
    fn from(row: RowIdKept) -> Self {
        Self {
            segment: row.segment,
            row: row.row,
        }
    }
}

/// Names by number, and numbers by name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Names {
    names: BTreeMap<u16, String>,
    next: u16,
    #[serde(skip)]
    numbers: BTreeMap<String, u16>,
}

impl Names {
    /// The number of a name; nothing where there is no room.
    pub(crate) fn number(&mut self, name: &str) -> Option<u16> {
        let name = clip(name, MAX_NAME_BYTES);
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        if self.names.len() >= MAX_NAMES {
            return None;
        }
        while self.names.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        self.names.insert(self.next, name.to_owned());
        self.numbers.insert(name.to_owned(), self.next);
        Some(self.next)
    }

    /// A name as one line.
    pub(crate) fn name(&self, number: u16) -> String {
        one_line(self.names.get(&number).map(String::as_str).unwrap_or_default())
    }

    /// Whether the number stands for a name.
    pub(crate) fn has(&self, number: u16) -> bool {
        self.names.contains_key(&number)
    }

    fn keep(&mut self, is_used: impl Fn(u16) -> bool) {
        self.names.retain(|number, _| is_used(*number));
        self.numbers.retain(|_, number| is_used(*number));
    }

    fn restored(mut self) -> Self {
        let pairs = self.names.iter().map(|(number, name)| (name.clone(), *number));
        self.numbers = pairs.collect();
        self
    }
}

/// All series.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Table {
    pub(crate) services: Names,
    pub(crate) metrics: Names,
    entries: Vec<Entry>,
    /// Values that had no room since the last line about it.
    overflow: u64,
    buckets: u32,
    /// Whether there is none until the next tick that gives way, of any series and of those of some metrics.
    is_full: bool,
    full: BTreeSet<(u16, u16)>,
    #[serde(skip)]
    places: BTreeMap<u64, u32>,
    #[serde(skip)]
    of_metric: BTreeMap<(u16, u16), u32>,
    /// The place behind the last one found: exporters send series in one order, again and again.
    #[serde(skip)]
    guess: usize,
}

impl Table {
    /// Makes up what isn't part of snapshots.
    pub(crate) fn restored(mut self) -> Self {
        self.services = self.services.restored();
        self.metrics = self.metrics.restored();
        self.index();
        self
    }

    fn index(&mut self) {
        self.places.clear();
        self.of_metric.clear();
        self.guess = 0;
        for (place, entry) in (0_u32..).zip(&self.entries) {
            self.places.insert(entry.id, place);
            *self.of_metric.entry((entry.service, entry.metric)).or_default() += 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Buckets that there is still room for.
    pub(crate) fn room(&self) -> usize {
        MAX_ALL_BUCKETS.saturating_sub(self.buckets as usize)
    }

    /// Notes that a series keeps so many buckets more or fewer.
    pub(crate) fn count_buckets(&mut self, before: usize, after: usize) {
        let change = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.buckets = self
            .buckets
            .saturating_add(change(after))
            .saturating_sub(change(before));
    }

    /// Place of a series, if it is known.
    #[inline]
    pub(crate) fn find(&mut self, id: u64) -> Option<usize> {
        let place = match self.entries.get(self.guess) {
            Some(entry) if entry.id == id => self.guess,
            _ => *self.places.get(&id)? as usize,
        };
        self.guess = place + 1;
        Some(place)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Entry> {
        self.entries.get_mut(place)
    }

    /// Makes room for a series; nothing where there is none.
    pub(crate) fn insert(
        &mut self,
        id: u64,
        pair: (u16, u16),
        unit: &str,
        now: Time,
        label: impl FnOnce() -> String,
    ) -> Option<usize> {
        let is_crowded = self.of_metric.get(&pair).copied().unwrap_or_default() >= MAX_OF_METRIC;
        let place = if is_crowded || self.entries.len() >= MAX_SERIES {
            let Some(place) = self.silent(is_crowded.then_some(pair), now) else {
                self.overflow();
                return None;
            };
            place
        } else {
            self.entries.len()
        };
        let entry = Entry {
            id,
            service: pair.0,
            metric: pair.1,
            label: label(),
            unit: one_line(clip(unit, MAX_UNIT_BYTES)),
            previous: None,
            series: Series::new(),
            received: Time::UNSET,
            last: 0.0,
            row: None,
            streak: 0,
            climb: 0,
            since: None,
            habit: None,
        };
        *self.of_metric.entry(pair).or_default() += 1;
        match self.entries.get_mut(place) {
            Some(silent) => {
                let gone = std::mem::replace(silent, entry);
                self.let_go(&gone);
            }
            None => self.entries.push(entry),
        }
        self.places.insert(id, u32::try_from(place).ok()?);
        self.guess = place + 1;
        Some(place)
    }

    /// The series that has been silent longest, of a metric of a service or of all; nothing where none has been for long.
    fn silent(&mut self, pair: Option<(u16, u16)>, now: Time) -> Option<usize> {
        let is_known_full = match pair {
            Some(pair) => self.full.contains(&pair),
            None => self.is_full,
        };
        if is_known_full {
            return None;
        }
        let all = self.entries.iter().enumerate();
        let silent = all
            .filter(|(_, entry)| pair.is_none_or(|pair| (entry.service, entry.metric) == pair))
            .filter(|(_, entry)| entry.gives_way(now))
            .min_by_key(|(place, entry)| (entry.received, *place));
        if silent.is_none() {
            match pair {
                Some(pair) => {
                    self.full.insert(pair);
                }
                None => self.is_full = true,
            }
        }
        silent.map(|(place, _)| place)
    }

    /// Takes what isn't there any more out of the counts.
    fn let_go(&mut self, gone: &Entry) {
        self.places.remove(&gone.id);
        self.count_buckets(gone.previous.as_deref().map_or(0, Previous::buckets), 0);
        let pair = (gone.service, gone.metric);
        if let Some(count) = self.of_metric.get_mut(&pair) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_metric.remove(&pair);
                self.keep_names();
            }
        }
    }

    /// Forgets names of services and metrics that have no series.
    fn keep_names(&mut self) {
        let pairs = &self.of_metric;
        self.services
            .keep(|service| pairs.keys().any(|(used, _)| *used == service));
        self.metrics
            .keep(|metric| pairs.keys().any(|(_, used)| *used == metric));
    }

    /// Counts a value that has no room.
    pub(crate) fn overflow(&mut self) {
        self.overflow = self.overflow.saturating_add(1);
    }

    pub(crate) fn take_overflow(&mut self) -> u64 {
        std::mem::take(&mut self.overflow)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Forgets series that have been silent for long.
    pub(crate) fn forget(&mut self, now: Time) {
        self.is_full = false;
        self.full.clear();
        let before = self.entries.len();
        self.entries.retain(|entry| {
            let seconds = if entry.series.seen() >= KNOWN {
                KNOWN_SECONDS
            } else {
                STRANGE_SECONDS
            };
            now.since(entry.received).as_secs() < seconds
        });
        if self.entries.len() == before {
            return;
        }
        let buckets: usize = self
            .entries
            .iter()
            .filter_map(|entry| entry.previous.as_deref().map(Previous::buckets))
            .sum();
        self.buckets = u32::try_from(buckets).unwrap_or(u32::MAX);
        self.index();
        self.keep_names();
    }
}
