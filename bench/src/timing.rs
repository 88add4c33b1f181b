//! Times pieces of code against each other: they alternate in rounds, and the median of the rounds counts.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How long one side runs in a round, about: long enough that looking at the clock doesn't matter, short enough that
/// both sides see the same machine.
const ROUND: Duration = Duration::from_millis(15);
/// Rounds; odd, so that the median is one of them.
const ROUNDS: usize = 41;

/// A piece of code to time. It is called again and again.
pub struct Case<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> Result<()> + 'a>,
}

impl<'a> Case<'a> {
    /// A piece of code and what to call it.
    pub fn new(name: &'static str, run: impl FnMut() -> Result<()> + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// Nanoseconds of one call.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// What was timed.
    pub name: &'static str,
    /// The median of all rounds' means.
    pub median_ns: f64,
    /// The least of them.
    pub least_ns: f64,
}

/// Times all cases, alternating.
///
/// # Errors
/// What a case fails with.
pub fn alternate(cases: &mut [Case<'_>]) -> Result<Vec<Timing>> {
    let mut calls = Vec::new();
    for case in &mut *cases {
        calls.push(calls_per_round(case)?);
    }
    let mut rounds = vec![Vec::with_capacity(ROUNDS); cases.len()];
    for round in 0..ROUNDS {
        for offset in 0..cases.len() {
            // Another one begins each round: what comes first finds the caches as the others left them.
            let index = (round + offset) % cases.len();
            if let (Some(case), Some(calls), Some(times)) =
                (cases.get_mut(index), calls.get(index), rounds.get_mut(index))
            {
                times.push(mean_ns(case, *calls)?);
            }
        }
    }
    let timings = cases.iter().zip(rounds).map(|(case, mut times)| {
        times.sort_by(f64::total_cmp);
        Timing {
            name: case.name,
            median_ns: times.get(times.len() / 2).copied().unwrap_or(f64::NAN),
            least_ns: times.first().copied().unwrap_or(f64::NAN),
        }
    });
    Ok(timings.collect())
}

/// Warms up, and finds how many calls take a round.
fn calls_per_round(case: &mut Case<'_>) -> Result<u32> {
    let mut calls = 1;
    loop {
        let started = Instant::now();
        for _ in 0..calls {
            (case.run)()?;
        }
        let took = started.elapsed();
        if took >= ROUND / 2 || calls >= 1 << 24 {
            let ratio = ROUND.as_secs_f64() / took.as_secs_f64().max(1e-9);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a count of calls; it saturates, and is rounded on purpose"
            )]
            let wanted = (f64::from(calls) * ratio).round() as u32;
            return Ok(wanted.max(1));
        }
        calls *= 2;
    }
}

fn mean_ns(case: &mut Case<'_>, calls: u32) -> Result<f64> {
    let started = Instant::now();
    for _ in 0..calls {
        (case.run)()?;
    }
    Ok(started.elapsed().as_secs_f64() * 1e9 / f64::from(calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_is_measured_longer() {
        let wait = |time: Duration| {
            move || {
                let started = Instant::now();
                while started.elapsed() < time {
                    std::hint::spin_loop();
                }
                Ok(())
            }
        };
        let mut cases = [
            Case::new("short", wait(Duration::from_micros(20))),
            Case::new("long", wait(Duration::from_micros(80))),
        ];
        let timings = alternate(&mut cases).unwrap();
        let [short, long] = timings.as_slice() else {
            panic!("two cases give two timings")
        };
        assert!(
            short.least_ns >= 20_000.0 && short.least_ns < long.least_ns,
            "{timings:?}"
        );
        assert!(short.least_ns <= short.median_ns, "{timings:?}");
    }

    #[test]
    fn a_failure_ends_it() {
        let error = alternate(&mut [Case::new("broken", || anyhow::bail!("out of order"))]).unwrap_err();
        assert_eq!(error.to_string(), "out of order");
    }
}
