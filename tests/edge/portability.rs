//! One component, every runtime: a detector gives the same signals and snapshots, byte for byte, in wasmtime and in workerd.

use aia::runtime::{Batch, CompilerConfig, Runtime, RuntimeConfig};
use aia_bench::generate::{Request, Steady, Trouble};
use aia_telemetry::{ScanLimits, Scratch, scan_protobuf, ticks_between};
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::columns::batch;
use crate::outcome::outcome;
use crate::script::Script;

const SECOND_NS: u64 = 1_000_000_000;

const MINUTE_NS: u64 = 60 * SECOND_NS;

/// Requests in a minute: six services send three signals each.
const A_MINUTE: usize = 18;

/// Requests that are sent to workerd together. In between the session there is dropped, and restored from its snapshot.
const TOGETHER: usize = 60;

/// A request as a session gets it, and whether the session in workerd is restored from its snapshot behind it.
#[derive(Clone, Debug)]
struct Given {
    request: Request,
    received_at: u64,
    is_restored: bool,
}

/// Plays a system in which trouble begins, in both runtimes. How many signals there were.
fn played(script: &Script, name: &str, component: &[u8], seed: u64, minutes: u64) -> Result<usize> {
    let trouble = Trouble {
        after: minutes * 2 / 3 * MINUTE_NS,
    };
    let requests = usize::try_from(minutes)? * A_MINUTE;
    let steady = Steady::new(seed, 0).with_trouble(trouble).take(requests);
    let given = steady.enumerate().map(|(number, request)| Given {
        received_at: request.received_at,
        request,
        is_restored: number % TOGETHER == TOGETHER - 1,
    });
    play(script, name, component, given)
}

/// Gives a detector requests, in both runtimes. How many signals there were.
fn play(script: &Script, name: &str, component: &[u8], all: impl Iterator<Item = Given>) -> Result<usize> {
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
    let mut scratch = Scratch::default();
    let (mut calls, mut expected) = (vec![json!(["open", "{}"])], vec![Value::Null]);
    let (mut signals, mut before) = (0, 0);
    for (segment, given) in (1_u64..).zip(all) {
        let now = given.received_at;
        let limits = ScanLimits::default();
        let Request { signal, body, .. } = &given.request;
        let columns = scan_protobuf(*signal, body, &limits, &mut scratch)?.columns;
        for tick in ticks_between(before, now) {
            let ticked = session.tick(tick, &known)?;
            signals += ticked.signals.len();
            calls.push(json!(["tick", { "$int": tick.to_string() }]));
            expected.push(outcome(&ticked));
        }
        before = now;
        let (method, columns_given) = batch(&columns, now, segment);
        let observed = session.observe(&Batch::new(columns, now, segment, 0), &known)?;
        signals += observed.signals.len();
        if reads(method) {
            calls.push(json!([method, columns_given]));
            expected.push(outcome(&observed));
        }
        if given.is_restored {
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

/// Requests of a system in trouble in any order, some of them again, at any times, restored at any points.
fn given() -> impl Strategy<Value = Vec<Given>> {
    let pick = (any::<prop::sample::Index>(), 0_u64..40, prop::bool::weighted(0.2));
    let traffic = (
        any::<u64>(),
        0_u64..300,
        0_u64..5,
        prop::collection::vec(pick, 1..60),
    );
    traffic.prop_map(|(seed, errors_per_thousand, minutes, picks)| {
        let trouble = Trouble {
            after: minutes * MINUTE_NS,
        };
        let pool: Vec<Request> = Steady::new(seed, errors_per_thousand)
            .with_trouble(trouble)
            .take(5 * A_MINUTE)
            .collect();
        let mut received_at = pool[0].received_at;
        let picks = picks.into_iter().map(|(index, seconds, is_restored)| {
            received_at += seconds * SECOND_NS;
            Given {
                request: index.get(&pool).clone(),
                received_at,
                is_restored,
            }
        });
        picks.collect()
    })
}

#[test]
fn any_batches_give_the_same_wherever_a_session_is_restored() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = Script::start(folder.path())?;
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 20,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner.run(&(any::<prop::sample::Index>(), given()), |(detector, given)| {
        let (name, component) = detector.get(aia_plugins::DETECTORS);
        let played = play(&script, name, component, given.into_iter());
        prop_assert!(played.is_ok(), "{:?}", played);
        Ok(())
    })?;
    Ok(())
}
