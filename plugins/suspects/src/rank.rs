//! Probabilities.

use std::collections::BTreeMap;

use crate::calls::Calls;
use crate::finding::{Finding, Findings, Kind};
use crate::math::exp;

/// Log-odds of a cause that the telemetry doesn't show: as likely as a service with as much against it.
const UNKNOWN: f64 = 2.5;

/// What remains of a caller's failures and slowness where a callee is silent: it waits, and fails for it.
const WAITS: f64 = 0.3;

/// Log-odds of silence from which that is so.
const IS_SILENT: f64 = 3.0;

/// A service and what speaks against it.
#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    pub(crate) service: String,
    pub(crate) probability: f64,
    pub(crate) score: f64,
    /// The heaviest first.
    pub(crate) findings: Vec<Finding>,
}

impl Ranked {
    /// The weight of a kind of evidence.
    pub(crate) fn weight(&self, kind: Kind) -> f64 {
        self.findings
            .iter()
            .filter(|finding| finding.kind == kind)
            .fold(0.0, |sum, finding| sum + finding.weight)
    }
}

/// Adds up what speaks against each service; the likeliest first, ties by name.
pub(crate) fn rank(found: Vec<Findings>, calls: &Calls) -> Vec<Ranked> {
    let mut services: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for findings in found {
        for (service, finding) in findings {
            if finding.weight.is_finite() && finding.weight > 0.0 && !service.is_empty() {
                services.entry(service).or_default().push(finding);
            }
        }
    }
    let is_silent = |findings: &Vec<Finding>| {
        findings
            .iter()
            .any(|found| found.kind == Kind::Silence && found.weight >= IS_SILENT)
    };
    let silent: Vec<String> = services
        .iter()
        .filter(|(_, findings)| is_silent(findings))
        .map(|(name, _)| name.clone())
        .collect();
    for (service, findings) in &mut services {
        if calls.callees(service).any(|callee| silent.contains(callee)) {
            for finding in findings.iter_mut().filter(|found| waits(found.kind)) {
                finding.weight *= WAITS;
            }
        }
    }
    let score = |findings: &[Finding]| findings.iter().fold(0.0, |sum, finding| sum + finding.weight);
    let mut ranked: Vec<Ranked> = services
        .into_iter()
        .map(|(service, mut findings)| {
            findings.sort_by(|left, right| {
                right
                    .weight
                    .total_cmp(&left.weight)
                    .then(left.kind.cmp(&right.kind))
            });
            let score = score(&findings);
            Ranked {
                service,
                probability: 0.0,
                score,
                findings,
            }
        })
        .collect();
    ranked.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then_with(|| left.service.cmp(&right.service))
    });
    let most = ranked.first().map_or(UNKNOWN, |first| first.score.max(UNKNOWN));
    let sum = ranked
        .iter()
        .fold(exp(UNKNOWN - most), |sum, ranked| sum + exp(ranked.score - most));
    for ranked in &mut ranked {
        ranked.probability = exp(ranked.score - most) / sum;
    }
    ranked
}

fn waits(kind: Kind) -> bool {
    matches!(kind, Kind::Errors | Kind::Behaviour | Kind::Work | Kind::Network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, weights: &[(&str, f64)]) -> Findings {
        weights
            .iter()
            .map(|(service, weight)| ((*service).to_owned(), Finding::new(kind, *weight)))
            .collect()
    }

    #[test]
    fn probabilities_leave_room_for_the_unknown() {
        let ranked = rank(
            vec![
                found(Kind::Errors, &[("b", 2.5), ("a", 2.5)]),
                found(Kind::Work, &[("c", f64::NAN)]),
            ],
            &Calls::default(),
        );
        let names: Vec<_> = ranked.iter().map(|ranked| ranked.service.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!((ranked[0].probability - 1.0 / 3.0).abs() < 1e-12);
        assert!(rank(Vec::new(), &Calls::default()).is_empty());
        let ranked = rank(
            vec![found(Kind::Errors, &[("a", 1e300), ("b", 1.0)])],
            &Calls::default(),
        );
        assert_eq!(ranked[0].probability, 1.0);
    }
}
