//! Faults that were injected into a real system and recorded: are they found, and laid at the service that had them?
//!
//! For each fault, in a folder of its own: the day's normal minute, moved so that it ends where the fault's first minute
//! begins, the metrics of the minutes before, and the fault's minutes. The bench's README says what each figure means.

mod blame;
mod dataset;
mod naive;
mod score;
mod severe;

use aia::config::Config;
use aia::core::{OfflineHost, Replayed};
use aia::replay::{Input, ReplayOptions};
use aia::runtime::{CompilerConfig, Runtime, RuntimeConfig};
use aia::server::default_scope;
use aia::store::{Incident, IncidentFilter};
use anyhow::{Context, Result};

use super::Setting;
use crate::result::Outcome;
use dataset::{Day, Fault};
use score::{Quiet, Scored};

/// Minutes of metrics before a fault that are replayed with it.
const METRIC_MINUTES: usize = 10;

const SECOND: i64 = 1_000_000_000;

pub(super) fn run(setting: &Setting) -> Result<Outcome> {
    let days = dataset::read(&setting.data)?;
    let runtime =
        Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).context("starting the runtime")?;
    let host = OfflineHost::with_runtime(&Config::defaults()?, &runtime)
        .map_err(|error| anyhow::anyhow!("loading the plugins: {error}"))?;
    let mut scored = Vec::new();
    let mut quiet = Vec::new();
    for day in &days {
        quiet.push(
            quiet_day(&host, day).with_context(|| format!("replaying the quiet minutes of {}", day.name))?,
        );
        for fault in &day.faults {
            let of = || format!("replaying the fault of {} {}", day.name, fault.inject_time);
            scored.push(one(&host, day, fault).with_context(of)?);
        }
    }
    Ok(score::outcome(&scored, &quiet))
}

/// Replays one fault.
fn one(host: &OfflineHost, day: &Day, fault: &Fault) -> Result<Scored> {
    let telemetry = day.fault_files(fault)?;
    let begin = naive::times(&telemetry)?.0;
    let (normal_begin, normal_end) = naive::times(&day.normal)?;
    let shift = i64::try_from(begin)? - i64::try_from(normal_end)? - SECOND;
    let mut inputs: Vec<Input> = day
        .normal
        .iter()
        .map(|path| Input {
            shift,
            ..Input::new(path.clone())
        })
        .collect();
    let metrics = day.metrics_before(fault, METRIC_MINUTES);
    inputs.extend(metrics.into_iter().map(Input::new));
    inputs.extend(telemetry.iter().cloned().map(Input::new));
    inputs.extend(day.fault_metrics(fault).into_iter().map(Input::new));
    let injected = fault.injected_at()?;
    let replayed = replay(host, inputs)?;
    let incidents = incidents(&replayed)?;
    let high = severe::moments(&replayed, &incidents)?;
    let (before, during): (Vec<_>, Vec<_>) = incidents
        .into_iter()
        .partition(|incident| incident.opened_at < injected);
    // What began before may be what the fault's signals joined.
    let mut suspected: Vec<Incident> = during.clone();
    suspected.extend(
        before
            .iter()
            .filter(|incident| incident.updated_at >= injected)
            .cloned(),
    );
    let blamed = blame::suspects(replayed.store.as_ref(), &default_scope()?.tenant, &suspected)?;
    let naive = naive::services(&telemetry)?;
    Ok(Scored::new(
        day,
        fault,
        score::Found {
            before,
            during,
            high,
            injected,
            fault_begin: begin,
            quiet_seconds: seconds(normal_end - normal_begin) + seconds(injected.saturating_sub(begin)),
            blamed,
            naive,
        },
    ))
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// Replays the minutes of a day without any fault: its normal minute and all metrics.
fn quiet_day(host: &OfflineHost, day: &Day) -> Result<Quiet> {
    let metrics = day.quiet_metrics();
    let minutes = metrics.len();
    let inputs = day.normal.iter().chain(&metrics).cloned().map(Input::new);
    let replayed = replay(host, inputs.collect())?;
    Ok(Quiet {
        day: day.name.clone(),
        minutes,
        rows: replayed.summary.rows(),
        incidents: incidents(&replayed)?,
    })
}

fn replay(host: &OfflineHost, inputs: Vec<Input>) -> Result<Replayed> {
    let options = ReplayOptions {
        inputs,
        into: None,
        scope: default_scope()?,
        settle: ReplayOptions::SETTLE,
        keep_going: false,
    };
    Ok(host.replay(&options, &mut |_| {})?)
}

/// All incidents, oldest first.
fn incidents(replayed: &Replayed) -> Result<Vec<Incident>> {
    let filter = IncidentFilter {
        limit: 10_000,
        ..IncidentFilter::default()
    };
    let mut incidents = replayed.store.incidents(&default_scope()?.tenant, &filter)?;
    incidents.reverse();
    Ok(incidents)
}
