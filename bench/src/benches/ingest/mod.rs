//! AIA with every first-party detector on, against a collector that receives into a black hole: the same requests over
//! as many connections, in turns. AIA's clock stops when every detector has committed the last request that was
//! acknowledged; Rotel's, when the last request was answered.

mod round;

use std::time::Duration;

use anyhow::{Context, Result};

use self::round::{Round, median, round};
use super::Setting;
use crate::load::{Load, Protocol, Signal, drive};
use crate::result::{Figure, Goal, Outcome, Table};
use crate::server::{Aia, Rotel, rotel};

/// Connections, each with one request in flight: enough for the requests that wait to share a sync of the journal.
const CONNECTIONS: usize = 32;
/// Rounds of each side; odd, so that the median is one of them.
const ROUNDS: usize = 3;
/// How long a side sends in a round, unless told otherwise: the whole measurement stays within three minutes.
const ROUND: Duration = Duration::from_secs(3);
/// How long a side is warmed up, as a part of a round.
const WARM_UP: u32 = 3;

struct Case {
    name: &'static str,
    protocol: Protocol,
    signal: Signal,
    rows: usize,
    /// How many times Rotel's rows a second it is to be at least, where that is promised …
    rate: Option<f64>,
    /// … and how much of its memory at most.
    memory: Option<f64>,
}

const CASES: [Case; 5] = [
    Case {
        name: "10 spans, HTTP",
        protocol: Protocol::Http,
        signal: Signal::Spans,
        rows: 10,
        rate: Some(1.0),
        memory: None,
    },
    Case {
        name: "10 spans, gRPC",
        protocol: Protocol::Grpc,
        signal: Signal::Spans,
        rows: 10,
        rate: Some(1.0),
        memory: None,
    },
    Case {
        name: "512 spans, HTTP",
        protocol: Protocol::Http,
        signal: Signal::Spans,
        rows: 512,
        rate: Some(2.0),
        memory: Some(0.25),
    },
    Case {
        name: "512 spans, gRPC",
        protocol: Protocol::Grpc,
        signal: Signal::Spans,
        rows: 512,
        rate: Some(2.0),
        memory: Some(0.25),
    },
    Case {
        name: "512 records, HTTP",
        protocol: Protocol::Http,
        signal: Signal::Logs,
        rows: 512,
        rate: None,
        memory: None,
    },
];

/// What one side took for a case: medians of its rounds.
struct Side {
    rows_per_second: f64,
    cpu_per_million: f64,
    peak_mib: f64,
    p50_ms: f64,
    p99_ms: f64,
    lag: f64,
    refused: u64,
    load_cpu: f64,
}

pub(super) fn run(setting: &Setting) -> Result<Outcome> {
    let rotel = rotel::fetch(&setting.out.join("cache"))?;
    let mut table = Table {
        name: "cases",
        head: vec![
            "case",
            "server",
            "rows/s",
            "CPU s/M rows",
            "peak MiB",
            "p50 ms",
            "p99 ms",
            "lag s",
            "refused",
            "load's CPU",
        ],
        is_printed: true,
        ..Table::default()
    };
    let mut figures = vec![Figure::new("work besides at the start", busy(), "runnable")];
    for case in &CASES {
        let (aia, rotel) =
            measure(setting, &rotel, case).with_context(|| format!("measuring {}", case.name))?;
        table.rows.push(aia.row(case.name, "AIA"));
        table.rows.push(rotel.row("", "Rotel"));
        let ratio = |what: &str, value: f64, goal: Option<Goal>| {
            let figure = Figure::new(format!("{}, {what}", case.name), value, "× Rotel");
            match goal {
                Some(goal) => figure.goal(goal),
                None => figure,
            }
        };
        figures.push(ratio(
            "rows a second",
            aia.rows_per_second / rotel.rows_per_second,
            case.rate.map(Goal::AtLeast),
        ));
        figures.push(ratio(
            "peak memory",
            aia.peak_mib / rotel.peak_mib,
            case.memory.map(Goal::AtMost),
        ));
        figures.push(ratio(
            "CPU a row",
            aia.cpu_per_million / rotel.cpu_per_million,
            None,
        ));
    }
    Ok(Outcome {
        figures,
        tables: vec![table],
    })
}

fn measure(setting: &Setting, rotel: &std::path::Path, case: &Case) -> Result<(Side, Side)> {
    // Below the target folder and not where temporary files are: those may lie in memory, where a sync costs nothing.
    let folder = tempfile::tempdir_in(&setting.out).context("making a folder")?;
    let aia = Aia::start(&setting.aia, &folder.path().join("data"))?;
    let rotel = Rotel::start(rotel, folder.path())?;
    let targets = (aia.target()?, rotel.target());
    let load = Load {
        protocol: case.protocol,
        signal: case.signal,
        rows: case.rows,
        connections: CONNECTIONS,
        pace: None,
    };
    let time = setting.round.unwrap_or(ROUND);
    drive(&targets.0, &load, time / WARM_UP).context("warming AIA up")?;
    aia.committed()?;
    drive(&targets.1, &load, time / WARM_UP).context("warming Rotel up")?;
    let mut rounds = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        rounds
            .0
            .push(round(&aia.process, &targets.0, &load, time, &|| aia.committed())?);
        let answered = || Ok(());
        rounds
            .1
            .push(round(&rotel.process, &targets.1, &load, time, &answered)?);
    }
    let sides = (
        Side::new(&rounds.0, aia.process.memory_kib("VmHWM")?),
        Side::new(&rounds.1, rotel.process.memory_kib("VmHWM")?),
    );
    aia.stop()?;
    Ok(sides)
}

impl Side {
    fn new(rounds: &[Round], peak_kib: f64) -> Self {
        let median = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        Self {
            rows_per_second: median(Round::rows_per_second),
            cpu_per_million: median(Round::cpu_per_million),
            peak_mib: peak_kib / 1024.0,
            p50_ms: median(|round| round.answered.quantile_ms(0.5)),
            p99_ms: median(|round| round.answered.quantile_ms(0.99)),
            lag: median(|round| round.lag.as_secs_f64()),
            refused: rounds.iter().map(|round| round.answered.refused).sum(),
            load_cpu: median(Round::load_cpu),
        }
    }

    fn row(&self, case: &str, server: &str) -> Vec<String> {
        vec![
            case.to_owned(),
            server.to_owned(),
            format!("{:.0}", self.rows_per_second),
            format!("{:.2}", self.cpu_per_million),
            format!("{:.0}", self.peak_mib),
            format!("{:.2}", self.p50_ms),
            format!("{:.2}", self.p99_ms),
            format!("{:.2}", self.lag),
            self.refused.to_string(),
            format!("{:.0} %", self.load_cpu * 100.0),
        ]
    }
}

/// Processes that run or wait to: the mean of the last minute, as Linux has it.
fn busy() -> f64 {
    let average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = average.split(' ').next().and_then(|first| first.parse().ok());
    first.unwrap_or(f64::NAN)
}
