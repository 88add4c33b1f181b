//! Who was changed right before.

use aia_plugin_sdk::analyst::{Item, Sentence};

use crate::figures::Figures;
use crate::finding::{Finding, Findings, Kind};
use crate::math::float;
use crate::windows::{CHANGES_BEFORE, Windows};

/// Log-odds of a change right before the first signal; it falls to nothing over the hour before.
const WEIGHT: f64 = 3.0;

/// Weighs the changes before and during the incident.
pub(crate) fn find(changes: &[Item], figures: [&Figures; 2], windows: &Windows) -> Findings {
    let mut findings = Findings::new();
    for change in changes.iter().filter(|change| !change.service.is_empty()) {
        // A change behind the first signal can't be its cause; but clocks differ, and signals come late.
        if change.time > windows.now.end {
            continue;
        }
        let age = float(windows.onset.saturating_sub(change.time)) / float(CHANGES_BEFORE);
        let weight = WEIGHT * (1.0 - age).max(0.0);
        if weight <= 0.0
            || findings
                .get(&change.service)
                .is_some_and(|found: &Finding| found.weight >= weight)
        {
            continue;
        }
        let sentence = match change.text("release") {
            "" => Sentence::new()
                .text("It was changed right before: ")
                .figure(change, "kind"),
            _ => Sentence::new()
                .text("Right before came its release ")
                .figure(change, "release"),
        };
        let mut finding = Finding::new(Kind::Release, weight).claim(sentence.text(".").claim());
        change.text("release").clone_into(&mut finding.release);
        findings.insert(change.service.clone(), finding);
    }
    for (name, service) in &figures[0].services {
        let Some(before) = figures[1]
            .services
            .get(name)
            .filter(|before| !before.releases.is_empty())
        else {
            continue;
        };
        let Some(new) = service
            .releases
            .iter()
            .find(|release| !before.releases.contains(*release))
        else {
            continue;
        };
        if findings.get(name).is_some_and(|found| found.release == *new) {
            continue;
        }
        let mut finding = Finding::new(Kind::Release, WEIGHT);
        finding.release.clone_from(new);
        if let Some(item) = figures[0]
            .operations(name)
            .find(|item| item.text("release") == new)
        {
            let sentence = Sentence::new().text("Its release ").figure(item, "release");
            finding = finding.claim(sentence.text(" wasn't seen before.").claim());
        }
        findings.insert(name.clone(), finding);
    }
    findings
}
