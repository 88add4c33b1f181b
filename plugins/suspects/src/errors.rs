//! Where failures begin: spans that fail without a failing child, now and before, and error records that weren't
//! written before.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::analyst::{Item, Sentence};

use crate::calls::Calls;
use crate::figures::Figures;
use crate::finding::{Finding, Findings, Kind};
use crate::math::{deviations, float, poisson, rise, surprise};
use crate::place::{code, place};
use crate::windows::Windows;

/// Most log-odds of failures.
const MAX_WEIGHT: f64 = 8.0;

/// The share of failures that is expected of an operation nobody has seen before.
const NEW_SHARE: f64 = 0.02;

/// Most log-odds of error records: many are written by who only passes a failure on.
const MAX_RECORDS: f64 = 4.0;

/// Of which remains where a service below complains, too.
const PASSED_ON: f64 = 0.4;

/// Compares the failures of all operations.
pub(crate) fn find(figures: [&Figures; 2]) -> Findings {
    let mut findings = Findings::new();
    for (name, service) in &figures[0].services {
        if service.own_errors == 0 {
            continue;
        }
        let mut best: Option<(f64, String)> = None;
        let operations: BTreeSet<&str> = figures[0]
            .operations(name)
            .map(|item| item.text("operation"))
            .collect();
        for operation in operations {
            let (count, errors) = figures[0].counts(name, operation);
            let (count_before, errors_before) = figures[1].counts(name, operation);
            let ratio = if count_before == 0 {
                surprise(float(errors), float(count), NEW_SHARE)
            } else {
                rise(
                    float(errors),
                    float(count),
                    float(errors_before),
                    float(count_before),
                )
            };
            let weight = deviations(ratio);
            if weight > 0.0 && best.as_ref().is_none_or(|(most, _)| weight > *most) {
                best = Some((weight, operation.to_owned()));
            }
        }
        if let Some((weight, operation)) = best {
            let finding = Finding::new(Kind::Errors, weight.min(MAX_WEIGHT)).operation(&operation);
            findings.insert(name.clone(), tell(finding, figures, name, &operation));
        }
    }
    findings
}

fn tell(finding: Finding, figures: [&Figures; 2], service: &str, operation: &str) -> Finding {
    let Some(now) = figures[0].operation(service, operation) else {
        return finding;
    };
    let sentence = Sentence::new()
        .figure(now, "errors.own")
        .text(" of ")
        .figure(now, "count");
    let sentence = sentence
        .text(" spans of ")
        .figure(now, "operation")
        .text(" failed without a failing callee");
    let sentence = match figures[1].operation(service, operation) {
        Some(before) => {
            let sentence = sentence.text("; before it were ").figure(before, "errors.own");
            sentence.text(" of ").figure(before, "count").text(".")
        }
        None => sentence.text("."),
    };
    finding.claim(sentence.claim())
}

/// Compares error records by where they come from.
pub(crate) fn find_records(
    records: [&[Item]; 2],
    figures: [&Figures; 2],
    windows: &Windows,
    calls: &Calls,
) -> Findings {
    let by_place = |items: &[Item]| {
        let mut places: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (index, item) in items
            .iter()
            .enumerate()
            .filter(|(_, item)| !item.service.is_empty())
        {
            places
                .entry((item.service.clone(), place(item)))
                .or_default()
                .push(index);
        }
        places
    };
    let (now, before) = (by_place(records[0]), by_place(records[1]));
    let longer = float(windows.now.nanos()) / float(windows.before.nanos()).max(1.0);
    let mut findings = Findings::new();
    for ((service, place), indexes) in &now {
        let earlier = before.get(&(service.clone(), place.clone())).map_or(0, Vec::len);
        let expected = (float(earlier as u64) + 0.5) * traffic(figures, service).unwrap_or(longer);
        let seen = float(indexes.len() as u64);
        if seen <= 2.0 * expected {
            continue;
        }
        let weight = (0.5 * deviations(poisson(seen, expected))).min(MAX_RECORDS);
        if findings.get(service).is_some_and(|found| found.weight >= weight) {
            continue;
        }
        let mut finding = Finding::new(Kind::Errors, weight);
        code(place).clone_into(&mut finding.code);
        if let Some(item) = indexes.first().and_then(|index| records[0].get(*index)) {
            let sentence = Sentence::new().text("It writes “").figure(item, "body");
            finding = finding.claim(sentence.text("”, which it did more rarely before.").claim());
        }
        findings.insert(service.clone(), finding);
    }
    let complaining: BTreeSet<String> = findings.keys().cloned().collect();
    for (service, finding) in &mut findings {
        if calls
            .below(service)
            .iter()
            .any(|callee| complaining.contains(*callee))
        {
            finding.weight *= PASSED_ON;
        }
    }
    findings
}

/// How many times as much a service did as before; none if that isn't known.
fn traffic(figures: [&Figures; 2], service: &str) -> Option<f64> {
    let spans = |figures: &Figures| figures.services.get(service).map(|service| float(service.spans));
    let before = spans(figures[1]).filter(|before| *before > 0.0)?;
    Some(spans(figures[0])? / before)
}
