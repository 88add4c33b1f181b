//! `aia replay`

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{args::Replay, failure::Failure, incidents::table, output::Output, text};
use crate::{
    api::{model, rfc3339},
    config::Config,
    replay::{Input, Phase, Progress, ReplayOptions, Summary},
    server::Backend,
    store::{IncidentFilter, Scope},
};

/// Most incidents that are printed.
const INCIDENTS: usize = 1000;

/// How often progress is told.
const EVERY: Duration = Duration::from_millis(200);

/// What `--json` prints. Nothing in it depends on when or how fast the replay ran.
#[derive(Serialize)]
struct Printed<'a> {
    start_time: Option<String>,
    end_time: Option<String>,
    requests: u64,
    spans: u64,
    log_records: u64,
    points: u64,
    refused_rows: u64,
    duplicate_rows: u64,
    late_rows: u64,
    skipped_requests: u64,
    skipped: &'a [String],
    incidents: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    incident: model::Incident,
    signals: Vec<model::IncidentSignal>,
}

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    wanted: &Replay,
    output: &mut Output,
) -> Result<(), Failure> {
    let scope = Scope {
        tenant: wanted.of.tenant.clone(),
        project: wanted.of.project.clone(),
    };
    let inputs = wanted.files.iter().map(|path| Input {
        signal: wanted.signal.map(Into::into),
        ..Input::new(path.clone())
    });
    let options = ReplayOptions {
        inputs: inputs.collect(),
        into: wanted.into.clone(),
        scope: scope.clone(),
        settle: wanted.settle,
        keep_going: wanted.keep_going,
    };
    let started = Instant::now();
    let mut next = started;
    let mut playing_since = None;
    let replayed = backend.replay(config, &options, &mut |progress| {
        if progress.phase == Phase::Playing {
            playing_since.get_or_insert_with(Instant::now);
        }
        if Instant::now() >= next {
            next = Instant::now() + EVERY;
            output.progress(&told(progress, playing_since));
        }
    })?;
    output.progress("");
    let summary = &replayed.summary;
    for skipped in &summary.skipped {
        output.note(&format!("skipped: {}", text::line(skipped)));
    }
    let more = summary
        .skipped_requests
        .saturating_sub(summary.skipped.len() as u64);
    if more > 0 {
        output.note(&format!("skipped: {more} more requests"));
    }
    let filter = IncidentFilter {
        project: Some(scope.project.as_str().to_owned()),
        limit: INCIDENTS,
        ..IncidentFilter::default()
    };
    let mut incidents = replayed.store.incidents(&scope.tenant, &filter)?;
    // What the folder held before is not of this replay.
    incidents.retain(|incident| incident.updated_at >= summary.start_time);
    if output.json {
        let mut found = Vec::new();
        for incident in incidents {
            let signals = replayed.store.incident_signals(&scope.tenant, &incident.id)?;
            found.push(Found {
                incident: incident.into(),
                signals: signals.into_iter().map(Into::into).collect(),
            });
        }
        return output.value(&printed(summary, found));
    }
    let incidents: Vec<_> = incidents.into_iter().map(model::Incident::from).collect();
    table(&incidents, output)?;
    output.text(&format!("\n{}", sentence(summary)))?;
    // To standard error, and only for a person: standard output says the same each time.
    output.progress(&speed(summary.rows(), started.elapsed()));
    output.progress_ends();
    Ok(())
}

fn printed<'a>(summary: &'a Summary, incidents: Vec<Found>) -> Printed<'a> {
    Printed {
        start_time: rfc3339(summary.start_time),
        end_time: rfc3339(summary.end_time),
        requests: summary.requests,
        spans: summary.spans,
        log_records: summary.log_records,
        points: summary.points,
        refused_rows: summary.refused_rows,
        duplicate_rows: summary.duplicate_rows,
        late_rows: summary.late_rows,
        skipped_requests: summary.skipped_requests,
        skipped: &summary.skipped,
        incidents,
    }
}

fn sentence(summary: &Summary) -> String {
    let mut sentence = format!(
        "{} spans, {} log records and {} points from {} to {}",
        summary.spans,
        summary.log_records,
        summary.points,
        text::time(summary.start_time),
        text::time(summary.end_time)
    );
    for (rows, what) in [
        (
            summary.refused_rows,
            "refused for an invalid id or too many attributes",
        ),
        (summary.duplicate_rows, "in requests that came twice"),
        (summary.late_rows, "later than their time"),
    ] {
        if rows > 0 {
            sentence.push_str(&format!("; {rows} rows {what}"));
        }
    }
    sentence
}

/// Both passes count.
fn speed(rows: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let speed = rows as f64 / seconds.max(0.001);
    format!("{seconds:.1} s, {speed:.0} rows/s")
}

fn told(progress: &Progress, playing_since: Option<Instant>) -> String {
    // Files are read twice, so a pass is half of the way.
    let percent = progress.read.saturating_mul(50) / progress.bytes.max(1);
    match (progress.phase, playing_since) {
        (Phase::Indexing, _) | (_, None) => format!("{percent:3} %  looking at times"),
        (Phase::Playing, Some(since)) => {
            format!(
                "{percent:3} %  {} rows in {}",
                progress.rows,
                speed(progress.rows, since.elapsed())
            )
        }
    }
}
