//! One component, every runtime: what a Worker committed is what wasmtime makes of the same segments.

use aia_bench::generate::{Steady, Trouble};
use aia_telemetry::SignalType;
use aia_tests::commits::{Sent, compare_consumed, kept_recordings, recorded_faults, recording};
use aia_tests::edge::{SECRET, TestBucket, post, told};
use aia_tests::{Bundle, PROTOBUF, Worker};
use anyhow::{Result, ensure};

/// Sends requests to a Worker that is killed in the middle, and compares what every detector committed.
fn compare_all(requests: &[Sent]) -> Result<usize> {
    let folder = tempfile::tempdir()?;
    let mut worker = Worker::start(
        &Bundle::first_party()?,
        folder.path(),
        &[("AIA_SECRET_KEY", SECRET)],
    )?;
    let bucket = TestBucket::of(&worker.s3())?;
    for (number, (signal, body)) in requests.iter().enumerate() {
        let path = format!("/v1/{}", signal.as_str());
        let answer = post(&worker, &path, &[PROTOBUF], body);
        ensure!(told(answer, &worker)?.status == 200, "{}", worker.log()?);
        if number == requests.len() / 2 {
            // Sessions are restored in between.
            worker.kill_and_restart()?;
        }
    }
    let mut found = 0;
    for (name, component) in aia_plugins::DETECTORS {
        let signals = compare_consumed(&bucket, name, component, requests.len());
        found += told(signals, &worker)?;
    }
    Ok(found)
}

#[test]
fn commits_of_workerd_are_those_of_wasmtime_byte_for_byte() -> Result<()> {
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
