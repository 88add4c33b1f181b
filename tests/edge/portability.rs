//! One component, every runtime: a detector gives the same signals and snapshots, byte for byte, in wasmtime and in workerd.

use aia::runtime::{Batch, CompilerConfig, Runtime, RuntimeConfig};
use aia_bench::generate::{Steady, Trouble};
use aia_telemetry::{ScanLimits, Scratch, scan_protobuf, ticks_between};
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::columns::batch;
use crate::outcome::outcome;
use crate::script::Script;

const MINUTE_NS: u64 = 60_000_000_000;

/// Requests in a minute: six services send three signals each.
const A_MINUTE: usize = 18;

/// Calls that are sent to workerd together. In between the session there is dropped, and restored from its snapshot.
const TOGETHER: usize = 200;

/// Plays a system in which trouble begins, in both runtimes. How many signals there were.
fn played(script: &Script, name: &str, component: &[u8], seed: u64, minutes: u64) -> Result<usize> {
    let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess))?;
    let plugin = runtime.load(name, component)?;
    let mut session = plugin.open_session("{}", None)?;
    // The rest isn't handed to it, in no runtime.
    let reads = |method: &str| {
        let reads = &plugin.manifest().reads;
        reads
            .iter()
            .any(|kind| method.to_lowercase() == format!("observe{}", kind.as_str()))
    };
    let known = |_: u64| Some(u32::MAX);
    let trouble = Trouble {
        after: minutes * 2 / 3 * MINUTE_NS,
    };
    let requests = usize::try_from(minutes)? * A_MINUTE;
    let mut scratch = Scratch::default();
    let (mut calls, mut expected) = (vec![json!(["open", "{}"])], vec![Value::Null]);
    let (mut signals, mut before) = (0, 0);
    for (segment, request) in (1_u64..).zip(Steady::new(seed, 0).with_trouble(trouble).take(requests)) {
        let now = request.received_at;
        let limits = ScanLimits::default();
        let columns = scan_protobuf(request.signal, &request.body, &limits, &mut scratch)?.columns;
        let ticks = if before > 0 {
            ticks_between(before, now).collect()
        } else {
            Vec::new()
        };
        before = now;
        for tick in ticks {
            let ticked = session.tick(tick, &known)?;
            signals += ticked.signals.len();
            calls.push(json!(["tick", { "$int": tick.to_string() }]));
            expected.push(outcome(&ticked));
        }
        let (method, given) = batch(&columns, now, segment);
        let observed = session.observe(&Batch::new(columns, now, segment, 0), &known)?;
        signals += observed.signals.len();
        if reads(method) {
            calls.push(json!([method, given]));
            expected.push(outcome(&observed));
        }
        if calls.len() >= TOGETHER {
            let snapshot = json!({ "$u8": BASE64_STANDARD.encode(session.snapshot()?) });
            calls.push(json!(["snapshot"]));
            expected.push(snapshot.clone());
            same(script, name, &calls, &expected)?;
            (calls, expected) = (vec![json!(["open", "{}", snapshot])], vec![Value::Null]);
        }
    }
    same(script, name, &calls, &expected)?;
    Ok(signals)
}

fn same(script: &Script, name: &str, calls: &[Value], expected: &[Value]) -> Result<()> {
    let answers = script.run(name, calls)?;
    for (place, (answer, expected)) in answers.iter().zip(expected).enumerate() {
        let call = calls.get(place).and_then(|call| call.get(0));
        ensure!(
            answer.get("ok") == Some(expected),
            "{name}, call {place} ({call:?}): workerd gives {answer}, wasmtime {expected}"
        );
    }
    ensure!(answers.len() == expected.len(), "{name}: {:?}", answers.last());
    Ok(())
}

/// Plays a detector that AIA comes with. Without signals there would be less to compare.
fn compared(name: &str, minutes: u64) -> Result<usize> {
    let (_, component) = aia_plugins::DETECTORS
        .iter()
        .find(|(found, _)| *found == name)
        .with_context(|| format!("no detector {name}"))?;
    let folder = tempfile::tempdir()?;
    let script = Script::start(folder.path())?;
    script.has(name, component)?;
    played(&script, name, component, 1, minutes)
}

#[test]
fn errors_is_the_same_in_wasmtime_and_in_workerd() -> Result<()> {
    assert!(compared("errors", 36)? > 0);
    Ok(())
}

#[test]
fn latency_is_the_same_in_wasmtime_and_in_workerd() -> Result<()> {
    assert!(compared("latency", 36)? > 0);
    Ok(())
}

// What comes once a minute takes longer to learn from.
#[test]
fn logs_is_the_same_in_wasmtime_and_in_workerd() -> Result<()> {
    assert!(compared("logs", 150)? > 0);
    Ok(())
}

#[test]
fn metrics_is_the_same_in_wasmtime_and_in_workerd() -> Result<()> {
    assert!(compared("metrics", 150)? > 0);
    Ok(())
}

// It gives signals of requests that end early, which these don't.
#[test]
fn paths_is_the_same_in_wasmtime_and_in_workerd() -> Result<()> {
    assert_eq!(compared("paths", 36)?, 0);
    Ok(())
}

#[test]
fn every_detector_is_compared() {
    let names: Vec<_> = aia_plugins::DETECTORS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["errors", "latency", "logs", "metrics", "paths"]);
}
