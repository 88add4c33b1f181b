//! How bad an incident is: the worst signal of the last ten minutes, a step worse if the trouble spreads over many
//! services or grows strongly. Without a signal for ten minutes it stays as it was.

use super::Rules;
use crate::runtime::Severity;
use crate::store::{Incident, Minute};

pub(super) const MINUTE: u64 = 60_000_000_000;

/// Minutes that count.
pub(super) const RECENT: u64 = 10;

/// Growth compares so many minutes with as many before them.
const COMPARED: u64 = 5;

/// What came is growing strongly if it is so many times what came before …
const GROWTH: u64 = 3;

/// … and at least so many occurrences: three failures after one say nothing.
const GROWTH_LEAST: u64 = 50;

/// Adds what a signal counted to its minute.
pub(super) fn note(recent: &mut Vec<Minute>, at: u64, severity: Severity, count: u64) {
    let minute = at / MINUTE;
    match recent.binary_search_by_key(&minute, |minute| minute.minute) {
        Ok(found) => {
            if let Some(known) = recent.get_mut(found) {
                known.count = known.count.saturating_add(count);
                if rank(severity) > rank(known.severity) {
                    known.severity = severity;
                }
            }
        }
        Err(place) => recent.insert(
            place,
            Minute {
                minute,
                count,
                severity,
            },
        ),
    }
    let newest = recent.last().map_or(0, |minute| minute.minute);
    recent.retain(|minute| minute.minute.saturating_add(RECENT) > newest);
}

/// How bad it is now, and why it is worse than its signals say, if it is.
pub(super) fn of(incident: &Incident, now: u64, rules: &Rules) -> (Severity, Option<String>) {
    let minute = now / MINUTE;
    let recent = || {
        incident
            .lifecycle
            .recent
            .iter()
            .filter(move |known| known.minute.saturating_add(RECENT) > minute)
    };
    let Some(worst) = recent()
        .map(|minute| minute.severity)
        .max_by_key(|severity| rank(*severity))
    else {
        return (incident.severity, None);
    };
    let services = incident.affected.len() + usize::from(!incident.service.is_empty());
    if services >= rules.wide_services {
        return (raised(worst), Some(format!("{services} services are affected")));
    }
    let sum = |is_in: &dyn Fn(u64) -> bool| -> u64 {
        recent()
            .filter(|known| is_in(known.minute))
            .fold(0, |sum, known| sum.saturating_add(known.count))
    };
    let since = minute.saturating_sub(COMPARED);
    let (last, before) = (sum(&|minute| minute > since), sum(&|minute| minute <= since));
    // Before it is that old, there is nothing to compare with.
    let is_old = incident.opened_at.saturating_add(RECENT * MINUTE) <= now;
    if is_old && last >= GROWTH_LEAST && last >= before.saturating_mul(GROWTH) {
        let text = format!("{last} occurrences in {COMPARED} minutes after {before}");
        return (raised(worst), Some(text));
    }
    (worst, None)
}

/// Severities in order.
pub(crate) fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Critical => 3,
    }
}

fn raised(severity: Severity) -> Severity {
    match severity {
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

/// A severity in words.
pub(crate) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
