//! What is compared with what.

use std::collections::BTreeSet;

use aia_plugin_sdk::analyst::{Case, EvidenceKind, Item, TimeRange};

/// Severities as signals have them, the least first.
const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];

const SECOND: u64 = 1_000_000_000;

/// The incident is looked at from so long before its first signal to so long after its last: a detector needs a few
/// requests before it speaks.
const MARGIN: u64 = 30 * SECOND;

/// Most of an incident that is looked at: its beginning shows the cause best.
const MAX_INCIDENT: u64 = 15 * 60 * SECOND;

/// Longest stretch before it that it is compared with.
const MAX_BASELINE: u64 = 15 * 60 * SECOND;

/// How far back a change may have caused it.
pub(crate) const CHANGES_BEFORE: u64 = 3_600 * SECOND;

/// The stretches of an investigation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Windows {
    /// The incident, with a margin.
    pub(crate) now: TimeRange,
    /// What is right before it.
    pub(crate) before: TimeRange,
    /// The beginning of what is known, if it isn't `before` already: a project may have been silent in between.
    pub(crate) early: Option<TimeRange>,
    /// The first of the worst signals.
    pub(crate) onset: u64,
}

impl Windows {
    pub(crate) fn of(case: &Case) -> Self {
        let onset = onset(case);
        let start = onset.saturating_sub(MARGIN);
        let end = case.during.end.max(onset).saturating_add(MARGIN);
        let known = case.known_since.min(start);
        let before = TimeRange::new(start.saturating_sub(MAX_BASELINE).max(known), start);
        let early = (known < before.start)
            .then(|| TimeRange::new(known, known.saturating_add(MAX_BASELINE).min(before.start)));
        Self {
            now: TimeRange::new(start, end.min(start.saturating_add(MAX_INCIDENT))),
            before,
            early,
            onset,
        }
    }
}

/// When what is worst about it began: the first signal of those kinds, at those services, that are as bad as any by now.
/// Small troubles that an incident began with would else swallow the time before the bad one.
fn onset(case: &Case) -> u64 {
    let rank = |item: &Item| SEVERITIES.iter().position(|name| *name == item.text("severity"));
    let signals = || {
        case.evidence
            .iter()
            .filter(|item| item.kind == EvidenceKind::Signal)
            .filter_map(|item| Some((item, rank(item)?, item.count("start")?)))
    };
    let what = |item: &Item| (item.service.clone(), item.text("kind").to_owned());
    let worst = signals().map(|(_, rank, _)| rank).max();
    let bad: BTreeSet<_> = signals()
        .filter(|(_, rank, _)| Some(*rank) == worst)
        .map(|(item, ..)| what(item))
        .collect();
    let first = signals()
        .filter(|(item, ..)| bad.contains(&what(item)))
        .map(|(_, _, start)| start)
        .min();
    let end = case.during.end.max(case.during.start);
    first.map_or(case.during.start, |first| first.clamp(case.during.start, end))
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::{TestCase, TestItem};

    use super::*;

    fn windows(known_since: u64, start: u64, end: u64) -> Windows {
        let during = TimeRange::new(start * SECOND, end * SECOND);
        let case = TestCase::new("pay", during).known_since(known_since * SECOND);
        Windows::of(&case.build())
    }

    fn seconds(range: TimeRange) -> (u64, u64) {
        (range.start / SECOND, range.end / SECOND)
    }

    #[test]
    fn compare_with_the_time_right_before() {
        let windows = windows(9_500, 10_000, 10_100);
        assert_eq!(seconds(windows.now), (9_970, 10_130));
        assert_eq!(seconds(windows.before), (9_500, 9_970));
        assert_eq!(windows.early, None);
    }

    #[test]
    fn begin_with_what_is_worst() {
        let signal = |severity: &str, service: &str, start: u64, id: &str| {
            let (start, end) = (start * SECOND, (start + 1) * SECOND);
            let item = TestItem::signal(service, "errors.exception", start, end);
            item.field("severity", severity).build(id)
        };
        let case = TestCase::new("pay", TimeRange::new(10_000 * SECOND, 10_100 * SECOND));
        let case = case.known_since(9_500 * SECOND).evidence([
            signal("medium", "shop", 10_000, "a"),
            signal("high", "pay", 10_070, "b"),
            signal("medium", "pay", 10_060, "c"),
            signal("low", "shop", 10_080, "d"),
        ]);
        let windows = Windows::of(&case.build());
        assert_eq!(seconds(windows.now), (10_030, 10_130));
        assert_eq!(seconds(windows.before), (9_500, 10_030));
    }

    #[test]
    fn are_bounded_and_know_the_beginning() {
        let windows = windows(0, 10_000, 90_000);
        assert_eq!(seconds(windows.now), (9_970, 10_870));
        assert_eq!(seconds(windows.before), (9_070, 9_970));
        assert_eq!(windows.early.map(seconds), Some((0, 900)));
    }

    #[test]
    fn survive_times_that_make_no_sense() {
        assert!(windows(20_000, 10_000, 9_000).before.is_empty());
        assert!(windows(0, 0, 0).before.is_empty());
        let case = TestCase::new("pay", TimeRange::new(u64::MAX, 0)).build();
        assert!(Windows::of(&case).now.nanos() <= MAX_INCIDENT);
    }
}
