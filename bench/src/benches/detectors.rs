//! What the detectors cost: each in Wasm and natively, a row of each signal, against the scan of the same rows; and how
//! much memory each holds over ten million rows.
//!
//! A system of six services runs for two days: spans, log records and points, an instance of each service replaced every
//! three hours, one span in fifty failing. Every detector is handed everything, as the host does. The clock runs around the
//! calls alone. A tick costs the same whether one row came since the last or a million, so ticks are told by themselves.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use aia::runtime::{Batch, Session};
use aia_telemetry::{Columns, ScanLimits, Scratch, SignalType, TICK_INTERVAL, scan_protobuf, ticks_between};
use anyhow::{Context, Result};

use super::{lines, load};
use crate::generate::Steady;
use crate::native::{self, Native};
use crate::result::{Figure, Goal, Outcome, Table};

/// Rows of the whole stream.
const ROWS: u64 = 10_000_000;

/// Points of the curve.
const POINTS: u64 = 10;

/// The signals, with what their rows are called.
const SIGNALS: [(SignalType, &str); 3] = [
    (SignalType::Traces, "span"),
    (SignalType::Logs, "log record"),
    (SignalType::Metrics, "point"),
];

/// What all detectors together may cost of the scan.
const MOST_SHARE: f64 = 60.0;

/// How much more memory the last tenth may hold than the third: by then everything has been seen.
const MOST_GROWTH: f64 = 1.1;

/// Times that the log lines are read.
const ROUNDS_OF_LINES: u64 = 40;

pub(super) fn run() -> Result<Outcome> {
    let mut outcome = measure(ROWS)?;
    outcome.figures.extend(lines::measure(ROUNDS_OF_LINES)?);
    Ok(outcome)
}

fn measure(rows: u64) -> Result<Outcome> {
    let mut sides = aia_plugins::DETECTORS
        .iter()
        .map(|(name, component)| Side::open(name, component))
        .collect::<Result<Vec<_>>>()?;
    let mut scratch = Scratch::default();
    let (mut scan, mut counts) = (Spent::default(), BTreeMap::new());
    let (mut seen, mut segment, mut before) = (0_u64, 0_u64, 0_u64);
    let mut curve = Curve::new(&sides);
    for request in Steady::new(1, 20) {
        segment += 1;
        let started = Instant::now();
        let scanned = scan_protobuf(
            request.signal,
            &request.body,
            &ScanLimits::default(),
            &mut scratch,
        )?;
        scan.add(request.signal, started);
        let columns = scanned.columns;
        let count = columns.rows() as u64;
        *counts.entry(request.signal).or_insert(0) += count;
        for side in &mut sides {
            side.take(&columns, request.signal, request.received_at, before, segment)?;
        }
        before = request.received_at;
        if (seen + count) * POINTS / rows != seen * POINTS / rows {
            curve.add(seen + count, &mut sides)?;
        }
        seen += count;
        if seen >= rows {
            break;
        }
    }
    Ok(told(&sides, &scan, &counts, &curve))
}

/// Nanoseconds of batches, by signal, and of ticks.
#[derive(Debug, Default)]
struct Spent {
    rows: BTreeMap<SignalType, u64>,
    ticks: u64,
    ticked: u64,
}

impl Spent {
    fn add(&mut self, signal: SignalType, since: Instant) {
        *self.rows.entry(signal).or_default() += nanoseconds(since);
    }

    fn add_tick(&mut self, since: Instant) {
        self.ticks += nanoseconds(since);
        self.ticked += 1;
    }

    fn a_row(&self, signal: SignalType, counts: &BTreeMap<SignalType, u64>) -> f64 {
        let of = |map: &BTreeMap<SignalType, u64>| map.get(&signal).copied().unwrap_or(0) as f64;
        of(&self.rows) / of(counts).max(1.0)
    }

