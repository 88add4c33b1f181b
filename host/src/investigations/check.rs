//! Checks what an analyst concluded against what it was given, and prints its figures.
//!
//! A claim stays if every piece of evidence it names was given to this analyst in this investigation (so it is this
//! project's), every figure names a field that is there, and its words hold no digit: numbers come from evidence or not at
//! all. That rule is strict on purpose, since nobody can tell a made-up number from a name with a digit in it: names with
//! digits are fields too (`operation`, `release`, and `service` and `title` of every item). A suspect stays if its service
//! was seen in the evidence and at least one of its claims stays. Operation, release and place in the code of a suspect
//! must have been seen, too, or are emptied. What was dropped is counted.

use std::collections::{BTreeMap, BTreeSet};

use aia_telemetry::MAX_OPERATION_BYTES;

use crate::runtime::{Case, Claim, Conclusion, Figure, Fragment, Suspect, Verdict};
use crate::store::{Evidence, StatementRecord, SuspectRecord};

/// Longest value of a figure that is printed.
const MAX_FIGURE_BYTES: usize = 200;

/// What is left of a conclusion.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The outcome.
    pub verdict: Verdict,
    /// The explanation.
    pub statements: Vec<StatementRecord>,
    /// The suspects.
    pub suspects: Vec<SuspectRecord>,
    /// Claims, suspects, places of suspects and diffs that were dropped.
    pub dropped: u32,
    /// Whether the analyst gave another verdict, of which nothing was left.
    pub downgraded: bool,
}

/// Checks a conclusion against the evidence given.
#[must_use]
pub fn check(conclusion: &Conclusion, case: &Case, given: &BTreeMap<String, Evidence>) -> Checked {
    let seen = Seen::of(case, given);
    let mut dropped = 0;
    let mut statements = |claims: &[Claim]| -> Vec<StatementRecord> {
        let checked = claims.iter().filter_map(|claim| statement(claim, given));
        let checked: Vec<_> = checked.collect();
        dropped += claims.len() - checked.len();
        checked
    };
    let explanation = statements(&conclusion.claims);
    let mut suspects = Vec::new();
    let mut emptied = 0;
    let mut refused = 0;
    for suspect in &conclusion.suspects {
        let reasons = statements(&suspect.claims);
        if reasons.is_empty() || !seen.services.contains(suspect.service.as_str()) {
            refused += 1;
            continue;
        }
        suspects.push(seen.suspect(suspect, reasons, &mut emptied));
    }
    // There is no code to apply it to, so nobody can say that it does.
    let diffs = usize::from(!conclusion.diff.is_empty());
    let nothing_left = match conclusion.verdict {
        Verdict::Cause => explanation.is_empty() || suspects.is_empty(),
        Verdict::NoCodeCause => explanation.is_empty(),
        Verdict::NotEnoughEvidence => false,
    };
    Checked {
        verdict: if nothing_left {
            Verdict::NotEnoughEvidence
        } else {
            conclusion.verdict
        },
        statements: explanation,
        suspects,
        dropped: u32::try_from(dropped + emptied + refused + diffs).unwrap_or(u32::MAX),
        downgraded: nothing_left,
    }
}

/// A claim as a sentence, if all that it refers to is there.
fn statement(claim: &Claim, given: &BTreeMap<String, Evidence>) -> Option<StatementRecord> {
    let mut text = String::new();
    let mut evidence: Vec<String> = Vec::new();
    let mut cite = |id: &str| {
        if !evidence.iter().any(|known| known == id) {
            evidence.push(id.to_owned());
        }
    };
    for id in &claim.evidence {
        given.get(id)?;
        cite(id);
    }
    for fragment in &claim.sentence {
        match fragment {
            Fragment::Text(words) if words.chars().any(char::is_numeric) => return None,
            Fragment::Text(words) => text.push_str(&one_line(words, usize::MAX)),
            Fragment::Figure(figure) => {
                text.push_str(&one_line(value(figure, given)?, MAX_FIGURE_BYTES));
                cite(&figure.evidence);
            }
        }
    }
    let text = text.trim().to_owned();
    (!text.is_empty() && !evidence.is_empty()).then_some(StatementRecord { text, evidence })
}

