//! Who became slow: its own work, or the ways to and from it.

use std::collections::BTreeMap;

use aia_plugin_sdk::analyst::{Claim, Item, Sentence};

use crate::cover::{Ways, explain};
use crate::exclusive::{Charges, Unit, charges};
use crate::figures::Figures;
use crate::finding::{Finding, Findings, Kind};
use crate::math::{float, ln, mean, quantile};
use crate::names::Names;
use crate::sample::Sample;

/// Spans needed on both sides to compare the time of a way.
const MIN_WAY: usize = 3;

/// Spans needed on both sides to compare an operation's work.
const MIN_WORK: usize = 5;

/// Times below a millisecond are no reason for an incident: they count as one.
const FLOOR_NANOS: f64 = 1e6;

/// Log-odds for each e-fold that a time rose beyond the double.
const PER_FOLD: f64 = 2.0;

/// Most log-odds of slowness.
const MAX_WEIGHT: f64 = 12.0;

/// What was found: slow work, and slow ways.
pub(crate) struct Slowness {
    pub(crate) work: Findings,
    pub(crate) network: Findings,
}

/// Compares the samples.
pub(crate) fn find(samples: [&Sample; 2], figures: [&Figures; 2], names: &Names) -> Slowness {
    let (now, before) = (charges(samples[0]), charges(samples[1]));
    let growth = growth(&now, &before);
    let all: f64 = growth.values().sum();
    let mut ways = Ways::new();
    let mut work: BTreeMap<u32, (f64, u32)> = BTreeMap::new();
    for (unit, after) in &now {
        let Some(earlier) = before.get(unit) else { continue };
        let least = match unit {
            Unit::Work(..) => MIN_WORK,
            Unit::Way(..) => MIN_WAY,
        };
        if after.len() < least || earlier.len() < least {
            continue;
        }
        let slowness = slowness(after, earlier);
        match *unit {
            Unit::Way(caller, callee) => {
                ways.insert((caller, callee), slowness);
            }
            Unit::Work(service, operation) => {
                let share = growth.get(unit).copied().unwrap_or_default() / all.max(1.0);
                let weight = PER_FOLD * slowness * share;
                let slot = work.entry(service).or_insert((0.0, operation));
                if weight > slot.0 {
                    *slot = (weight, operation);
                }
            }
        }
    }
    Slowness {
        work: work_findings(&work, figures, names),
        network: network_findings(&ways, figures, names),
    }
}

/// By how many e-folds a time rose, less the double, which is everyday's.
fn slowness(now: &[f64], before: &[f64]) -> f64 {
    let fold = |percent| {
        let ratio = quantile(now, percent).max(FLOOR_NANOS) / quantile(before, percent).max(FLOOR_NANOS);
        ln(ratio) - ln(2.0)
    };
    // A fault that hits some requests only moves the upper quarter, which wobbles more.
    fold(50).max(fold(75) - 0.4).max(0.0)
}

/// The time that each unit added: spans times the growth of their mean.
fn growth(now: &Charges, before: &Charges) -> BTreeMap<Unit, f64> {
    let mut growth = BTreeMap::new();
    for (unit, after) in now {
        if let Some(earlier) = before.get(unit) {
            let added = (mean(after) - mean(earlier)) * float(after.len() as u64);
            growth.insert(*unit, added.max(0.0));
        }
    }
    growth
}

fn work_findings(work: &BTreeMap<u32, (f64, u32)>, figures: [&Figures; 2], names: &Names) -> Findings {
    let mut findings = Findings::new();
    for (service, (weight, operation)) in work {
        if *weight > 0.0 {
            let (service, operation) = (names.name(*service), names.name(*operation));
            let finding = Finding::new(Kind::Work, weight.min(MAX_WEIGHT));
            let claim = rise("Its own time in ", figures, service, operation, "self.p95");
            findings.insert(service.to_owned(), finding.operation(operation).claim(claim));
        }
    }
    findings
}

fn network_findings(ways: &Ways, figures: [&Figures; 2], names: &Names) -> Findings {
    let mut findings = Findings::new();
    for (service, slowness) in explain(ways) {
        let worst = ways
            .iter()
            .filter(|((caller, callee), _)| *caller == service || *callee == service);
        let worst = worst
            .max_by(|left, right| left.1.total_cmp(right.1))
            .map(|(way, _)| *way);
        let name = names.name(service);
        let mut finding = Finding::new(Kind::Network, (PER_FOLD * slowness).min(MAX_WEIGHT));
        if let Some((caller, _)) = worst {
            finding = finding.claim(wait(figures, names.name(caller), name));
        }
        findings.insert(name.to_owned(), finding);
    }
    findings
}

/// "…OPERATION rose from … to …".
fn rise(text: &str, figures: [&Figures; 2], service: &str, operation: &str, field: &str) -> Option<Claim> {
    let now = figures[0].operation(service, operation)?;
    let before = figures[1].operation(service, operation)?;
    let rose = Sentence::new()
        .text(text)
        .figure(now, "operation")
        .text(" rose from ")
        .figure(before, field);
    rose.text(" to ").figure(now, field).text(".").claim()
}

/// The caller's operation that waits longest compared with before.
fn wait(figures: [&Figures; 2], caller: &str, service: &str) -> Option<Claim> {
    let ratio = |item: &Item| -> f64 {
        let before = figures[1].operation(caller, item.text("operation"));
        let nanos = |item: &Item| item.number("self.p95_ns").unwrap_or_default().max(FLOOR_NANOS);
        before.map_or(0.0, |before| nanos(item) / nanos(before))
    };
    let waits = |item: &&Item| item.text("kind") != "SERVER";
    let operations = figures[0].operations(caller).filter(waits);
    let now = operations.max_by(|left, right| ratio(left).total_cmp(&ratio(right)))?;
    let before = figures[1].operation(caller, now.text("operation"))?;
    let text = if caller == service {
        "Its calls wait for answers longer than their callees are at work; the rest of "
    } else {
        "Callers wait for it longer than it is at work; the rest of "
    };
    let sentence = Sentence::new()
        .text(text)
        .figure(now, "operation")
        .text(" rose from ");
    sentence
        .figure(before, "self.p95")
        .text(" to ")
        .figure(now, "self.p95")
        .text(".")
        .claim()
}
