//! What the contract's cases are called.

use aia_plugin_sdk::Severity;
use aia_plugin_sdk::reporter::{EvidenceKind, Report, ReportedSuspect, State, Verdict};

pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Acknowledged => "acknowledged",
        State::Resolved => "resolved",
        State::Regressed => "regressed",
    }
}

pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

pub(crate) fn kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Span => "span",
        EvidenceKind::Log => "log",
        EvidenceKind::Point => "metric point",
        EvidenceKind::Signal => "signal",
        EvidenceKind::Change => "change",
        EvidenceKind::Code => "code",
        EvidenceKind::Operation => "operation",
        EvidenceKind::Series => "series",
    }
}

/// A verdict as a heading.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Cause => "A cause was found",
        Verdict::NoCodeCause => "No cause in the code",
        Verdict::NotEnoughEvidence => "Not enough evidence",
    }
}

/// What a verdict means for what follows it.
pub(crate) fn verdict_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Cause => "The likeliest cause comes first; each statement links to what shows it.",
        Verdict::NoCodeCause => "The cause is not in the code or its configuration.",
        Verdict::NotEnoughEvidence => {
            "What was gathered doesn't show a cause. What is named are places to look, not findings."
        }
    }
}

/// What is said before suspects.
pub(crate) fn suspects_lead(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Cause => "What may be the cause, likeliest first.",
        Verdict::NoCodeCause => {
            "The code isn't to blame; these places are nearest to the cause, likeliest first."
        }
        Verdict::NotEnoughEvidence => "Places to look, likeliest first: none is shown to be the cause.",
    }
}

/// Claims that the host dropped; empty if there were none.
pub(crate) fn dropped(count: u32) -> String {
    match count {
        0 => String::new(),
        1 => "1 claim was dropped: what it refers to doesn't exist.".to_owned(),
        count => format!("{count} claims were dropped: what they refer to doesn't exist."),
    }
}

/// Conclusions that newer ones took the place of; empty if there are none.
pub(crate) fn older(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "… and 1 older conclusion.".to_owned(),
        count => format!("… and {count} older conclusions."),
    }
}

/// The parts of a place that are known, the release named as such.
pub(crate) fn place(service: &str, operation: &str, release: &str) -> Vec<String> {
    let release = if release.trim().is_empty() {
        String::new()
    } else {
        format!("release {release}")
    };
    [service.to_owned(), operation.to_owned(), release]
        .into_iter()
        .filter(|part| !part.trim().is_empty())
        .collect()
}

/// Where a suspect is, without its code.
pub(crate) fn suspect(suspect: &ReportedSuspect) -> Vec<String> {
    let parts = place(&suspect.service, &suspect.operation, &suspect.release);
    if parts.is_empty() && suspect.code.trim().is_empty() {
        return vec!["an unknown place".to_owned()];
    }
    parts
}

/// The newest conclusion of each analyst, newest first, and how many older ones there are.
pub(crate) fn newest(report: &Report) -> (Vec<&aia_plugin_sdk::reporter::ReportedConclusion>, usize) {
    let mut newest: Vec<&aia_plugin_sdk::reporter::ReportedConclusion> = Vec::new();
    let mut older = 0;
    for conclusion in &report.conclusions {
        let known = newest.iter().any(|other| other.analyst == conclusion.analyst);
        if known || newest.len() == crate::limits::CONCLUSIONS {
            older += 1;
        } else {
            newest.push(conclusion);
        }
    }
    (newest, older)
}
