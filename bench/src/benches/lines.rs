//! How many log lines a second the detector `logs` reads on one core: mined into templates, counted, and looked at.

use std::hint::black_box;
use std::time::Instant;

use aia::runtime::Batch;
use aia_telemetry::{Columns, ScanLimits, Scratch, SignalType, scan_protobuf};
use anyhow::{Context, Result};
use prost::Message;

use super::load;
use crate::generate::{Random, START_NS, lines};
use crate::native;
use crate::result::{Figure, Goal};

/// Lines of a batch.
const LINES: u64 = 512;

/// Batches, all of them of other lines. They come again, but never before each has: what is remembered of a batch's texts
/// doesn't help.
const BATCHES: u64 = 64;

/// Lines a second that are to be read at least, natively and in the sandbox.
const LEAST_NATIVELY: f64 = 1e6;
const LEAST_IN_WASM: f64 = 5e5;

/// Reads the batches so many times, first without the clock: all statements are known then, as in a program that runs.
pub(super) fn measure(rounds: u64) -> Result<Vec<Figure>> {
    let (name, component) = aia_plugins::DETECTORS
        .iter()
        .find(|(name, _)| *name == "logs")
        .context("there is no detector of log lines")?;
    let mut session = load(name, component)?.open_session("{}", None)?;
    let mut native = native::open(name)?;
    let batches = batches()?;
    let (mut in_wasm, mut natively) = (0, 0);
    for round in 0..=rounds {
        for (segment, columns) in (1..).zip(&batches) {
            let batch = Batch::new(columns.clone(), START_NS, segment, 0);
            let started = Instant::now();
            black_box(session.observe(&batch, &every_row)?);
            in_wasm += counted(started, round);
            let columns = columns.clone();
            let started = Instant::now();
            black_box(native.observe(columns, START_NS, segment)?);
            natively += counted(started, round);
        }
    }
    let all = (rounds * BATCHES * LINES) as f64;
    let a_second = |nanoseconds: u64| all / (nanoseconds as f64 / 1e9);
    Ok(vec![
        Figure::new("log lines a second, natively", a_second(natively), "")
            .goal(Goal::AtLeast(LEAST_NATIVELY)),
        Figure::new("log lines a second, in Wasm", a_second(in_wasm), "").goal(Goal::AtLeast(LEAST_IN_WASM)),
    ])
}

/// Nanoseconds since then; none in the first round.
fn counted(started: Instant, round: u64) -> u64 {
    match round {
        0 => 0,
        _ => u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
    }
}

fn batches() -> Result<Vec<Columns>> {
    let (mut random, mut scratch) = (Random::new(1), Scratch::default());
    let batches = (0..BATCHES).map(|_| {
        let body = lines(&mut random, LINES).encode_to_vec();
        let scanned = scan_protobuf(SignalType::Logs, &body, &ScanLimits::default(), &mut scratch)?;
        Ok(scanned.columns)
    });
    batches.collect()
}

/// Evidence may lie in any earlier segment.
fn every_row(_segment: u64) -> Option<u32> {
    Some(u32::MAX)
}
