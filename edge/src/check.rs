//! Whether what a detector gives is within the contract's limits. The host looks once more, with all rows at hand, before
//! a signal becomes part of an incident.

use aia_telemetry::{RowId, Signal};

use crate::plugin::{LogLine, Outcome, PluginInfo};

/// Signals of one call.
const MAX_SIGNALS: usize = 1_000;
/// Bytes of a title, as the contract says.
const MAX_TITLE_BYTES: usize = 300;
/// Bytes of other texts. Some are telemetry's, and OTLP knows no limit.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// Parts of a fingerprint and bytes of one, as the contract says.
const MAX_PARTS: usize = 16;
const MAX_PART_BYTES: usize = 1 << 10;
/// Affected services, arbitrary.
const MAX_AFFECTED: usize = 256;
/// Measures, details and rows of evidence, as the contract says.
const MAX_MEASURES: usize = 32;
const MAX_DETAILS: usize = 32;
const MAX_EVIDENCE: usize = 64;
/// Log lines kept of a call, and bytes of each.
const MAX_LOG_LINES: usize = 100;
const MAX_LOG_LINE_BYTES: usize = 1 << 10;

/// What is wrong with an outcome.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("signal {signal} has {what}")]
pub struct Invalid {
    /// Which signal of the call.
    pub signal: usize,
    /// What is wrong, without anything of the plugin's.
    pub what: String,
}

/// Checks an outcome and cuts its log lines. `rows_of` gives the number of rows of the session's segment with that ordinal,
/// none if it isn't known here; ordinals over `last_segment` don't exist.
///
/// # Errors
/// At the first signal that isn't valid: then none counts.
pub fn check_outcome(
    plugin: &PluginInfo,
    mut outcome: Outcome,
    last_segment: u64,
    rows_of: &dyn Fn(u64) -> Option<u32>,
) -> Result<Outcome, Invalid> {
    if outcome.signals.len() > MAX_SIGNALS {
        return Err(Invalid {
            signal: MAX_SIGNALS,
            what: format!("a number over the limit of {MAX_SIGNALS}"),
        });
    }
    for (index, signal) in outcome.signals.iter().enumerate() {
        check(plugin, signal, last_segment, rows_of).map_err(|what| Invalid { signal: index, what })?;
    }
    outcome.logs.truncate(MAX_LOG_LINES);
    for LogLine { message, .. } in &mut outcome.logs {
        *message = printable(message);
    }
    Ok(outcome)
}

fn check(
    plugin: &PluginInfo,
    signal: &Signal,
    last_segment: u64,
    rows_of: &dyn Fn(u64) -> Option<u32>,
) -> Result<(), String> {
    if !plugin.signals.contains(&signal.kind) {
        return Err("a kind that its manifest doesn't list".to_owned());
    }
    let parts = &signal.fingerprint.parts;
    if parts.is_empty() {
        return Err("a fingerprint without parts".to_owned());
    }
    at_most("parts of a fingerprint", parts.len(), MAX_PARTS)?;
    for part in parts {
        at_most("bytes in a part of a fingerprint", part.len(), MAX_PART_BYTES)?;
    }
    at_most("bytes in its title", signal.title.len(), MAX_TITLE_BYTES)?;
    let texts = [&signal.service, &signal.operation, &signal.release].into_iter();
    let names = signal
        .measures
        .iter()
        .flat_map(|measure| [&measure.name, &measure.unit]);
    let details = signal
        .details
        .iter()
        .flat_map(|detail| [&detail.name, &detail.value]);
    for text in texts.chain(&signal.affected).chain(names).chain(details) {
        at_most("bytes in a text", text.len(), MAX_TEXT_BYTES)?;
    }
    at_most("affected services", signal.affected.len(), MAX_AFFECTED)?;
    at_most("measures", signal.measures.len(), MAX_MEASURES)?;
    at_most("details", signal.details.len(), MAX_DETAILS)?;
    at_most("rows of evidence", signal.evidence.len(), MAX_EVIDENCE)?;
    if signal.start_time > signal.end_time {
        return Err("a start behind its end".to_owned());
    }
    for measure in &signal.measures {
        if !measure.value.is_finite() || measure.baseline.is_some_and(|baseline| !baseline.is_finite()) {
            return Err("a measure that is no finite number".to_owned());
        }
    }
    if signal.evidence.is_empty() {
        return Err("no evidence".to_owned());
    }
    for RowId { segment, row } in &signal.evidence {
        let exists = (1..=last_segment).contains(segment) && rows_of(*segment).is_none_or(|rows| *row < rows);
        if !exists {
            return Err(format!(
                "evidence in row {row} of segment {segment}, which doesn't exist"
            ));
        }
    }
    Ok(())
}

