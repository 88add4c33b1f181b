//! A turn of one server.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::load::{Answered, Load, Target, drive};
use crate::server::{Process, own_cpu_seconds};

/// How long a server may take to get to rest once all is done: what it puts off is counted as its time, too, and
/// mustn't fall into the other one's turn.
const REST: Duration = Duration::from_secs(2);

/// What a turn gave.
pub(super) struct Round {
    pub(super) answered: Answered,
    rows: f64,
    /// From the first request until all was done.
    took: Duration,
    /// From the last answer until all was done.
    pub(super) lag: Duration,
    /// How long was sent.
    sent: Duration,
    /// Processor time of the server, until it was at rest again.
    cpu: f64,
    /// Processor time of the load, while it sent.
    own_cpu: f64,
}

/// Sends for so long, then waits until all is done.
pub(super) fn round(
    process: &Process,
    target: &Target,
    load: &Load,
    time: Duration,
    done: &dyn Fn() -> Result<()>,
) -> Result<Round> {
    let (cpu, own_cpu) = (process.cpu_seconds()?, own_cpu_seconds()?);
    let started = Instant::now();
    let answered = drive(target, load, time)?;
    let sent = started.elapsed();
    let own_cpu = own_cpu_seconds()? - own_cpu;
    done()?;
    let took = started.elapsed();
    process.rest(REST)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of rows, far below what a double can count"
    )]
    let rows = (answered.latencies_us.len() * load.rows) as f64;
    Ok(Round {
        answered,
        rows,
        took,
        lag: took.saturating_sub(sent),
        sent,
        cpu: process.cpu_seconds()? - cpu,
        own_cpu,
    })
}

impl Round {
    pub(super) fn rows_per_second(&self) -> f64 {
        self.rows / self.took.as_secs_f64()
    }

    pub(super) fn cpu_per_million(&self) -> f64 {
        self.cpu / self.rows * 1e6
    }

    /// What the load took of one processor.
    pub(super) fn load_cpu(&self) -> f64 {
        self.own_cpu / self.sent.as_secs_f64()
    }
}

/// The median of an odd number of values.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
