//! Handing batches to a plugin that does next to nothing: what the sandbox itself costs.

use std::hint::black_box;

use aia::runtime::Batch;
use aia_telemetry::{ScanLimits, Scratch, SignalType, scan_protobuf};
use anyhow::Result;
use prost::Message;

use super::{ROWS, any_row, load};
use crate::generate::{Random, START_NS, SpanShape, spans};
use crate::result::{Figure, Goal, Outcome};
use crate::timing::{Case, alternate};

pub(super) fn run() -> Result<Outcome> {
    let body = spans(&mut Random::new(3), &SpanShape::default()).encode_to_vec();
    let scanned = scan_protobuf(
        SignalType::Traces,
        &body,
        &ScanLimits::default(),
        &mut Scratch::default(),
    )?;
    let batch = Batch::new(scanned.columns, START_NS, 1, 0);
    let idle = load("evil", aia_plugins::EVIL)?;
    let errors = load("errors", aia_plugins::ERRORS)?;

    let (mut observing, mut ticking) = (idle.open_session("{}", None)?, idle.open_session("{}", None)?);
    let mut now = START_NS / 10_000_000_000 * 10_000_000_000;
    let timings = alternate(&mut [
        Case::new("observe", || {
            black_box(observing.observe(black_box(&batch), &any_row)?);
            Ok(())
        }),
        Case::new("tick", || {
            now += 10_000_000_000;
            black_box(ticking.tick(now, &any_row)?);
            Ok(())
        }),
        Case::new("open", || {
            black_box(errors.open_session("{}", None)?);
            Ok(())
        }),
    ])?;
    let [observe, tick, open] = timings.as_slice() else {
        anyhow::bail!("three cases gave {} timings", timings.len())
    };
    Ok(Outcome {
        figures: vec![
            Figure::new("a span, 512 in a batch", observe.median_ns / ROWS, "ns").goal(Goal::AtMost(25.0)),
            Figure::new("warm call without telemetry", tick.median_ns, "ns").goal(Goal::AtMost(500.0)),
            Figure::new("instantiate, open and drop `errors`", open.median_ns / 1e3, "µs")
                .goal(Goal::AtMost(60.0)),
        ],
        ..Outcome::default()
    })
}