/// The value that a figure refers to.
fn value<'a>(figure: &Figure, given: &'a BTreeMap<String, Evidence>) -> Option<&'a str> {
    let evidence = given.get(&figure.evidence)?;
    let field = evidence.fields.iter().find(|(name, _)| *name == figure.field);
    let value = match (field, figure.field.as_str()) {
        (Some((_, value)), _) => value,
        (None, "service") => &evidence.service,
        (None, "title") => &evidence.title,
        (None, _) => return None,
    };
    (!value.is_empty()).then_some(value)
}

/// A text without line ends and other control characters, cut to so many bytes.
fn one_line(text: &str, max_bytes: usize) -> String {
    let kept = text
        .get(..text.floor_char_boundary(max_bytes))
        .unwrap_or_default();
    let mut line: String = kept
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    if kept.len() < text.len() {
        line.push('…');
    }
    line
}

/// What the evidence speaks of.
struct Seen<'a> {
    services: BTreeSet<&'a str>,
    operations: BTreeSet<String>,
    releases: BTreeSet<&'a str>,
    given: &'a BTreeMap<String, Evidence>,
}

impl<'a> Seen<'a> {
    fn of(case: &'a Case, given: &'a BTreeMap<String, Evidence>) -> Self {
        let mut seen = Self {
            services: [case.service.as_str()].into_iter().collect(),
            operations: [case.operation.clone()].into_iter().collect(),
            releases: [case.release.as_str()].into_iter().collect(),
            given,
        };
        seen.services.extend(case.affected.iter().map(String::as_str));
        for evidence in given.values() {
            seen.services.insert(&evidence.service);
            let field = |wanted: &str| {
                let found = evidence.fields.iter().find(|(name, _)| name == wanted);
                found.map(|(_, value)| value.as_str())
            };
            for name in ["release", "release.previous", "resource.service.version"] {
                seen.releases.extend(field(name));
            }
            for name in ["callers", "affected"] {
                seen.services
                    .extend(field(name).into_iter().flat_map(|list| list.split(',')));
            }
            seen.operations.extend(
                ["operation", "name", "http.route"]
                    .iter()
                    .filter_map(|name| field(name))
                    .map(str::to_owned),
            );
            let (method, old) = (field("http.request.method"), field("http.method"));
            if let (Some(method), Some(route)) = (method.or(old), field("http.route")) {
                let name = format!("{method} {route}");
                let kept = name.get(..name.floor_char_boundary(MAX_OPERATION_BYTES));
                seen.operations.extend(kept.map(str::to_owned));
            }
            if let (Some(service), Some(method)) = (field("rpc.service"), field("rpc.method")) {
                seen.operations.insert(format!("{service}/{method}"));
            }
        }
        seen.services.remove("");
        seen
    }

    fn suspect(
        &self,
        suspect: &Suspect,
        reasons: Vec<StatementRecord>,
        emptied: &mut usize,
    ) -> SuspectRecord {
        let mut keep = |text: &str, is_known: bool| {
            if text.is_empty() || is_known {
                return text.to_owned();
            }
            *emptied += 1;
            String::new()
        };
        SuspectRecord {
            service: suspect.service.clone(),
            operation: keep(&suspect.operation, self.operations.contains(&suspect.operation)),
            release: keep(&suspect.release, self.releases.contains(suspect.release.as_str())),
            code: keep(&suspect.code, self.has_code(&suspect.code)),
            probability: suspect.probability,
            reasons,
        }
    }

    /// Whether a place in the code stands in a value of the evidence: `path:line` as it is, or path and line apart, as
    /// in stack traces of Python.
    fn has_code(&self, code: &str) -> bool {
        let parts: Vec<&str> = match code.rsplit_once(':') {
            Some((path, line)) if !path.is_empty() && !line.is_empty() => vec![path, line],
            _ => vec![code],
        };
        let mut values = self.given.values().flat_map(|evidence| &evidence.fields);
        values.any(|(_, value)| value.contains(code) || parts.iter().all(|part| value.contains(part)))
    }
}

#[cfg(test)]
mod tests;
