//! Who no longer answers: its requests vanish while its callers go on.

use aia_plugin_sdk::analyst::Sentence;

use crate::figures::Figures;
use crate::finding::{Finding, Findings, Kind};
use crate::math::{deviations, float, poisson};
use crate::windows::Windows;

/// Requests that were to come, at least.
const MIN_EXPECTED: f64 = 10.0;

/// Share of them that is still silence.
const MOST_LEFT: f64 = 0.5;

/// Most log-odds of silence.
const MAX_WEIGHT: f64 = 8.0;

/// Share of the missing requests for which callers fail, if they miss it.
const MISSED: f64 = 0.3;

/// Of which remains where no caller fails: it may just not be needed.
const NOBODY_MISSES_IT: f64 = 0.3;

/// Compares the requests of all services with those of their callers.
pub(crate) fn find(figures: [&Figures; 2], windows: &Windows) -> Findings {
    let longer = float(windows.now.nanos()) / float(windows.before.nanos()).max(1.0);
    let requests = |side: usize, name: &String| {
        figures[side]
            .services
            .get(name)
            .map_or(0.0, |service| float(service.requests))
    };
    let mut findings = Findings::new();
    for (name, before) in &figures[1].services {
        let (mut callers_now, mut callers_before, mut failures) = (0.0, 0.0, 0.0);
        for caller in before.callers.iter().filter(|caller| *caller != name) {
            callers_now += requests(0, caller);
            callers_before += requests(1, caller);
            failures += figures[0]
                .services
                .get(caller)
                .map_or(0.0, |caller| float(caller.own_errors));
        }
        // Without callers nobody knows whether it is silent or not asked.
        if callers_before <= 0.0 {
            continue;
        }
        let traffic = (callers_now / callers_before).min(longer.max(1.0));
        let (expected, seen) = (float(before.requests) * traffic, requests(0, name));
        if expected < MIN_EXPECTED || seen > expected * MOST_LEFT {
            continue;
        }
        let missed = if failures >= (expected - seen) * MISSED {
            1.0
        } else {
            NOBODY_MISSES_IT
        };
        let weight = (deviations(poisson(seen, expected)) * missed).min(MAX_WEIGHT);
        let finding = Finding::new(Kind::Silence, weight);
        let Some(was) = figures[1].busiest(name) else {
            continue;
        };
        let operation = was.text("operation").to_owned();
        let sentence = Sentence::new()
            .text("It served ")
            .figure(was, "count")
            .text(" requests of ");
        let sentence = sentence.figure(was, "operation").text(" before, and ");
        let sentence = match figures[0].operation(name, &operation) {
            Some(now) => sentence
                .figure(now, "count")
                .text(" now, while its callers went on."),
            None => sentence.text("none now, while its callers went on."),
        };
        findings.insert(
            name.clone(),
            finding.operation(&operation).claim(sentence.claim()),
        );
    }
    findings
}
