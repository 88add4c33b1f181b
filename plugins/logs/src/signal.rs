//! Signals of log lines.

use aia_plugin_sdk::{Detail, Fingerprint, Measure, Severity, Signal, Time};

use crate::body::clip;
use crate::detector::fails;
use crate::miner::Miner;
use crate::miner::template::Template as MinedTemplate;
use crate::mix::Change;
use crate::stats::{Burst, Stats};

/// Kinds of signals.
pub(crate) const NEW: &str = "logs.template.new";
pub(crate) const BURST: &str = "logs.template.burst";
pub(crate) const STOPPED: &str = "logs.template.stopped";
pub(crate) const MIX: &str = "logs.mix.changed";

/// Longest title that the contract allows, in bytes.
const MAX_TITLE_BYTES: usize = 300;

/// Version of the fingerprint's parts.
const FINGERPRINT_VERSION: u32 = 1;

/// A template and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) service: &'a str,
    pub(crate) release: &'a str,
    pub(crate) id: u64,
    pub(crate) text: &'a str,
    pub(crate) fails: bool,
    pub(crate) stats: &'a Stats,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    New,
    Burst(Burst),
    Stopped(f64),
}

impl Subject<'_> {
    /// Makes the signal.
    pub(crate) fn signal(self, what: What) -> Signal {
        let Self { service, stats, .. } = self;
        let text = clip(self.text, 160);
        let is_error = stats.severity >= 17;
        let now = stats.now();
        let (kind, severity, title, measure) = match what {
            What::New => (
                NEW,
                if is_error { Severity::Medium } else { Severity::Low },
                format!("{service} logs what it never did: {text}"),
                ("log.lines", "{line}", to_double(now), Some(0.0)),
            ),
            What::Burst(burst) => (
                BURST,
                if is_error || self.fails {
                    Severity::Medium
                } else {
                    Severity::Low
                },
                format!("{service} logs more often than usual: {text}"),
                ("log.lines", "{line}", to_double(burst.now), Some(burst.usual)),
            ),
            What::Stopped(period) => (
                STOPPED,
                Severity::Medium,
                format!("{service} doesn't log any more what it did every {period:.0} s: {text}"),
                ("log.period", "s", period, None),
            ),
        };
        let (name, unit, value, baseline) = measure;
        let times = || stats.rows.iter().map(|(_, time)| time.as_nanos());
        Signal {
            kind: kind.to_owned(),
            severity,
            fingerprint: Fingerprint {
                version: FINGERPRINT_VERSION,
                parts: vec![kind.to_owned(), service.to_owned(), format!("{:016x}", self.id)],
            },
            title,
            service: service.to_owned(),
            operation: String::new(),
            release: self.release.to_owned(),
            affected: Vec::new(),
            start_time: times().min().unwrap_or(stats.last.as_nanos()),
            end_time: stats.last.as_nanos(),
            count: now.max(1),
            measures: vec![Measure {
                name: name.to_owned(),
                unit: unit.to_owned(),
                value,
                baseline,
            }],
            details: vec![
                detail("log.template", self.text),
                detail("log.example", &stats.example),
            ],
            evidence: stats.rows.iter().map(|(row, _)| *row).collect(),
        }
    }
}

/// Makes the signal of a service's mix that has changed with a release.
pub(crate) fn mix(service: &str, change: &Change, miner: &Miner<Stats>, now: Time) -> Signal {
    let of = |id: u64| miner.iter().find(|template| template.id == id);
    let text = |id: u64| of(id).map_or_else(String::new, MinedTemplate::text);
    // More lines that tell of failure are worse than others that come or go.
    let is_failing = change
        .moved
        .iter()
        .any(|moved| moved.after > moved.before && of(moved.id).is_some_and(fails));
    let top = change.moved.first();
    let shares = top.map_or((0.0, 0.0), |moved| (moved.before, moved.after));
    let title = format!(
        "{service} logs otherwise since release {}: {} of its lines instead of {}: {}",
        change.release,
        percent(shares.1),
        percent(shares.0),
        clip(&top.map_or_else(String::new, |moved| text(moved.id)), 120),
    );
    let mut details = vec![
        detail("release.previous", &change.previous),
        detail("release.first_seen", &change.first_seen.to_string()),
    ];
    details.extend(change.moved.iter().map(|moved| {
        let (before, after) = (percent(moved.before), percent(moved.after));
        detail("log.template", &format!("{before} → {after}: {}", text(moved.id)))
    }));
    let measure = |name: &str, value, baseline| Measure {
        name: name.to_owned(),
        unit: "1".to_owned(),
        value,
        baseline,
    };
    Signal {
        kind: MIX.to_owned(),
        severity: if is_failing {
            Severity::Medium
        } else {
            Severity::Low
        },
        fingerprint: Fingerprint {
            version: FINGERPRINT_VERSION,
            parts: vec![MIX.to_owned(), service.to_owned()],
        },
        title: clip(&title, MAX_TITLE_BYTES).to_owned(),
        service: service.to_owned(),
        operation: String::new(),
        release: change.release.clone(),
        affected: Vec::new(),
        start_time: change.first_seen.as_nanos(),
        end_time: now.as_nanos(),
        count: change.lines,
        measures: vec![
            measure("log.share", shares.1, Some(shares.0)),
            measure("log.mix.distance", change.distance, Some(0.0)),
        ],
        details,
        evidence: change.moved.iter().filter_map(|moved| moved.row).collect(),
    }
}

fn detail(name: &str, value: &str) -> Detail {
    Detail {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// A share as it is read.
fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

fn to_double(count: u64) -> f64 {
    aia_plugin_sdk::stats::float(count)
}