    /// Microseconds.
    fn a_tick(&self) -> f64 {
        self.ticks as f64 / 1e3 / (self.ticked as f64).max(1.0)
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A detector on both sides.
struct Side {
    name: &'static str,
    session: Session,
    native: Box<dyn Native>,
    in_wasm: Spent,
    natively: Spent,
    signals: usize,
}

impl Side {
    fn open(name: &'static str, component: &[u8]) -> Result<Self> {
        Ok(Self {
            name,
            session: load(name, component)?.open_session("{}", None)?,
            native: native::open(name)?,
            in_wasm: Spent::default(),
            natively: Spent::default(),
            signals: 0,
        })
    }

    fn take(
        &mut self,
        columns: &Columns,
        signal: SignalType,
        received_at: u64,
        before: u64,
        segment: u64,
    ) -> Result<()> {
        // At the start there is no time before.
        let before = if before == 0 {
            received_at - TICK_INTERVAL
        } else {
            before
        };
        for tick in ticks_between(before, received_at) {
            let started = Instant::now();
            self.signals += self.session.tick(tick, &every_row)?.signals.len();
            self.in_wasm.add_tick(started);
            let started = Instant::now();
            black_box(self.native.tick(tick)?);
            self.natively.add_tick(started);
        }
        let batch = Batch::new(columns.clone(), received_at, segment, 0);
        let started = Instant::now();
        self.signals += black_box(self.session.observe(&batch, &every_row)?).signals.len();
        self.in_wasm.add(signal, started);
        drop(batch);
        let columns = columns.clone();
        let started = Instant::now();
        black_box(self.native.observe(columns, received_at, segment)?);
        self.natively.add(signal, started);
        Ok(())
    }
}

/// Evidence may lie in any earlier segment.
fn every_row(_segment: u64) -> Option<u32> {
    Some(u32::MAX)
}

/// How much each detector held, again and again.
struct Curve {
    table: Table,
    /// Bytes of memory, a list a detector.
    memory: Vec<Vec<usize>>,
}

impl Curve {
    fn new(sides: &[Side]) -> Self {
        let names = sides.iter().map(|side| side.name);
        Self {
            table: Table {
                name: "memory",
                head: std::iter::once("rows").chain(names).collect(),
                rows: Vec::new(),
                is_printed: true,
            },
            memory: vec![Vec::new(); sides.len()],
        }
    }

    fn add(&mut self, rows: u64, sides: &mut [Side]) -> Result<()> {
        let mut line = vec![rows.to_string()];
        for (side, memory) in sides.iter_mut().zip(&mut self.memory) {
            let snapshot = side.session.snapshot().context("taking a snapshot")?.len();
            let bytes = side.session.memory_bytes();
            line.push(format!("{} + {} KiB", bytes >> 10, snapshot >> 10));
            memory.push(bytes);
        }
        self.table.rows.push(line);
        Ok(())
    }

    /// How many times as much memory the last point has as the third, of the detector where that is most.
    fn growth(&self) -> f64 {
        let of = |memory: &Vec<usize>| {
            let (early, late) = (memory.get(2).or(memory.last()), memory.last());
            late.copied().unwrap_or(0) as f64 / early.copied().unwrap_or(1) as f64
        };
        self.memory.iter().map(of).fold(0.0, f64::max)
    }
}

fn told(sides: &[Side], scan: &Spent, counts: &BTreeMap<SignalType, u64>, curve: &Curve) -> Outcome {
    let mut costs = Table {
        name: "nanoseconds a row, in Wasm (natively)",
        head: vec!["", "a span", "a log record", "a point", "a tick, µs", "signals"],
        rows: Vec::new(),
        is_printed: true,
    };
    let line = |name: &str, cell: &dyn Fn(SignalType) -> String, last: [String; 2]| {
        let cells = SIGNALS.iter().map(|(signal, _)| cell(*signal));
        std::iter::once(name.to_owned())
            .chain(cells)
            .chain(last)
            .collect()
    };
    let scan_of = |signal| format!("{:.0}", scan.a_row(signal, counts));
    costs
        .rows
        .push(line("scan", &scan_of, [String::new(), String::new()]));
    for side in sides {
        let cell = |signal| {
            let (wasm, native) = (
                side.in_wasm.a_row(signal, counts),
                side.natively.a_row(signal, counts),
            );
            format!("{wasm:.1} ({native:.1})")
        };
        let tick = format!("{:.0} ({:.0})", side.in_wasm.a_tick(), side.natively.a_tick());
        costs
            .rows
            .push(line(side.name, &cell, [tick, side.signals.to_string()]));
    }
    let mut figures = Vec::new();
    for (signal, row) in SIGNALS {
        let all: f64 = sides.iter().map(|side| side.in_wasm.a_row(signal, counts)).sum();
        let share = 100.0 * all / scan.a_row(signal, counts);
        figures.push(
            Figure::new(format!("all detectors on a {row}, of its scan"), share, "%")
                .goal(Goal::AtMost(MOST_SHARE)),
        );
    }
    figures.push(
        Figure::new(
            "memory at the end, of that after three tenths",
            curve.growth(),
            "×",
        )
        .goal(Goal::AtMost(MOST_GROWTH)),
    );
    Outcome {
        figures,
        tables: vec![curve.table.clone(), costs],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_is_measured_on_what_it_reads() {
        let outcome = measure(60_000).unwrap();
        let [memory, costs] = outcome.tables.as_slice() else {
            panic!("two tables")
        };
        assert_eq!(memory.rows.len(), 10);
        assert_eq!(costs.rows.len(), 1 + aia_plugins::DETECTORS.len());
        assert!(
            outcome.figures.iter().all(|figure| figure.value > 0.0),
            "{outcome:?}"
        );
    }
}
