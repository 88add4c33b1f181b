//! Signals, in words and figures.

use std::collections::BTreeSet;

use aia_plugin_sdk::semconv::{clip, without_ids};
use aia_plugin_sdk::{Detail, Fingerprint, Measure, RowId, Severity, Signal};

use crate::cases::{Case, Found, Kind};
use crate::table::Table;

/// The kinds of signals.
pub(crate) const SPIKE: &str = "metrics.spike";
pub(crate) const SHIFT: &str = "metrics.shift";
pub(crate) const UNREST: &str = "metrics.unrest";
pub(crate) const SEASON: &str = "metrics.season";
pub(crate) const LIMIT: &str = "metrics.limit";
pub(crate) const MISSING: &str = "metrics.missing";

/// Version of the fingerprints. Whatever changes their parts raises it.
const FINGERPRINT_VERSION: u32 = 1;

/// Longest title that the contract allows, in bytes.
const MAX_TITLE_BYTES: usize = 300;

/// Most rows, and most series in words, of a signal.
const MAX_ROWS: usize = 16;
const MAX_LISTED: usize = 8;

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Spike => SPIKE,
        Kind::Shift => SHIFT,
        Kind::Unrest => UNREST,
        Kind::Season => SEASON,
        Kind::Limit => LIMIT,
        Kind::Missing => MISSING,
    }
}

/// Makes the signal of a case from what was found of it, the most surprising first. Nothing where nothing was.
pub(crate) fn of(case: &Case, found: &[Found], table: &Table, release: &str) -> Option<Signal> {
    let of_service = || found.iter().filter(|found| found.service == case.service);
    let lead = of_service()
        .find(|found| found.severity() != Severity::Low)
        .or_else(|| of_service().next())
        .or_else(|| found.first())?;
    let name = name_of(lead.kind);
    let service = table.services.name(case.service);
    let metric = table.metrics.name(case.metric);
    let affected: BTreeSet<String> = case
        .services
        .iter()
        .filter(|number| **number != case.service)
        .map(|number| table.services.name(*number))
        .filter(|name| !name.is_empty())
        .collect();
    let mut rows: Vec<RowId> = Vec::new();
    for row in found.iter().flat_map(Found::rows) {
        if rows.len() < MAX_ROWS && !rows.contains(&row) {
            rows.push(row);
        }
    }
    let severity = found
        .iter()
        .map(Found::severity)
        .find(|severity| *severity != Severity::Low)
        .unwrap_or(Severity::Low);
    let listed: Vec<String> = found
        .iter()
        .take(MAX_LISTED)
        .map(|found| format!("{}: {}", table.services.name(found.service), words(found, table)))
        .collect();
    let more = found.len().saturating_sub(1);
    let mut title = format!(
        "{} in {}",
        words(lead, table),
        named(&table.services.name(lead.service))
    );
    if more > 0 {
        title = format!("{} (and {more} more series)", clip(&title, MAX_TITLE_BYTES - 32));
    }
    let start = found.iter().map(|found| found.start).min()?;
    let end = found.iter().map(|found| found.end).max()?;
    Some(Signal {
        kind: name.to_owned(),
        severity,
        fingerprint: Fingerprint {
            version: FINGERPRINT_VERSION,
            // Not the kind: a peak becomes a shift when it lasts.
            parts: vec![
                if case.kind == Kind::Missing {
                    MISSING
                } else {
                    "metrics"
                }
                .to_owned(),
                service.clone(),
                metric,
                without_ids(&case.label, MAX_TITLE_BYTES),
            ],
        },
        title: clip(&title, MAX_TITLE_BYTES).to_owned(),
        service,
        operation: String::new(),
        release: release.to_owned(),
        affected: affected.into_iter().collect(),
        start_time: start.as_nanos(),
        end_time: end.max(start).as_nanos(),
        count: found.len().try_into().unwrap_or(u64::MAX),
        measures: measures(lead),
        details: vec![Detail {
            name: "metrics.series".to_owned(),
            value: listed.join("\n"),
        }],
        evidence: rows,
    })
}

fn named(service: &str) -> &str {
    if service.is_empty() {
        "a service without name"
    } else {
        service
    }
}

fn measures(lead: &Found) -> Vec<Measure> {
    let unit = if lead.unit.is_empty() { "1" } else { &lead.unit };
    let mut measures = vec![Measure {
        name: "metrics.value".to_owned(),
        unit: unit.to_owned(),
        value: lead.value,
        baseline: Some(lead.usual),
    }];
    match lead.kind {
        Kind::Limit => measures.push(Measure {
            name: "metrics.limit.time".to_owned(),
            unit: "s".to_owned(),
            value: f64::from(lead.seconds),
            baseline: None,
        }),
        Kind::Missing => measures.push(Measure {
            name: "metrics.silence".to_owned(),
            unit: "s".to_owned(),
            value: f64::from(lead.seconds),
            baseline: None,
        }),
        _ => measures.push(Measure {
            name: "metrics.surprise".to_owned(),
            unit: "1".to_owned(),
            value: f64::from(lead.surprise),
            baseline: None,
        }),
    }
    measures
}

/// What was found of a series, in words.
fn words(found: &Found, table: &Table) -> String {
    let metric = table.metrics.name(found.metric);
    let series = if found.label.is_empty() {
        metric
    } else {
        format!("{metric} ({})", found.label)
    };
    let (value, usual) = (figure(found.value), figure(found.usual));
    let unit = clip(&found.unit, 16);
    match found.kind {
        Kind::Spike => format!("{series} is {value}{unit}, usually {usual}{unit}"),
        Kind::Shift => {
            let way = if found.is_high { "up" } else { "down" };
            format!("{series} went {way} to {value}{unit}, usually {usual}{unit}")
        }
        Kind::Unrest => {
            let way = if found.is_high { "more" } else { "less" };
            format!("{series} varies {way} than usual")
        }
        Kind::Season => {
            format!("{series} is {value}{unit}, which is unusual at this time of the day or week")
        }
        Kind::Limit => format!(
            "{series} is {value}{unit} and reaches its limit within {} min",
            found.seconds.div_ceil(60)
        ),
        Kind::Missing => format!("{series} hasn't come for {} min", found.seconds / 60),
    }
}

/// A number in at most four digits.
fn figure(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if (0.001..100_000.0).contains(&size) {
        let digits = if size < 1.0 {
            4
        } else if size < 100.0 {
            2
        } else {
            0
        };
        let text = format!("{value:.digits$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    } else {
        format!("{value:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (12.0, "12"),
            (99.994, "99.99"),
            (12_345.6, "12346"),
            (8.5e9, "8.50e9"),
            (-3.0e-7, "-3.00e-7"),
        ] {
            assert_eq!(figure(value), expected);
        }
    }
}
