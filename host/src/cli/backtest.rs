//! `aia backtest`

use serde::Serialize;

use super::{
    args::Backtest,
    failure::Failure,
    incidents::severity,
    output::{Colour, Output},
    text,
};
use crate::{
    api::rfc3339,
    backtest::{BacktestOptions, Backtested, Compared, Match},
    config::Config,
    incidents::word,
    server::Backend,
    store::Scope,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    plugin: &'a str,
    version: &'a str,
    segments: u64,
    lost_segments: u64,
    rows: u64,
    start_time: Option<String>,
    end_time: Option<String>,
    now: u64,
    then: u64,
    signals: Vec<Signal<'a>>,
    more_fingerprints: u64,
}

#[derive(Serialize)]
struct Signal<'a> {
    #[serde(rename = "match")]
    found: Match,
    fingerprint: &'a str,
    kind: &'a str,
    severity: &'static str,
    service: &'a str,
    title: &'a str,
    now: u64,
    then: u64,
    first_at: Option<String>,
}

impl<'a> From<&'a Compared> for Signal<'a> {
    fn from(compared: &'a Compared) -> Self {
        Self {
            found: compared.found,
            fingerprint: &compared.fingerprint,
            kind: &compared.kind,
            severity: word(compared.severity),
            service: &compared.service,
            title: &compared.title,
            now: compared.now,
            then: compared.then,
            first_at: rfc3339(compared.first_at),
        }
    }
}

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    wanted: Backtest,
    output: &mut Output,
) -> Result<(), Failure> {
    if !config.data.is_dir() {
        return Err(Failure::NoData {
            data: config.data.clone(),
        });
    }
    let tested = backend.backtest(
        config,
        &BacktestOptions {
            plugin: wanted.plugin,
            config: wanted.plugin_config,
            scope: Scope {
                tenant: wanted.of.tenant,
                project: wanted.of.project,
            },
            from: wanted.from.unwrap_or(0),
            to: wanted.to.unwrap_or(u64::MAX),
        },
    )?;
    if output.json {
        return output.value(&printed(&tested));
    }
    if tested.signals.is_empty() {
        output.text("No signals, neither now nor then.")?;
    } else {
        let rows = tested.signals.iter().map(|signal| {
            vec![
                found(output, signal.found),
                signal.now.to_string(),
                signal.then.to_string(),
                severity(output, word(signal.severity)),
                text::time(signal.first_at),
                text::short(&signal.service, 40),
                text::short(&signal.title, 90),
            ]
        });
        let rows = rows.collect();
        output.table(
            &["FOUND", "NOW", "THEN", "SEVERITY", "FIRST", "SERVICE", "TITLE"],
            rows,
        )?;
    }
    let of = |wanted| {
        tested
            .signals
            .iter()
            .filter(|signal| signal.found == wanted)
            .count()
    };
    output.text(&format!(
        "\n{} {} on {} rows in {} segments, {} to {}: {} signals now, {} then\n\
         kinds of trouble: {} the same, {} only now, {} only then",
        text::line(&tested.plugin),
        text::line(&tested.version),
        tested.rows,
        tested.segments,
        text::time(tested.start_time),
        text::time(tested.end_time),
        tested.now,
        tested.then,
        of(Match::Same),
        of(Match::OnlyNow),
        of(Match::OnlyThen),
    ))?;
    for (count, what) in [
        (
            tested.lost_segments,
            "segments can't be read and counted as empty",
        ),
        (tested.more_fingerprints, "signals of further kinds aren't listed"),
    ] {
        if count > 0 {
            output.note(&format!("{count} {what}"));
        }
    }
    Ok(())
}

fn printed(tested: &Backtested) -> Printed<'_> {
    Printed {
        plugin: &tested.plugin,
        version: &tested.version,
        segments: tested.segments,
        lost_segments: tested.lost_segments,
        rows: tested.rows,
        start_time: rfc3339(tested.start_time),
        end_time: rfc3339(tested.end_time),
        now: tested.now,
        then: tested.then,
        signals: tested.signals.iter().map(Signal::from).collect(),
        more_fingerprints: tested.more_fingerprints,
    }
}

fn found(output: &Output, found: Match) -> String {
    match found {
        Match::Same => "same".to_owned(),
        Match::OnlyNow => output.coloured(Colour::Green, "only now"),
        Match::OnlyThen => output.coloured(Colour::Yellow, "only then"),
    }
}
