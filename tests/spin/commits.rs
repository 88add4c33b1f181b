//! One component, every runtime: what the Spin app committed is what wasmtime makes of the same segments, and so, as
//! tests/edge has it, what workerd would have committed.

use std::cell::Cell;

use aia_bench::generate::{Steady, Trouble};
use aia_telemetry::SignalType;
use aia_tests::PROTOBUF;
use aia_tests::commits::{Sent, compare_consumed, kept_recordings, recorded_faults, recording};
use anyhow::{Result, ensure};

use crate::app::each;

/// Sends requests to an app that is restarted in the middle, and compares what every detector committed.
fn compare_all(requests: &[Sent]) -> Result<usize> {
    let found = Cell::new(0);
    each(|mut case| {
        for (number, (signal, body)) in requests.iter().enumerate() {
            let path = format!("/v1/{}", signal.as_str());
            let answer = case.told(case.post(&path, &[PROTOBUF], body))?;
            ensure!(answer.status == 200, "{} {}", answer.status, case.app.log());
            if number + 1 == requests.len() / 2 {
                // Sessions are restored in between. Something comes behind it: without a request there is no instance.
                case.app.restart()?;
            }
        }
        for (name, component) in aia_plugins::DETECTORS {
            let signals = compare_consumed(&case.bucket, name, component, requests.len());
            found.set(found.get() + case.told(signals)?);
        }
        Ok(())
    })?;
    Ok(found.get())
}

#[test]
fn commits_of_a_composition_are_those_of_wasmtime_byte_for_byte() -> Result<()> {
    let trouble = Trouble { after: 0 };
    let requests: Vec<Sent> = Steady::new(7, 20)
        .with_trouble(trouble)
        .take(36)
        .map(|request| (request.signal, request.body))
        .collect();
    ensure!(
        compare_all(&requests)? > 0,
        "without signals there would be less to compare"
    );
    Ok(())
}

#[test]
fn so_are_those_of_a_recorded_shop() -> Result<()> {
    let signals = [SignalType::Traces, SignalType::Logs, SignalType::Metrics];
    compare_all(&recording(&kept_recordings(), "shop", &signals, 40)?).map(drop)
}

#[test]
fn so_are_those_of_recorded_faults() -> Result<()> {
    let Some(folder) = recorded_faults() else {
        return Ok(());
    };
    let signals = [SignalType::Traces, SignalType::Logs];
    compare_all(&recording(&folder, "08_43", &signals, 12)?).map(drop)
}