fn at_most(what: &str, found: usize, limit: usize) -> Result<(), String> {
    if found <= limit {
        return Ok(());
    }
    Err(format!("{found} {what}; the limit is {limit}"))
}

/// A plugin's text as it may be logged: one line of limited length, without control characters.
pub(crate) fn printable(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if line.len() + character.len_utf8() > MAX_LOG_LINE_BYTES {
            line.push('…');
            break;
        }
        line.push(if character.is_control() { ' ' } else { character });
    }
    line
}

#[cfg(test)]
mod tests {
    use aia_telemetry::{Detail, Measure};

    use super::*;
    use crate::testing::{info, signal};

    fn refused(change: impl FnOnce(&mut Signal)) -> String {
        let mut bad = signal(1, 0);
        change(&mut bad);
        let outcome = Outcome {
            signals: vec![signal(1, 0), bad],
            logs: Vec::new(),
        };
        check_outcome(&info("toy"), outcome, 3, &|_| Some(4))
            .map_or_else(|error| error.to_string(), |_| "taken".to_owned())
    }

    #[test]
    fn what_breaks_the_contract_is_refused() {
        let measure = |value| Measure {
            name: "a".to_owned(),
            unit: "1".to_owned(),
            value,
            baseline: None,
        };
        let refusals = [
            refused(|_| {}),
            refused(|signal| signal.kind = "other".to_owned()),
            refused(|signal| signal.fingerprint.parts.clear()),
            refused(|signal| signal.fingerprint.parts = vec![String::new(); 17]),
            refused(|signal| signal.fingerprint.parts = vec!["x".repeat(1025)]),
            refused(|signal| signal.title = "x".repeat(301)),
            refused(|signal| signal.service = "x".repeat((16 << 10) + 1)),
            refused(|signal| signal.affected = vec![String::new(); 257]),
            refused(|signal| signal.measures = vec![measure(1.0); 33]),
            refused(|signal| signal.measures = vec![measure(f64::NAN)]),
            refused(|signal| {
                let detail = Detail {
                    name: String::new(),
                    value: String::new(),
                };
                signal.details = vec![detail; 33];
            }),
            refused(|signal| signal.start_time = signal.end_time + 1),
            refused(|signal| signal.evidence.clear()),
            refused(|signal| signal.evidence = vec![RowId { segment: 1, row: 0 }; 65]),
            refused(|signal| signal.evidence = vec![RowId { segment: 0, row: 0 }]),
            refused(|signal| signal.evidence = vec![RowId { segment: 4, row: 0 }]),
            refused(|signal| signal.evidence = vec![RowId { segment: 3, row: 4 }]),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r"
        taken
        signal 1 has a kind that its manifest doesn't list
        signal 1 has a fingerprint without parts
        signal 1 has 17 parts of a fingerprint; the limit is 16
        signal 1 has 1025 bytes in a part of a fingerprint; the limit is 1024
        signal 1 has 301 bytes in its title; the limit is 300
        signal 1 has 16385 bytes in a text; the limit is 16384
        signal 1 has 257 affected services; the limit is 256
        signal 1 has 33 measures; the limit is 32
        signal 1 has a measure that is no finite number
        signal 1 has 33 details; the limit is 32
        signal 1 has a start behind its end
        signal 1 has no evidence
        signal 1 has 65 rows of evidence; the limit is 64
        signal 1 has evidence in row 0 of segment 0, which doesn't exist
        signal 1 has evidence in row 0 of segment 4, which doesn't exist
        signal 1 has evidence in row 4 of segment 3, which doesn't exist
        ");
    }

    #[test]
    fn log_lines_are_cut() {
        let line = LogLine {
            level: "warn",
            message: format!("\x1b[31m{}", "é".repeat(2_000)),
        };
        let outcome = Outcome {
            signals: Vec::new(),
            logs: vec![line; 200],
        };
        let outcome = check_outcome(&info("toy"), outcome, 0, &|_| None).unwrap();
        assert_eq!(outcome.logs.len(), 100);
        assert!(outcome.logs[0].message.len() <= MAX_LOG_LINE_BYTES + "…".len());
        assert!(!outcome.logs[0].message.contains('\x1b'));
    }
}
