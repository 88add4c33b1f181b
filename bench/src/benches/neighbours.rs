//! What one tenant's flood does to another: the time to answer small requests at a steady pace, without the flood and
//! with it, in turns.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::Setting;
use crate::load::{Answered, Load, Protocol, Signal, drive};
use crate::result::{Figure, Goal, Outcome};
use crate::server::Aia;

/// Turns without the flood and with it.
const ROUNDS: usize = 3;
/// How long a turn takes, unless told otherwise.
const ROUND: Duration = Duration::from_secs(6);
/// How long the flood goes on before it is looked at what it does.
const WARM_UP: Duration = Duration::from_secs(1);

/// The one that keeps within bounds: 10 spans every 20 ms, from eight processes, so that a request that takes long holds
/// up one in eight of those behind it.
const STEADY: Load = Load {
    protocol: Protocol::Http,
    signal: Signal::Spans,
    rows: 10,
    connections: 8,
    pace: Some(Duration::from_millis(160)),
};

/// The other one: what comes, as fast as it is taken.
const FLOOD: Load = Load {
    protocol: Protocol::Http,
    signal: Signal::Spans,
    rows: 512,
    connections: 32,
    pace: None,
};

pub(super) fn run(setting: &Setting) -> Result<Outcome> {
    let folder = tempfile::tempdir_in(&setting.out).context("making a folder")?;
    let aia = Aia::start(&setting.aia, &folder.path().join("data"))?;
    let (steady, flood) = (aia.target()?, aia.target_of("flood")?);
    let time = setting.round.unwrap_or(ROUND);
    drive(&steady, &STEADY, WARM_UP).context("warming up")?;
    let (mut quiet, mut loud, mut flooded) = (Answered::default(), Answered::default(), Answered::default());
    for _ in 0..ROUNDS {
        quiet.add(drive(&steady, &STEADY, time)?);
        thread::scope(|scope| {
            let flooding = scope.spawn(|| drive(&flood, &FLOOD, WARM_UP + time));
            thread::sleep(WARM_UP);
            loud.add(drive(&steady, &STEADY, time)?);
            flooded.add(flooding.join().map_err(|_| anyhow!("the flood panicked"))??);
            anyhow::Ok(())
        })?;
        // What the flood left behind is no part of the quiet turn.
        aia.committed()?;
        aia.process.rest(time)?;
    }
    aia.stop()?;

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts far below what a double can count"
    )]
    let (spans, refused) = (
        (flooded.latencies_us.len() * FLOOD.rows) as f64,
        (quiet.refused + loud.refused) as f64,
    );
    #[expect(clippy::cast_precision_loss, reason = "there are three")]
    let flooded_for = (WARM_UP + time).as_secs_f64() * ROUNDS as f64;
    Ok(Outcome {
        figures: vec![
            Figure::new("p50 without the flood", quiet.quantile_ms(0.5), "ms"),
            Figure::new("p50 with the flood", loud.quantile_ms(0.5), "ms"),
            Figure::new("p99 without the flood", quiet.quantile_ms(0.99), "ms"),
            Figure::new("p99 with the flood", loud.quantile_ms(0.99), "ms"),
            Figure::new(
                "p99 with the flood",
                loud.quantile_ms(0.99) / quiet.quantile_ms(0.99),
                "× without",
            )
            .goal(Goal::AtMost(2.0)),
            Figure::new("the other's requests refused", refused, ""),
            Figure::new("taken of the flood", spans / flooded_for, "spans/s"),
        ],
        ..Outcome::default()
    })
}
